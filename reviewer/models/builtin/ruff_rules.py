"""Python problems that ruff finds, run as a program on copies of the files, without any configuration."""

import ast
import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ruff import find_ruff_bin

from reviewer.errors import NextModelError
from reviewer.models.builtin.observation import Observation, Source, line_text
from reviewer.prompting.contract import Severity
from reviewer.prompting.role import ModelKind

_SUFFIXES = {".py", ".pyi"}
_TIMEOUT = 60.0
"""Seconds for all files of a batch."""


@dataclass(frozen=True, slots=True)
class _Family:
    """How to report the rules whose code begins with a prefix."""

    kind: ModelKind
    severity: Severity
    category: str
    scenario: str
    advice: str


_CRASH = "The line is reached: Python raises an error or does something else than it says."
_FAMILIES: Mapping[str, _Family] = {
    "invalid-syntax": _Family(
        ModelKind.CODING,
        Severity.CRITICAL,
        "bug",
        "The file is imported: Python refuses to compile it, and everything that needs it fails.",
        "Correct the syntax.",
    ),
    "F821": _Family(
        ModelKind.CODING,
        Severity.CRITICAL,
        "bug",
        "The line is reached: the name is looked up and NameError is raised.",
        "Define or import the name, or correct its spelling.",
    ),
    "F": _Family(ModelKind.CODING, Severity.MAJOR, "bug", _CRASH, "Correct the code as the rule describes."),
    "B": _Family(
        ModelKind.CODING,
        Severity.MAJOR,
        "bug",
        "The code runs in the situation that the rule describes, and the result is not the intended one.",
        "Rewrite it as the rule describes.",
    ),
    "PLE": _Family(
        ModelKind.CODING, Severity.MAJOR, "bug", _CRASH, "Correct the code as the rule describes."
    ),
    "S": _Family(
        ModelKind.REASONING,
        Severity.MAJOR,
        "security",
        "Somebody who controls the data that gets here uses it to run code, read files or weaken protection.",
        "Use the safe alternative that the rule names, or make sure that no outside data gets here.",
    ),
    "ASYNC": _Family(
        ModelKind.THINKING,
        Severity.MAJOR,
        "concurrency",
        "The call blocks the event loop: everything else that runs in it stands still meanwhile.",
        "Use the asynchronous counterpart, or move the call to a thread.",
    ),
    "RUF006": _Family(
        ModelKind.THINKING,
        Severity.MAJOR,
        "concurrency",
        "The garbage collector takes the task before it is done, and its errors are never seen.",
        "Keep a reference to the task until it is done.",
    ),
    "BLE": _Family(
        ModelKind.THINKING,
        Severity.MINOR,
        "error handling",
        "A programming error or a cancellation is caught here too and looks like an expected failure.",
        "Catch the exceptions that the block is meant for.",
    ),
    "S110": _Family(
        ModelKind.THINKING,
        Severity.MINOR,
        "error handling",
        "The block fails, nobody notices, and what depends on it goes on with wrong state.",
        "Handle the error or at least report it.",
    ),
    "DTZ": _Family(
        ModelKind.THINKING,
        Severity.MINOR,
        "bug",
        "The program runs on a machine with another time zone, and times are off by hours.",
        "Use times with a time zone.",
    ),
}
_SELECT = (
    *("E9", "F4", "F5", "F6", "F7", "F8", "PLE", "RUF006", "BLE001"),
    *("ASYNC210", "ASYNC220", "ASYNC221", "ASYNC222", "ASYNC230", "ASYNC251"),
    *("B002", "B003", "B005", "B006", "B011", "B012", "B015", "B016", "B017", "B018", "B020", "B021", "B023"),
    *("B025", "B026", "B029", "B030", "B031", "B032", "B033", "B035"),
    *("S102", "S110", "S301", "S302", "S306", "S307", "S310", "S323", "S324", "S501", "S502", "S506", "S508"),
    *("S602", "S604", "S605", "S608", "S609", "S610", "S611", "S612", "S701"),
    *("DTZ001", "DTZ003", "DTZ005", "DTZ006"),
)
_IGNORE = ("F401", "F403", "F405", "F841", "F842")
"""Unused names and star imports: style, which is a linter's own business."""


def find(sources: Sequence[Source]) -> list[Observation]:
    """Problems on changed lines of Python files whose whole text is at hand.

    Files are copied under numbers, so that no name of the repository reaches a path or a setting.
    """
    files = [s for s in sources if s.text is not None and PurePosixPath(s.path).suffix in _SUFFIXES]
    if not files:
        return []
    with tempfile.TemporaryDirectory(prefix="reviewer-") as name:
        folder = Path(name).resolve()
        placed: dict[str, Source] = {}
        for number, source in enumerate(files):
            place = folder / f"{number}{PurePosixPath(source.path).suffix}"
            place.write_bytes(_as_ruff_counts(source.text or "").encode("utf-8", "replace"))
            placed[place.name] = source
        rows = _run(folder)
    seen: set[tuple[str, int, str]] = set()
    made = []
    for row in rows:
        source = placed[Path(row["filename"]).name]
        observation = _observation(row, source)
        if observation is not None and (source.path, observation.line, observation.title) not in seen:
            seen.add((source.path, observation.line, observation.title))
            made.append(observation)
    return made


_FILE_SWITCH = re.compile(r"(#[ \t]*(?:ruff|flake8)[ \t]*:[ \t]*)noqa", re.IGNORECASE)


def _as_ruff_counts(text: str) -> str:
    """The text with line feeds only between lines, and without comments that switch all rules off at once.

    Where a lone carriage return ended a line for ruff, all numbers behind it would differ. A comment for one
    line is the author's judgement about it; one for a whole file would hide what comes later.
    """
    plain = text.replace("\r\n", "\n").replace("\r", " ")
    return _FILE_SWITCH.sub(r"\1kept", plain)


def program() -> Path:
    """Where the ruff that was installed with this program is.

    Raises:
        NextModelError: it is not there.
    """
    try:
        return Path(find_ruff_bin())
    except FileNotFoundError as error:
        raise NextModelError(
            "builtin: ruff is not installed beside reviewer; install reviewer anew"
        ) from error


def _run(folder: Path) -> list[dict[str, Any]]:
    command = [
        str(program()),
        "check",
        "--isolated",
        "--no-cache",
        "--quiet",
        "--exit-zero",
        "--output-format=json",
        f"--select={','.join(_SELECT)}",
        f"--ignore={','.join(_IGNORE)}",
        ".",
    ]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT, check=True)
    except subprocess.TimeoutExpired as error:
        raise NextModelError(f"builtin: ruff took longer than {_TIMEOUT:g} s") from error
    except subprocess.CalledProcessError as error:
        raise NextModelError(
            f"builtin: ruff failed: {error.stderr.decode(errors='replace')[:300]}"
        ) from error
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def _was_sound(source: Source) -> bool:
    """Whether the file could be parsed before the change, so that the change broke it."""
    try:
        ast.parse("\n".join(source.change.old_lines or ()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _observation(row: Mapping[str, Any], source: Source) -> Observation | None:
    code = str(row.get("code") or row.get("name") or "invalid-syntax")
    added = source.added_numbers
    line = int(row["location"]["row"])
    if line not in added and code == "invalid-syntax" and added and _was_sound(source):
        # What is wrong shows where the parser gives up, often behind the change that broke it.
        line = min(added, key=lambda number: (abs(number - line), number))
    if line not in added:
        return None
    prefixes = sorted((prefix for prefix in _FAMILIES if code.startswith(prefix)), key=len)
    family = _FAMILIES[prefixes[-1]] if prefixes else None
    if family is None:
        return None
    message = str(row["message"]).split("\n")[0].rstrip(".")
    return Observation(
        kind=family.kind,
        path=source.path,
        line=line,
        quote=line_text(source, line),
        title=message[:100],
        explanation=f"{message} (ruff {code}, {row.get('name') or 'syntax'}).",
        scenario=family.scenario,
        recommendation=family.advice,
        category=family.category,
        severity=family.severity,
    )

"""Names of findings that stay the same from run to run: made of code and category, not of words or lines."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from reviewer.changes.secret import STAND_IN
from reviewer.findings.finding import Finding
from reviewer.prompting.contract import Severity

_DIGITS = 12
_LINE_DIGITS = 8
_TELLING = 4
"""Characters of a normalised line; a shorter one, such as a bracket, tells nothing about a place."""
_OVERLAP = 0.5
"""Share of the shorter finding's lines that two findings have in common if they are about one place."""
_TRAILING = re.compile(r",(?=[)\]}])")
_QUOTES = str.maketrans('"`', "''")


def normalised(code: str) -> str:
    """Code without what a formatter changes: blanks, the kind of quotes, commas before a bracket."""
    return _TRAILING.sub("", "".join(code.split()).translate(_QUOTES)).rstrip(",;")


def with_ids(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Give each finding its name: category, path and normalised code, and which one of several such it is.

    Lines and words are no part of it, so that neither an edit above nor another way of saying it changes the
    name. Of several with the same code, the order of their lines decides.
    """
    keys = [f"{item.category}\n{item.path}\n{normalised(item.code or item.quote)}" for item in findings]
    by_place = sorted(range(len(findings)), key=lambda n: (keys[n], findings[n].line or 0, n))
    occurrence: Counter[str] = Counter()
    named = list(findings)
    for number in by_place:
        digest = hashlib.sha256(f"{keys[number]}\n{occurrence[keys[number]]}".encode()).hexdigest()
        occurrence[keys[number]] += 1
        named[number] = replace(findings[number], id=digest[:_DIGITS])
    return tuple(named)


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of a finding to know it again: nothing of what was said about it decides.

    Attributes:
        id: its name.
        path, category: of the finding.
        lines: short hashes of its normalised lines.
        severity, title, line: for people.
    """

    id: str
    path: str
    category: str
    lines: tuple[str, ...]
    severity: Severity
    title: str
    line: int | None = None


def line_prints(lines: Iterable[str]) -> tuple[str, ...]:
    """Short hashes of normalised lines, without those that tell nothing about a place."""
    plain = map(normalised, lines)
    return tuple(
        hashlib.sha256(line.encode()).hexdigest()[:_LINE_DIGITS] for line in plain if len(line) >= _TELLING
    )


def known(finding: Finding) -> Known:
    """What is kept of a finding."""
    return Known(
        finding.id,
        finding.path,
        finding.category,
        # The number in a stand-in for a secret is another one in another run.
        line_prints(line for line in (finding.code or finding.quote).split("\n") if STAND_IN not in line),
        finding.severity,
        finding.title,
        finding.line,
    )


def pair(earlier: Sequence[Known], later: Sequence[Known]) -> dict[int, int]:
    """Which of the later findings is which of the earlier ones, by position.

    First by name; then, among the rest, the same code in the same file whatever its category; then code of
    which half is the same, in the same file and category: the next run of a model may quote a line more. Each
    finding is paired once.
    """
    found: dict[int, int] = {}
    rules: tuple[Callable[[Known, Known], bool], ...] = (
        lambda one, two: one.id == two.id,
        lambda one, two: one.path == two.path and bool(one.lines) and one.lines == two.lines,
        lambda one, two: one.path == two.path and _alike(one, two) and _overlap(one, two),
    )
    by_path: dict[str, list[int]] = {}
    for number, item in enumerate(earlier):
        by_path.setdefault(item.path, []).append(number)
    for same in rules:
        taken = set(found.values())
        for number, item in enumerate(later):
            if number in found:
                continue
            match = next(
                (n for n in by_path.get(item.path, ()) if n not in taken and same(earlier[n], item)), None
            )
            if match is not None:
                found[number] = match
                taken.add(match)
    return found


def slug(category: str) -> str:
    """A category in small letters, digits and dashes: it may be a model's word, or written down so."""
    return re.sub(r"[^a-z0-9]+", "-", category.lower())[:40].strip("-") or "other"


def _alike(one: Known, two: Known) -> bool:
    return slug(one.category) == slug(two.category)


def _overlap(one: Known, two: Known) -> bool:
    shared = len(set(one.lines) & set(two.lines))
    return shared > 0 and shared >= _OVERLAP * min(len(set(one.lines)), len(set(two.lines)))

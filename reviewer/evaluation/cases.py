"""A folder of cases to typed values: a change, the problems it has, and what must not be said about it."""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reviewer.errors import ConfigError

CHANGE, TABLE = "change.diff", "case.toml"
_DIGITS = 12
REPLIES, RECORDING, JUDGEMENT, FINDINGS = "replies", "recording", "judgement", "findings.json"


@dataclass(frozen=True, slots=True)
class Expected:
    """A problem that a change has, or one that it does not have although somebody may think so.

    Attributes:
        file: its path, as the diff names it.
        text: what the problem is; empty if the place says enough.
        line, end_line: 1-based, in the new version, or the old one for removed lines; None for anywhere.
    """

    file: str
    text: str = ""
    line: int | None = None
    end_line: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A change of which it is known what a review should find.

    Attributes:
        name: of its folder.
        folder: where it is.
        patch: the unified diff.
        expected: the problems that it has.
        forbidden: what must not be reported.
        complete: nothing else is wrong with it, so that everything else that is reported is wrong.
    """

    name: str
    folder: Path
    patch: bytes
    expected: tuple[Expected, ...] = ()
    forbidden: tuple[Expected, ...] = ()
    complete: bool = True

    @property
    def digest(self) -> str:
        """Names the change and what is known about it: another name, another case."""
        problems = [
            [[one.file, one.text, one.line, one.end_line] for one in some]
            for some in (self.expected, self.forbidden)
        ]
        known = json.dumps([problems, self.complete]).encode()
        return hashlib.sha256(self.patch + b"\0" + known).hexdigest()[:_DIGITS]

    @property
    def clean(self) -> bool:
        """There is nothing to find."""
        return self.complete and not self.expected


class _Problem(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Annotated[str, Field(min_length=1)]
    text: str = ""
    line: Annotated[int, Field(ge=1)] | None = None
    lines: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None

    @model_validator(mode="after")
    def _place(self) -> Self:
        if self.line is not None and self.lines is not None:
            raise ValueError("give `line` or `lines`, not both")
        if self.lines is not None and self.lines[0] > self.lines[1]:
            raise ValueError("the first of `lines` is behind the last")
        if self.line is None and self.lines is None and not self.text:
            raise ValueError("give `line`, `lines` or `text`")
        return self

    def value(self) -> Expected:
        first, last = self.lines or (self.line, self.line)
        return Expected(self.file, self.text, first, last)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    complete: bool = True
    expected: tuple[_Problem, ...] = ()
    forbidden: tuple[_Problem, ...] = ()


def load_cases(folder: Path, only: Sequence[str] = ()) -> tuple[Case, ...]:
    """All cases of a folder, by name: each is a sub-folder with `change.diff` and `case.toml`.

    Args:
        folder: the cases.
        only: names, or patterns such as `auth-*`, of those to take; all if empty.

    Raises:
        ConfigError: there is none, or one is broken; names the file.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder with cases.")
    found = [
        place for place in sorted(folder.iterdir()) if (place / CHANGE).is_file() or (place / TABLE).is_file()
    ]
    if not found:
        raise ConfigError(f"{folder}: no sub-folder of it has a {CHANGE}.")
    for pattern in only:
        if not any(fnmatch(place.name, pattern) for place in found):
            raise ConfigError(f"{folder}: no case is named {pattern}.")
    chosen = [place for place in found if not only or any(fnmatch(place.name, pattern) for pattern in only)]
    return tuple(_case(place) for place in chosen)


def _case(folder: Path) -> Case:
    table = folder / TABLE
    for file, why in ((table, f"it says which problems {CHANGE} has"), (folder / CHANGE, "it is the change")):
        if not file.is_file():
            raise ConfigError(f"{file}: is missing; {why}.")
    try:
        values = _Table.model_validate(tomllib.loads(table.read_text("utf-8")))
        patch = (folder / CHANGE).read_bytes()
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{table}: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise ConfigError(f"{table}: {place}: {problem['msg']}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{folder}: cannot be read: {error}") from error
    return Case(
        folder.name, folder, patch, _values(values.expected), _values(values.forbidden), values.complete
    )


def _values(problems: Iterable[_Problem]) -> tuple[Expected, ...]:
    return tuple(problem.value() for problem in problems)

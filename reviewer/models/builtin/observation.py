"""What an analyser saw, before it becomes part of a reply."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from reviewer.changes.changeset import FileChange, FileStatus, LineKind, Side
from reviewer.prompting.contract import Severity
from reviewer.prompting.role import ModelKind


@dataclass(frozen=True, slots=True)
class Observation:
    """A mechanical problem on a changed line.

    Attributes:
        kind: the kind of role that reports it.
        line: 1-based, in the new file.
        quote: the code, or the part of the line that may be shown.
        scenario: the case in which it does harm.
    """

    kind: ModelKind
    path: str
    line: int
    quote: str
    title: str
    explanation: str
    scenario: str
    recommendation: str
    category: str
    severity: Severity


@dataclass(frozen=True)
class Source:
    """A file to analyse.

    Attributes:
        change: the file with the hunks under review.
        text: the whole new text, or None where only the hunks are known.
    """

    change: FileChange
    text: str | None

    @property
    def path(self) -> str:
        """The file's path."""
        return self.change.path

    def added(self) -> Iterator[tuple[int, str]]:
        """Number and text of every line that is new or under review as it is."""
        for hunk in self.change.hunks:
            for line in hunk.lines:
                if line.kind is LineKind.ADDED and line.new is not None:
                    yield line.new, line.text.removesuffix("\r")

    @cached_property
    def added_numbers(self) -> frozenset[int]:
        """The numbers of those lines."""
        return frozenset(number for number, _ in self.added())


def source_of(change: FileChange) -> Source:
    """A file with its whole text, where that is at hand."""
    lines = change.new_lines
    if lines is None and change.status in {FileStatus.ADDED, FileStatus.PRESENT}:
        lines = tuple(change.hunk_lines(Side.NEW).values())
    return Source(change, None if lines is None else "\n".join(lines) + "\n")


def line_text(source: Source, number: int) -> str:
    """The text of a line of the new file, or an empty one."""
    return (source.change.text_at(Side.NEW, number) or "").removesuffix("\r")

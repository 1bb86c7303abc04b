"""The values of a change: files, hunks and lines, with their numbers on both sides."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Side(StrEnum):
    """Which version of a file a line number counts in."""

    OLD = "old"
    NEW = "new"


class LineKind(StrEnum):
    """What a diff does with a line; the values are the marks of a unified diff."""

    CONTEXT = " "
    ADDED = "+"
    REMOVED = "-"


class Line(NamedTuple):
    """One line of a hunk.

    `text` has no line feed but keeps a carriage return, so that it equals the file's own bytes.
    `old` and `new` are 1-based line numbers, None on the side where the line does not exist.
    """

    kind: LineKind
    text: str
    old: int | None
    new: int | None


@dataclass(frozen=True, slots=True)
class Hunk:
    """A run of changed lines with the context around it.

    `old_start` and `new_start` are 1-based; where a side has no lines, the number is that of the line
    before the gap, as in a unified diff. `section` is the text behind the second `@@`. `no_newline`
    names the sides whose last line is shown here and has no line feed. `recounted` is set where the header
    announces fewer lines than there are, as in patches that were edited by hand. `cut` is set where lines
    next to it are left out that the change touches too, so that nothing can be added around it.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[Line, ...]
    no_newline: tuple[Side, ...] = ()
    recounted: bool = False
    cut: bool = False

    def changed(self) -> Iterator[Line]:
        """The added and removed lines, in order."""
        return (line for line in self.lines if line.kind is not LineKind.CONTEXT)


class FileStatus(StrEnum):
    """What happened to a file."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    RENAMED = "renamed"
    COPIED = "copied"
    PRESENT = "present"  # part of a snapshot: the whole file is under review


class FileKind(StrEnum):
    """What a path is, as its mode says."""

    REGULAR = "regular file"
    SYMLINK = "symbolic link"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file under review.

    Attributes:
        path: the path after the change (before it for a deleted file), with forward slashes,
            relative to the repository's root.
        old_path: the path before the change where it differs, else None.
        old_lines: the whole text before the change, or None where it is not at hand.
        new_lines: the whole text after the change, or None where it is not at hand.
        old_mode, new_mode: git's file modes such as `100644`, empty where unknown.
        old_id, new_id: git's blob ids (possibly abbreviated), empty where unknown.
        binary: the content is not text; there are no hunks then.
        problem: why the content could not be read, or empty.
    """

    path: str
    status: FileStatus
    hunks: tuple[Hunk, ...] = ()
    old_path: str | None = None
    old_lines: tuple[str, ...] | None = None
    new_lines: tuple[str, ...] | None = None
    old_mode: str = ""
    new_mode: str = ""
    old_id: str = ""
    new_id: str = ""
    binary: bool = False
    problem: str = ""

    @property
    def kind(self) -> FileKind:
        """What the path is after the change (before it for a deleted file)."""
        mode = self.new_mode or self.old_mode
        return {"120000": FileKind.SYMLINK, "160000": FileKind.SUBMODULE}.get(mode, FileKind.REGULAR)

    @property
    def added(self) -> int:
        """The number of added lines."""
        return sum(line.kind is LineKind.ADDED for hunk in self.hunks for line in hunk.lines)

    @property
    def removed(self) -> int:
        """The number of removed lines."""
        return sum(line.kind is LineKind.REMOVED for hunk in self.hunks for line in hunk.lines)

    def lines(self, side: Side) -> tuple[str, ...] | None:
        """The whole text of one side, or None where it is not at hand."""
        return self.new_lines if side is Side.NEW else self.old_lines

    def hunk_lines(self, side: Side) -> dict[int, str]:
        """The lines of one side that the hunks show, by their 1-based number."""
        found: dict[int, str] = {}
        for hunk in self.hunks:
            for line in hunk.lines:
                number = line.new if side is Side.NEW else line.old
                if number is not None:
                    found[number] = line.text
        return found

    def text_at(self, side: Side, number: int) -> str | None:
        """The text of a 1-based line, from the whole file or else from the hunks."""
        lines = self.lines(side)
        if lines is not None:
            return lines[number - 1] if 0 < number <= len(lines) else None
        return self.hunk_lines(side).get(number)

    def changed_numbers(self, side: Side) -> frozenset[int]:
        """The 1-based numbers of the lines that the change added (new side) or removed (old side)."""
        return frozenset(
            number
            for hunk in self.hunks
            for line in hunk.changed()
            if (number := line.new if side is Side.NEW else line.old) is not None
        )


class SkipKind(StrEnum):
    """Why a file is not reviewed: by a rule, or because it could not be."""

    BY_RULE = "left out"  # as the user or a sensible default wants it; the review is still complete
    NO_LINES = "nothing to read"  # a rename or a mode change without changed lines
    IMPOSSIBLE = "not reviewed"  # it should have been reviewed; the report is incomplete


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A changed file, or a part of it, that is not shown to any reviewer, with the reason."""

    path: str
    kind: SkipKind
    reason: str


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """The files under review and those left out.

    Attributes:
        title: what is reviewed, for people: `main...HEAD`, `staged changes`.
        files: in the order of the source.
        skipped: every other file of the change, with its reason.
        base, head: full commit ids where they are known, else empty.
        snapshot: whole files are under review, not a difference.
        notes: what a reader should know about how the change was collected.
        address: where the repository lives on the network, empty if that is not known.
    """

    title: str
    files: tuple[FileChange, ...]
    skipped: tuple[SkippedFile, ...] = ()
    base: str = ""
    head: str = ""
    snapshot: bool = False
    notes: tuple[str, ...] = ()
    address: str = ""

    def versions(self, path: str) -> tuple[FileChange, ...]:
        """Every change of this path, best match first.

        A path occurs more than once when a patch series changes it in steps (the last step comes first
        here), or when a file is replaced by a link. A file that had this path before a rename counts too.
        """
        exact = [change for change in reversed(self.files) if change.path == path]
        exact.sort(key=lambda change: change.status is FileStatus.DELETED)
        renamed = [change for change in reversed(self.files) if change.old_path == path]
        return (*exact, *renamed)

"""Where a comment may stand: on the lines of a diff's hunks, and nowhere else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewer.changes.changeset import FileChange, FileStatus, Line, LineKind, Side
from reviewer.errors import SourceError
from reviewer.findings.edits import Edit, edits_of
from reviewer.findings.finding import Finding
from reviewer.findings.identity import Known, line_prints
from reviewer.publishing.marks import Told


@dataclass(frozen=True, slots=True)
class Place:
    """Lines that a comment can stand beside.

    Attributes:
        path: the file.
        side: the version in which lines are counted.
        start, end: 1-based, both inclusive, in one hunk.
        replacement: what to put in their place, if the finding has a suggestion that fits; else None.
    """

    path: str
    side: Side
    start: int
    end: int
    replacement: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Anchors:
    """The lines that a host takes comments on, and which files are in the change.

    Attributes:
        hunks: for each path and side, the hunk of each line.
        added: the added lines of each path.
        paths: all files that are shown.
        removed: short hashes of the removed lines of each path.
        fresh: short hashes of the lines of each file that is new.
        renamed: new names of files, by their old ones.
        unseen: files of the change whose lines the host does not show; None if any file may be one.
    """

    hunks: Mapping[tuple[str, Side], Mapping[int, int]] = field(default_factory=dict)
    added: Mapping[str, frozenset[int]] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    removed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fresh: Mapping[str, frozenset[str]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    unseen: frozenset[str] | None = frozenset()

    @classmethod
    def none(cls) -> "Anchors":
        """Where the host shows no diff."""
        return cls(unseen=None)

    @classmethod
    def of(cls, changes: Sequence[FileChange], unseen: frozenset[str] | None = frozenset()) -> "Anchors":
        """Of the diff as the host shows it: removed lines by their old number, others by their new one."""
        hunks: dict[tuple[str, Side], dict[int, int]] = {}
        added: dict[str, frozenset[int]] = {}
        for change in changes:
            new = hunks.setdefault((change.path, Side.NEW), {})
            old = hunks.setdefault((change.path, Side.OLD), {})
            for number, hunk in enumerate(change.hunks):
                for line in hunk.lines:
                    if line.new is not None:
                        new[line.new] = number
                    elif line.old is not None:
                        old[line.old] = number
            added[change.path] = frozenset(
                line.new for line in _lines(change, LineKind.ADDED) if line.new is not None
            )
        return cls(
            hunks,
            added,
            frozenset(change.path for change in changes),
            {change.path: _prints(change, LineKind.REMOVED) for change in changes},
            {
                change.path: _prints(change, LineKind.ADDED)
                for change in changes
                if change.status is FileStatus.ADDED
            },
            {change.old_path: change.path for change in changes if change.old_path},
            unseen,
        )

    def closed(self) -> "Anchors":
        """The same, with no line that takes comments."""
        return replace(self, hunks={}, added={})

    def moved(self, item: Known) -> Known:
        """A finding under the name that its file has now.

        Where a file that was new has another name since, only its lines tell: several of them, all in one
        other new file.
        """
        path = "" if item.path in self.paths else self.renamed.get(item.path, "")
        if not path and self.left(item.path) and len(set(item.lines)) > 1:
            holders = self._holders(item)
            path = holders[0] if len(holders) == 1 else ""
        return replace(item, path=path) if path else item

    def left(self, path: str) -> bool:
        """Whether a file is no part of the change any more."""
        return self.unseen is not None and path not in self.unseen and path not in self.paths

    def holds_code(self, told: Told, whole: Mapping[str, frozenset[str]]) -> bool | None:
        """Whether the code of a finding still stands; None if that cannot be told.

        Args:
            told: the finding.
            whole: short hashes of all lines that files have now.
        """
        item = told.finding
        lines = set(item.lines)
        if self.left(item.path):
            return bool(lines and self._holders(item))
        if not lines:
            return None
        if told.side is Side.OLD:
            return bool(lines & self.removed[item.path]) if item.path in self.removed else None
        return lines <= whole[item.path] if item.path in whole else None

    def _holders(self, item: Known) -> list[str]:
        """New files with all lines of a finding."""
        return [path for path, held in self.fresh.items() if set(item.lines) <= held]

    def place_of(self, finding: Finding) -> Place | None:
        """Where a comment about a finding may stand, or None if nowhere."""
        if finding.line is None:
            return None
        lines = self.hunks.get((finding.path, finding.side), {})
        end = finding.end_line or finding.line
        edit = _single_edit(finding)
        if edit is not None and self._holds(finding.path, edit.start, edit.end):
            return Place(finding.path, Side.NEW, edit.start, edit.end, edit.lines)
        inside = sorted(number for number in lines if finding.line <= number <= end)
        if not inside:
            return None
        last = inside[-1]
        same = [number for number in inside if lines[number] == lines[last]]
        return Place(finding.path, finding.side, same[0], last)

    def _holds(self, path: str, start: int, end: int) -> bool:
        lines = self.hunks.get((path, Side.NEW), {})
        same = [number for number in lines if start <= number <= end and lines[number] == lines.get(start)]
        return len(same) == end - start + 1

    def is_certain(self, place: Place) -> bool:
        """Whether it is a single added line, which no host refuses."""
        return place.side is Side.NEW and place.end in self.added.get(place.path, frozenset())


def _lines(change: FileChange, kind: LineKind) -> Iterator[Line]:
    return (line for hunk in change.hunks for line in hunk.lines if line.kind is kind)


def _prints(change: FileChange, kind: LineKind) -> frozenset[str]:
    return frozenset(line_prints(line.text for line in _lines(change, kind)))


def _single_edit(finding: Finding) -> Edit | None:
    """The suggestion as one replacement of lines of the finding's own file, if it is that."""
    try:
        edits = edits_of(finding.patch)
    except SourceError:
        return None
    if len(edits) != 1 or edits[0].path != finding.path or edits[0].end < edits[0].start:
        return None
    return edits[0] if finding.side is Side.NEW else None

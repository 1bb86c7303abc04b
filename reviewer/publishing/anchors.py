"""Where a comment may stand: on the lines of a diff's hunks, and nowhere else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reviewer.changes.changeset import FileChange, LineKind, Side
from reviewer.errors import SourceError
from reviewer.findings.edits import Edit, edits_of
from reviewer.findings.finding import Finding


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
    """The lines that a host takes comments on: for each path and side, the hunk of each line."""

    hunks: Mapping[tuple[str, Side], Mapping[int, int]]
    added: Mapping[str, frozenset[int]]

    @classmethod
    def of(cls, changes: Iterable[FileChange]) -> "Anchors":
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
                line.new
                for hunk in change.hunks
                for line in hunk.lines
                if line.kind is LineKind.ADDED and line.new is not None
            )
        return cls(hunks, added)

    def place_of(self, finding: Finding) -> Place | None:
        """Where a comment about a finding may stand, or None if nowhere."""
        if finding.line is None:
            return None
        lines = self.hunks.get((finding.path, finding.side), {})
        end = finding.end_line or finding.line
        edit = _single_edit(finding)
        if edit is not None and self._holds(finding.path, edit.start, edit.end):
            return Place(finding.path, Side.NEW, edit.start, edit.end, edit.lines)
        inside = [number for number in range(finding.line, end + 1) if number in lines]
        if not inside:
            return None
        last = inside[-1]
        same = [number for number in inside if lines[number] == lines[last]]
        return Place(finding.path, finding.side, same[0], last)

    def _holds(self, path: str, start: int, end: int) -> bool:
        lines = self.hunks.get((path, Side.NEW), {})
        return start in lines and all(lines.get(number) == lines[start] for number in range(start, end + 1))

    def is_certain(self, place: Place) -> bool:
        """Whether it is a single added line, which no host refuses."""
        return place.side is Side.NEW and place.end in self.added.get(place.path, frozenset())


def _single_edit(finding: Finding) -> Edit | None:
    """The suggestion as one replacement of lines of the finding's own file, if it is that."""
    try:
        edits = edits_of(finding.patch)
    except SourceError:
        return None
    if len(edits) != 1 or edits[0].path != finding.path or edits[0].end < edits[0].start:
        return None
    return edits[0] if finding.side is Side.NEW else None

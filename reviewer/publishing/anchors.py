"""Where a comment may stand: on the lines of a diff's hunks, and nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewer.changes.changeset import FileChange, LineKind, Side
from reviewer.errors import SourceError
from reviewer.findings.edits import Edit, edits_of
from reviewer.findings.finding import Finding
from reviewer.findings.identity import Known, line_prints


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
    """The lines that a host takes comments on, and what stands in them.

    Attributes:
        hunks: for each path and side, the hunk of each line.
        added: the added lines of each path.
        prints: for each path and side, short hashes of the lines.
        renamed: new names of files, by their old ones.
        unseen: files of the change whose lines the host does not show; None if any file may be one.
    """

    hunks: Mapping[tuple[str, Side], Mapping[int, int]] = field(default_factory=dict)
    added: Mapping[str, frozenset[int]] = field(default_factory=dict)
    prints: Mapping[tuple[str, Side], frozenset[str]] = field(default_factory=dict)
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
                line.new
                for hunk in change.hunks
                for line in hunk.lines
                if line.kind is LineKind.ADDED and line.new is not None
            )
        prints = {
            (change.path, side): frozenset(
                line_prints(
                    line.text
                    for hunk in change.hunks
                    for line in hunk.lines
                    if line.kind is not (LineKind.REMOVED if side is Side.NEW else LineKind.ADDED)
                )
            )
            for change in changes
            for side in Side
        }
        renamed = {change.old_path: change.path for change in changes if change.old_path}
        return cls(hunks, added, prints, renamed, unseen)

    def closed(self) -> "Anchors":
        """The same, with no line that takes comments."""
        return replace(self, hunks={}, added={})

    def moved(self, item: Known, side: Side) -> Known:
        """A finding under the name that its file has now, as far as a rename or its code tells."""
        if (item.path, side) in self.prints:
            return item
        path = self.renamed.get(item.path, "")
        if not path and item.lines:
            wanted = set(item.lines)
            sides = [(other, held) for (other, of), held in self.prints.items() if of is side]
            holders = [other for other, held in sides if wanted <= held]
            path = holders[0] if len(holders) == 1 else ""
        return replace(item, path=path) if path else item

    def left(self, path: str) -> bool:
        """Whether a file is no part of the change any more."""
        return self.unseen is not None and path not in self.unseen and (path, Side.NEW) not in self.prints

    def holds_code(self, item: Known, side: Side) -> bool | None:
        """Whether the code of a finding still stands in the change; None if that cannot be told."""
        found = self.prints.get((item.path, side))
        if found is None:
            return False if self.left(item.path) else None
        return set(item.lines) <= found if item.lines else None

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

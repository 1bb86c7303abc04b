"""Patches as edits of single places, for programs that show a suggestion where it applies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.changes.changeset import Line, LineKind
from reviewer.changes.patch import parse_patch
from reviewer.changes.secret import STAND_IN


@dataclass(frozen=True, slots=True)
class Edit:
    """Consecutive lines of a file, and what is to stand in their place.

    Attributes:
        path: the file.
        start, end: 1-based, both inclusive, in the file as it is; `end` is `start - 1` where nothing is taken
            away and the new lines go in front of line `start`.
        lines: the new lines, without line ends; empty where the old ones are only taken away.
    """

    path: str
    start: int
    end: int
    lines: tuple[str, ...]


def edits_of(patch: str) -> tuple[Edit, ...]:
    """The edits that a patch of this program's own making comes to, in its order.

    There are none where a stand-in for a secret is in the patch: it would be written into the code.

    Raises:
        SourceError: it is no patch.
    """
    if not patch or STAND_IN in patch:
        return ()
    return tuple(
        edit
        for change in parse_patch(patch.encode("utf-8", "surrogateescape"), name="the suggestion")
        for hunk in change.hunks
        for edit in _of_hunk(change.path, hunk.lines, hunk.old_start + (not hunk.old_count))
    )


def _of_hunk(path: str, lines: Sequence[Line], at: int) -> Iterator[Edit]:
    """Runs of changed lines; context ends a run."""
    start = at
    new: list[str] = []
    changed = False
    for line in lines:
        if line.kind is LineKind.CONTEXT:
            if changed:
                yield Edit(path, start, at - 1, tuple(new))
            at += 1
            start, new, changed = at, [], False
        elif line.kind is LineKind.REMOVED:
            at, changed = at + 1, True
        else:
            new.append(line.text)
            changed = True
    if changed:
        yield Edit(path, start, at - 1, tuple(new))

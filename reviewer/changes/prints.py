"""What was shown of a file, in so few characters that a report can keep it, and what is new beside that."""

import base64
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from reviewer.changes.changeset import FileChange, Hunk, Line, LineKind, Side

WIDTH = 20
"""Characters for a line: 120 bits. With fewer, the author of a change could make two lines that have the same
name: one to be read, and another one to be put in its place."""
_BYTES = 15
_AROUND = 12
"""Lines of a hunk that are kept before and after a line that is new."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is left of a file without what was seen before.

    Attributes:
        change: with the hunks, or the parts of them, that are new; None if none is.
        same: added and removed lines that are not shown again.
    """

    change: FileChange | None
    same: int


def prints(change: FileChange) -> str:
    """The lines that the hunks of a file show and what the change does to them, `WIDTH` characters a line.

    The heading of a hunk counts, so that lines which have moved to another function are new.
    """
    return "".join(_print(line, hunk.section) for hunk in change.hunks for line in hunk.lines)


def _print(line: Line, section: str) -> str:
    text = f"{line.kind}{section}\n{line.text}"
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
    return base64.b64encode(digest).decode("ascii")


def narrowed(change: FileChange, seen: str, shown: Sequence[Hunk] | None = None) -> Narrowed:
    """The parts of a file in which something differs from what was seen.

    Lines that were taken away since count too: what stands around the gap is shown again.

    Args:
        change: as it is now.
        seen: what `prints` made of it then.
        shown: its hunks with more context, of which the parts are to be taken; its own if None.
    """
    now = prints(change)
    if not now:
        return Narrowed(change, 0)
    if now == seen:
        return Narrowed(None, change.added + change.removed)
    lines = [(line.old, line.new) for hunk in change.hunks for line in hunk.lines]
    fresh = {lines[number] for number in _fresh(_lines(seen), _lines(now))}
    hunks = [
        part
        for hunk in (change.hunks if shown is None else shown)
        for part in _windows(
            hunk, [number for number, line in enumerate(hunk.lines) if (line.old, line.new) in fresh]
        )
    ]
    if not hunks:
        return Narrowed(None, change.added + change.removed)
    left = replace(change, hunks=tuple(hunks))
    same = change.added + change.removed - left.added - left.removed
    return Narrowed(left if same else change, same)


def _lines(text: str) -> Sequence[str]:
    return [text[start : start + WIDTH] for start in range(0, len(text), WIDTH)]


def _fresh(before: Sequence[str], now: Sequence[str]) -> Collection[int]:
    """The positions that are new, and those next to a gap."""
    found: set[int] = set()
    for kind, _, _, start, end in SequenceMatcher(None, before, now).get_opcodes():
        if kind == "delete":
            found |= {max(0, start - 1), min(start, len(now) - 1)}
        elif kind != "equal":
            found |= set(range(start, end))
    return found


def _windows(hunk: Hunk, fresh: Iterable[int]) -> Iterator[Hunk]:
    """The parts of a hunk around some of its lines, without those that have no change."""
    spans: list[list[int]] = []
    for number in fresh:
        start, end = max(0, number - _AROUND), min(len(hunk.lines), number + _AROUND + 1)
        if spans and start <= spans[-1][1]:
            spans[-1][1] = end
        else:
            spans.append([start, end])
    for start, end in spans:
        part = _part(hunk, start, end)
        if any(part.changed()):
            yield part


def _part(hunk: Hunk, start: int, end: int) -> Hunk:
    """Some lines of a hunk as a hunk."""
    before, lines = hunk.lines[:start], hunk.lines[start:end]
    old, new = (_count(before, side) for side in Side)
    own_old, own_new = (_count(lines, side) for side in Side)
    return Hunk(
        _start(hunk.old_start, hunk.old_count, old, own_old),
        own_old,
        _start(hunk.new_start, hunk.new_count, new, own_new),
        own_new,
        hunk.section,
        lines,
        hunk.no_newline if end == len(hunk.lines) else (),
        hunk.recounted,
        cut=True,
    )


def _count(lines: Iterable[Line], side: Side) -> int:
    without = LineKind.ADDED if side is Side.OLD else LineKind.REMOVED
    return sum(line.kind is not without for line in lines)


def _start(start: int, count: int, before: int, own: int) -> int:
    """The first line of a part; where it has none, the one before the gap."""
    first = start + before + (not count)  # a side without lines has the number of the line before it
    return first if own else first - 1

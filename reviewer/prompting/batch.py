"""A change divided into parts that fit a prompt: at files, then hunks, then lines. Nothing is dropped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pathspec

from reviewer.changes.changeset import (
    ChangeSet,
    FileChange,
    FileStatus,
    Hunk,
    Line,
    LineKind,
    SkipKind,
    SkippedFile,
)
from reviewer.changes.text import one_line
from reviewer.prompting.scope import enclosing_lines
from reviewer.prompting.tokens import estimate_tokens

CONTEXT_LINES = 8
"""Unchanged lines shown around a change where the whole text is at hand."""


@dataclass(frozen=True, slots=True)
class Section:
    """Some hunks of one file, as they appear in a prompt.

    Attributes:
        change: the file, with only the hunks of this section.
        text: the heading and the numbered lines.
        tokens: estimate for `text`.
    """

    change: FileChange
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes into one prompt of one role.

    Attributes:
        index, count: 1-based position among the role's batches.
        sections: the files and hunks shown, in the order of the change.
        others: paths of changed files that this batch does not show.
        listed: how many of them the prompt has room to name.
        snapshot: whole files, not a difference.
    """

    index: int
    count: int
    sections: tuple[Section, ...]
    others: tuple[str, ...] = ()
    listed: int = 0
    snapshot: bool = False

    @property
    def tokens(self) -> int:
        """Estimate for all sections."""
        return sum(section.tokens for section in self.sections)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files shown, each once."""
        return tuple(dict.fromkeys(section.change.path for section in self.sections))


@dataclass(frozen=True, slots=True)
class Division:
    """The batches of one role, and the parts that fit no prompt."""

    batches: tuple[Batch, ...]
    skipped: tuple[SkippedFile, ...] = ()


def divide(changes: ChangeSet, *, globs: Sequence[str], budget: int) -> Division:
    """Divide the files that a role reviews into batches of at most `budget` tokens each.

    Every changed line of those files is in exactly one section, or in a part named in `skipped`.

    Args:
        changes: the change.
        globs: gitignore-style patterns of the files to take; empty takes all.
        budget: tokens that one prompt may have for its sections and for the names of the other files.
    """
    every = [change.path for change in changes.files]
    room = _room(every, budget)
    takes = reads(globs)
    sections: list[Section] = []
    skipped: list[SkippedFile] = []
    for change in changes.files:
        if not takes(change.path):
            continue
        whole = replace(change, hunks=widened(change))
        for piece in _sections(whole, budget - room, snapshot=changes.snapshot):
            if isinstance(piece, Section):
                sections.append(piece)
            else:
                skipped.append(piece)
    groups = list(_pack(sections, budget - room))
    batches = tuple(
        _batch(group, (index, len(groups)), every, room, snapshot=changes.snapshot)
        for index, group in enumerate(groups, 1)
    )
    return Division(batches, tuple(skipped))


def reads(globs: Sequence[str]) -> Callable[[str], bool]:
    """Whether a role with these patterns reads a file, by its path; without any it reads all."""
    wanted = pathspec.GitIgnoreSpec.from_lines(globs)
    return lambda path: not globs or wanted.match_file(path)


def redivide(batch: Batch, *, budget: int) -> Division:
    """The same changed lines in smaller batches, for a model that found the batch too long."""
    every = [*batch.paths, *batch.others]
    room = _room(every, budget)
    sections: list[Section] = []
    skipped: list[SkippedFile] = []
    for section in batch.sections:
        for piece in _sections(section.change, budget - room, snapshot=batch.snapshot):
            if isinstance(piece, Section):
                sections.append(piece)
            else:
                skipped.append(piece)
    position = (batch.index, batch.count)
    return Division(
        tuple(
            _batch(group, position, every, room, snapshot=batch.snapshot)
            for group in _pack(sections, budget - room)
        ),
        tuple(skipped),
    )


_NAMES_SHARE = 20
"""One part in so many of a prompt's budget may go to the names of files that it does not show."""


def _room(every: Sequence[str], budget: int) -> int:
    """Tokens to keep for the names of files that a prompt does not show."""
    if len(every) <= 1:
        return 0
    return min(budget // _NAMES_SHARE, sum(map(_name_tokens, every)))


def _name_tokens(path: str) -> int:
    return estimate_tokens(f"- {one_line(path)}\n") + 1


def _listed(others: Sequence[str], room: int) -> int:
    """How many names fit."""
    for count, path in enumerate(others):
        room -= _name_tokens(path)
        if room < 0:
            return count
    return len(others)


def _batch(
    sections: Sequence[Section],
    position: tuple[int, int],
    every: Sequence[str],
    room: int,
    *,
    snapshot: bool,
) -> Batch:
    shown = {section.change.path for section in sections}
    others = tuple(path for path in dict.fromkeys(every) if path not in shown)
    return Batch(*position, tuple(sections), others, _listed(others, room), snapshot)


def _pack(sections: Sequence[Section], budget: int) -> Iterator[list[Section]]:
    """Fill batches in order, so that neighbours stay together."""
    group: list[Section] = []
    used = 0
    for section in sections:
        if group and used + section.tokens > budget:
            yield group
            group, used = [], 0
        group.append(section)
        used += section.tokens
    if group:
        yield group


def _sections(change: FileChange, budget: int, *, snapshot: bool) -> Iterator[Section | SkippedFile]:
    whole = _section(change, change.hunks, snapshot=snapshot)
    if whole.tokens <= budget:
        yield whole
        return
    pending: list[Hunk] = []
    used = 0
    for hunk in _small_hunks(change, budget, snapshot=snapshot):
        alone = _section(change, (hunk,), snapshot=snapshot).tokens
        if alone > budget:
            line = hunk.lines[0]
            reason = f"line {line.new or line.old} alone has more than the {budget:,} tokens of a prompt"
            yield SkippedFile(change.path, SkipKind.IMPOSSIBLE, reason)
            continue
        if pending and used + alone > budget:
            yield _section(change, tuple(pending), snapshot=snapshot)
            pending, used = [], 0
        pending.append(hunk)
        used += alone
    if pending:
        yield _section(change, tuple(pending), snapshot=snapshot)


def _small_hunks(change: FileChange, budget: int, *, snapshot: bool) -> Iterator[Hunk]:
    """The hunks, those that are too long for a prompt cut in halves between lines until they are not."""
    for hunk in change.hunks:
        waiting = [hunk]
        while waiting:
            first = waiting.pop(0)
            if len(first.lines) > 1 and _section(change, (first,), snapshot=snapshot).tokens > budget:
                middle = len(first.lines) // 2
                waiting[:0] = [part(first, 0, middle), part(first, middle, len(first.lines))]
            elif any(first.changed()):
                yield first


def part(hunk: Hunk, start: int, end: int) -> Hunk:
    """Some lines of a hunk as a hunk of their own, with their own numbers."""
    lines = hunk.lines[start:end]
    before = hunk.lines[:start]
    old_start = hunk.old_start + sum(line.old is not None for line in before)
    new_start = hunk.new_start + sum(line.new is not None for line in before)
    return replace(
        hunk,
        old_start=old_start,
        old_count=sum(line.old is not None for line in lines),
        new_start=new_start,
        new_count=sum(line.new is not None for line in lines),
        lines=lines,
        no_newline=hunk.no_newline if end == len(hunk.lines) else (),
    )


def _section(change: FileChange, hunks: tuple[Hunk, ...], *, snapshot: bool) -> Section:
    shown = replace(change, hunks=hunks)
    text = render_change(shown, snapshot=snapshot)
    return Section(shown, text, estimate_tokens(text))


_STATUS = {
    FileStatus.ADDED: "new file",
    FileStatus.MODIFIED: "changed",
    FileStatus.DELETED: "deleted",
    FileStatus.PRESENT: "whole file",
}


def render_change(change: FileChange, *, snapshot: bool = False) -> str:
    """Heading and numbered lines of a file, as a prompt shows them.

    A line is its number, a mark and the text behind `|`: `12 +|code`. The number is that of the new file,
    for removed lines that of the old one. Lines that open the enclosing blocks stand in front.
    """
    origin = _STATUS.get(change.status) or f"{change.status} from {one_line(change.old_path or '')}"
    rows = [f"=== {one_line(change.path)} ({origin}) ==="]
    numbers = [n for hunk in change.hunks for line in hunk.lines for n in (line.old, line.new) if n]
    width = len(str(max(numbers, default=0)))
    end = 0  # last new-side line shown so far
    for hunk in change.hunks:
        for number in _scope_of(change, hunk, after=end):
            rows += [f"{number:>{width}}  |{_shown(_new(change)[number - 1])}", f"{'...':>{width}}"]
        for line in hunk.lines:
            mark = " " if snapshot else line.kind.value
            rows.append(f"{line.new or line.old:>{width}} {mark}|{_shown(line.text)}")
        if hunk.no_newline and len(hunk.no_newline) == 1:
            rows.append(f"{'':>{width}}  (the {hunk.no_newline[0]} file has no line feed at its end)")
        end = hunk.new_start + hunk.new_count - 1
        rows.append("")
    return "\n".join(rows)


def _shown(text: str) -> str:
    return text.removesuffix("\r")


def _new(change: FileChange) -> tuple[str, ...]:
    return change.new_lines or ()


def _scope_of(change: FileChange, hunk: Hunk, *, after: int) -> tuple[int, ...]:
    """Enclosing block heads that are not shown already."""
    if not change.new_lines or not hunk.new_count:
        return ()
    first_changed = next((line.new for line in hunk.lines if line.new and line.kind is LineKind.ADDED), None)
    around = enclosing_lines(change.new_lines, first_changed or hunk.new_start)
    return tuple(number for number in around if after < number < hunk.new_start)


def widened(change: FileChange) -> tuple[Hunk, ...]:
    """The hunks with more context from the new text, without touching one another."""
    lines = change.new_lines
    if not lines or change.status in {FileStatus.ADDED, FileStatus.PRESENT, FileStatus.DELETED}:
        return change.hunks
    if any(hunk.cut for hunk in change.hunks):
        return change.hunks  # what is left out between them cannot be shown as context
    made: list[Hunk] = []
    for position, hunk in enumerate(change.hunks):
        floor = made[-1].new_start + made[-1].new_count if made else 1
        following = len(lines) + 1
        if position + 1 < len(change.hunks):
            after = change.hunks[position + 1]
            following = after.new_start + (not after.new_count)
        made.append(_widen(hunk, lines, floor=floor, ceiling=following))
    return tuple(made)


def _widen(hunk: Hunk, lines: Sequence[str], *, floor: int, ceiling: int) -> Hunk:
    """Add context up to `CONTEXT_LINES` above and below, within [floor, ceiling)."""
    # A side without lines in the hunk is given by the line before it.
    first_old = hunk.old_start + (not hunk.old_count)
    first_new = hunk.new_start + (not hunk.new_count)
    shift = first_old - first_new
    above = max(floor, first_new - _missing(hunk.lines))
    end = first_new + hunk.new_count
    below = max(end, min(ceiling, end + _missing(hunk.lines[::-1]), len(lines) + 1))
    old_end = first_old + hunk.old_count
    head = tuple(Line(LineKind.CONTEXT, lines[n - 1], n + shift, n) for n in range(above, first_new))
    tail = tuple(Line(LineKind.CONTEXT, lines[n - 1], n - end + old_end, n) for n in range(end, below))
    added = len(head) + len(tail)
    if not added:
        return hunk
    return replace(
        hunk,
        old_start=first_old - len(head),
        old_count=hunk.old_count + added,
        new_start=above,
        new_count=hunk.new_count + added,
        lines=(*head, *hunk.lines, *tail),
    )


def _missing(lines: Sequence[Line]) -> int:
    """How many context lines to add at this end, where the given lines begin."""
    shown = 0
    for line in lines:
        if line.kind is not LineKind.CONTEXT:
            break
        shown += 1
    return max(0, CONTEXT_LINES - shown)

"""Suggestions to patches: only if they fit the lines they are about, and the file still parses afterwards."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import pairwise

from reviewer.changes.changeset import ChangeSet, FileChange, Side
from reviewer.findings.finding import Finding, Grounding
from reviewer.findings.lookup import fold_blanks
from reviewer.findings.syntax import parses

_CONTEXT = 3
_NO_NEWLINE = "\\ No newline at end of file"
_REPLACED = "\0"
"""Stands for a line that is replaced; no line of a text file is equal to it."""
_MOST_REPEATED = 6
"""Lines around the place that a suggestion may repeat."""
_LEFT_OUT = re.compile(
    r"^\s*(?:#|//|--|/\*|<!--|%|;)?\s*(?:\.\.\.|…)|"
    r"^\s*(?:#|//|--|/\*|<!--).*\b(?:existing|rest of|remaining|unchanged|as before|omitted)\b",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Lines of a file, and what is to stand there.

    Attributes:
        line, end_line: 1-based, both inclusive.
        side: the version in which they are counted.
        quote: which part of them is meant; all of it, or a part of a single line.
        new: the new text; empty takes them away.
        exact: it is meant letter by letter; a suggestion may repeat lines around the place for orientation.
    """

    line: int
    end_line: int
    side: Side
    quote: str
    new: str
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """What became of a suggestion: a unified diff, or why there is none."""

    patch: str = ""
    note: str = ""


def with_patches(findings: Iterable[Finding], changes: ChangeSet) -> tuple[Finding, ...]:
    """The findings, with their suggestions as patches where that is possible, and the reason where not."""
    made = []
    before: dict[str, bool | None] = {}
    for finding in findings:
        if not finding.suggestion.strip() or finding.grounding is Grounding.UNVERIFIED:
            made.append(finding)
            continue
        change = changes.versions(finding.path)[0]
        if finding.path not in before:
            before[finding.path] = parses_before(change)
        proposal = propose(finding, change, before=before[finding.path])
        made.append(replace(finding, patch=proposal.patch, patch_note=proposal.note))
    return tuple(made)


def _text(lines: Sequence[str]) -> str:
    return "\n".join((*lines, ""))


def propose(finding: Finding, change: FileChange, *, before: bool | None) -> Proposal:
    """A patch that puts a finding's suggestion in place of the lines that it is about.

    Whether a patch is right nobody knows: it may call what does not exist. It is offered as a suggestion.

    Args:
        finding: one that has a place and a suggestion.
        change: its file.
        before: whether the file parses as it is; None if that cannot be told.
    """
    line = finding.line or 0
    end = finding.end_line or line
    return replaced(
        change, [Replacement(line, end, finding.side, finding.quote, finding.suggestion)], before=before
    )


def parses_before(change: FileChange) -> bool | None:
    """Whether a file parses as it is under review; None if that cannot be told."""
    return parses(change.path, _text(change.lines(Side.NEW) or ()))


def replaced(change: FileChange, replacements: Sequence[Replacement], *, before: bool | None) -> Proposal:
    """A patch that replaces some lines of a file, if it fits and the file parses with it.

    Args:
        change: the file.
        replacements: what stands in the place of what; they must not touch each other.
        before: whether the file parses as it is; None if that cannot be told.
    """
    lines = change.lines(Side.NEW)
    ordered = sorted(replacements, key=lambda one: (one.line, one.end_line))
    if note := _refusal(ordered, lines):
        return Proposal(note=note)
    new = _with(ordered, lines or ())
    if new == lines:
        return Proposal(note="it is what is there already")
    if before is None:
        return Proposal(note="whether the file still parses with it cannot be checked for this kind of file")
    if not before:
        return Proposal(
            note="the file does not parse as it is, so that nothing can be said about it with this"
        )
    if not parses(change.path, _text(new)):
        return Proposal(note="the file would not parse with it")
    ended = not any(Side.NEW in hunk.no_newline for hunk in change.hunks)
    return Proposal(patch=_diff(change.path, lines or (), new, ended=ended))


def _refusal(ordered: Sequence[Replacement], lines: Sequence[str] | None) -> str:
    """Why some replacements, in the order of their lines, cannot be made; or an empty text."""
    if any(one.side is Side.OLD or not 0 < one.line <= one.end_line for one in ordered):
        return "it is about lines that are no longer there"
    if lines is None:
        return "the whole file is not known"
    if any(_LEFT_OUT.search(one.new) for one in ordered):
        return "it leaves parts out"
    if any(one.end_line >= other.line for one, other in pairwise(ordered)):
        return "it replaces the same lines twice"
    parts = [one for one in ordered if not _is_whole(one, lines)]
    if any(one.line != one.end_line or "\n" in one.new.strip() for one in parts):
        return "it replaces only a part of its lines"
    if any(lines[one.line - 1].count(one.quote.strip()) != 1 for one in parts):
        return "the part of the line that it replaces stands there twice"
    return ""


def _with(ordered: Sequence[Replacement], lines: Sequence[str]) -> tuple[str, ...]:
    """The lines of a file with some of them replaced."""
    new = tuple(lines)
    for one in reversed(ordered):
        others = {n for other in ordered if other is not one for n in range(other.line - 1, other.end_line)}
        # What another replacement changes is no line that this one could repeat for orientation.
        around = [_REPLACED if number in others else line for number, line in enumerate(lines)]
        new = (*new[: one.line - 1], *_instead(one, around), *new[one.end_line :])
    return new


def _is_whole(one: Replacement, lines: Sequence[str]) -> bool:
    """Whether it replaces whole lines, and not only a part of them."""
    return fold_blanks("\n".join(lines[one.line - 1 : one.end_line])) == fold_blanks(one.quote)


def _instead(one: Replacement, lines: Sequence[str]) -> list[str]:
    """The lines of a replacement as they have to stand in the file."""
    start, end = one.line - 1, one.end_line
    there = [line.removesuffix("\r") for line in lines[start:end]]
    new = one.new.strip("\n").replace("\r\n", "\n")
    if not _is_whole(one, lines):
        # The quote is a part of its line, and so is what comes in its place.
        wanted = [there[0].replace(one.quote.strip(), new.strip())]
    elif not new.strip():
        wanted = []
    else:
        rows = new.split("\n")
        wanted = rows if one.exact else _indented_like(there, _without_neighbours(rows, lines, start, end))
    carriage = "\r" if end <= len(lines) and start < end and lines[start].endswith("\r") else ""
    return [line + carriage for line in wanted]


def _without_neighbours(wanted: list[str], lines: Sequence[str], start: int, end: int) -> list[str]:
    """A suggestion without the lines before and after the place that it repeats for orientation."""

    def same(some: Sequence[str], others: Sequence[str]) -> bool:
        return len(some) == len(others) and list(map(fold_blanks, some)) == list(map(fold_blanks, others))

    for count in range(min(_MOST_REPEATED, len(wanted) - 1, start), 0, -1):
        if same(wanted[:count], lines[start - count : start]):
            wanted = wanted[count:]
            break
    for count in range(min(_MOST_REPEATED, len(wanted) - 1), 0, -1):
        if same(wanted[-count:], lines[end : end + count]):
            wanted = wanted[:-count]
            break
    return wanted


def _indented_like(there: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """A suggestion indented as far as the lines that it replaces."""
    indents = [line[: len(line) - len(line.lstrip())] for line in there if line.strip()]
    margin = min(indents, key=len, default="")
    plain = textwrap.dedent("\n".join(wanted)).split("\n")
    return [f"{margin}{line}" if line.strip() else "" for line in plain]


def _diff(path: str, old: Sequence[str], new: Sequence[str], *, ended: bool) -> str:
    """A unified diff of a file; `ended` is False where its last line has no line feed."""
    before, after = ([f"{line}\n" for line in lines] for lines in (old, new))
    if not ended:
        for text in (before, after):
            text[-1:] = [line.removesuffix("\n") for line in text[-1:]]
    rows = unified_diff(before, after, fromfile=f"a/{path}", tofile=f"b/{path}", n=_CONTEXT)
    return "".join(row if row.endswith("\n") else f"{row}\n{_NO_NEWLINE}\n" for row in rows)

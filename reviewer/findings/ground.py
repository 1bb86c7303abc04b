"""From what a model claims to where it is: the quote is looked up, the stated line only breaks ties."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from reviewer.changes.changeset import ChangeSet, FileChange, Side
from reviewer.changes.text import one_line
from reviewer.findings.finding import Claim, Grounding
from reviewer.findings.lookup import ELIDED, SIMILAR, Lookup, Match, Version

_TRIVIAL = 4
"""Letters and digits; a shorter quote, such as a brace, is only believed at the stated line."""
_TELLING = 12
"""Letters and digits; a quote with so many may be looked for in other files, compared loosely, or be a part
of several lines."""
_ELISION = re.compile(r"\s*(?:#|//|--|/\*|<!--|%|;)?\s*(?:\.\.\.|…|\[\s*(?:\.\.\.|…)\s*\])\s*(?:\*/|-->)?\s*")
"""A line that stands for others."""
_LEAST_PARTS = 2
_MOST_ELIDED = 200
"""Lines that such a line may stand for."""
_PROMPT_MARGIN = re.compile(r"^\s*\d*\s*[ +-]?\|")
_DIFF_MARGIN = re.compile(r"^[+-]")


@dataclass(frozen=True, slots=True)
class Anchor:
    """The place of a finding.

    Attributes:
        grounding: how it was found.
        note: what was corrected, or why nothing was found.
        path: as the change names it; as the model wrote it where nothing was found.
        line, end_line: 1-based; None where nothing was found.
        quote: the code there.
        in_change: at least one of the lines was added or removed.
        code: the whole lines there; empty where nothing was found.
        named: where the reviewer said it is, `path:line`, if that is not where it is.
    """

    grounding: Grounding
    note: str
    path: str
    side: Side = Side.NEW
    line: int | None = None
    end_line: int | None = None
    quote: str = ""
    in_change: bool = False
    code: str = ""
    named: str = ""


def ground(claim: Claim, lookup: Lookup) -> Anchor:
    """Find the quoted code, first in the file that the claim names, then in the other changed files."""
    named = find_versions(claim.file, lookup.changes)
    if not claim.quote.strip():
        return _nowhere(claim, "no code was quoted", named)
    searched = [(change, _find(claim, change, lookup, loosely=True)) for change in named]
    found = [(change, place.best) for change, place in searched if place.best is not None]
    if found:
        # In a series of patches: the latest step among those that fit best.
        change, match = min(found, key=lambda pair: pair[1].quality)
        return _anchor(claim, change, match, lookup)
    if any(place.several for _, place in searched):
        return _nowhere(
            claim, "the quoted code stands in several places, and the named line is none of them", named
        )
    if not named and not claim.file:
        reason = "no file was named, and the quoted code is not in the change"
    elif not named:
        reason = f"{claim.file} is not among the reviewed files, and the quoted code is in none of them"
    else:
        reason = "the quoted code is in neither version of the file"
    return _elsewhere(claim, lookup, named) or _nowhere(claim, reason, named)


def find_versions(path: str, changes: ChangeSet) -> tuple[FileChange, ...]:
    """The changes of the file that a model means: as written, without prefixes, or by its end if unique."""
    as_written = path.strip().strip("`\"'")
    wanted = as_written.replace("\\", "/")
    # A name that is not UTF-8 is shown with a backslash in it.
    for form in (as_written, *_dresses(wanted)):
        if found := changes.versions(form):
            return found
    for change in changes.files:
        if one_line(change.path) == as_written:
            return changes.versions(change.path)
    tail = "/" + wanted.lstrip("./")
    ending = (
        {change.path for change in changes.files if f"/{change.path}".endswith(tail)} if wanted else set()
    )
    if len(ending) == 1:
        return changes.versions(ending.pop())
    # With more in front, such as the folder of a machine: the longest path that fits is meant.
    containing = [change.path for change in changes.files if wanted.endswith(f"/{change.path}")]
    return changes.versions(max(containing, key=len)) if containing else ()


def _dresses(path: str) -> Iterator[str]:
    yield path
    bare = re.sub(r"^(?:\./)+", "", path)
    yield bare
    yield re.sub(r"^[abiwco]/", "", bare)
    yield bare.lstrip("/")


def _nowhere(claim: Claim, reason: str, named: Sequence[FileChange]) -> Anchor:
    path = named[0].path if named else claim.file
    return Anchor(Grounding.UNVERIFIED, reason, path, quote=claim.quote, named=_named(claim))


def _elsewhere(claim: Claim, lookup: Lookup, tried: Sequence[FileChange]) -> Anchor | None:
    """The quote in a file that the claim does not name, if it says enough and is in one file only."""
    if _weight(claim.quote) < _TELLING:
        return None
    found = [
        (change, match)
        for change in lookup.changes.files
        if change not in tried and (match := _find(claim, change, lookup, loosely=False).best) is not None
    ]
    if len({change.path for change, _ in found}) != 1:
        return None
    change, match = found[-1]
    note = f"the reviewer named {claim.file or 'no file'}; the quoted code is in {change.path}"
    anchor = _anchor(claim, change, match, lookup)
    return replace(anchor, grounding=Grounding.RELOCATED, note=note, named=_named(claim))


def _named(claim: Claim) -> str:
    """Where a reviewer said it is."""
    return claim.file if claim.line is None else f"{claim.file}:{claim.line}"


def _anchor(claim: Claim, change: FileChange, match: Match, lookup: Lookup) -> Anchor:
    numbers = range(match.start, match.end + 1)
    version = lookup.version(change, match.side)
    # A model names its first or last line, or any in between; all of them are this place.
    close = claim.line is None or claim.line in numbers or claim.end_line in numbers
    notes = (
        [] if close else [f"the reviewer named line {claim.line}; the quoted code is at line {match.start}"]
    )
    if match.quality == SIMILAR:
        notes.append("the quote differs from the code in a few characters")
    code = "\n".join(version.lines.get(number, "").removesuffix("\r") for number in numbers)
    return Anchor(
        grounding=Grounding.RELOCATED if notes else Grounding.VERIFIED,
        note="; ".join(notes),
        path=change.path,
        side=match.side,
        line=match.start,
        end_line=match.end,
        quote=code if match.whole_lines else claim.quote,
        in_change=not version.changed.isdisjoint(numbers),
        code=code,
        named="" if close else _named(claim),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a quote is: the best match, or none; `several` if it could mean any of several."""

    best: Match | None = None
    several: bool = False


def _find(claim: Claim, change: FileChange, lookup: Lookup, *, loosely: bool) -> _Place:
    """The best place of the quote in either version of a file."""
    weight = _weight(claim.quote)
    forms = list(_forms(claim.quote))
    found = [
        match
        for side in (Side.NEW, Side.OLD)
        for form in forms
        for match in lookup.version(change, side).find(form, loosely=False)
    ]
    found = found or [match for form in forms for match in lookup.rows(change).find(form)]
    found = found or [
        match
        for side in (Side.NEW, Side.OLD)
        for form in forms
        for match in _find_elided(form, lookup.version(change, side))
    ]
    if not found and loosely and weight >= _TELLING:
        found = [
            match
            for side in (Side.NEW, Side.OLD)
            for form in forms
            for match in lookup.version(change, side).find(form, loosely=True)
        ]
    if weight < _TRIVIAL:
        found = [match for match in found if match.start == claim.line]
    if not found:
        return _Place()
    changed = {side: lookup.version(change, side).changed for side in Side}

    def inside(match: Match) -> bool:
        return not changed[match.side].isdisjoint(range(match.start, match.end + 1))

    def preference(match: Match) -> tuple[int, bool, int, bool, int, bool]:
        distance = 0 if claim.line is None else abs(match.start - claim.line)
        # A part of the stated line is meant, though another line may be the same as a whole.
        way = match.quality // 2
        return (way, distance > 0, match.quality, not inside(match), distance, match.side is Side.OLD)

    # Order: the way of comparing; the stated line itself; whole lines; the change; nearness; the new version.
    best = min(found, key=preference)
    several = _ambiguous(best, [match for match in found if inside(match) or not inside(best)], claim, weight)
    return _Place(None if several else best, several)


def _find_elided(form: Sequence[str], version: Version) -> Iterator[Match]:
    """Places of a quote that leaves out its middle: each part is there, one soon after the other.

    A reviewer who shows the first and the last line of a block writes dots, or a comment with dots, between.
    """
    parts: list[list[str]] = [[]]
    for line in form:
        if _ELISION.fullmatch(line):
            parts.append([])
        elif line.strip():
            parts[-1].append(line)
    parts = [part for part in parts if part]
    if len(parts) < _LEAST_PARTS or any(_weight("".join(part)) < _TRIVIAL for part in parts[:1]):
        return
    first, *rest = (version.find(part, loosely=False) for part in parts)
    for begin in first:
        end: Match | None = begin
        for matches in rest:
            behind = [match for match in matches if end and end.end < match.start <= end.end + _MOST_ELIDED]
            end = min(behind, key=attrgetter("start"), default=None)
        if end is not None:
            yield replace(begin, quality=ELIDED, end=end.end, whole_lines=True)


def _ambiguous(best: Match, found: Sequence[Match], claim: Claim, weight: int) -> bool:
    """Whether a few letters in several lines could mean any of them."""
    if weight >= _TELLING or claim.line in range(best.start, best.end + 1):
        return False
    if best.whole_lines and claim.line is not None:
        return False  # whole lines: the nearest one
    return len({match.start for match in found if match.side is best.side}) > 1


def _forms(quote: str) -> list[list[str]]:
    """The lines of a quote as they are, and without the margins of a prompt or a diff."""
    lines = [line.removesuffix("\r") for line in quote.strip("\n").split("\n")]
    forms = [lines]
    for margin in (_PROMPT_MARGIN, _DIFF_MARGIN):
        if all(margin.match(line) for line in lines if line.strip()):
            forms += [[margin.sub("", line) for line in lines]]
    return forms


def _weight(text: str) -> int:
    """Letters and digits: what makes a quote tell one place from another."""
    return sum(character.isalnum() for character in text)

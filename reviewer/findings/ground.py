"""From what a model claims to where it is: the quote is looked up, the stated line only breaks ties."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from reviewer.changes.changeset import ChangeSet, FileChange, Side
from reviewer.findings.finding import Claim, Grounding

FUZZY = 0.9
"""How alike a quote and the code must be when they are not the same but for blanks (0 to 1)."""
_SIMILAR = 4
"""The worst quality of a match."""
_TRIVIAL = 4
"""Letters and digits; a shorter quote, such as a brace, is only believed at the stated line."""
_TELLING = 12
"""Letters and digits; a quote with so many may be looked for in other files, or compared loosely."""
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
    """

    grounding: Grounding
    note: str
    path: str
    side: Side = Side.NEW
    line: int | None = None
    end_line: int | None = None
    quote: str = ""
    in_change: bool = False


@dataclass(frozen=True, slots=True)
class _Match:
    """A run of lines that is the quote. A lower `quality` is better."""

    quality: int
    side: Side
    start: int
    length: int
    whole_lines: bool


def ground(claim: Claim, changes: ChangeSet) -> Anchor:
    """Find the quoted code, first in the file that the claim names, then in the other changed files."""
    named = find_versions(claim.file, changes)
    if not claim.quote.strip():
        return _nowhere(claim, "no code was quoted", named)
    for change in named:
        match = _find(claim, change)
        if match is not None:
            return _anchor(claim, change, match)
    if not named and not claim.file:
        reason = "no file was named, and the quoted code is not in the change"
    elif not named:
        reason = f"{claim.file} is not among the reviewed files, and the quoted code is in none of them"
    else:
        reason = "the quoted code is in neither version of the file"
    return _elsewhere(claim, changes, named) or _nowhere(claim, reason, named)


def find_versions(path: str, changes: ChangeSet) -> tuple[FileChange, ...]:
    """The changes of the file that a model means: as written, without prefixes, or by its end if unique."""
    as_written = path.strip().strip("`\"'")
    wanted = as_written.replace("\\", "/")
    # A name that is not UTF-8 is shown with a backslash in it.
    for form in (as_written, *_dresses(wanted)):
        if found := changes.versions(form):
            return found
    tail = "/" + wanted.lstrip("./")
    ending = (
        {change.path for change in changes.files if f"/{change.path}".endswith(tail)} if wanted else set()
    )
    containing = {change.path for change in changes.files if wanted.endswith(f"/{change.path}")}
    for paths in (ending, containing):
        if len(paths) == 1:
            return changes.versions(paths.pop())
    return ()


def _dresses(path: str) -> Iterator[str]:
    yield path
    bare = re.sub(r"^(?:\./)+", "", path)
    yield bare
    yield re.sub(r"^[abiwco]/", "", bare)
    yield bare.lstrip("/")


def _nowhere(claim: Claim, reason: str, named: Sequence[FileChange]) -> Anchor:
    path = named[0].path if named else claim.file
    return Anchor(Grounding.UNVERIFIED, reason, path, quote=claim.quote)


def _elsewhere(claim: Claim, changes: ChangeSet, tried: Sequence[FileChange]) -> Anchor | None:
    """The quote in a file that the claim does not name, if it says enough and is in one file only."""
    if _weight(claim.quote) < _TELLING:
        return None
    found = [
        (change, match)
        for change in changes.files
        if change not in tried and (match := _find(claim, change)) is not None and match.quality < _SIMILAR
    ]
    if len({change.path for change, _ in found}) != 1:
        return None
    change, match = found[-1]
    anchor = _anchor(claim, change, match)
    note = f"the reviewer named {claim.file or 'no file'}; the quoted code is in {change.path}"
    return Anchor(
        Grounding.RELOCATED,
        note,
        anchor.path,
        anchor.side,
        anchor.line,
        anchor.end_line,
        anchor.quote,
        anchor.in_change,
    )


def _anchor(claim: Claim, change: FileChange, match: _Match) -> Anchor:
    end = match.start + match.length - 1
    numbers = range(match.start, end + 1)
    # A model names its first or last line, or any in between; all of them are this place.
    close = claim.line is None or claim.line in numbers or claim.end_line in numbers
    note = "" if close else f"the reviewer named line {claim.line}; the quoted code is at line {match.start}"
    quote = claim.quote
    if match.whole_lines:
        texts = [change.text_at(match.side, number) or "" for number in numbers]
        quote = "\n".join(text.removesuffix("\r") for text in texts)
    return Anchor(
        grounding=Grounding.VERIFIED if close else Grounding.RELOCATED,
        note=note,
        path=change.path,
        side=match.side,
        line=match.start,
        end_line=end,
        quote=quote,
        in_change=not change.changed_numbers(match.side).isdisjoint(numbers),
    )


def _find(claim: Claim, change: FileChange) -> _Match | None:
    """The best place of the quote in either version of a file."""
    found = [
        match
        for side in (Side.NEW, Side.OLD)
        for form in _forms(claim.quote)
        for match in _matches(form, _numbered(change, side), side)
    ]
    if _weight(claim.quote) < _TRIVIAL:
        found = [match for match in found if match.start == claim.line]
    if not found:
        return None
    changed = {side: change.changed_numbers(side) for side in Side}

    def preference(match: _Match) -> tuple[int, int, int, int, int]:
        numbers = range(match.start, match.start + match.length)
        inside = not changed[match.side].isdisjoint(numbers)
        distance = 0 if claim.line is None else abs(match.start - claim.line)
        return (match.quality, distance > 0, not inside, distance, match.side is Side.OLD)

    # Order: exactness; the stated line itself; lines of the change; nearness; the new version.
    return min(found, key=preference)


def _numbered(change: FileChange, side: Side) -> Mapping[int, str]:
    lines = change.lines(side)
    return change.hunk_lines(side) if lines is None else dict(enumerate(lines, 1))


def _forms(quote: str) -> list[list[str]]:
    """The lines of a quote as they are, and without the margins of a prompt or a diff."""
    lines = [line.removesuffix("\r") for line in quote.strip("\n").split("\n")]
    forms = [lines]
    for margin in (_PROMPT_MARGIN, _DIFF_MARGIN):
        if all(margin.match(line) for line in lines if line.strip()):
            forms += [[margin.sub("", line) for line in lines]]
    return forms


def _matches(quote: Sequence[str], lines: Mapping[int, str], side: Side) -> Iterator[_Match]:
    """All places of a quote in numbered lines, from the strictest way of comparing that finds any."""
    ways: tuple[Callable[[str], str], ...] = (str.rstrip, fold_blanks)
    for quality, prepare in enumerate(ways):
        wanted = [prepare(line) for line in quote]
        if quality:
            wanted = [line for line in wanted if line] or wanted
        if not any(wanted):
            return
        prepared = {number: prepare(text) for number, text in lines.items()}
        hits = list(_runs(wanted, prepared, skip_blank=bool(quality)))
        if hits:
            yield from (
                _Match(2 * quality + (not whole), side, start, length, whole) for start, length, whole in hits
            )
            return
    if _weight("".join(quote)) >= _TELLING:
        yield from _similar([fold_blanks(line) for line in quote], lines, side)


_Run = tuple[int, int, bool]


def _runs(wanted: Sequence[str], lines: Mapping[int, str], *, skip_blank: bool) -> Iterator[_Run]:
    """Start, length and completeness of every run of consecutive lines that reads like the quote.

    The first line may lack its beginning and the last one its end, as quotes often do.
    """
    numbers = [number for number in lines if lines[number] or not skip_blank]
    for at in range(len(numbers) - len(wanted) + 1):
        run = numbers[at : at + len(wanted)]
        if run[-1] - run[0] >= len(wanted) and not skip_blank:
            continue
        texts = [lines[number] for number in run]
        if texts == list(wanted):
            yield run[0], run[-1] - run[0] + 1, True
        elif len(wanted) == 1:
            if wanted[0].strip() and wanted[0] in texts[0]:
                yield run[0], 1, fold_blanks(wanted[0]) == fold_blanks(texts[0])
        elif _inner(wanted, texts):
            yield run[0], run[-1] - run[0] + 1, True


def _inner(wanted: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether a quote of several lines only lacks the beginning of its first or the end of its last line."""
    ends = bool(wanted[0].strip() and wanted[-1].strip())
    middle = list(texts[1:-1]) == list(wanted[1:-1])
    return ends and middle and texts[0].endswith(wanted[0]) and texts[-1].startswith(wanted[-1])


def _similar(quote: Sequence[str], lines: Mapping[int, str], side: Side) -> Iterator[_Match]:
    """Runs of lines that differ from the quote in a few characters only."""
    wanted = " ".join(line for line in quote if line)
    count = len([line for line in quote if line])
    folded = [(number, text) for number, line in lines.items() if (text := fold_blanks(line))]
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    for at in range(len(folded) - count + 1):
        window = folded[at : at + count]
        text = " ".join(part for _, part in window)
        if abs(len(text) - len(wanted)) > (1 - FUZZY) * 2 * max(len(text), len(wanted)):
            continue
        matcher.set_seq1(text)
        if matcher.quick_ratio() >= FUZZY and matcher.ratio() >= FUZZY:
            yield _Match(_SIMILAR, side, window[0][0], window[-1][0] - window[0][0] + 1, whole_lines=True)


def fold_blanks(text: str) -> str:
    """The text with runs of blanks as single ones and none at the ends."""
    return " ".join(text.split())


def _weight(text: str) -> int:
    """Letters and digits: what makes a quote tell one place from another."""
    return sum(character.isalnum() for character in text)

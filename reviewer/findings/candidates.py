"""Which of the values in a reply are its review, best first: final ones, joined ones, mended ones."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from reviewer.findings.extract import (
    Candidate,
    Found,
    found_values,
    relaxed,
    repaired_value,
    strict_candidate,
    without_reasoning,
    yaml_value,
)
from reviewer.findings.fields import first, split_path, text_of, texts_of
from reviewer.findings.shape import (
    ASKED_NAMES,
    FILE_NAMES,
    QUOTE_NAMES,
    TEXT_NAMES,
    TITLE_NAMES,
    Root,
    is_item,
    join_fields,
    root_of,
    sane,
)

_ENOUGH_NAMES = 3
"""Fields that were asked for; a value with so many in the middle of a text is the whole review."""


_UNDECODED = re.compile(
    r"""["'](?:severity|explanation|failure_scenario|recommendation|quote)["']\s*:\s*["'\[{]""", re.IGNORECASE
)
"""A field of a finding in text that did not decode."""


def candidates_of(text: str) -> Iterator[Candidate]:
    """Values to try, best first."""
    whole = strict_candidate(text)
    if whole is not None:
        yield whole
    text = without_reasoning(text)
    whole = strict_candidate(text)
    if whole is not None:
        yield whole
        return
    items: list[dict[str, Any]] = []
    reviews: list[tuple[bool, Candidate]] = []
    for version in (text, relaxed(text)):
        mended = version is not text
        whole = strict_candidate(version)
        if whole is not None:
            yield replace(whole, repaired=True)
        found = found_values(version)
        for candidate in _united(found):
            complete = len(ASKED_NAMES.intersection(_names(candidate))) >= _ENOUGH_NAMES
            reviews.append(
                (
                    _UNDECODED.search(found.rest) is not None,
                    replace(_with_fields(candidate, text), repaired=mended or not complete),
                )
            )
        loose = [candidate.value for candidate in found.values if is_item(candidate.value)]
        items = max(items, loose, key=len)
    # What leaves nothing undecoded comes first; otherwise in the order in which they were found.
    reviews.sort(key=lambda pair: pair[0])
    yield from (candidate for _, candidate in reviews)
    yield from _mended(text, items)
    parsed = yaml_value(text)
    if parsed is not None:
        yield parsed


def _names(candidate: Candidate) -> set[str]:
    """The fields of the review in a value."""
    root = root_of(candidate)
    return set(root[0]) if root else set()


def _with_fields(candidate: Candidate, text: str) -> Candidate:
    """A bare list of findings with the other fields of the review around it, as far as they can be mended."""
    if not isinstance(candidate.value, dict) or set(candidate.value) != {"findings"}:
        return candidate
    mended = repaired_value(text)
    root = root_of(mended) if mended is not None else None
    return replace(candidate, value={**root[0], **candidate.value}) if root else candidate


def _finals(values: Sequence[Candidate]) -> list[tuple[int, Candidate]]:
    """The values that are reviews with their positions, the likeliest final one first.

    Drafts come before the final review, so the last one counts; but a review with most of the fields that
    were asked for is not outdone by a fragment behind it.
    """
    found = [
        (min(_ENOUGH_NAMES, len(ASKED_NAMES.intersection(root[0]))), position, candidate)
        for position, candidate in enumerate(values)
        if (root := root_of(candidate)) is not None
    ]
    found.sort(key=lambda row: row[:2], reverse=True)
    return [(position, candidate) for _, position, candidate in found]


def _united(found: Found) -> list[Candidate]:
    """The likeliest final review with everything else in the text that belongs to it; then the other ones.

    Reviews of other files are joined: models write one for each at times. Of the same files, what stands
    behind the final review is joined too, and what stands before it is a draft; both are reasons for doubt.
    So is text that did not decode and looks like a part of a finding.
    """
    finals = _finals(found.values)
    if not finals:
        return []
    place, best = finals[0]
    fields, entries = _root(best)
    files = _files(fields, entries)
    before: list[Root] = []
    behind: list[Root] = []
    loose: list[Any] = []
    doubts: list[str] = []
    others = [(position, *_root(other)) for position, other in finals[1:]]
    others += [
        (position, {}, [item.value])
        for position, item in enumerate(found.values)
        if position != place and is_item(item.value)
    ]
    for position, more, beside in sorted(others, key=lambda row: row[0]):
        named = _files(more, beside)
        if more and files and named and named.isdisjoint(files):
            files |= named
            (behind if position > place else before).append((more, beside))
            continue
        missing = _missing(beside, [*entries, *loose])
        if missing and position > place:
            loose += missing
            doubts.append(f"{_counted(missing)} stood behind the review, outside of it")
        elif missing:
            doubts.append(
                f"the answer holds a second review of the same files, with {_counted(missing)} that the one "
                "taken for final does not have"
            )
    joined: dict[str, Any] = {}
    for part, _ in (*before, (fields, entries), *behind):
        join_fields(joined, part)
    entries = [entry for _, listed in (*before, (fields, entries), *behind) for entry in listed] + loose
    if _UNDECODED.search(found.rest):
        mended = repaired_value(found.rest)
        beside = _root(mended)[1] if mended is not None else []
        entries += _missing(beside, entries) if sane(beside) else []
        doubts.append("a part of the answer did not decode")
    first_one = replace(best, value={**joined, "findings": entries}, doubts=tuple(dict.fromkeys(doubts)))
    return [first_one, *(other for _, other in finals[1:])]


def _missing(entries: Sequence[Any], known: Sequence[Any]) -> list[Any]:
    gists = {_gist(entry) for entry in known}
    return [entry for entry in entries if _gist(entry) not in gists]


def _counted(entries: Sequence[Any]) -> str:
    return f"{len(entries)} finding{'s' if len(entries) > 1 else ''}"


def _root(candidate: Candidate) -> Root:
    return root_of(candidate) or ({}, [])


def _files(fields: dict[str, Any], entries: Sequence[Any]) -> set[str]:
    """The files that a review is about."""
    named = {split_path(text_of(first(e, FILE_NAMES)))[0] for e in entries if isinstance(e, dict)}
    return {file for file in {*named, *texts_of(fields.get("files_reviewed"))} if file}


def _gist(entry: Any) -> str:
    """What makes two entries the same finding, however they are written out."""
    if not isinstance(entry, dict):
        return text_of(entry)
    said = first(entry, QUOTE_NAMES) or first(entry, TITLE_NAMES) or first(entry, TEXT_NAMES)
    return " ".join(f"{text_of(first(entry, FILE_NAMES))} {text_of(said)}".lower().split())


def _mended(text: str, items: list[dict[str, Any]]) -> Iterator[Candidate]:
    """What is left when no whole review decodes: mended text, or single findings that decode."""
    mended = repaired_value(text)
    root = root_of(mended) if mended is not None else None
    if mended is None or root is None or not sane(root[1]):
        if items:
            yield Candidate({"findings": items}, repaired=True, cut=mended is None or mended.cut)
        return
    fields, found = root
    if mended.cut and found and found[-1] not in items:
        found = found[:-1]  # the last entry broke off
    # Findings that decode as they are beat mended ones: a repairer may change what is between quotes.
    best = items if len(items) >= len(found) else found
    if best or not mended.cut:  # what broke off before its first finding says nothing
        yield Candidate({**fields, "findings": best}, repaired=True, cut=mended.cut)

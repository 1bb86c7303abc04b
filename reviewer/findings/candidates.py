"""Which of the values in a reply are its review, best first: final ones, joined ones, mended ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from reviewer.findings.extract import (
    Candidate,
    found_values,
    relaxed,
    repaired_value,
    strict_candidate,
    without_reasoning,
    yaml_value,
)
from reviewer.findings.fields import first, rating_of, split_path, text_of, texts_of
from reviewer.findings.shape import (
    ASKED_NAMES,
    FILE_NAMES,
    QUOTE_NAMES,
    TEXT_NAMES,
    TITLE_NAMES,
    Root,
    is_item,
    root_of,
    sane,
)

_ENOUGH_NAMES = 3
"""Fields that were asked for; a value with so many in the middle of a text is the whole review."""
_SEVERAL = 2


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
    for version in (text, relaxed(text)):
        mended = version is not text
        whole = strict_candidate(version)
        if whole is not None:
            yield replace(whole, repaired=True)
        values = found_values(version)
        for candidate in _united(_finals(values)):
            complete = len(ASKED_NAMES.intersection(_names(candidate))) >= _ENOUGH_NAMES
            yield replace(_with_fields(candidate, text), repaired=mended or not complete)
        loose = [candidate.value for candidate in values if is_item(candidate.value)]
        items = max(items, loose, key=len)
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
    if not isinstance(candidate.value, list):
        return candidate
    mended = repaired_value(text)
    root = root_of(mended) if mended is not None else None
    return replace(candidate, value={**root[0], "findings": candidate.value}) if root else candidate


def _finals(values: Sequence[Candidate]) -> list[Candidate]:
    """The values that are reviews, the likeliest final one first.

    Drafts come before the final review, so the last one counts; but a review with more of the fields that
    were asked for is not outdone by a fragment that is quoted behind it.
    """
    found = [(candidate, root) for candidate in values if (root := root_of(candidate)) is not None]
    ranked = sorted(
        enumerate(found),
        key=lambda item: (len(ASKED_NAMES.intersection(item[1][1][0])), item[0]),
        reverse=True,
    )
    return [candidate for _, (candidate, _) in ranked]


def _united(finals: list[Candidate]) -> list[Candidate]:
    """The likeliest final review, joined with those of other files; models write one for each at times.

    A further review of the same files is a draft. If it is as complete as the final one and has findings
    that this one lacks, that is a reason for doubt, for it may be the other way round.
    """
    if len(finals) < _SEVERAL:
        return finals
    fields, found = _root(finals[0])
    fields, found = dict(fields), list(found)
    files = _files(fields, found)
    doubts = []
    for other in finals[1:]:
        more, entries = _root(other)
        others = _files(more, entries)
        if files and others and others.isdisjoint(files):
            files |= others
            found += entries
            _join_fields(fields, more)
        elif len(ASKED_NAMES.intersection(more)) >= len(ASKED_NAMES.intersection(_root(finals[0])[0])):
            known = {_gist(entry) for entry in found}
            missing = sum(_gist(entry) not in known for entry in entries)
            if missing:
                doubts.append(
                    f"the answer holds a second review of the same files, with {missing} "
                    f"finding{'s' if missing > 1 else ''} that the one taken for final does not have"
                )
    joined = {**fields, "findings": found}
    return [replace(finals[0], value=joined, doubts=tuple(dict.fromkeys(doubts))), *finals[1:]]


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


def _join_fields(fields: dict[str, Any], more: dict[str, Any]) -> None:
    """Add the fields of a review of other files: lists and texts are joined, the worse rating counts."""
    for name in ("files_reviewed", "strengths", "recommendations"):
        known, new = fields.get(name), more.get(name)
        if isinstance(new, list):
            fields[name] = [*(known if isinstance(known, list) else []), *new]
    fields["summary"] = "\n".join(
        filter(None, (text_of(more.get("summary")), text_of(fields.get("summary"))))
    )
    both = (rating_of(fields.get("rating")), rating_of(more.get("rating")))
    ratings = [rating for rating in both if rating is not None]
    if ratings:
        fields["rating"] = min(ratings)


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

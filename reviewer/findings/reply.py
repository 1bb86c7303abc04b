"""The only way of a model's text into the program: a ladder from strict to tolerant, or a named refusal."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from reviewer.errors import InvalidReplyError
from reviewer.findings.candidates import candidates_of
from reviewer.findings.extract import (
    MAX_CHARACTERS,
    Candidate,
    found_values,
    relaxed,
    repaired_value,
    strict_candidate,
    without_reasoning,
)
from reviewer.findings.fields import (
    category_of,
    clean,
    code_of,
    confidence_of,
    first,
    horizon_of,
    leading_severity,
    lines_of,
    rating_of,
    severity_of,
    split_path,
    text_of,
    texts_of,
)
from reviewer.findings.finding import Advice, Claim, ReadReview
from reviewer.findings.shape import (
    ADVICE_NAMES,
    CATEGORY_NAMES,
    END_NAMES,
    FILE_NAMES,
    LINE_NAMES,
    QUOTE_NAMES,
    SCENARIO_NAMES,
    SEVERITY_NAMES,
    SUGGESTION_NAMES,
    TEXT_NAMES,
    TITLE_NAMES,
    root_of,
)
from reviewer.models.model import Finish, Reply

_SHOWN_ENTRY = 1000
_TITLE_CHARACTERS = 90


def read_review(reply: Reply) -> ReadReview:
    """Understand a reply as a review.

    The ladder: the whole text as JSON; then, without thoughts, values in fences or between other text
    (the last one that is a review counts, as drafts come first); then single findings; then a JSON
    repairer, and YAML. Text that is none of these is refused.

    Raises:
        InvalidReplyError: nothing in the reply is a review; it carries the reply whole.
    """
    text = (reply.text or "")[:MAX_CHARACTERS]
    if not text.strip():
        # Some servers put the constrained answer into the channel for thoughts. Only a whole JSON value
        # counts there: anything else is a thought.
        text = reply.reasoning.strip()
        candidate = strict_candidate(text)
        found = _review_in(candidate) if candidate else None
        if found is None:
            raise InvalidReplyError(
                "the answer is empty", text=text or reply.text, problems=("the reply was empty",)
            )
        return _finished(found, reply)
    for candidate in candidates_of(text):
        found = _review_in(candidate)
        if found is not None:
            return _finished(found, reply)
    said = "the answer holds no review in JSON"
    if reply.finish is Finish.LENGTH:
        said = (
            "the answer was cut off at the limit of its length (limits.output_tokens) before it held a review"
        )
    raise InvalidReplyError(said, text=text, problems=(_diagnosis(text),))


def _finished(review: ReadReview, reply: Reply) -> ReadReview:
    cut = reply.finish is Finish.LENGTH or len(reply.text) > MAX_CHARACTERS
    if cut and not review.truncated:
        return replace(review, truncated=True)
    return review


def _diagnosis(text: str) -> str:
    if not without_reasoning(text):
        return "the reply holds only reasoning, no answer"
    if "{" not in text:
        return "the reply holds no JSON object; it has to start with { and end with }"
    return 'there is no JSON object with a list named "findings"'


def _review_in(candidate: Candidate) -> ReadReview | None:
    root = root_of(candidate)
    if root is None:
        return None
    fields, entries = root
    claims: list[Claim] = []
    strange: list[Claim] = []
    empty = 0
    for entry in entries:
        claim = _claim(entry)
        if claim is not None:
            claims.append(claim)
        elif entry:
            strange.append(_not_understood(entry))
        else:
            empty += 1
    if entries and not claims:
        return None  # a list of something else
    notes = (f"{empty} of {len(entries)} entries of the list of findings were empty",) if empty else ()
    return ReadReview(
        claims=(*claims, *strange),
        rating=rating_of(first(fields, ("rating", "score", "overall_rating", "overall_score"))),
        summary=text_of(first(fields, ("summary", "overview", "assessment", "conclusion"))),
        strengths=texts_of(first(fields, ("strengths", "positives", "pros"))),
        recommendations=_advice(first(fields, ("recommendations", "suggestions", "next_steps"))),
        files=texts_of(first(fields, ("files_reviewed", "files", "reviewed_files"))),
        repaired=candidate.repaired,
        truncated=candidate.cut,
        notes=notes,
        doubts=candidate.doubts,
    )


def _not_understood(entry: Any) -> Claim:
    """An entry among findings that has no field of a finding: shown as it came, for people to judge."""
    fields = entry if isinstance(entry, dict) else {}
    try:
        shown = clean(json.dumps(entry, ensure_ascii=False))
    except RecursionError:
        shown = text_of(entry)
    if len(shown) > _SHOWN_ENTRY:
        shown = shown[:_SHOWN_ENTRY] + " …"
    path, _ = split_path(text_of(first(fields, FILE_NAMES)))
    severity = severity_of(first(fields, SEVERITY_NAMES))
    return Claim(path, "An entry that could not be understood", shown, severity)


def _advice(value: Any) -> tuple[Advice, ...]:
    entries = value if isinstance(value, list) else list(texts_of(value))
    found = []
    for entry in entries:
        text = texts_of([entry])
        horizon = (
            first(entry, ("horizon", "when", "priority", "timeframe", "term"))
            if isinstance(entry, dict)
            else None
        )
        if text:
            found.append(Advice(text[0], horizon_of(horizon)))
    return tuple(found)


def _claim(entry: Any) -> Claim | None:
    """A finding from one entry of the list, or None if it says nothing."""
    if isinstance(entry, str):
        text = text_of(entry)
        return Claim("", _title(text), text, leading_severity(text)) if text else None
    if not isinstance(entry, dict):
        return None
    path, lines = split_path(text_of(first(entry, FILE_NAMES)))
    stated = lines_of(first(entry, LINE_NAMES))
    end = lines_of(first(entry, END_NAMES))
    if stated and end:
        stated = (min(stated[0], end[0]), max(stated[1], end[1]))
    lines = stated or lines or end
    title, explanation = text_of(first(entry, TITLE_NAMES)), text_of(first(entry, TEXT_NAMES))
    scenario = text_of(first(entry, SCENARIO_NAMES))
    quote = code_of(first(entry, QUOTE_NAMES))
    if not (title or explanation or scenario):
        if not quote:
            return None
        title = "(no explanation given)"
    return Claim(
        file=path,
        title=title or _title(explanation or scenario),
        explanation=explanation or scenario or title,
        severity=severity_of(first(entry, SEVERITY_NAMES)),
        category=category_of(first(entry, CATEGORY_NAMES)),
        line=lines[0] if lines else None,
        end_line=lines[1] if lines else None,
        quote=quote,
        failure_scenario=scenario if explanation or title else "",
        recommendation=text_of(first(entry, ADVICE_NAMES)),
        suggestion=code_of(first(entry, SUGGESTION_NAMES)),
        confidence=confidence_of(first(entry, ("confidence",))),
    )


def _title(text: str) -> str:
    """The first sentence, shortened at a word."""
    sentence = text.split("\n", 1)[0].split(". ", 1)[0].strip().rstrip(".")
    if len(sentence) <= _TITLE_CHARACTERS:
        return sentence
    return sentence[:_TITLE_CHARACTERS].rsplit(" ", 1)[0] + " …"


@dataclass(frozen=True, slots=True)
class ReadVerdict:
    """A closing opinion that was understood."""

    rating: int | None
    summary: str
    strengths: tuple[str, ...]
    recommendations: tuple[Advice, ...]


def read_verdict(reply: Reply) -> ReadVerdict:
    """Understand a reply as a closing opinion: the whole of it, or else its last value.

    Raises:
        InvalidReplyError: there is no JSON object with a summary or a rating in it, or it broke off.
    """
    text = (reply.text or reply.reasoning)[:MAX_CHARACTERS]
    candidate = _verdict_candidate(text)
    fields = candidate.value if candidate is not None and not candidate.cut else None
    if isinstance(fields, dict):
        rating = rating_of(first(fields, ("rating", "score", "overall_rating")))
        summary = text_of(first(fields, ("summary", "overview", "assessment")))
        if rating is not None or summary:
            return ReadVerdict(
                rating=rating,
                summary=summary,
                strengths=texts_of(first(fields, ("strengths", "positives"))),
                recommendations=_advice(first(fields, ("recommendations", "next_steps"))),
            )
    problem = 'there is no complete JSON object with "summary" and "rating"'
    raise InvalidReplyError("the closing answer could not be read", text=text, problems=(problem,))


_OPINION = re.compile(r"""["'](?:summary|rating)["']\s*:""")


def _verdict_candidate(text: str) -> Candidate | None:
    """The closing opinion in a text; a draft does not stand in for a final one that did not decode."""
    whole = strict_candidate(text)
    if whole is not None:
        return whole
    text = without_reasoning(text)
    for version in (text, relaxed(text)):
        found = found_values(version)
        if _OPINION.search(found.rest):
            continue
        objects = [value for value in found.values if isinstance(value.value, dict)]
        if objects:
            return objects[-1]
    return repaired_value(text)

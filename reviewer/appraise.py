"""What became of one role: whether its answers can be relied on, and its opinion on the whole."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from reviewer.changes.text import one_line
from reviewer.findings.fields import split_path
from reviewer.findings.finding import Advice, ReadReview
from reviewer.models.model import Finish
from reviewer.outputs.report import Outcome, RoleReview
from reviewer.outputs.wording import counted, few
from reviewer.prompting.batch import Batch
from reviewer.prompting.contract import Severity
from reviewer.prompting.tokens import Calibration
from reviewer.record import Answered, Record, Unanswered

_NAMED = 3
"""How many files a reason names."""


Grounded = AbstractSet[int]
"""`id` of every claim whose quote was found in the code."""


def doubts(item: Answered, calibration: Calibration, grounded: Grounded | None = None) -> tuple[str, ...]:
    """Reasons why an answer that was read may not speak for the whole part.

    Args:
        item: the part and its answer.
        calibration: what is known of how the models count tokens.
        grounded: `id` of every claim whose quote was found in the code; None takes all for found.
    """
    review, answer = item.answer.value, item.answer
    found = list(review.doubts)
    if review.truncated:
        found.append("the answer broke off; findings after that are lost")
    seen, sent, model = answer.reply.usage.prompt, answer.sent.tokens, str(answer.model)
    if seen is not None and calibration.looks_cut(model, estimated=sent, counted=seen):
        found.append(f"the server counted {seen:,} of about {sent:,} tokens; it may have cut the prompt")
    if review.claims and review.notes:
        found.append("; ".join(review.notes))
    real = [claim for claim in review.claims if grounded is None or id(claim) in grounded]
    if not review.claims:
        found += [f"no findings, {doubt}" for doubt in _empty_doubts(item)]
    elif not real:
        found += _invented(item)
    return tuple(found)


def _invented(item: Answered) -> list[str]:
    """Why findings of which nothing is in the code may come from nowhere: several, or about other files."""
    if len(item.answer.value.claims) > 1:
        return ["nothing that it quotes is in the code; what it says may be invented"]
    unseen = _unseen(item)
    return [f"what it quotes is not in the code, {unseen}"] if unseen else []


def _empty_doubts(item: Answered) -> list[str]:
    """Why an empty list of findings may not mean that there is nothing to find."""
    review, finish = item.answer.value, item.answer.reply.finish
    if review.notes:
        return [f"none could be read: {'; '.join(review.notes)}"]
    if review.repaired:
        return ["but the answer was not the JSON that was asked for"]
    if finish is not Finish.STOP:
        return [f"and the answer ended with {finish.value!r} instead of a normal stop"]
    if item.answer.unread:
        return ["but an earlier answer to the same prompt could not be read whole; it is kept below"]
    unseen = _unseen(item)
    return [unseen] if unseen else []


def _unseen(item: Answered) -> str:
    """Which shown files the answer does not name as read, or an empty text."""
    said = [form for text in item.answer.value.files for form in _paths_in(text)]
    unseen = [
        path for path in map(one_line, item.batch.paths) if not any(_means(form, path) for form in said)
    ]
    return f"and the answer does not say that it has read {few(unseen, _NAMED)}" if unseen else ""


def _paths_in(text: str) -> list[str]:
    """What may be a path in a text about a file: all of it, and each of its words."""
    words = re.split(r"[\s`'\"(),]+", text)
    return [form for part in (text, *words) if (form := split_path(part)[0].strip("`'\"").lower())]


def _means(said: str, path: str) -> bool:
    """Whether a path as a model writes it means this file: the same, its end, or with more before it."""
    wanted = f"/{path.lower()}"
    return any(
        wanted.endswith(f"/{plain}") or f"/{plain}".endswith(wanted)
        for plain in (said, said.replace("\\", "/").lstrip("./"))
        if plain
    )


def role_review(record: Record, calibration: Calibration, grounded: Grounded, idle: str = "") -> RoleReview:
    """What became of a role.

    Args:
        record: what it produced.
        calibration: what is known of how the models count tokens.
        grounded: `id` of every claim whose quote was found in the code.
        idle: why there is nothing for it to read; if empty, no file matches its patterns.
    """
    role, answered = record.plan.role, record.answered
    planned = str(record.plan.chain[0])
    models = list(dict.fromkeys(str(item.answer.model) for item in answered))
    reasons = [_part_reason(item, len(record.plan.prompts)) for item in record.unanswered]
    several = len(record.plan.prompts) > 1
    reasons += [
        f"{item.prompt.label}: {doubt}" if several else doubt
        for item in answered
        for doubt in doubts(item, calibration, grounded)
    ]
    reasons += [f"{part.path}: {part.reason}" for part in record.plan.skipped]
    if record.verdict_problem:
        reasons.append(f"no closing opinion, rating and summary are computed: {record.verdict_problem}")
    reasons += record.shaky
    outcome = Outcome.COMPLETED
    if record.skipped:
        outcome, reasons = Outcome.SKIPPED, [record.skipped]
    elif not record.plan.prompts and not record.plan.skipped:
        outcome, reasons = Outcome.SKIPPED, [idle or "no changed file matches its patterns"]
    elif not answered:
        outcome = Outcome.FAILED
    elif reasons:
        outcome = Outcome.PARTIAL
    opinion = _opinion(record)
    return RoleReview(
        role=role.name,
        model=", ".join(models) or planned,
        status=outcome,
        rating=opinion.rating,
        summary=opinion.summary,
        strengths=opinion.strengths,
        recommendations=opinion.recommendations,
        title=role.title,
        focus=role.focus,
        planned_model=planned,
        reasons=tuple(dict.fromkeys(reasons)),
        computed=opinion.computed,
        unparsed=_unparsed(record),
        notes=tuple(_notes(record)),
    )


def _unparsed(record: Record) -> tuple[str, ...]:
    """Texts that arrived and did not become findings, or not all of them."""
    texts = [text for journal in record.journals for text in (*journal.unread, *journal.broken)]
    texts += [item.answer.reply.text for item in record.answered if item.answer.value.doubts]
    return tuple(dict.fromkeys(text for text in texts if text.strip()))


def _part_reason(item: Unanswered, parts: int) -> str:
    where = f"part {item.batch.index}: " if parts > 1 else ""
    return f"{where}{item.reason}"


def _notes(record: Record) -> Iterable[str]:
    """What a reader should know about the answers, short of doubts."""
    repaired = sum(item.answer.value.repaired for item in record.answered)
    if repaired:
        yield f"{repaired} of {len(record.answered)} answers were not plain JSON and had to be repaired"
    for item in record.answered:
        yield from item.answer.value.notes
        told, asked = item.answer.reply.model, item.answer.model.model
        if told and told != asked and not told.startswith(asked):
            yield f"{item.answer.model.provider} says that {told} answered instead of {asked}"
    yield from _failovers(record)


def _failovers(record: Record) -> Iterable[str]:
    """Which model was to answer, why it did not, and which one did instead."""
    planned = record.plan.chain[0]
    instead: dict[str, list[str]] = defaultdict(list)
    # Of a part that was divided for another model, the reason stands in the journal of the whole part.
    elsewhere = [one.problem for journal in record.journals for one in journal.tries if one.model == planned]
    answers = [item.answer for item in record.answered] + ([record.verdict] if record.verdict else [])
    for answer in answers:
        if answer.model != planned:
            problems = [one.problem for one in answer.tries if one.model == planned] or elsewhere
            instead[str(answer.model)].append(problems[-1] if problems else "not asked")
    for model, problems in instead.items():
        count = f"{len(problems)} of {len(answers)} prompts" if len(answers) > 1 else "the prompt"
        yield f"{model} answered {count} instead of {planned} ({'; '.join(dict.fromkeys(problems))})"


@dataclass(frozen=True, slots=True)
class _Opinion:
    rating: int | None
    summary: str
    strengths: tuple[str, ...]
    recommendations: tuple[Advice, ...]
    computed: bool = False


def _opinion(record: Record) -> _Opinion:
    """A role's opinion on the whole: its only answer, its closing one, or one computed from the parts."""
    reviews = [item.answer.value for item in record.answered]
    by_rules = all(item.answer.model.is_rules for item in record.answered)
    strengths = tuple(dict.fromkeys(text for review in reviews for text in review.strengths))
    advice = tuple(dict.fromkeys(item for review in reviews for item in review.recommendations))
    if by_rules and reviews:
        # Rules count and do not judge: a number of theirs would look like an opinion.
        return _Opinion(None, _counts(reviews), strengths, advice, computed=True)
    if len(reviews) == 1:
        (one,) = reviews
        return _Opinion(one.rating, one.summary, one.strengths, one.recommendations)
    if record.verdict is not None:
        said = record.verdict.value
        rating = said.rating or _mean_rating(record.answered)
        return _Opinion(rating, said.summary, said.strengths or strengths, said.recommendations or advice)
    summary = "\n".join(
        f"Part {item.batch.index}: {item.answer.value.summary}"
        for item in record.answered
        if item.answer.value.summary
    )
    return _Opinion(_mean_rating(record.answered), summary, strengths, advice, computed=bool(reviews))


def _counts(reviews: Sequence[ReadReview]) -> str:
    """What rules did, in one sentence."""
    found = sum(len(review.claims) for review in reviews)
    files = len({path for review in reviews for path in review.files})
    return f"Mechanical rules looked at {counted(files, 'file')} and apply in {counted(found, 'place')}."


_CEILING = {Severity.CRITICAL: 4, Severity.MAJOR: 7, Severity.MINOR: 9}
"""A computed rating is no better than this where there is a finding of a severity."""


def _mean_rating(answered: Sequence[Answered]) -> int | None:
    """The ratings of the parts, weighed by their changed lines; one bad part is not made up for by others."""
    rated = [(item.answer.value.rating, max(1, changed_lines(item.batch))) for item in answered]
    weighed = [(rating, weight) for rating, weight in rated if rating is not None]
    if not weighed:
        return None
    total = sum(weight for _, weight in weighed)
    mean = max(1, min(10, round(sum(rating * weight for rating, weight in weighed) / total)))
    ceilings = [_CEILING[claim.severity] for item in answered for claim in item.answer.value.claims]
    return min([mean, *ceilings])


def changed_lines(batch: Batch) -> int:
    """Added and removed lines of a part."""
    return sum(section.change.added + section.change.removed for section in batch.sections)

"""What the roles produced to a report: pure, and the same for a finished and for a stopped run."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from reviewer import __version__
from reviewer.changes.changeset import SkipKind
from reviewer.findings.finding import Advice, Claim, Grounding, ReadReview
from reviewer.findings.merge import ground_claims, merge
from reviewer.interview import Answered, Record, Unanswered
from reviewer.models.ask import Try
from reviewer.models.model import Finish
from reviewer.outputs.report import (
    SCHEMA_VERSION,
    Coverage,
    ModelUsage,
    Outcome,
    Report,
    ReviewedFile,
    RoleReview,
    SkippedPart,
    TargetInfo,
    Usage,
    combine_advice,
    decide_status,
    gate_of,
    verdict_of,
)
from reviewer.plan import Plan
from reviewer.prompting.batch import Batch
from reviewer.prompting.contract import Severity

_CUT_SHARE = 0.4
"""A server that counts fewer tokens than this share of the estimate has not seen the whole prompt."""
_CUT_LEAST = 1000
"""Tokens; below, estimates say little."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The circumstances of a run: when, how long, why it was stopped, and what the user wants to see."""

    created: datetime
    seconds: float
    stopped: str = ""
    fail_on: Severity | None = None
    min_severity: Severity = Severity.MINOR


def assemble(plan: Plan, records: Sequence[Record], frame: Frame) -> Report:
    """Ground and merge all claims, settle what became of each role, and decide the status."""
    for record in records:
        _settle(record, frame.stopped)
    found = merge(
        ground_claims(_claims(records), plan.changes, [record.plan.role.name for record in records])
    )
    shown = [finding for finding in found if finding.severity.rank <= frame.min_severity.rank]
    findings = tuple(finding for finding in shown if finding.grounding is not Grounding.UNVERIFIED)
    unverified = tuple(finding for finding in shown if finding.grounding is Grounding.UNVERIFIED)
    reviews = tuple(_role_review(record) for record in records)
    coverage = _coverage(plan, records)
    # Findings that are only hidden count too: what was found is not clean.
    status = decide_status(found, (), reviews, coverage)
    language_model = _asked_a_model(records)
    changes = plan.changes
    return Report(
        schema_version=SCHEMA_VERSION,
        tool=f"reviewer {__version__}",
        created=frame.created,
        target=TargetInfo(changes.title, changes.base, changes.head, changes.snapshot, changes.notes),
        status=status,
        summary=verdict_of(status, findings, unverified, reviews, language_model=language_model),
        findings=findings,
        unverified=unverified,
        hidden=len(found) - len(shown),
        reviews=reviews,
        recommendations=combine_advice(reviews),
        coverage=coverage,
        usage=_usage(plan, records, frame.seconds),
        gate=gate_of([item for item in found if item.grounding is not Grounding.UNVERIFIED], frame.fail_on),
        language_model=language_model,
        notes=(f"The run was stopped: {frame.stopped}.",) if frame.stopped else (),
    )


def _settle(record: Record, stopped: str) -> None:
    """Name every prompt that a stopped run never got an answer to."""
    if not stopped:
        return
    settled: Counter[int] = Counter()
    for known in [*(item.batch for item in record.answered), *(item.batch for item in record.unanswered)]:
        settled[known.index] += _changed_lines(known)
    for prompt in record.plan.prompts:
        batch = prompt.batch
        if batch is not None and settled[batch.index] < _changed_lines(batch):
            record.unanswered.append(Unanswered(batch, f"stopped: {stopped}"))


def _changed_lines(batch: Batch) -> int:
    return sum(section.change.added + section.change.removed for section in batch.sections)


def _claims(records: Sequence[Record]) -> Iterable[tuple[str, str, Claim]]:
    for record in records:
        for item in record.answered:
            for claim in item.answer.value.claims:
                yield record.plan.role.name, str(item.answer.model), claim


def _asked_a_model(records: Sequence[Record]) -> bool:
    """Whether anything but the built-in reviewer was to answer."""
    return any(model.provider != "builtin" for record in records for model in record.plan.chain)


def doubts(item: Answered) -> tuple[str, ...]:
    """Reasons why an answer that was read may not speak for the whole part."""
    review, reply = item.answer.value, item.answer.reply
    found = []
    if review.truncated:
        found.append("the answer broke off; findings after that are lost")
    counted, estimated = reply.usage.prompt, item.prompt.tokens
    if counted is not None and estimated > _CUT_LEAST and counted < _CUT_SHARE * estimated:
        found.append(
            f"the server counted {counted:,} of about {estimated:,} tokens; it may have cut the prompt"
        )
    if review.claims and review.notes:
        found.append("; ".join(review.notes))
    if not review.claims:
        found += _empty_doubts(review, reply.finish)
    return tuple(found)


def _empty_doubts(review: ReadReview, finish: Finish) -> list[str]:
    """Why an empty list of findings may not mean that there is nothing to find."""
    if review.notes:
        return [f"no finding could be read: {'; '.join(review.notes)}"]
    if review.repaired:
        return ["no findings, but the answer was not the JSON that was asked for"]
    if finish is not Finish.STOP:
        return [f"no findings, and the answer ended with {finish.value!r} instead of a normal stop"]
    if not review.summary and not review.files:
        return ["no findings, and nothing in the answer shows that the code was read"]
    return []


def _role_review(record: Record) -> RoleReview:
    role, answered = record.plan.role, record.answered
    planned = str(record.plan.chain[0])
    models = list(dict.fromkeys(str(item.answer.model) for item in answered))
    reasons = [_part_reason(item, len(record.plan.prompts)) for item in record.unanswered]
    reasons += [f"{item.prompt.label}: {doubt}" for item in answered for doubt in doubts(item)]
    reasons += [f"{part.path}: {part.reason}" for part in record.plan.skipped]
    outcome = Outcome.COMPLETED
    if not record.plan.prompts and not record.plan.skipped:
        outcome, reasons = Outcome.SKIPPED, ["no changed file matches its patterns"]
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
        unparsed=tuple(
            dict.fromkeys(text for item in record.unanswered for text in item.unread if text.strip())
        ),
        notes=tuple(_notes(record)),
    )


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
    if record.verdict_problem:
        yield f"there was no closing opinion ({record.verdict_problem}); rating and summary are computed"


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
    by_rules = all(item.answer.model.provider == "builtin" for item in record.answered)
    if len(reviews) == 1:
        (one,) = reviews
        return _Opinion(one.rating, one.summary, one.strengths, one.recommendations, computed=by_rules)
    strengths = tuple(dict.fromkeys(text for review in reviews for text in review.strengths))
    advice = tuple(dict.fromkeys(item for review in reviews for item in review.recommendations))
    if record.verdict is not None:
        said = record.verdict.value
        return _Opinion(
            said.rating or _mean_rating(record.answered),
            said.summary,
            said.strengths or strengths,
            said.recommendations or advice,
            computed=by_rules,
        )
    summary = " ".join(review.summary for review in reviews if review.summary)
    return _Opinion(_mean_rating(record.answered), summary, strengths, advice, computed=bool(reviews))


def _mean_rating(answered: Sequence[Answered]) -> int | None:
    """The ratings of the parts, weighed by their changed lines."""
    rated = [(item.answer.value.rating, max(1, _changed_lines(item.batch))) for item in answered]
    weighed = [(rating, weight) for rating, weight in rated if rating is not None]
    if not weighed:
        return None
    total = sum(weight for _, weight in weighed)
    return max(1, min(10, round(sum(rating * weight for rating, weight in weighed) / total)))


def _coverage(plan: Plan, records: Sequence[Record]) -> Coverage:
    readers: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for item in record.answered:
            for path in item.batch.paths:
                if record.plan.role.name not in readers[path]:
                    readers[path].append(record.plan.role.name)
    reviewed = tuple(
        ReviewedFile(change.path, change.added, change.removed, tuple(readers[change.path]))
        for change in plan.changes.files
        if change.path in readers
    )
    skipped = [
        SkippedPart(part.path, part.reason, expected=part.kind is not SkipKind.IMPOSSIBLE)
        for part in plan.changes.skipped
    ]
    asked = {
        path
        for record in records
        for prompt in record.plan.prompts
        if prompt.batch
        for path in prompt.batch.paths
    }
    asked |= {part.path for record in records for part in record.plan.skipped}
    skipped += [
        SkippedPart(change.path, "no role that ran reviews this kind of file (globs)")
        for change in plan.changes.files
        if change.path not in asked
    ]
    for record in records:
        name = record.plan.role.name
        skipped += [SkippedPart(part.path, part.reason, name, expected=False) for part in record.plan.skipped]
        for left in record.unanswered:
            paths = left.batch.paths or left.batch.others
            skipped += [SkippedPart(path, left.reason, name, expected=False) for path in paths]
    return Coverage(reviewed, tuple(dict.fromkeys(skipped)))


def _usage(plan: Plan, records: Sequence[Record], seconds: float) -> Usage:
    chains = [item.answer.tries for record in records for item in record.answered]
    chains += [item.tries for record in records for item in record.unanswered]
    for record in records:
        chains.append(record.verdict.tries if record.verdict else record.verdict_tries)
    tries = [one for chain in chains for one in chain]
    corrections = sum(one.problem.startswith("unreadable") for one in tries)
    failovers = sum(one.model != two.model for chain in chains for one, two in pairwise(chain))
    first_requests = sum(bool(chain) for chain in chains)
    return Usage(
        prompts=plan.prompts,
        requests=len(tries),
        retries=max(0, len(tries) - first_requests - failovers - corrections),
        corrections=corrections,
        failovers=failovers,
        estimated_tokens=plan.tokens,
        seconds=round(seconds, 3),
        models=_model_usage(records, tries),
    )


def _model_usage(records: Sequence[Record], tries: Sequence[Try]) -> tuple[ModelUsage, ...]:
    replies = [(str(item.answer.model), item.answer.reply.usage) for r in records for item in r.answered]
    replies += [(str(r.verdict.model), r.verdict.reply.usage) for r in records if r.verdict]
    requests = Counter(str(one.model) for one in tries)
    made = []
    for model in sorted(requests):
        usages = [usage for name, usage in replies if name == model]
        prompt = [usage.prompt for usage in usages if usage.prompt is not None]
        completion = [usage.completion for usage in usages if usage.completion is not None]
        made.append(
            ModelUsage(
                model,
                requests[model],
                len(usages),
                sum(prompt) if prompt else None,
                sum(completion) if completion else None,
            )
        )
    return tuple(made)

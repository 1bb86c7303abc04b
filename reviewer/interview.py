"""Asking one role about all parts of a change, and keeping what came back even if it is stopped half way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from reviewer.errors import IncompleteStreamError, ModelError, PromptTooLongError
from reviewer.events import PromptAnswered, PromptFailed, RoleFinished, RoleStarted
from reviewer.findings.finding import ReadReview
from reviewer.findings.reply import ReadVerdict, read_review, read_verdict
from reviewer.models.ask import Answer, Asker, Candidate, NoAnswerError, Try
from reviewer.models.model import Backend
from reviewer.plan import RolePlan
from reviewer.prompting.batch import Batch, redivide
from reviewer.prompting.prompt import Prompt, Wording, review_prompt, verdict_prompt

_LEAST_BUDGET = 150
"""Tokens; a model that cannot take so little of the change has no room beside the instructions."""
_SHRINKS = 3
"""How often a prompt that a model finds too long is divided again."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A part that was reviewed."""

    batch: Batch
    prompt: Prompt
    answer: Answer[ReadReview]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A part that was not.

    Attributes:
        batch: the part.
        reason: why.
        tries: all requests.
        unread: answers that could not be understood, whole.
    """

    batch: Batch
    reason: str
    tries: tuple[Try, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(slots=True)
class Record:
    """What one role has produced so far; filled while it runs, so that stopping loses nothing.

    Attributes:
        plan: what was to be asked.
        answered, unanswered: parts that are settled.
        verdict: the closing opinion, if there is one.
        verdict_problem: why there is none although there should be.
        verdict_tries: requests for it.
    """

    plan: RolePlan
    answered: list[Answered] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)
    verdict: Answer[ReadVerdict] | None = None
    verdict_problem: str = ""
    verdict_tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class Crew:
    """Who asks and who is asked."""

    asker: Asker
    backends: Mapping[str, Backend]
    wording: Wording

    def chain(self, plan: RolePlan) -> list[Candidate]:
        """The models of a role with the servers behind them."""
        return [Candidate(model, self.backends[model.provider]) for model in plan.chain]


async def interview(record: Record, crew: Crew) -> None:
    """Ask a role about all its batches at once (the servers' limits hold them back), then for its opinion."""
    plan = record.plan
    listener = crew.asker.listener
    listener(RoleStarted(plan.role.name, str(plan.chain[0]), len(plan.prompts)))
    async with anyio.create_task_group() as group:
        for prompt in plan.prompts:
            group.start_soon(_ask_part, prompt, record, crew, _SHRINKS)
    record.answered.sort(key=lambda item: item.batch.index)
    if len(record.answered) > 1:
        await _ask_verdict(record, crew)
    listener(RoleFinished(plan.role.name, _outcome(record)))


def _outcome(record: Record) -> str:
    if record.unanswered:
        return "partial" if record.answered else "failed"
    return "completed"


async def _ask_part(prompt: Prompt, record: Record, crew: Crew, shrinks: int) -> None:
    batch = prompt.batch
    assert batch is not None, "a review prompt shows a batch"  # noqa: S101  # our own contract
    listener = crew.asker.listener
    try:
        answer = await crew.asker.ask(prompt, crew.chain(record.plan), read_review)
    except PromptTooLongError as error:
        await _ask_smaller(batch, record, crew, error, shrinks)
    except NoAnswerError as error:
        listener(PromptFailed(prompt.role, prompt.label, str(error)))
        record.unanswered.append(
            Unanswered(batch, str(error), error.tries, (*error.replies, *_partial(error)))
        )
    else:
        listener(PromptAnswered(prompt.role, prompt.label, str(answer.model), answer.seconds))
        record.answered.append(Answered(batch, prompt, answer))


def _partial(error: NoAnswerError) -> tuple[str, ...]:
    """The beginning of an answer whose end never came; kept for the reader, not believed."""
    last = error.last
    return (last.partial,) if isinstance(last, IncompleteStreamError) and last.partial.strip() else ()


async def _ask_smaller(
    batch: Batch, record: Record, crew: Crew, error: PromptTooLongError, shrinks: int
) -> None:
    """Divide a part that a model found too long, by the server's own numbers if it gave any."""
    role = record.plan.role
    budget = batch.tokens // 2
    if error.asked and error.limit and error.asked > error.limit:
        budget = min(budget, int(batch.tokens * error.limit / error.asked * 0.8))
    smaller = redivide(batch, budget=budget) if shrinks and budget >= _LEAST_BUDGET else None
    if smaller is None or len(smaller.batches) + len(smaller.skipped) < 2:  # noqa: PLR2004  # not divided
        crew.asker.listener(PromptFailed(role.name, f"{role.name} {batch.index}", str(error)))
        record.unanswered.append(Unanswered(batch, str(error), (Try(record.plan.chain[0], str(error)),)))
        return
    for part in smaller.skipped:
        left = Batch(batch.index, batch.count, (), (part.path,), batch.snapshot)
        record.unanswered.append(Unanswered(left, part.reason))
    async with anyio.create_task_group() as group:
        for piece in smaller.batches:
            prompt = review_prompt(role, piece, crew.wording)
            group.start_soon(_ask_part, prompt, record, crew, shrinks - 1)


async def _ask_verdict(record: Record, crew: Crew) -> None:
    """One short call over the role's own partial results, for its rating and opinion on the whole."""
    role = record.plan.role
    answered = record.answered
    prompt = verdict_prompt(
        role,
        _results(answered),
        crew.wording,
        parts=len(answered),
        snapshot=answered[0].batch.snapshot,
    )
    try:
        record.verdict = await crew.asker.ask(prompt, crew.chain(record.plan), read_verdict)
    except NoAnswerError as error:
        record.verdict_problem, record.verdict_tries = str(error), error.tries
    except ModelError as error:
        record.verdict_problem = str(error)
    else:
        verdict = record.verdict
        crew.asker.listener(PromptAnswered(role.name, prompt.label, str(verdict.model), verdict.seconds))


def _results(answered: Sequence[Answered]) -> str:
    """A role's partial results as text for its closing prompt."""
    rows = []
    for item in answered:
        review = item.answer.value
        rating = f", rated {review.rating}/10" if review.rating else ""
        rows.append(f"Part {item.batch.index} ({', '.join(item.batch.paths)}){rating}: {review.summary}")
        rows += [
            f"- {claim.severity}: {claim.title} ({claim.file}): {claim.failure_scenario or claim.explanation}"
            for claim in review.claims
        ]
        rows += [f"- strength: {text}" for text in review.strengths]
        rows += [f"- recommendation ({advice.horizon}): {advice.text}" for advice in review.recommendations]
    return "\n".join(rows)

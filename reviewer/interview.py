"""Asking one role about all parts of a change, and keeping what came back even if it is stopped half way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import anyio

from reviewer.errors import ModelError, PromptTooLongError
from reviewer.events import PromptAnswered, PromptFailed, RoleFinished, RoleStarted
from reviewer.findings.finding import Claim, ReadReview
from reviewer.findings.reply import ReadVerdict, read_review, read_verdict
from reviewer.models.ask import Answer, Asker, Candidate, Journal, Read
from reviewer.models.model import Backend
from reviewer.plan import RolePlan
from reviewer.prompting.batch import Batch, redivide
from reviewer.prompting.prompt import Prompt, Wording, review_prompt, verdict_prompt
from reviewer.prompting.tokens import estimate_tokens

T = TypeVar("T")

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


def reading_position(batch: Batch) -> tuple[object, ...]:
    """Sorts parts, and pieces of a part, into the order of the change."""
    starts = [(part.change.path, *(hunk.new_start for hunk in part.change.hunks)) for part in batch.sections]
    return (batch.index, starts)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A part that was not.

    Attributes:
        batch: the part.
        reason: why.
        paths: the files of it that this is about; all of them if empty.
    """

    batch: Batch
    reason: str
    paths: tuple[str, ...] = ()


@dataclass(slots=True)
class Record:
    """What one role has produced so far; filled while it runs, so that stopping loses nothing.

    Attributes:
        plan: what was to be asked.
        answered, unanswered: parts that are settled.
        journals: what happened to every prompt that was begun.
        verdict: the closing opinion, if there is one.
        verdict_problem: why there is none although there should be.
        bugs: errors that nobody expected; what they prevented is in `unanswered`.
    """

    plan: RolePlan
    answered: list[Answered] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    verdict: Answer[ReadVerdict] | None = None
    verdict_problem: str = ""
    bugs: list[Exception] = field(default_factory=list)

    def journal(self) -> Journal:
        """A journal for a prompt that is about to be asked."""
        self.journals.append(Journal())
        return self.journals[-1]


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
    listener(RoleStarted(plan.role.name, str(plan.chain[0]), plan.count))
    async with anyio.create_task_group() as group:
        for prompt, batch in plan.asked:
            group.start_soon(_ask_part, prompt, batch, record, crew, _SHRINKS)
    record.answered.sort(key=lambda item: reading_position(item.batch))
    if len(record.answered) > 1:
        await _ask_verdict(record, crew)
    listener(RoleFinished(plan.role.name, _outcome(record)))


def _outcome(record: Record) -> str:
    if not record.answered:
        return "failed"
    return "partial" if record.unanswered or record.verdict_problem else "completed"


async def _ask_part(prompt: Prompt, batch: Batch, record: Record, crew: Crew, shrinks: int) -> None:
    try:
        answer = await _ask(prompt, record, crew, read_review)
    except PromptTooLongError as error:
        await _ask_smaller(batch, record, crew, error, shrinks)
        return
    if isinstance(answer, str):
        record.unanswered.append(Unanswered(batch, answer))
    else:
        record.answered.append(Answered(batch, prompt, answer))


async def _ask(prompt: Prompt, record: Record, crew: Crew, read: Read[T]) -> Answer[T] | str:
    """The answer, or why there is none.

    Raises:
        PromptTooLongError: the prompt does not fit a model.
    """
    try:
        answer = await crew.asker.ask(prompt, crew.chain(record.plan), read, record.journal())
    except PromptTooLongError:
        raise
    except ModelError as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001  # a bug of ours must not cost what the other prompts brought
        record.bugs.append(error)
        problem = f"a bug in reviewer: {type(error).__name__}: {' '.join(str(error).split())[:_SHOWN_BUG]}"
    else:
        crew.asker.listener(_answered(prompt, answer))
        return answer
    crew.asker.listener(PromptFailed(prompt.role, prompt.label, problem))
    return problem


def _answered(prompt: Prompt, answer: Answer[T]) -> PromptAnswered:
    return PromptAnswered(
        prompt.role,
        prompt.label,
        str(answer.model),
        answer.seconds,
        estimated=answer.sent.tokens,
        counted=answer.reply.usage.prompt,
    )


async def _ask_smaller(
    batch: Batch, record: Record, crew: Crew, error: PromptTooLongError, shrinks: int
) -> None:
    """Divide a part that a model found too long, by the server's own numbers if it gave any."""
    role = record.plan.role
    budget = batch.tokens // 2
    if error.asked and error.limit and error.asked > error.limit:
        budget = min(budget, int(batch.tokens * error.limit / error.asked * 0.8))
    smaller = redivide(batch, budget=budget) if shrinks and budget >= _LEAST_BUDGET else None
    if smaller is None or len(smaller.batches) + len(smaller.skipped) <= 1:
        crew.asker.listener(PromptFailed(role.name, f"{role.name} {batch.index}", str(error)))
        record.unanswered.append(Unanswered(batch, str(error)))
        return
    for part in smaller.skipped:
        record.unanswered.append(Unanswered(batch, part.reason, (part.path,)))
    async with anyio.create_task_group() as group:
        for piece in smaller.batches:
            prompt = review_prompt(role, piece, crew.wording)
            group.start_soon(_ask_part, prompt, piece, record, crew, shrinks - 1)


async def _ask_verdict(record: Record, crew: Crew) -> None:
    """One short call over the role's own partial results, for its rating and opinion on the whole."""
    role = record.plan.role
    answered = record.answered
    prompt = verdict_prompt(
        role,
        results_text(answered, budget=record.plan.budget),
        crew.wording,
        parts=len(answered),
        snapshot=answered[0].batch.snapshot,
    )
    try:
        verdict = await _ask(prompt, record, crew, read_verdict)
    except PromptTooLongError as error:
        verdict = str(error)
        crew.asker.listener(PromptFailed(role.name, prompt.label, verdict))
    if isinstance(verdict, str):
        record.verdict_problem = verdict
    else:
        record.verdict = verdict


def results_text(answered: Sequence[Answered], *, budget: int) -> str:
    """A role's partial results as text for its closing prompt, the weightiest first where not all fit.

    Args:
        answered: the parts.
        budget: tokens that the text may have.
    """
    heads, claims, rest = [], [], []
    for item in answered:
        review, part = item.answer.value, item.batch.index
        rating = f", rated {review.rating}/10" if review.rating else ""
        heads.append(f"Part {part} ({_few(item.batch.paths)}){rating}: {_short(review.summary)}")
        claims += [(claim.severity.rank, part, _claim_line(part, claim)) for claim in review.claims]
        rest += [f"- part {part}, strength: {_short(text)}" for text in review.strengths]
        rest += [
            f"- part {part}, recommendation ({advice.horizon}): {_short(advice.text)}"
            for advice in review.recommendations
        ]
    claims.sort(key=lambda row: row[:2])
    rows: list[str] = []
    left = budget - _REMARK_TOKENS
    wanted = [*heads, *(line for _, _, line in claims), *rest]
    for row in wanted:
        left -= estimate_tokens(row) + 1
        if left < 0:
            rows.append(f"({len(wanted) - len(rows)} more lines of results did not fit here.)")
            break
        rows.append(row)
    return "\n".join(rows)


def _claim_line(part: int, claim: Claim) -> str:
    said = _short(claim.failure_scenario or claim.explanation)
    judged = f"{claim.severity}, {claim.confidence} confidence"
    return f"- part {part}, {judged}, {claim.file}: {claim.title}: {said}"


def _few(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
    return ", ".join(paths[:_SHOWN_PATHS]) + more


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS].rsplit(" ", 1)[0] + " …"


_SHOWN_PATHS, _SHOWN_CHARACTERS = 8, 600
"""How much of a list of paths, and of one text, a closing prompt repeats."""
_SHOWN_BUG = 200
_REMARK_TOKENS = 20
"""For the line that says how much is missing."""

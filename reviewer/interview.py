"""Asking one role about all parts of a change, and keeping what came back even if it is stopped half way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import anyio

from reviewer.changes.changeset import SkippedFile
from reviewer.errors import ModelError, PromptTooLongError, ReplayError, WindowTooSmallError
from reviewer.events import Divided, FailedOver, PromptAnswered, PromptFailed, RoleFinished, RoleStarted
from reviewer.findings.finding import Claim, ReadReview
from reviewer.findings.reply import ReadVerdict, read_review, read_verdict
from reviewer.models.answer import Answer, Candidate, Journal, Read
from reviewer.models.ask import Asker
from reviewer.models.model import Backend, ModelRef
from reviewer.plan import RolePlan, batch_budget, fitted
from reviewer.prompting.batch import Batch, redivide
from reviewer.prompting.prompt import Prompt, Wording, review_prompt, verdict_prompt
from reviewer.prompting.role import Role
from reviewer.prompting.tokens import Calibration, estimate_tokens

T = TypeVar("T")

_LEAST_BUDGET = 150
"""Tokens; a model that cannot take so little of the change has no room beside the instructions."""
_SHRINKS = 3
"""How often a prompt that a model finds too long is divided again."""
_USED = 0.8
"""Share of a limit that a smaller prompt may use: the server's numbers are about all of the request."""


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
        stopped: why the role was stopped before it was done, or empty.
    """

    plan: RolePlan
    answered: list[Answered] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    verdict: Answer[ReadVerdict] | None = None
    verdict_problem: str = ""
    bugs: list[Exception] = field(default_factory=list)
    stopped: str = ""

    def journal(self) -> Journal:
        """A journal for a prompt that is about to be asked."""
        self.journals.append(Journal())
        return self.journals[-1]


@dataclass(frozen=True, slots=True)
class Crew:
    """Who asks and who is asked.

    Attributes:
        asker: how.
        backends: what answers, by provider.
        wording: the templates.
        windows: tokens of each model's window, None where it is not known.
        calibration: what earlier replies taught about estimates.
    """

    asker: Asker
    backends: Mapping[str, Backend]
    wording: Wording
    windows: Mapping[ModelRef, int | None] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)

    def chain(self, plan: RolePlan) -> tuple[Candidate, ...]:
        """The models of a role with the servers behind them."""
        return tuple(
            Candidate(
                model,
                self.backends[model.provider],
                self.windows.get(model),
                self.calibration.factor(str(model)),
            )
            for model in plan.chain
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a role's change on its way to a model.

    Attributes:
        batch: what it shows.
        prompt: what is asked about it.
        chain: the models that are left to ask.
        shrinks: how often it may still be divided.
    """

    batch: Batch
    prompt: Prompt
    chain: tuple[Candidate, ...]
    shrinks: int = _SHRINKS


async def interview(record: Record, crew: Crew) -> None:
    """Ask a role about all its batches at once (the servers' limits hold them back), then for its opinion."""
    plan = record.plan
    listener = crew.asker.listener
    listener(RoleStarted(plan.role.name, str(plan.chain[0]), plan.count))
    chain = crew.chain(plan)
    async with anyio.create_task_group() as group:
        for prompt, batch in plan.asked:
            group.start_soon(_ask_part, _Part(batch, prompt, chain), record, crew)
    record.answered.sort(key=lambda item: reading_position(item.batch))
    if len(record.answered) > 1:
        await _ask_verdict(record, crew)
    listener(RoleFinished(plan.role.name, _outcome(record)))


def _outcome(record: Record) -> str:
    if not record.answered:
        return "failed"
    return "partial" if record.unanswered or record.verdict_problem else "completed"


async def _ask_part(part: _Part, record: Record, crew: Crew) -> None:
    journal = record.journal()
    try:
        answer = await _ask(part.prompt, part.chain, (record, journal), crew, read_review)
    except PromptTooLongError as error:
        left = replace(part, chain=part.chain[error.position :])
        await _ask_smaller(left, record, crew, error)
        return
    if isinstance(answer, str):
        record.unanswered.append(Unanswered(part.batch, answer))
        return
    answered = Answered(part.batch, part.prompt, answer)
    problem = _not_whole(answer, crew)
    pieces = _pieces(part, crew, problem, record.plan.role) if problem is not None else None
    if problem is None or pieces is None:
        record.answered.append(answered)
    else:
        await _ask_instead(answered, journal, pieces, (record, part, problem), crew)


def _not_whole(answer: Answer[ReadReview], crew: Crew) -> PromptTooLongError | None:
    """Why an answer does not speak for the whole part: its prompt was cut without a word, or it broke off."""
    counted, sent = answer.reply.usage.prompt, answer.sent.tokens
    if counted is not None and crew.calibration.looks_cut(str(answer.model), estimated=sent, counted=counted):
        said = f"{answer.model.provider} counted {counted:,} of about {sent:,} tokens; it has cut the prompt"
        # What is left after cutting is not the window: how much smaller it has to be is not known.
        return PromptTooLongError(said)
    if answer.value.truncated:
        return PromptTooLongError(f"the answer of {answer.model} broke off at its limit")
    return None


async def _ask_instead(
    answered: Answered,
    journal: Journal,
    pieces: Sequence[_Part],
    about: tuple[Record, _Part, PromptTooLongError],
    crew: Crew,
) -> None:
    """Ask about the pieces of a part whose answer is not whole; that answer counts only if they get none."""
    record, part, problem = about
    _tell_divided(part, len(pieces), problem, crew)
    if answered.answer.value.truncated:
        # A model that breaks off again will do so with every smaller piece.
        pieces = [replace(piece, shrinks=0) for piece in pieces]
    inner = Record(record.plan, journals=record.journals, bugs=record.bugs)
    try:
        async with anyio.create_task_group() as group:
            for piece in pieces:
                group.start_soon(_ask_part, piece, inner, crew)
    finally:
        if inner.answered:
            journal.unread.append(answered.answer.reply.text)
            record.answered += inner.answered
            record.unanswered += inner.unanswered
        else:
            record.answered.append(answered)


async def _ask(
    prompt: Prompt, chain: Sequence[Candidate], notes: tuple[Record, Journal], crew: Crew, read: Read[T]
) -> Answer[T] | str:
    """The answer, or why there is none.

    Raises:
        PromptTooLongError: the prompt does not fit a model.
    """
    record, journal = notes
    try:
        answer = await crew.asker.ask(prompt, chain, read, journal)
    except (PromptTooLongError, ReplayError):
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


async def _ask_smaller(part: _Part, record: Record, crew: Crew, error: PromptTooLongError) -> None:
    """Divide a part that is too long for the first model of its chain; if that is no use, ask the next."""
    role = record.plan.role
    division = _divided(part, crew, error, role)
    if division is not None:
        pieces, skipped = division
        _tell_divided(part, len(pieces), error, crew)
        for left in skipped:
            record.unanswered.append(Unanswered(part.batch, left.reason, (left.path,)))
        async with anyio.create_task_group() as group:
            for piece in pieces:
                group.start_soon(_ask_part, piece, record, crew)
        return
    if len(part.chain) > 1:
        model, successor = (str(candidate.model) for candidate in part.chain[:2])
        crew.asker.listener(FailedOver(role.name, part.prompt.label, model, successor, str(error)))
        await _ask_part(replace(part, chain=part.chain[1:]), record, crew)
        return
    crew.asker.listener(PromptFailed(role.name, part.prompt.label, str(error)))
    record.unanswered.append(Unanswered(part.batch, str(error)))


def _tell_divided(part: _Part, pieces: int, error: PromptTooLongError, crew: Crew) -> None:
    prompt, model = part.prompt, str(part.chain[0].model)
    crew.asker.listener(Divided(prompt.role, prompt.label, model, pieces, str(error)))


def _pieces(part: _Part, crew: Crew, error: PromptTooLongError, role: Role) -> Sequence[_Part] | None:
    """The pieces of a part, if it can be divided without leaving anything out."""
    found = _divided(part, crew, error, role)
    return found[0] if found is not None and not found[1] else None


def _divided(
    part: _Part, crew: Crew, error: PromptTooLongError, role: Role
) -> tuple[tuple[_Part, ...], tuple[SkippedFile, ...]] | None:
    """A part in smaller pieces, by the window and the server's own numbers, where known."""
    candidate, batch = part.chain[0], part.batch
    known = isinstance(error, WindowTooSmallError)
    smaller = fitted(role, candidate.window)
    budget = batch_budget(
        smaller, candidate.window, crew.wording, factor=candidate.factor, snapshot=batch.snapshot
    )
    if not known:
        budget = min(budget, batch.tokens // 2)
        ours = error.asked is not None and _is_about(error.asked, part.prompt)
        if ours and error.asked and error.limit and error.asked > error.limit:
            budget = min(budget, int(batch.tokens * error.limit / error.asked * _USED))
    if not part.shrinks or budget < _LEAST_BUDGET:
        return None
    division = redivide(batch, budget=budget)
    if len(division.batches) + len(division.skipped) <= 1 and not known:
        return None
    pieces = tuple(
        _Part(
            piece, _with_room(review_prompt(smaller, piece, crew.wording), part), part.chain, part.shrinks - 1
        )
        for piece in division.batches
    )
    return pieces, division.skipped


def _is_about(counted: int, prompt: Prompt) -> bool:
    """Whether a count can be one of this prompt, and not of something else that the server meant."""
    return prompt.tokens <= counted * _FAR and counted <= prompt.needs() * _FAR


_FAR = 4


def _with_room(prompt: Prompt, part: _Part) -> Prompt:
    return replace(prompt, room=part.prompt.room)


async def _ask_verdict(record: Record, crew: Crew) -> None:
    """One short call over the role's own partial results, for its rating and opinion on the whole."""
    plan, answered = record.plan, record.answered
    chain, budget = crew.chain(plan), plan.budget
    journal = record.journal()
    verdict: Answer[ReadVerdict] | str = ""
    for _ in range(_SHRINKS):
        role = fitted(plan.role, chain[0].window)
        snapshot = answered[0].batch.snapshot
        text = results_text(answered, budget=budget)
        prompt = verdict_prompt(role, text, crew.wording, parts=len(answered), snapshot=snapshot)
        prompt = replace(prompt, room=plan.prompts[0].room)
        try:
            verdict = await _ask(prompt, chain, (record, journal), crew, read_verdict)
            break
        except PromptTooLongError as error:
            verdict = str(error)
            chain, budget = chain[error.position :], budget // 2
    else:
        crew.asker.listener(PromptFailed(plan.role.name, f"{plan.role.name} closing", str(verdict)))
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

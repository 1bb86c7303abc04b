"""Asking one role about all parts of a change, and keeping what came back even if it is stopped half way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import anyio

from reviewer.asking import answer_of
from reviewer.closing import results_text
from reviewer.crew import Crew
from reviewer.dividing import SHRINKS, Part, divided
from reviewer.errors import PromptTooLongError
from reviewer.events import (
    Divided,
    Event,
    FailedOver,
    PromptFailed,
    RoleFinished,
    RoleStarted,
)
from reviewer.findings.finding import ReadReview
from reviewer.findings.reply import ReadVerdict, read_review, read_verdict
from reviewer.models.answer import Answer, Candidate, Journal, Read
from reviewer.plan import fitted
from reviewer.prompting.prompt import Prompt, verdict_prompt
from reviewer.record import Answered, Record, Unanswered, reading_position

T = TypeVar("T")


async def interview(record: Record, crew: Crew) -> None:
    """Ask a role about all its batches at once (the servers' limits hold them back), then for its opinion."""
    await _Interview(record, crew).hold()


@dataclass(frozen=True, slots=True)
class _Interview:
    """Asks one role.

    Attributes:
        record: where everything goes that comes of it.
        crew: who asks and who is asked.
    """

    record: Record
    crew: Crew

    async def hold(self) -> None:
        """Ask about every part, and for an opinion where there are several."""
        record, plan = self.record, self.record.plan
        self._tell(RoleStarted(plan.role.name, str(plan.chain[0]), plan.count))
        chain = self.crew.candidates(plan.chain)
        await self.ask_parts([Part(batch, prompt, chain) for prompt, batch in plan.asked])
        record.answered.sort(key=lambda item: reading_position(item.batch))
        if len(record.answered) > 1:
            await self._ask_verdict()
        self._tell(RoleFinished(plan.role.name, _outcome(record)))

    def _tell(self, event: Event) -> None:
        self.crew.asker.listener(event)

    async def ask_parts(self, parts: Iterable[Part]) -> None:
        """Ask about parts at once."""
        async with anyio.create_task_group() as group:
            for part in parts:
                group.start_soon(self._ask_part, part)

    async def _ask_part(self, part: Part) -> None:
        record, crew = self.record, self.crew
        journal = record.journal()
        try:
            answer = await self._ask(part.prompt, part.chain, journal, read_review)
        except PromptTooLongError as error:
            await self._ask_smaller(replace(part, chain=part.chain[error.position :]), error)
            return
        if isinstance(answer, str):
            record.unanswered.append(Unanswered(part.batch, answer))
            return
        answered = Answered(part.batch, part.prompt, answer)
        problem = _not_whole(answer, crew)
        pieces = divided(part, record.plan.role, crew.wording, problem) if problem is not None else None
        if problem is None or pieces is None or pieces.skipped:
            record.answered.append(answered)
            return
        self._tell_divided(part, len(pieces.parts), problem)
        await self._ask_instead(answered, journal, pieces.parts)

    async def _ask_instead(self, answered: Answered, journal: Journal, pieces: Sequence[Part]) -> None:
        """Ask about the pieces of a part whose answer is not whole; that counts only if they get none."""
        record = self.record
        if answered.answer.value.truncated:
            # A model that breaks off again will do so with every smaller piece.
            pieces = [replace(piece, shrinks=0) for piece in pieces]
        inner = Record(record.plan, journals=record.journals, bugs=record.bugs)
        try:
            await replace(self, record=inner).ask_parts(pieces)
        finally:
            if inner.answered:
                journal.unread.append(answered.answer.reply.text)
                record.answered += inner.answered
                record.unanswered += inner.unanswered
            else:
                record.answered.append(answered)

    async def _ask(
        self, prompt: Prompt, chain: Sequence[Candidate], journal: Journal, read: Read[T]
    ) -> Answer[T] | str:
        """The answer, or why there is none.

        Raises:
            PromptTooLongError: the prompt does not fit a model.
            ReplayError: a recording has no answer to it.
        """
        return await answer_of(self.crew, prompt, chain, journal, read, bugs=self.record.bugs)

    async def _ask_smaller(self, part: Part, error: PromptTooLongError) -> None:
        """Divide a part that is too long for the first model left; if that is no use, ask the next one."""
        record, prompt = self.record, part.prompt
        pieces = divided(part, record.plan.role, self.crew.wording, error)
        if pieces is not None:
            self._tell_divided(part, len(pieces.parts), error)
            for left in pieces.skipped:
                record.unanswered.append(Unanswered(part.batch, left.reason, (left.path,)))
            await self.ask_parts(pieces.parts)
            return
        if len(part.chain) > 1:
            model, successor = (str(candidate.model) for candidate in part.chain[:2])
            self._tell(FailedOver(prompt.role, prompt.label, model, successor, str(error)))
            await self._ask_part(replace(part, chain=part.chain[1:]))
            return
        self._tell(PromptFailed(prompt.role, prompt.label, str(error)))
        record.unanswered.append(Unanswered(part.batch, str(error)))

    def _tell_divided(self, part: Part, pieces: int, error: PromptTooLongError) -> None:
        prompt, model = part.prompt, str(part.chain[0].model)
        self._tell(Divided(prompt.role, prompt.label, model, pieces, str(error)))

    async def _ask_verdict(self) -> None:
        """One short call over the role's own partial results, for its rating and opinion on the whole."""
        record, plan, crew = self.record, self.record.plan, self.crew
        chain, budget = crew.candidates(plan.chain), plan.budget
        journal = record.journal()
        verdict: Answer[ReadVerdict] | str = ""
        for _ in range(SHRINKS):
            role = fitted(plan.role, chain[0].window)
            snapshot = record.answered[0].batch.snapshot
            text = results_text(record.answered, budget=budget)
            parts = len(record.answered)
            prompt = verdict_prompt(role, text, crew.wording, parts=parts, snapshot=snapshot)
            prompt = replace(prompt, room=plan.prompts[0].room)
            try:
                verdict = await self._ask(prompt, chain, journal, read_verdict)
                break
            except PromptTooLongError as error:
                verdict = str(error)
                chain, budget = chain[error.position :], budget // 2
        else:
            self._tell(PromptFailed(plan.role.name, f"{plan.role.name} closing", str(verdict)))
        if isinstance(verdict, str):
            record.verdict_problem = verdict
        else:
            record.verdict = verdict


def _outcome(record: Record) -> str:
    if not record.answered:
        return "failed"
    return "partial" if record.unanswered or record.verdict_problem else "completed"


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

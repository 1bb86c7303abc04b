"""How a prompt is asked until it is answered: in another way, or of another model.

Three layers with budgets of their own, all driven by the table in `reactions.py`: a request is repeated
(`sending.py`), it is asked in another way (`_adapting`), and a model that fails is followed by the next one
(`ask`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from reviewer.errors import (
    EmptyReplyError,
    EndlessError,
    InvalidReplyError,
    ModelError,
    PromptTooLongError,
    WindowTooSmallError,
)
from reviewer.events import Adapted, Corrected, FailedOver
from reviewer.models.answer import UNREADABLE, Answer, Candidate, Journal, NoAnswerError, Read, T
from reviewer.models.model import USUAL, Finish, Manner, ModelRef, Reply
from reviewer.models.sending import Sender, Target
from reviewer.prompting.prompt import Prompt, with_correction


@dataclass(slots=True)
class _Turn:
    """One model's turn with one prompt: how it is asked now, and what is left of the budgets."""

    prompt: Prompt
    current: Prompt
    corrections: int
    loosenings: int
    enlargements: int
    manner: Manner = USUAL
    shortened: bool = False
    problems: list[InvalidReplyError] = field(default_factory=list)

    def loosen(self, *, lively: bool = False) -> bool:
        """Ask in a looser output mode next, if the budget allows."""
        if not self.loosenings:
            return False
        self.loosenings -= 1
        self.current = self.prompt
        self.manner = replace(self.manner, looser=self.manner.looser + 1, lively=lively)
        return True

    def enlarge(self, window: int | None) -> bool:
        """Ask for a reply of twice the length next, if budget and window allow."""
        doubled = replace(self.prompt, output_tokens=self.prompt.output_tokens * 2)
        if not self.enlargements or (window is not None and doubled.needs() > window):
            return False
        self.enlargements -= 1
        self.prompt = self.current = doubled
        self.manner = replace(self.manner, cap=None)
        return True

    def shorten(self, room: int | None) -> bool:
        """Ask for a shorter reply next, if that is all that is too long."""
        if self.shortened or room is None or room * _ROOM_USED < _LEAST_REPLY:
            return False
        self.shortened = True
        cap = int(room * _ROOM_USED)
        self.manner = replace(self.manner, cap=cap)
        self.prompt = self.current = replace(self.prompt, output_tokens=min(cap, self.prompt.output_tokens))
        return True


_ROOM_USED = 0.95
_LEAST_REPLY = 1024
"""Tokens; no review fits into less."""


@dataclass(frozen=True, slots=True)
class Asker(Sender):
    """Asks chains of models: a sender that knows other ways of asking, and other models to ask."""

    async def ask(
        self, prompt: Prompt, chain: Sequence[Candidate], read: Read[T], journal: Journal | None = None
    ) -> Answer[T]:
        """Ask the models of a chain in turn until one gives an answer that can be read.

        Args:
            prompt: what to ask.
            chain: the models, best first; at least one.
            read: turns a reply into a value.
            journal: where to note what happens, for a caller who wants to know it in any case.

        Raises:
            NoAnswerError: no model answered.
            PromptTooLongError: the prompt does not fit the model at the error's `position` in the chain,
                whose turn it is; the caller divides it and goes on with that model.
            ValueError: the chain is empty.
        """
        if not chain:
            raise ValueError("a chain of models has at least one")
        started = self.clock.now()
        journal = journal or Journal()
        failures: list[tuple[ModelRef, ModelError]] = []
        for position, candidate in enumerate(chain):
            last = position + 1 == len(chain)
            try:
                _check_fit(prompt, candidate)
                sent, reply, value = await self._adapting(prompt, candidate, read, journal, last=last)
            except PromptTooLongError as error:
                error.position = position
                raise
            except ModelError as error:
                failures.append((candidate.model, error))
                if not last:
                    self._tell_failover(prompt, candidate.model, chain[position + 1].model, error)
                continue
            seconds = self.clock.now() - started
            tries, unread = tuple(journal.tries), (*journal.unread, *journal.broken)
            return Answer(value, reply, candidate.model, sent, tries, unread, seconds)
        raise NoAnswerError(failures)

    def _tell_failover(self, prompt: Prompt, model: ModelRef, successor: ModelRef, error: ModelError) -> None:
        self.listener(FailedOver(prompt.role, prompt.label, str(model), str(successor), str(error)))

    async def _adapting(
        self, prompt: Prompt, candidate: Candidate, read: Read[T], journal: Journal, *, last: bool
    ) -> tuple[Prompt, Reply, T]:
        """Ask one model and read; what comes back decides in which way it is asked again."""
        policy = self.policy
        target = Target(candidate, journal, last)
        turn = _Turn(prompt, prompt, policy.corrections, policy.loosenings, policy.enlargements)
        cut: tuple[Prompt, Reply, T] | None = None
        while True:
            try:
                reply = await self.send(turn.current, turn.manner, target)
                _check_not_blank(reply, candidate)
                if reply.finish is Finish.LENGTH and turn.enlarge(candidate.window):
                    cut = self._note_cut(turn, candidate, reply, read, journal)
                    continue
                value = _read(reply, read, journal)
            except ModelError as error:
                if self._adapt(turn, candidate, error, journal):
                    continue
                if cut is not None:
                    return cut  # what broke off at its limit is better than nothing
                if isinstance(error, PromptTooLongError) and turn.problems:
                    raise turn.problems[-1] from None
                raise
            return turn.current, reply, value

    def _note_cut(
        self, turn: _Turn, candidate: Candidate, reply: Reply, read: Read[T], journal: Journal
    ) -> tuple[Prompt, Reply, T] | None:
        """Keep an answer that broke off: the longer one may never come, or not repeat all of it."""
        problem = "the answer broke off at its limit"
        journal.unread.append(reply.text)
        journal.tries[-1] = replace(journal.tries[-1], problem=problem, kind="CutOff")
        self._tell(turn, candidate, "with twice the room for the reply", problem)
        try:
            return turn.current, reply, _read(reply, read, journal)
        except InvalidReplyError:
            return None

    def _adapt(self, turn: _Turn, candidate: Candidate, error: ModelError, journal: Journal) -> bool:
        """Change the way of asking after a failure; False if there is no other way left."""
        match error:
            case InvalidReplyError():
                turn.problems.append(error)
                journal.tries[-1] = replace(journal.tries[-1], problem=f"{UNREADABLE}: {error}")
                journal.unread.append(error.text)
                return self._correct(turn, candidate, error)
            case EmptyReplyError(cut=True):
                journal.tries[-1] = replace(journal.tries[-1], problem=str(error))
                changed, how = turn.enlarge(candidate.window), "with twice the room for the reply"
            case EmptyReplyError():
                journal.tries[-1] = replace(journal.tries[-1], problem=str(error))
                changed, how = turn.loosen(), "in a looser output mode"
            case EndlessError():
                changed, how = turn.loosen(lively=True), "in a looser output mode, with more variation"
            case PromptTooLongError() if turn.problems:
                # The prompt fits; only the request to correct the answer does not.
                return False
            case PromptTooLongError():
                changed, how = turn.shorten(error.room), "for a shorter reply"
            case _:
                return False
        if changed:
            self._tell(turn, candidate, how, str(error))
        return changed

    def _correct(self, turn: _Turn, candidate: Candidate, error: InvalidReplyError) -> bool:
        """Send an unreadable answer back to its author, and then ask anew in a looser output mode."""
        if len(turn.problems) <= turn.corrections:
            prompt = turn.prompt
            self.listener(Corrected(prompt.role, prompt.label, str(candidate.model), str(error)))
            turn.current = with_correction(prompt, error.text[:_SHOWN], error.problems or (str(error),))
            return True
        if not turn.loosen():
            return False
        self._tell(turn, candidate, "in a looser output mode", str(error))
        return True

    def _tell(self, turn: _Turn, candidate: Candidate, how: str, reason: str) -> None:
        self.listener(Adapted(turn.prompt.role, turn.prompt.label, str(candidate.model), how, reason))


def _check_fit(prompt: Prompt, candidate: Candidate) -> None:
    """See whether a prompt and its reply fit a model's window.

    Raises:
        WindowTooSmallError: they do not.
    """
    needed = prompt.needs(candidate.factor)
    if candidate.window is not None and needed > candidate.window:
        raise WindowTooSmallError(
            f"{candidate.model} has a window of {candidate.window:,} tokens, too few for this prompt and its "
            f"reply of together about {needed:,}",
            asked=needed,
            limit=candidate.window,
        )


def _check_not_blank(reply: Reply, candidate: Candidate) -> None:
    """See whether there is anything to read; an answer in the channel for thoughts is.

    Raises:
        EmptyReplyError: there is nothing.
    """
    if reply.text.strip() or reply.reasoning.strip().startswith("{"):
        return
    if reply.finish is Finish.LENGTH:
        raise EmptyReplyError(f"{candidate.model}: thoughts used up the whole answer", cut=True)
    raise EmptyReplyError(f"{candidate.model}: the answer is empty")


def _read(reply: Reply, read: Read[T], journal: Journal) -> T:
    """The value of a reply; one on which the reader itself fails is kept too."""
    try:
        return read(reply)
    except InvalidReplyError:
        raise
    except Exception:  # a bug of the reader's must not cost the text, which is all that there is
        journal.unread.append(reply.text)
        raise


_SHOWN = 2000
"""Characters of an unreadable answer that are sent back to its author."""

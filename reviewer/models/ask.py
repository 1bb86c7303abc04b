"""How a prompt is asked until it is answered: repetitions, changes and failover. The door to tenacity.

Three layers with budgets of their own, all driven by the table in `reactions.py`: a request is repeated
(`_repeating`), it is asked in another way (`_adapting`), and a model that fails is followed by the next one
(`ask`).
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Generic, TypeVar

import anyio
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from reviewer.errors import (
    CircuitOpenError,
    EmptyReplyError,
    EndlessError,
    InvalidReplyError,
    LoadingError,
    ModelError,
    PromptTooLongError,
    RateLimitedError,
    WindowTooSmallError,
)
from reviewer.events import (
    Adapted,
    BreakerChanged,
    Corrected,
    FailedOver,
    Listener,
    PromptSent,
    RequestEnded,
    Retrying,
    SlowedDown,
    nobody,
)
from reviewer.models.breaker import State
from reviewer.models.health import Health
from reviewer.models.model import USUAL, Backend, Finish, Manner, ModelRef, Reply, Usage
from reviewer.models.repeats import Repeats, RetryPolicy
from reviewer.prompting.prompt import Prompt, with_correction

UNREADABLE = "unreadable answer"
"""How the problem of a try begins that was answered, but not with what was asked for."""

T = TypeVar("T")
Read = Callable[[Reply], T]
"""Turns a reply into a value, or raises InvalidReplyError."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, so that tests need neither."""

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[float, float], float] = random.uniform


@dataclass(frozen=True, slots=True)
class Try:
    """One request and what came of it.

    Attributes:
        model: who was asked.
        problem: why it is no answer, empty for the answer.
        usage: tokens, as far as the server counted them.
        kind: the class of the error, or empty.
        seconds: from its turn to its end; None if it never ended.
        queued: seconds that it waited for its turn.
    """

    model: ModelRef
    problem: str = ""
    usage: Usage = field(default_factory=Usage)
    kind: str = ""
    seconds: float | None = None
    queued: float = 0.0


@dataclass(slots=True)
class Journal:
    """What happened to one prompt so far; filled while it is asked, so that stopping loses nothing.

    Attributes:
        tries: all requests in order.
        unread: answers that arrived but could not be read, whole.
        broken: beginnings of answers whose end never came.
    """

    tries: list[Try] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A reply that was understood.

    Attributes:
        value: what `read` made of the reply.
        reply: the reply itself.
        model: who gave it, as configured.
        sent: the prompt that it answers, which may be a request to correct an earlier answer.
        tries: all requests in order; the last one succeeded.
        unread: answers that came before it, and could not be read or never came to an end.
        seconds: from the first request to the answer.
    """

    value: T
    reply: Reply
    model: ModelRef
    sent: Prompt
    tries: tuple[Try, ...]
    unread: tuple[str, ...]
    seconds: float


class NoAnswerError(ModelError):
    """No model of a chain answered a prompt; the text gives the reason of each.

    Attributes:
        last: the last error.
    """

    def __init__(self, failures: Sequence[tuple[ModelRef, ModelError]]) -> None:
        if len(failures) == 1:
            text = str(failures[0][1])
        else:
            text = "; ".join(f"{model}: {error}" for model, error in failures)
        super().__init__(text)
        self.last = failures[-1][1]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model of a chain with the server behind it.

    Attributes:
        window: tokens that prompt and reply may have together, or None where that is not known.
        factor: tokens that it counts for each one of an estimate.
    """

    model: ModelRef
    backend: Backend
    window: int | None = None
    factor: float = 1.0


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
        return True

    def shorten(self, room: int | None) -> bool:
        """Ask for a shorter reply next, if that is all that is too long."""
        if self.shortened or room is None or room * _ROOM_USED < _LEAST_REPLY:
            return False
        self.shortened = True
        self.prompt = self.current = replace(self.prompt, output_tokens=int(room * _ROOM_USED))
        return True


_ROOM_USED = 0.95
_LEAST_REPLY = 1024
"""Tokens; no review fits into less."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks chains of models by one policy.

    Attributes:
        policy: how often and how long.
        clock: time and chance.
        listener: who is told.
        health: what is known about the models, shared by all prompts of a run.
    """

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Clock = Clock()
    listener: Listener = nobody
    health: Health = field(default_factory=Health)

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
        turn = _Turn(prompt, prompt, policy.corrections, policy.loosenings, policy.enlargements)
        cut: tuple[Prompt, Reply, T] | None = None
        while True:
            try:
                reply = await self._repeating(turn, candidate, journal, last=last)
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
                raise turn.problems[-1] from None
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

    async def _repeating(self, turn: _Turn, candidate: Candidate, journal: Journal, *, last: bool) -> Reply:
        """Ask one model; failures that may pass are repeated, after the pause that the server wants."""
        prompt, model = turn.current, candidate.model
        repeats = Repeats(self.policy, self.clock.chance)

        async def once() -> Reply:
            await self._wait_for_health(model, last=last)
            manner = replace(turn.manner, whole=repeats.broken_streams >= _STREAMS)
            try:
                return await self._request(prompt, candidate, manner, journal)
            except ModelError as error:
                said = repeats.note(error)
                self._note_failure(model, said)
                if said is error:
                    raise
                raise said from error

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            self.listener(Retrying(prompt.role, prompt.label, str(model), str(error), repeats.next_pause))

        async def sleep(seconds: float) -> None:
            await self.clock.sleep(seconds)
            error = noted[-1]
            repeats.waited(error, seconds)
            if isinstance(error, LoadingError):
                await self._wait_until_loaded(candidate, repeats, error)

        noted: list[BaseException] = []

        def may(error: BaseException) -> bool:
            noted.append(error)
            return repeats.may(error)

        return await AsyncRetrying(
            sleep=sleep,
            wait=lambda _: repeats.next_pause,
            retry=retry_if_exception(may),
            before_sleep=tell,
            reraise=True,
        )(once)

    async def _wait_until_loaded(self, candidate: Candidate, repeats: Repeats, error: LoadingError) -> None:
        """Look now and then whether the server is ready, so that the prompt is not sent in vain."""
        while repeats.may(error):
            try:
                if await candidate.backend.ready():
                    return
            except ModelError:
                return  # the next request will tell what is wrong
            await self.clock.sleep(self.policy.load_poll)
            repeats.waited(error, self.policy.load_poll)

    async def _wait_for_health(self, model: ModelRef, *, last: bool) -> None:
        """Let a request pass only if the model is not left alone just now.

        The last model of a chain is waited for, if it has answered in this run before: it may only be
        starting again.

        Raises:
            ModelError: it is not to be asked.
        """
        health, policy = self.health, self.policy
        if (out := health.why_out(model, self.clock.now())) is not None:
            raise out
        health.join(model, self.clock.now())
        breaker = health.breaker(model)
        waited = 0.0
        while (wait := breaker.wait(self.clock.now())) != 0:
            if last and not breaker.answered and not breaker.opened_here:
                breaker.probe_next()
                continue
            pause = _PROBE_POLL if wait is None else wait
            waited += pause
            if not (last and breaker.answered) or waited > policy.longest_wait:
                raise health.open_error(model)
            await self.clock.sleep(pause)

    async def _request(self, prompt: Prompt, candidate: Candidate, manner: Manner, journal: Journal) -> Reply:
        """One request in its turn; what came of it is noted."""
        model, clock = candidate.model, self.clock
        queued = clock.now()
        async with self.health.pace(model.provider).turn(clock.now, clock.sleep) as begun:
            breaker = self.health.breaker(model)
            probe = breaker.begin()
            name = str(model)
            self.listener(PromptSent(prompt.role, prompt.label, name, prompt.tokens, begun - queued))
            begin = Try(model, "stopped before the answer", kind=_STOPPED, queued=begun - queued)
            journal.tries.append(begin)
            position = len(journal.tries) - 1
            try:
                reply = await candidate.backend.ask(model.model, prompt, manner)
            except ModelError as error:
                seconds, kind = clock.now() - begun, type(error).__name__
                journal.tries[position] = replace(begin, problem=str(error), kind=kind, seconds=seconds)
                if error.partial.strip():
                    journal.broken.append(error.partial)
                status = error.details.status
                self.listener(RequestEnded(prompt.role, prompt.label, name, seconds, kind, status))
                if isinstance(error, RateLimitedError):
                    self._slow_down(model, begun, error)
                raise
            finally:
                if probe:
                    breaker.end_probe()
            seconds = clock.now() - begun
            journal.tries[position] = replace(begin, problem="", kind="", usage=reply.usage, seconds=seconds)
            self.listener(RequestEnded(prompt.role, prompt.label, name, seconds))
            changed = self.health.note_success(model)
            if changed is not None:
                self.listener(BreakerChanged(name, changed, ""))
            return reply

    def _slow_down(self, model: ModelRef, begun: float, error: RateLimitedError) -> None:
        pace, now, wait = self.health.pace(model.provider), self.clock.now(), error.retry_after or 0.0
        if wait > self.policy.longest_wait:
            self.health.hold(model, now + wait, error)
            wait = 0.0
        if pace.slow_down(now, begun, wait):
            self.listener(SlowedDown(model.provider, max(1, int(pace.limit)), wait))

    def _note_failure(self, model: ModelRef, error: ModelError) -> None:
        if isinstance(error, CircuitOpenError):
            return
        changed = self.health.note_failure(model, error, self.clock.now())
        if changed is State.OPEN:
            self.listener(BreakerChanged(str(model), changed, str(error)))


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
    except Exception:
        journal.unread.append(reply.text)
        raise


_SHOWN = 2000
"""Characters of an unreadable answer that are sent back to its author."""
_STREAMS = 2
"""Streams that broke off before the answer is asked for in one piece."""
_STOPPED = "stopped"
_PROBE_POLL = 1.0
"""Seconds between two looks whether the probe of a breaker has come back."""

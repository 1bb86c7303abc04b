"""How a prompt is asked until it is answered: retries, corrections and failover. The door to tenacity.

Three layers with budgets of their own: a request is retried (`_retrying`), an answer that cannot be read is
corrected by its author (`_correcting`), and a model that fails is followed by the next one (`ask`).
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Generic, TypeVar

import anyio
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
)

from reviewer.errors import (
    InvalidReplyError,
    ModelError,
    PromptTooLongError,
    RateLimitedError,
    RetryableError,
)
from reviewer.events import Corrected, FailedOver, Listener, PromptSent, Retrying, nobody
from reviewer.models.model import Backend, ModelRef, Reply, Usage
from reviewer.prompting.prompt import Prompt, with_correction

UNREADABLE = "unreadable answer"
"""How the problem of a try begins that was answered, but not with what was asked for."""

T = TypeVar("T")
Read = Callable[[Reply], T]
"""Turns a reply into a value, or raises InvalidReplyError."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long to try.

    Attributes:
        attempts: requests of the same prompt to the same model, at most.
        corrections: how often a model may correct an answer that could not be read.
        longest_wait: seconds; a server that asks for a longer pause is given up for this prompt.
        backoff: seconds; the mean of the first pause is half of it, and it doubles each time.
        backoff_limit: seconds; no pause of our own choice is longer.
    """

    attempts: int = 3
    corrections: int = 1
    longest_wait: float = 120.0
    backoff: float = 1.0
    backoff_limit: float = 60.0


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
    """

    model: ModelRef
    problem: str = ""
    usage: Usage = field(default_factory=Usage)


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
    """A model of a chain with the server behind it."""

    model: ModelRef
    backend: Backend


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks chains of models by one policy.

    Attributes:
        policy: how often and how long.
        clock: time and chance.
        listener: who is told.
    """

    policy: RetryPolicy = RetryPolicy()
    clock: Clock = Clock()
    listener: Listener = nobody

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
            PromptTooLongError: the prompt does not fit the model that was asked last.
            ValueError: the chain is empty.
        """
        if not chain:
            raise ValueError("a chain of models has at least one")
        started = self.clock.now()
        journal = journal or Journal()
        failures: list[tuple[ModelRef, ModelError]] = []
        for position, candidate in enumerate(chain, 1):
            try:
                sent, reply, value = await self._correcting(prompt, candidate, read, journal)
            except PromptTooLongError:
                raise
            except ModelError as error:
                failures.append((candidate.model, error))
                if position < len(chain):
                    self._tell_failover(prompt, candidate.model, chain[position].model, error)
                continue
            seconds = self.clock.now() - started
            tries, unread = tuple(journal.tries), (*journal.unread, *journal.broken)
            return Answer(value, reply, candidate.model, sent, tries, unread, seconds)
        raise NoAnswerError(failures)

    def _tell_failover(self, prompt: Prompt, model: ModelRef, successor: ModelRef, error: ModelError) -> None:
        self.listener(FailedOver(prompt.role, prompt.label, str(model), str(successor), str(error)))

    async def _correcting(
        self, prompt: Prompt, candidate: Candidate, read: Read[T], journal: Journal
    ) -> tuple[Prompt, Reply, T]:
        """Ask and read; a reply that cannot be read goes back to its author with what is wrong."""
        current = prompt
        problems: list[InvalidReplyError] = []
        while True:
            try:
                reply = await self._retrying(current, candidate, journal)
                return current, reply, _read(reply, read, journal)
            except PromptTooLongError:
                if not problems:
                    raise
                # The prompt fits; only the request to correct the answer does not.
                raise problems[-1] from None
            except InvalidReplyError as error:
                problems.append(error)
                journal.tries[-1] = replace(journal.tries[-1], problem=f"{UNREADABLE}: {error}")
                journal.unread.append(error.text)
                if len(problems) > self.policy.corrections:
                    raise
                self.listener(Corrected(prompt.role, prompt.label, str(candidate.model), str(error)))
                current = with_correction(prompt, error.text[:_SHOWN], error.problems or (str(error),))

    async def _retrying(self, prompt: Prompt, candidate: Candidate, journal: Journal) -> Reply:
        """Ask one model; failures that may pass are tried again, after the pause that the server wants."""

        async def once() -> Reply:
            self.listener(PromptSent(prompt.role, prompt.label, str(candidate.model), prompt.tokens))
            journal.tries.append(Try(candidate.model, "stopped before the answer"))
            try:
                reply = await candidate.backend.ask(candidate.model.model, prompt)
            except ModelError as error:
                journal.tries[-1] = Try(candidate.model, str(error))
                if error.partial.strip():
                    journal.broken.append(error.partial)
                raise
            journal.tries[-1] = Try(candidate.model, usage=reply.usage)
            return reply

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            wait = state.next_action.sleep if state.next_action else 0.0
            self.listener(Retrying(prompt.role, prompt.label, str(candidate.model), str(error), wait))

        return await AsyncRetrying(
            sleep=self.clock.sleep,
            stop=stop_after_attempt(self.policy.attempts),
            wait=self._pause,
            retry=retry_if_exception(self._may_pass),
            before_sleep=tell,
            reraise=True,
        )(once)

    def _may_pass(self, error: BaseException) -> bool:
        if not isinstance(error, RetryableError):
            return False
        return error.retry_after is None or error.retry_after <= self.policy.longest_wait

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RetryableError) and error.retry_after is not None:
            # With a random part: others were told the same time.
            return error.retry_after + self.clock.chance(0.0, self.policy.backoff)
        grown = self.policy.backoff * 2 ** (state.attempt_number - 1)
        lowest = self.policy.backoff / 2 if isinstance(error, RateLimitedError) else 0.0
        return self.clock.chance(lowest, min(grown, self.policy.backoff_limit))


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

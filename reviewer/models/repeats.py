"""How often and after which pauses one request may be repeated: a budget for each kind of failure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from reviewer.errors import (
    IncompleteStreamError,
    ModelError,
    OutOfQuotaError,
    RateLimitedError,
    RetryableError,
    RunnerCrashedError,
)
from reviewer.models.reactions import Repeat, reaction_to

_QUOTA_AFTER = 2
"""Refusals without a wait, from a service that always names one, that mean a limit of the month."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long to try. Every budget is separate, and all are bounded.

    Attributes:
        attempts: requests of the same prompt to the same model that may fail, at most.
        corrections: how often a model may correct an answer that could not be read.
        loosenings: how often a model is asked again in a looser output mode.
        enlargements: how often a reply may be asked for again with twice the room.
        reconnects: how often a request is repeated because a kept connection had gone.
        requests: all requests of the same prompt to the same model, at most.
        longest_wait: seconds; a server that asks for a longer pause is given up for this prompt.
        rate_patience: seconds of all pauses that a server asks for, for one prompt.
        load_patience: seconds to wait for a model that is being loaded.
        load_poll, load_poll_limit: seconds between two looks whether it is, at first and later.
        recovery: seconds before a model whose process died is asked again.
        backoff: seconds; the longest first pause, which doubles each time.
        backoff_limit: seconds; no pause of our own choice is longer.
    """

    attempts: int = 3
    corrections: int = 1
    loosenings: int = 1
    enlargements: int = 1
    reconnects: int = 2
    requests: int = 30
    longest_wait: float = 120.0
    rate_patience: float = 300.0
    load_patience: float = 300.0
    load_poll: float = 2.0
    load_poll_limit: float = 15.0
    recovery: float = 5.0
    backoff: float = 1.0
    backoff_limit: float = 60.0


class Repeats:
    """Decides about the repetitions of one request to one model."""

    def __init__(self, policy: RetryPolicy, chance: Callable[[float, float], float]) -> None:
        self._policy = policy
        self._chance = chance
        self._failures: Counter[Repeat] = Counter()
        self._kinds: Counter[type[ModelError]] = Counter()
        self._waited: dict[Repeat, float] = {Repeat.RATE: 0.0, Repeat.LOADING: 0.0}
        self._unusual = 0
        self.next_pause = 0.0

    def note(self, error: ModelError) -> ModelError:
        """Take a failure into account; returns it, or what it turns out to be."""
        self._failures[reaction_to(error).repeat] += 1
        self._kinds[type(error)] += 1
        if isinstance(error, RateLimitedError) and error.unusual:
            self._unusual += 1
            if self._unusual >= _QUOTA_AFTER:
                words = str(error).rstrip(".")
                said = f"{words}. It names no wait, so that a limit of the account is likely used up."
                return OutOfQuotaError(said, details=error.details)
        self.next_pause = self._pause(error)
        return error

    def may(self, error: BaseException) -> bool:
        """Whether the request may be repeated after this failure, the last one that was noted."""
        if not isinstance(error, ModelError) or error.details.lasting:
            return False
        policy = self._policy
        if sum(self._failures.values()) >= policy.requests:
            return False
        repeat = reaction_to(error).repeat
        match repeat:
            case Repeat.ATTEMPTS:
                within = self._failures[repeat] < policy.attempts
            case Repeat.ONCE:
                # What needs another way of asking is for the caller; the plain repetition is here.
                within = not reaction_to(error).change and self._kinds[type(error)] <= 1
            case Repeat.AT_ONCE:
                within = self._failures[repeat] <= policy.reconnects
            case Repeat.RATE:
                within = self._waited[repeat] + self.next_pause <= policy.rate_patience
            case Repeat.LOADING:
                within = self._waited[repeat] < policy.load_patience
            case Repeat.NEVER:
                within = False
        named = error.retry_after if isinstance(error, RetryableError) else None
        return within and (named is None or named <= policy.longest_wait)

    def _pause(self, error: ModelError) -> float:
        """Seconds before the next request; what the server says, or growing ones with full jitter."""
        policy = self._policy
        repeat = reaction_to(error).repeat
        if repeat is Repeat.AT_ONCE:
            return 0.0
        named = error.retry_after if isinstance(error, RetryableError) else None
        if repeat is Repeat.LOADING and named is None:
            # Servers without a way to ask get the whole prompt each time.
            doubled = self._failures[repeat] // 4
            return min(policy.load_poll * 2.0**doubled, policy.load_poll_limit)
        if isinstance(error, RunnerCrashedError):
            return policy.recovery
        if isinstance(error, RetryableError) and error.retry_after is not None:
            # With a random part: others were told the same time.
            return error.retry_after + self._chance(0.0, policy.backoff)
        count = max(1, self._failures[repeat])
        grown = min(policy.backoff * 2 ** min(count - 1, 16), policy.backoff_limit)
        lowest = policy.backoff / 2 if isinstance(error, RateLimitedError) else 0.0
        return self._chance(lowest, grown)

    def waited(self, error: BaseException | None, seconds: float) -> None:
        """A pause after this failure is over."""
        repeat = reaction_to(error).repeat if isinstance(error, ModelError) else None
        if repeat in self._waited:
            self._waited[repeat] += seconds

    @property
    def broken_streams(self) -> int:
        """How many answers broke off."""
        return self._kinds[IncompleteStreamError]

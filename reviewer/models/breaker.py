"""A circuit breaker: a model that keeps failing is left alone for a while, then tried with one request."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether requests go through."""

    CLOSED = "closed"  # all of them
    OPEN = "open"  # none, until the cool-down is over
    HALF_OPEN = "half-open"  # one at a time


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to open and when to close again.

    Attributes:
        in_a_row: failures one after the other that open it.
        window: the last so many results of which half failing opens it too.
        cooldown, longest: seconds of the first cool-down, and of the longest, as it doubles.
        successes: answers one after the other that close it, so that it does not flap.
    """

    in_a_row: int = 3
    window: int = 6
    cooldown: float = 30.0
    longest: float = 300.0
    successes: int = 3


class Breaker:
    """The state of one model. Time is given to every method, in seconds of a clock that never jumps."""

    def __init__(self, policy: BreakerPolicy | None = None) -> None:
        self._policy = policy or BreakerPolicy()
        self._results: deque[bool] = deque(maxlen=self._policy.window)
        self._row = 0
        self._healthy = 0
        self._cooldown = self._policy.cooldown
        self._until = 0.0
        self._probing = False
        self.state = State.CLOSED
        self.opened = 0
        self.opened_here = False
        self.reason = ""
        self.answered = False

    def wait(self, now: float) -> float | None:
        """Seconds until a request may be sent: 0 for now, None while another one is the probe."""
        if self.state is State.OPEN and now >= self._until:
            self.state = State.HALF_OPEN
            self._healthy = 0
        match self.state:
            case State.CLOSED:
                return 0.0
            case State.OPEN:
                return self._until - now
            case State.HALF_OPEN:
                return None if self._probing else 0.0

    def begin(self) -> bool:
        """A request is sent now; True if it is the probe, which the caller has to end with `end_probe`."""
        if self.state is not State.HALF_OPEN:
            return False
        self._probing = True
        return True

    def end_probe(self) -> None:
        """The probe is over, whatever came of it."""
        self._probing = False

    def succeeded(self) -> None:
        """An answer came."""
        self.answered = True
        match self.state:
            case State.CLOSED:
                self._row = 0
                self._results.append(True)
            case State.HALF_OPEN:
                self._healthy += 1
                if self._healthy >= self._policy.successes:
                    self.close()
            case State.OPEN:
                pass  # sent before it opened

    def failed(self, now: float, reason: str) -> None:
        """The model was not available."""
        match self.state:
            case State.CLOSED:
                self._row += 1
                self._results.append(False)
                full = len(self._results) == self._policy.window
                half = self._results.count(False) * 2 >= self._policy.window
                if self._row >= self._policy.in_a_row or (full and half):
                    self.opened_here = True
                    self.open(now, self._policy.cooldown, reason)
            case State.HALF_OPEN:
                self.opened_here = True
                self.open(now, min(self._cooldown * 2, self._policy.longest), reason)
            case State.OPEN:
                pass  # sent before it opened

    def open(self, now: float, cooldown: float, reason: str) -> None:
        """Let nothing through for a while."""
        self.state = State.OPEN
        self._cooldown = cooldown
        self._until = now + cooldown
        self.reason = reason
        self.opened += 1

    def probe_next(self) -> None:
        """Try one request at once: what is known comes from another process and may be out of date."""
        if self.state is State.OPEN:
            self.state = State.HALF_OPEN
            self._healthy = 0

    def close(self) -> None:
        """Let everything through again, and forget."""
        self.state = State.CLOSED
        self._row = 0
        self._results.clear()
        self._cooldown = self._policy.cooldown

    @property
    def cooldown(self) -> float:
        """Seconds of the cool-down that was begun last."""
        return self._cooldown

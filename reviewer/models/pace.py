"""How many requests a provider gets at once: fewer after it asked for patience, slowly more again."""

import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

_SHARE = 0.5


class Pace:
    """Lets requests pass one after the other, up to a limit that follows what the provider says.

    A 429 halves the limit and holds everything back until the named time; each answer raises it by a part,
    so that it has grown by one after as many answers as it lets through at once.
    """

    def __init__(self, most: float = math.inf, *, spacing: float = 0.0) -> None:
        """Begin with the full limit.

        Args:
            most: requests at once.
            spacing: seconds between the beginnings of two requests.
        """
        self._most = most
        self._spacing = spacing
        self._next = -math.inf
        self.limit = most
        self.under_way = 0
        self._not_before = 0.0
        self._last_cut = -math.inf
        self._waiting: deque[anyio.Event] = deque()

    @asynccontextmanager
    async def turn(
        self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> AsyncIterator[float]:
        """Wait for a turn and hold it; gives the time at which it began."""
        await self._enter(now, sleep)
        try:
            yield now()
        finally:
            self.under_way -= 1
            self._wake()

    async def _enter(self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        while True:
            await self._take_turn()
            held = self._not_before - now()
            if held <= 0:
                break
            self._give_back()
            await sleep(held)
        here = now()
        begin = max(here, self._next)
        self._next = begin + self._spacing
        if begin > here:
            try:
                await sleep(begin - here)
            except BaseException:  # cancelled: the turn goes to the next one
                self._give_back()
                raise

    async def _take_turn(self) -> None:
        if self.under_way < self._allowed and not self._waiting:
            self.under_way += 1
            return
        event = anyio.Event()
        self._waiting.append(event)
        try:
            await event.wait()
        except BaseException:  # cancelled
            if event in self._waiting:
                self._waiting.remove(event)
            else:
                self._give_back()  # woken and cancelled at once: the turn goes to the next one
            raise

    @property
    def _allowed(self) -> float:
        return max(1.0, math.floor(self.limit)) if math.isfinite(self.limit) else self.limit

    def _give_back(self) -> None:
        self.under_way -= 1
        self._wake()

    def _wake(self) -> None:
        """Give free turns to those who wait, in their order."""
        while self._waiting and self.under_way < self._allowed:
            self.under_way += 1
            self._waiting.popleft().set()

    def slow_down(self, now: float, begun: float, wait: float) -> bool:
        """The provider asked for patience: hold back until then, and halve the limit.

        Requests that were under way together are one reason to slow down, not one each.

        Args:
            now: the time.
            begun: when the refused request began.
            wait: seconds to hold everything back.

        Returns:
            Whether the limit was lowered.
        """
        self._not_before = max(self._not_before, now + wait)
        if begun <= self._last_cut:
            return False
        self._last_cut = now
        self.limit = max(1.0, min(self.limit, self.under_way or 1) * _SHARE)
        return True

    def answered(self) -> None:
        """An answer came."""
        if self.limit < self._most:
            self.limit = min(self._most, self.limit + 1.0 / max(1.0, self.limit))
            self._wake()

"""Virtual time for tests: the program's own, but it sees at once when everybody waits."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

from reviewer.models.answer import Clock
from reviewer.models.virtual_time import VirtualTime as Slow

T = TypeVar("T")


class VirtualTime(Slow):
    """A clock on which any amount of time takes none."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.chance = random.Random(seed)

    @property
    def seconds(self) -> float:
        return self.now()

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.sleep, self.chance.uniform)

    def go(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run a coroutine to its end in virtual time."""
        return anyio.run(self.run, work, *args)

    async def _settle(self, over: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        await anyio.lowlevel.checkpoint()
        while loop._ready and not over():  # type: ignore[attr-defined]
            await anyio.lowlevel.checkpoint()
        if not self._sleeping and not over():
            raise AssertionError("everybody waits, and nobody for time: a deadlock")


class Clockwork:
    """A clock that only notes how long somebody wanted to wait; a limit of ten minutes is never reached."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    @property
    def clock(self) -> Clock:
        async def sleep(seconds: float) -> None:
            if seconds >= 600:
                await anyio.sleep_forever()
            self.slept.append(seconds)

        return Clock(lambda: sum(self.slept), sleep, lambda low, _high: low)

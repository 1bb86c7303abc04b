"""Time that passes only when nobody can do anything but wait for it."""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

from reviewer.models.answer import Clock

T = TypeVar("T")


class VirtualTime:
    """A clock for programs without real input or output: sleeping moves it on, once all tasks are waiting."""

    def __init__(self, seed: int = 0) -> None:
        self.seconds = 0.0
        self.chance = random.Random(seed)
        self._sleeping: list[tuple[float, int, anyio.Event]] = []
        self._count = 0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        event = anyio.Event()
        heapq.heappush(self._sleeping, (self.seconds + max(0.0, seconds), self._count, event))
        await event.wait()

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.sleep, self.chance.uniform)

    def run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run a coroutine to its end in virtual time."""
        return anyio.run(self._drive, work, args)

    async def _drive(self, work: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
        made: list[T] = []
        over = False

        async def do() -> None:
            nonlocal over
            try:
                made.append(await work(*args))
            finally:
                over = True

        async with anyio.create_task_group() as group:
            group.start_soon(do)
            while not over:
                await anyio.lowlevel.checkpoint()
                if asyncio.get_running_loop()._ready or over:  # type: ignore[attr-defined]
                    continue
                if not self._sleeping:
                    raise AssertionError("everybody waits, and nobody for time: a deadlock")
                self.seconds, _, event = heapq.heappop(self._sleeping)
                event.set()
        return made[0]

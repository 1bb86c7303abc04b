"""Time that passes only while everybody waits for it: for replaying a run as it was, at once."""

import heapq
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

T = TypeVar("T")
_QUIET = 200
"""Turns of the event loop without any sign of life after which everybody is taken to wait."""


class VirtualTime:
    """A clock for programs without real input or output: sleeping moves it on, once all tasks are waiting.

    Tasks show that they are alive by asking for the time or by sleeping. What else they wait for, such as a
    thread, passes in no time.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._sleeping: list[tuple[float, int, anyio.Event]] = []
        self._signs = 0

    def now(self) -> float:
        """Seconds since the beginning."""
        self._signs += 1
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on by so much.

        Raises:
            ValueError: the time is negative, which a real clock refuses too.
        """
        if seconds < 0:
            raise ValueError(f"nobody can wait for {seconds} s")
        self._signs += 1
        event = anyio.Event()
        heapq.heappush(self._sleeping, (self._seconds + seconds, self._signs, event))
        await event.wait()

    async def run(self, work: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Do something on this clock, to its end."""
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
                await self._settle(lambda: over)
                if self._sleeping and not over:
                    self._seconds, _, event = heapq.heappop(self._sleeping)
                    event.set()
        return made[0]

    async def _settle(self, over: Callable[[], bool]) -> None:
        """Let all tasks go on until nobody has anything to do."""
        quiet, seen = 0, self._signs
        while quiet < _QUIET and not over():
            await anyio.lowlevel.checkpoint()
            quiet = quiet + 1 if self._signs == seen else 0
            seen = self._signs

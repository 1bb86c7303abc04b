"""Ctrl-C and termination as a reason to stop, so that the report can still be written."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

import anyio

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def stop_signals() -> Iterator[Callable[[], Awaitable[str]]]:
    """Catch the signals that ask to stop while the context lasts.

    Gives a function that waits for the first one and says which it was. Further ones change nothing: a second
    Ctrl-C must not lose the report that the first one asked for.
    """
    wanted = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    try:
        with anyio.open_signal_receiver(*wanted) as received:

            async def first() -> str:
                return await _first(received)

            yield first
    except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt there

        async def never() -> str:
            await anyio.sleep_forever()
            return ""

        yield never


async def _first(received: AsyncIterator[signal.Signals]) -> str:
    async for number in received:
        return f"interrupted by {signal.Signals(number).name}"
    return ""

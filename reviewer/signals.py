"""Ctrl-C and termination as a reason to stop, so that the report can still be written."""

import signal

import anyio


async def stop_signal() -> str:
    """Wait for the first signal that asks to stop, and say which.

    While this waits, the signals do not end the process; afterwards they do again, so that a second Ctrl-C
    is final.
    """
    try:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                return f"interrupted by {signal.Signals(number).name}"
    except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt there
        await anyio.sleep_forever()
    return ""

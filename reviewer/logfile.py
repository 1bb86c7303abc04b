"""What happens in a run as lines of JSON, for programs that read logs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from reviewer.events import Event


class LogFile:
    """Writes every event as one line: when it happened, what it is called, and its facts."""

    def __init__(self, write: Callable[[Mapping[str, Any]], None], now: Callable[[], datetime]) -> None:
        self._write = write
        self._now = now

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        head = {"time": self._now().isoformat(timespec="milliseconds"), "event": type(event).__name__}
        self._write(head | asdict(event))

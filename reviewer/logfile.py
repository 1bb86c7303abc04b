"""What happens in a run as lines of JSON, for programs that read logs."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TextIO

from reviewer.events import Event


class LogFile:
    """Writes every event as one line: when it happened, what it is called, and its facts."""

    def __init__(self, stream: TextIO, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._now = now

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        head = {"time": self._now().isoformat(timespec="milliseconds"), "event": type(event).__name__}
        self._stream.write(json.dumps(head | asdict(event)) + "\n")
        self._stream.flush()

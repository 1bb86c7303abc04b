"""What the runs on this machine tell each other about models that fail: one small file behind a lock."""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from reviewer.errors import OutputError
from reviewer.models.breaker import BreakerPolicy
from reviewer.models.model import ModelRef
from reviewer.outputs.files import write

_FILE, _LOCK = "breakers.json", "breakers.lock"
_PATIENCE = 1.0
"""Seconds to wait for another run that holds the file; without it, this run only finds out for itself."""
UNREACHABLE = "ConnectionFailedError"


class BreakerFile:
    """Breakers that are open, by address and model, with the time until which they are.

    Other runs have other clocks, so the time is that of the wall; an entry that lasts longer than any
    cool-down comes from a clock that jumped and is ignored.
    """

    def __init__(
        self, folder: Path, addresses: Mapping[str, str], *, now: Callable[[], float] = time.time
    ) -> None:
        """Use the file in a folder.

        Args:
            folder: where it is, whether it exists or not.
            addresses: the base addresses of the providers.
            now: seconds since 1970.
        """
        self._file = folder / _FILE
        self._lock = FileLock(folder / _LOCK, timeout=_PATIENCE)
        self._addresses = addresses
        self._now = now
        self._seen: tuple[int, int] = (-1, -1)
        self._entries: dict[str, dict[str, Any]] = {}

    def cooldown_of(self, model: ModelRef) -> tuple[float, str] | None:
        """Seconds of a cool-down that still last, and the reason for it."""
        entry = self._current().get(self._key(model))
        left = float(entry["until"]) - self._now() if entry else 0.0
        if entry is None or not 0 < left <= BreakerPolicy().longest:
            return None
        return left, str(entry.get("reason", ""))

    def opened(self, model: ModelRef, seconds: float, reason: str, kind: str) -> None:
        """Tell the others that a model is left alone."""
        entry = {"until": self._now() + seconds, "reason": reason, "kind": kind}
        self._change(lambda entries: entries.update({self._key(model): entry}))

    def closed(self, model: ModelRef) -> None:
        """Tell the others that a model is well again."""
        if self._key(model) in self._current():
            self._change(lambda entries: entries.pop(self._key(model), None))

    def reached(self, model: ModelRef) -> None:
        """The server of a model has just answered something else: that it could not be reached is over."""
        entry = self._current().get(self._key(model))
        if entry is not None and entry.get("kind") == UNREACHABLE:
            self.closed(model)

    def _key(self, model: ModelRef) -> str:
        return f"{self._addresses.get(model.provider, model.provider)} {model.model}"

    def _current(self) -> dict[str, dict[str, Any]]:
        """The entries, read again only when the file has changed."""
        try:
            state = self._file.stat()
        except OSError:
            return {}
        seen = (state.st_mtime_ns, state.st_size)
        if seen != self._seen:
            self._seen, self._entries = seen, self._read()
        return self._entries

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            data = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        entries = data.items() if isinstance(data, dict) else ()
        return {
            key: entry
            for key, entry in entries
            if isinstance(entry, dict) and isinstance(entry.get("until"), int | float)
        }

    def _change(self, change: Callable[[dict[str, dict[str, Any]]], object]) -> None:
        """Change the entries that still hold; a cache that cannot be written is no reason to fail."""
        with contextlib.suppress(Timeout, OutputError, OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._lock:
                now = self._now()
                entries = {key: entry for key, entry in self._read().items() if entry["until"] > now}
                change(entries)
                write(self._file, json.dumps(entries, indent=1) + "\n")

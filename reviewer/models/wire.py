"""The way to a server and back as a value: what sends requests, and what an answer is while it comes in."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol, Self

from reviewer.models.model import Endpoint
from reviewer.models.providers.base import HttpRequest

MAX_BODY = 8 * 1024 * 1024
"""Bytes; a longer body is no answer of a model."""
MAX_ERROR = 64 * 1024
"""Bytes that are read of an error."""


class Framing(Enum):
    """How the body of an answer is divided."""

    EVENTS = auto()  # server-sent events
    LINES = auto()  # JSON values, one in a line
    WHOLE = auto()


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream: its name, mostly empty, and its data."""

    name: str
    data: str


class Incoming(Protocol):
    """An answer that is coming in; it can be read once."""

    status: int
    headers: Mapping[str, str]

    async def text(self, limit: int = MAX_BODY) -> str:
        """The body up to a number of bytes."""
        ...

    def events(self) -> AsyncGenerator[Event, None]:
        """The events of a stream."""
        ...


class Wire(Protocol):
    """Sends requests to one server; an asynchronous context manager that closes its connections."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *error: object) -> None: ...

    def open(self, request: HttpRequest) -> AbstractAsyncContextManager[Incoming]:
        """Send a request; the context ends the exchange.

        Raises:
            ModelError: no answer came, or it broke off.
        """
        ...


def masked_data(value: Any, endpoint: Endpoint) -> Any:
    """JSON data without the endpoint's key and password in any of its texts."""
    if isinstance(value, str):
        return endpoint.masked(value)
    if isinstance(value, Mapping):
        return {name: masked_data(inner, endpoint) for name, inner in value.items()}
    return [masked_data(inner, endpoint) for inner in value] if isinstance(value, list) else value


class WireAround:
    """A wire that does something about what goes over another one; opened and closed together with it."""

    def __init__(self, inner: Wire, endpoint: Endpoint) -> None:
        self.inner = inner
        self.endpoint = endpoint

    async def __aenter__(self) -> Self:
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.inner.__aexit__(*error)


def framing_of(headers: Mapping[str, str]) -> Framing:
    """How an answer is divided, by its content type."""
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if "text/event-stream" in kind:
        return Framing.EVENTS
    return Framing.LINES if "ndjson" in kind or "jsonl" in kind else Framing.WHOLE

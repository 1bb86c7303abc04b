"""A line of JSON for everything that goes over the wires, without keys: to find out what a server does."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from reviewer.errors import ModelError
from reviewer.models.answer import Clock
from reviewer.models.model import Endpoint
from reviewer.models.providers.base import HttpRequest
from reviewer.models.wire import MAX_BODY, Event, Incoming, Wire, WireAround, masked_data

Write = Callable[[Mapping[str, Any]], None]
"""Writes one line."""
_SECRET = (
    "authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "cookie",
    "set-cookie",
    "proxy-authorization",
)


@dataclass(slots=True)
class Tracer:
    """Numbers the exchanges of a run and writes what happens in each.

    Attributes:
        write: writes a line.
        clock: when things happen; seconds are counted from its beginning.
        count: exchanges so far.
    """

    write: Write
    clock: Clock
    count: int = 0

    def wire(self, inner: Wire, endpoint: Endpoint) -> "TracingWire":
        """A wire that tells what goes over another one."""
        return TracingWire(self, inner, endpoint)


class TracingWire(WireAround):
    """Tells what goes over a wire."""

    def __init__(self, tracer: Tracer, inner: Wire, endpoint: Endpoint) -> None:
        super().__init__(inner, endpoint)
        self._tracer = tracer

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[Incoming]:
        """Send a request over the inner wire and tell about it."""
        self._tracer.count += 1
        line = _Line(self._tracer, self.endpoint, self._tracer.count)
        line.tell(
            "request",
            method=request.method,
            url=request.url,
            headers=visible_headers(request.headers),
            body=request.body,
        )
        try:
            async with self.inner.open(request) as incoming:
                line.tell("response", status=incoming.status, headers=visible_headers(incoming.headers))
                yield _Told(incoming, line)
        except ModelError as error:
            line.tell("error", kind=type(error).__name__, message=str(error))
            raise
        finally:
            line.tell("end")


def visible_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without secrets."""
    return {name: "***" if name.lower() in _SECRET else value for name, value in headers.items()}


@dataclass(frozen=True, slots=True)
class _Line:
    tracer: Tracer
    endpoint: Endpoint
    number: int

    def tell(self, what: str, **facts: Any) -> None:
        masked = {name: masked_data(value, self.endpoint) for name, value in facts.items()}
        seconds = round(self.tracer.clock.now(), 4)
        head = {"seconds": seconds, "exchange": self.number, "provider": self.endpoint.name, "what": what}
        self.tracer.write(head | masked)


class _Told:
    """An answer that is told while it is read."""

    def __init__(self, inner: Incoming, line: _Line) -> None:
        self._inner = inner
        self._line = line
        self.status, self.headers = inner.status, inner.headers

    async def text(self, limit: int = MAX_BODY) -> str:
        text = await self._inner.text(limit)
        self._line.tell("text", text=text)
        return text

    async def events(self) -> AsyncGenerator[Event, None]:
        async with aclosing(self._inner.events()) as events:
            async for event in events:
                self._line.tell("event", name=event.name, data=event.data)
                yield event

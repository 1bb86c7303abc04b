"""Keeping every exchange with the servers of a run, and giving them again without any server."""

import hashlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

import anyio
from pydantic import AfterValidator, BaseModel, Field, model_validator

from reviewer.errors import (
    ConnectionFailedError,
    IncompleteStreamError,
    ModelError,
    ProtocolError,
    ReplayError,
    StaleConnectionError,
    StalledError,
)
from reviewer.models.answer import Clock
from reviewer.models.model import Endpoint
from reviewer.models.providers.base import HttpRequest
from reviewer.models.wire import MAX_BODY, Event, Incoming, Wire, WireAround, masked_data

FORMAT = 1
"""Of recordings; a change of it makes older ones unreadable."""


def _known_kind(name: str) -> str:
    if name not in _KINDS:
        raise ValueError(f"no error of a wire is called {name}")
    return name


class Response(BaseModel):
    """An answer as it is kept: a text, or the names and data of its events."""

    status: int
    headers: dict[str, str]
    text: str | None = None
    events: list[tuple[str, str]] = []


_KINDS: Mapping[str, type[ModelError]] = {
    kind.__name__: kind
    for kind in (
        ConnectionFailedError,
        StaleConnectionError,
        StalledError,
        ProtocolError,
        IncompleteStreamError,
    )
}
"""What the wire itself can make of an exchange; the rest is read from the answer again."""


class Failure(BaseModel):
    """What the wire made of an exchange that failed."""

    kind: Annotated[str, AfterValidator(_known_kind)] = Field(alias="class")
    message: str
    partial: str


class Exchange(BaseModel):
    """A request, by what tells it from others, and what came of it; nothing if the run was stopped then."""

    number: int
    key: str
    seconds: Annotated[float, Field(ge=0)] = 0.0
    stopped: bool = False
    response: Response | None = None
    error: Failure | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.response is None and self.error is None and not self.stopped:
            raise ValueError("neither an answer nor an error")
        return self


Keep = Callable[[str, Mapping[str, Any]], None]
"""Writes one file of a recording: its name and its data."""
_TELLING = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "request-id")
"""Headers that are kept, besides those about limits."""


def key_of(endpoint: Endpoint, request: HttpRequest) -> str:
    """What tells one request from another: everything about it but its headers."""
    content = json.dumps([endpoint.name, request.method, request.url, request.body], sort_keys=True)
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()


@dataclass(slots=True)
class Recorder:
    """Numbers the exchanges of a run and writes each when it is over.

    Attributes:
        keep: writes a file.
        clock: when things happen.
        count: exchanges so far.
    """

    keep: Keep
    clock: Clock
    count: int = 0

    def wire(self, inner: Wire, endpoint: Endpoint) -> "RecordingWire":
        """A wire that keeps what goes over another one."""
        return RecordingWire(self, inner, endpoint)


class RecordingWire(WireAround):
    """Keeps every exchange that goes over a wire; keys are left out."""

    def __init__(self, recorder: Recorder, inner: Wire, endpoint: Endpoint) -> None:
        super().__init__(inner, endpoint)
        self._recorder = recorder

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[Incoming]:
        """Send a request over the inner wire and keep what comes back."""
        recorder = self._recorder
        recorder.count += 1
        number, begun = recorder.count, recorder.clock.now()
        made_of_it: ModelError | None = None
        kept: dict[str, Any] = {
            "number": number,
            "provider": self.endpoint.name,
            "key": key_of(self.endpoint, request),
            "request": masked_data(
                {"method": request.method, "url": request.url, "body": request.body}, self.endpoint
            ),
        }
        try:
            async with self.inner.open(request) as incoming:
                taken = _Taken(incoming, self.endpoint)
                kept["response"] = taken.response
                try:
                    yield taken
                except ModelError as error:
                    made_of_it = error
                    raise
        except ModelError as error:
            # What a reader makes of an answer is not kept: it will make the same of it again.
            if error is not made_of_it:
                kept["error"] = _error_data(error, self.endpoint)
            raise
        except anyio.get_cancelled_exc_class():
            kept["stopped"] = True
            raise
        finally:
            kept["seconds"] = round(recorder.clock.now() - begun, 3)
            recorder.keep(f"{number:04d}.json", kept)


def _error_data(error: ModelError, endpoint: Endpoint) -> dict[str, str]:
    return {
        "class": type(error).__name__,
        "message": endpoint.masked(str(error)),
        "partial": endpoint.masked(error.partial),
    }


class _Taken:
    """An answer that is kept while it is read."""

    def __init__(self, inner: Incoming, endpoint: Endpoint) -> None:
        self._inner = inner
        self._masked = endpoint.masked
        self.status, self.headers = inner.status, inner.headers
        headers = {name.lower(): value for name, value in inner.headers.items()}
        telling = {name: value for name, value in headers.items() if name in _TELLING or "ratelimit" in name}
        self.response: dict[str, Any] = {"status": inner.status, "headers": telling}

    async def text(self, limit: int = MAX_BODY) -> str:
        text = await self._inner.text(limit)
        self.response["text"] = self._masked(text)
        return text

    async def events(self) -> AsyncGenerator[Event, None]:
        rows: list[list[str]] = []
        self.response["events"] = rows
        async with aclosing(self._inner.events()) as events:
            async for event in events:
                rows.append([event.name, self._masked(event.data)])
                yield event


@dataclass(slots=True)
class Replay:
    """The exchanges of a recording, given again in their order for each request.

    Attributes:
        folder: where it is, for messages.
        waiting: exchanges by key, first ones first.
        clock: passes as it did.
        ends: the recorded run as a whole was stopped, not only one of its roles.
        stopped: set when it comes to an exchange in the middle of which that was.
    """

    folder: Path
    waiting: dict[str, deque[Exchange]]
    clock: Clock
    ends: bool = False
    stopped: anyio.Event = field(default_factory=anyio.Event)

    @classmethod
    def of(cls, folder: Path, exchanges: Sequence[Exchange], clock: Clock, *, stopped: bool) -> "Replay":
        """A replay of exchanges, in the order of their numbers."""
        waiting: dict[str, deque[Exchange]] = defaultdict(deque)
        for exchange in sorted(exchanges, key=lambda one: one.number):
            waiting[exchange.key].append(exchange)
        return cls(folder, waiting, clock, stopped)

    def wire(self, endpoint: Endpoint) -> "ReplayWire":
        """A wire that answers from the recording."""
        return ReplayWire(self, endpoint)


class ReplayWire:
    """Answers requests as they were answered before."""

    def __init__(self, replay: Replay, endpoint: Endpoint) -> None:
        self._replay = replay
        self._endpoint = endpoint

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass  # there is no connection

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[Incoming]:
        """Answer from the recording.

        Raises:
            ReplayError: the recording has no answer to this request.
            ModelError: the one that was recorded.
        """
        queue = self._replay.waiting.get(key_of(self._endpoint, request))
        if not queue:
            raise ReplayError(
                f"{self._replay.folder}: the recording has no answer to this request ({self._endpoint.name}, "
                f"{request.method} {self._endpoint.masked(request.url)}). Its change, settings or program "
                "differ from these."
            )
        exchange = queue.popleft()
        await self._replay.clock.sleep(exchange.seconds)
        if exchange.stopped:
            if self._replay.ends:
                self._replay.stopped.set()
            await anyio.sleep_forever()
        if exchange.response is not None:
            yield _Given(exchange.response, exchange.error)
        elif exchange.error is not None:
            raise _recorded_error(exchange.error)


class _Given:
    """A recorded answer."""

    def __init__(self, response: Response, error: Failure | None) -> None:
        self._response = response
        self._error = error
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def text(self, limit: int = MAX_BODY) -> str:
        if self._response.text is None and self._error is not None:
            raise _recorded_error(self._error)
        return (self._response.text or "")[:limit]

    async def events(self) -> AsyncGenerator[Event, None]:
        for name, data in self._response.events:
            yield Event(name, data)
        if self._error is not None:
            raise _recorded_error(self._error)


def _recorded_error(data: Failure) -> ModelError:
    kind = _KINDS[data.kind]
    if kind is IncompleteStreamError:
        return IncompleteStreamError(data.message, partial=data.partial)
    return kind(data.message)

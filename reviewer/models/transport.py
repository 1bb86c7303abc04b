"""The door to HTTP: the only module that imports httpx. Foreign errors become ours here."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import anyio
import httpx
from httpx_sse import EventSource

from reviewer import __version__
from reviewer.errors import (
    ConnectionFailedError,
    IncompleteStreamError,
    ModelError,
    ProtocolError,
    StaleConnectionError,
    StalledError,
)
from reviewer.models.model import Endpoint, Timeouts
from reviewer.models.providers.base import HttpRequest
from reviewer.models.servers import server_of
from reviewer.models.wire import MAX_BODY, Event, Framing, Incoming, framing_of

_MAPPED: tuple[tuple[type[Exception], type[ModelError]], ...] = (
    (httpx.ConnectTimeout, ConnectionFailedError),
    (httpx.PoolTimeout, StalledError),
    (httpx.TimeoutException, StalledError),
    (httpx.UnsupportedProtocol, ProtocolError),
    (httpx.LocalProtocolError, ProtocolError),
    (httpx.TooManyRedirects, ProtocolError),
    (httpx.InvalidURL, ProtocolError),
    (httpx.CookieConflict, ProtocolError),
    (httpx.HTTPStatusError, ProtocolError),
    (httpx.StreamError, ConnectionFailedError),
    (httpx.TransportError, ConnectionFailedError),
    (httpx.RequestError, ConnectionFailedError),
    (httpx.HTTPError, ConnectionFailedError),
)
"""Most specific first; a test fails when httpx grows an exception that none of these covers."""


_AGENT = f"reviewer/{__version__}"
_LIMITS = httpx.Limits(max_connections=2, max_keepalive_connections=1)


def new_client(endpoint: Endpoint) -> httpx.AsyncClient:
    """A client for one request at a time: a client scans its whole pool for every request it sends.

    The context for TLS is slow to make, so plain HTTP gets none.

    Raises:
        ProtocolError: settings of the network in the environment cannot be used.
    """
    plain = endpoint.base_url.lower().startswith("http:")
    try:
        return httpx.AsyncClient(
            timeout=_timeout(endpoint.timeouts),
            trust_env=not endpoint.local,
            verify=_unused_context() if plain else ssl.create_default_context(),
            headers={"User-Agent": _AGENT},
            limits=_LIMITS,
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        # A proxy of an unknown kind, such as socks5://, an address that is none, or a missing file.
        raise ProtocolError(
            f"{endpoint.name}: the network settings in the environment cannot be used ({_words(error)}). "
            "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE."
        ) from error


@cache
def _unused_context() -> ssl.SSLContext:
    """For plain HTTP, which needs none: one for all clients, as even an empty one takes time to make."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _timeout(timeouts: Timeouts) -> httpx.Timeout:
    return httpx.Timeout(connect=timeouts.connect, read=timeouts.idle, write=timeouts.idle, pool=None)


class HttpWire:
    """Sends requests to one server, with at most `endpoint.concurrency` at once and a connection for each.

    Use as an asynchronous context manager; it closes its connections at the end.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._idle: list[_Slot] = []
        self._limit = anyio.CapacityLimiter(max(1, endpoint.concurrency))
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[Incoming]:
        """Send a request; the context ends the exchange.

        Raises:
            ModelError: no answer came, or it broke off.
        """
        async with self._limit:
            slot = self._idle.pop() if self._idle else await self._new_slot()
            kept, slot.kept = slot.kept, False
            try:
                async with _answer(slot.client, request, self._endpoint, kept=kept) as response:
                    yield _Response(response, self._endpoint)
                slot.kept = response.is_stream_consumed and _stays_open(response)
            finally:
                self._idle.append(slot)

    async def _new_slot(self) -> "_Slot":
        made = _Direct(self._endpoint) if _can_be_direct(self._endpoint) else new_client(self._endpoint)
        await self._open.enter_async_context(made)
        return _Slot(made)


def _can_be_direct(endpoint: Endpoint) -> bool:
    """Whether nothing is needed that only a client does; a name and password in the address are."""
    plain = endpoint.base_url.lower().startswith("http:")
    return endpoint.local and plain and "@" not in endpoint.base_url


class _Direct:
    """A server on this machine: no proxy, cookies or redirects, so that the transport alone will do.

    It takes a quarter less time for a request than a client does.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._timeout = _timeout(endpoint.timeouts).as_dict()
        self._transport = httpx.AsyncHTTPTransport(verify=_unused_context(), trust_env=False, limits=_LIMITS)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._transport.__aexit__()

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], json: Mapping[str, Any] | None
    ) -> AsyncIterator[httpx.Response]:
        """Send a request, as a client does."""
        request = httpx.Request(
            method,
            url,
            headers={"User-Agent": _AGENT, **headers},
            json=json,
            extensions={"timeout": self._timeout},
        )
        response = await self._transport.handle_async_request(request)
        response.request = request
        try:
            yield response
        finally:
            await response.aclose()


@dataclass(slots=True)
class _Slot:
    """A client and whether the connection of its last request was left open by both sides."""

    client: "httpx.AsyncClient | _Direct"
    kept: bool = False


def _stays_open(response: httpx.Response) -> bool:
    return "close" not in response.headers.get("connection", "").lower()


class _Response:
    """A response that is being read."""

    def __init__(self, response: httpx.Response, endpoint: Endpoint) -> None:
        self._response = response
        self._endpoint = endpoint
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)

    async def text(self, limit: int = MAX_BODY) -> str:
        """The body up to a number of bytes; undecodable bytes are replaced."""
        data = bytearray()
        async for piece in self._response.aiter_bytes():
            data += piece
            if len(data) > limit:
                break
        return bytes(data[:limit]).decode("utf-8", "replace")

    async def events(self) -> AsyncGenerator[Event, None]:
        """The events of a stream, or the lines of one."""
        if isinstance(self._response.stream, httpx.AsyncByteStream):
            self._response.stream = _Bounded(self._response.stream, self._endpoint.name)
        if framing_of(self.headers) is Framing.LINES:
            async with aclosing(_lines(self._response)) as lines:
                async for line in lines:
                    yield Event("", line)
            return
        async with aclosing(EventSource(self._response).aiter_sse()) as events:
            async for event in events:
                yield Event(event.event, event.data)


async def _lines(response: httpx.Response) -> AsyncGenerator[str, None]:
    """Lines, divided at line feeds only: JSON may hold other characters that end lines elsewhere."""
    rest = b""
    async for piece in response.aiter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


class _Bounded(httpx.AsyncByteStream):
    """The bytes of an answer up to a limit: one endless line must not fill the memory."""

    def __init__(self, stream: httpx.AsyncByteStream, name: str) -> None:
        self._stream = stream
        self._name = name

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > MAX_BODY:
                raise IncompleteStreamError(
                    f"{self._name}: the answer is longer than {MAX_BODY // 2**20} MiB", partial=""
                )
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def _answer(
    client: httpx.AsyncClient | _Direct, request: HttpRequest, endpoint: Endpoint, *, kept: bool
) -> AsyncIterator[httpx.Response]:
    begun = False
    with _mapped(endpoint, stale=lambda: kept and not begun):
        try:
            with anyio.fail_after(endpoint.timeouts.call):
                async with client.stream(
                    request.method, request.url, headers=dict(request.headers), json=request.body
                ) as response:
                    begun = True
                    yield response
        except TimeoutError as error:
            raise StalledError(
                f"{endpoint.name}: no complete answer within {endpoint.timeouts.call:g} s"
            ) from error


@contextmanager
def _mapped(endpoint: Endpoint, *, stale: Callable[[], bool]) -> Iterator[None]:
    """Errors of the library as ours, without the key.

    `stale` tells whether a connection was used again and nothing has come back over it.
    """
    try:
        yield
    except tuple(foreign for foreign, _ in _MAPPED) as error:
        ours = _ours(endpoint, error)
        if stale() and isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
            ours = StaleConnectionError(str(ours))
        raise ours from error


def _ours(endpoint: Endpoint, error: Exception) -> ModelError:
    kind = next(ours for foreign, ours in _MAPPED if isinstance(error, foreign))
    where = f"{endpoint.name} at {endpoint.address}"
    said = endpoint.masked(_words(error))
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return ProtocolError(
            f"{where}: its TLS certificate is not trusted ({said}). If your network has a "
            "certificate of its own, name its file in the environment variable SSL_CERT_FILE."
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return ConnectionFailedError(
            " ".join(filter(None, (f"{where}: cannot connect ({said}).", _start_hint(endpoint))))
        )
    if isinstance(error, httpx.RemoteProtocolError) and ("incomplete" in said or "complete message" in said):
        return IncompleteStreamError(f"{where}: the connection broke in the middle of the answer", partial="")
    if isinstance(error, httpx.TimeoutException):
        return StalledError(f"{where}: nothing came for {endpoint.timeouts.idle:g} s")
    return kind(f"{where}: {said}")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _start_hint(endpoint: Endpoint) -> str:
    own = server_of(endpoint.kind, endpoint.base_url).start
    return own or ("Is the server running, and is base_url right?" if endpoint.local else "")

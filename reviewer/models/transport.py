"""The door to HTTP: the only module that imports httpx. Foreign errors become ours here."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

import anyio
import httpx
from httpx_sse import EventSource

from reviewer import __version__
from reviewer.errors import (
    ConnectionFailedError,
    IncompleteStreamError,
    ModelError,
    ProtocolError,
    StalledError,
)
from reviewer.models.model import Endpoint, Timeouts
from reviewer.models.providers.base import HttpFailure, HttpRequest, Reader

_MAX_BODY = 8 * 1024 * 1024
"""Bytes; a longer body is no answer of a model."""
_MAX_ERROR = 64 * 1024

Client = httpx.AsyncClient
"""Sends requests; nobody outside this module needs to know whose class it is."""
FailureReader = Callable[[HttpFailure], ModelError]

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


def new_client(endpoint: Endpoint) -> httpx.AsyncClient:
    """A client for one request at a time: a client scans its whole pool for every request it sends.

    Loopback addresses never go through a proxy. The context for TLS is slow to make, so plain HTTP gets
    none.

    Raises:
        ProtocolError: settings of the network in the environment cannot be used.
    """
    plain = endpoint.base_url.lower().startswith("http:")
    try:
        return httpx.AsyncClient(
            timeout=_timeout(endpoint.timeouts),
            trust_env=not endpoint.local,
            verify=False if plain else ssl.create_default_context(),
            headers={"User-Agent": f"reviewer/{__version__}"},
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        # A proxy of an unknown kind, such as socks5://, an address that is none, or a missing file.
        raise ProtocolError(
            f"{endpoint.name}: the network settings in the environment cannot be used ({_words(error)}). "
            "Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY and SSL_CERT_FILE."
        ) from error


def _timeout(timeouts: Timeouts) -> httpx.Timeout:
    return httpx.Timeout(connect=timeouts.connect, read=timeouts.idle, write=timeouts.idle, pool=None)


async def exchange(
    client: httpx.AsyncClient,
    request: HttpRequest,
    endpoint: Endpoint,
    reader: Reader,
    on_failure: FailureReader,
) -> None:
    """Send a request and feed the answer to a reader, event by event or as a whole.

    Raises:
        ModelError: no answer came, or it is an error.
    """
    try:
        async with _answer(client, request, endpoint, on_failure) as response:
            if "text/event-stream" in response.headers.get("content-type", ""):
                await _read_events(response, endpoint, reader, on_failure)
            else:
                reader.body(await _text(response, _MAX_BODY))
    except (ConnectionFailedError, IncompleteStreamError, StalledError) as error:
        if reader.finished:
            return  # the answer is complete; only the connection ended badly
        if reader.partial:
            raise IncompleteStreamError(str(error), partial=reader.partial) from error
        raise
    except ModelError as error:
        error.partial = reader.partial
        raise


class _Bounded(httpx.AsyncByteStream):
    """The bytes of an answer up to a limit: one endless line must not fill the memory."""

    def __init__(self, stream: httpx.AsyncByteStream, name: str) -> None:
        self._stream = stream
        self._name = name

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > _MAX_BODY:
                raise IncompleteStreamError(
                    f"{self._name}: the answer is longer than {_MAX_BODY // 2**20} MiB", partial=""
                )
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _read_events(
    response: httpx.Response, endpoint: Endpoint, reader: Reader, on_failure: FailureReader
) -> None:
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Bounded(response.stream, endpoint.name)
    async with aclosing(EventSource(response).aiter_sse()) as events:
        async for event in events:
            if event.event == "error":
                raise on_failure(HttpFailure(response.status_code, dict(response.headers), event.data))
            reader.event(event.data)
            if event.data.strip() == "[DONE]":
                return


async def fetch(
    client: httpx.AsyncClient, request: HttpRequest, endpoint: Endpoint, on_failure: FailureReader
) -> str:
    """The body that answers a request.

    Raises:
        ModelError: no answer came, or it is an error.
    """
    async with _answer(client, request, endpoint, on_failure) as response:
        return await _text(response, _MAX_BODY)


@asynccontextmanager
async def _answer(
    client: httpx.AsyncClient, request: HttpRequest, endpoint: Endpoint, on_failure: FailureReader
) -> AsyncIterator[httpx.Response]:
    with _mapped(endpoint):
        try:
            with anyio.fail_after(endpoint.timeouts.call):
                async with client.stream(
                    request.method, request.url, headers=dict(request.headers), json=request.body
                ) as response:
                    if not response.is_success:
                        text = await _text(response, _MAX_ERROR)
                        raise on_failure(HttpFailure(response.status_code, dict(response.headers), text))
                    yield response
        except TimeoutError as error:
            raise StalledError(
                f"{endpoint.name}: no complete answer within {endpoint.timeouts.call:g} s"
            ) from error


async def _text(response: httpx.Response, limit: int) -> str:
    """The body up to a number of bytes; undecodable bytes are replaced."""
    data = bytearray()
    async for piece in response.aiter_bytes():
        data += piece
        if len(data) > limit:
            break
    return bytes(data[:limit]).decode("utf-8", "replace")


@contextmanager
def _mapped(endpoint: Endpoint) -> Iterator[None]:
    """Errors of the library as ours, and no error with the key in it: servers may repeat what they got."""
    try:
        yield
    except ModelError as error:
        if (masked := _masked(str(error), endpoint)) != str(error):
            error.args = (masked,)
        raise
    except tuple(foreign for foreign, _ in _MAPPED) as error:
        raise _ours(endpoint, error) from error


def _ours(endpoint: Endpoint, error: Exception) -> ModelError:
    kind = next(ours for foreign, ours in _MAPPED if isinstance(error, foreign))
    where = f"{endpoint.name} at {endpoint.address}"
    said = _masked(_words(error), endpoint)
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


_SHORTEST_KEY = 4
"""Characters; shorter ones are placeholders such as `x`, and occur in any text."""


def _masked(text: str, endpoint: Endpoint) -> str:
    """The text without the key that was sent to the server."""
    key = endpoint.key.reveal() if endpoint.key else ""
    return text.replace(key, "***") if len(key) >= _SHORTEST_KEY else text


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


_START = {
    "llamacpp": "Start it with `llama-server -m MODEL.gguf`; its port is 8080, or 9931 in newer versions.",
    "lmstudio": "Start LM Studio's server (Developer tab, or `lms server start`).",
    "ollama": "Start it with `ollama serve`.",
    "vllm": "Start it with `vllm serve MODEL`.",
}


def _start_hint(endpoint: Endpoint) -> str:
    return _START.get(
        endpoint.kind, "Is the server running, and is base_url right?" if endpoint.local else ""
    )

"""From a configured server to something that answers: one line for each kind."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from reviewer.errors import ConfigError
from reviewer.models.model import Backend, Endpoint
from reviewer.models.servers import SERVERS


def _http(endpoint: Endpoint) -> Backend:
    # Imported only when it is used: an HTTP library is slow to import.
    from reviewer.models.http_backend import HttpBackend
    from reviewer.models.providers import PROTOCOLS

    return HttpBackend(endpoint, PROTOCOLS[endpoint.kind])


def _builtin(endpoint: Endpoint) -> Backend:
    from reviewer.models.builtin.backend import BuiltIn

    del endpoint  # there is no server
    return BuiltIn()


def _scripted(endpoint: Endpoint) -> Backend:
    from reviewer.models.providers.scripted import Scripted

    if not endpoint.base_url:
        raise ConfigError(
            f'provider {endpoint.name}: kind "scripted" needs `replies`, a folder with prepared replies.'
        )
    return Scripted.from_folder(Path(endpoint.base_url))


KINDS: Mapping[str, Callable[[Endpoint], Backend]] = {
    **dict.fromkeys(SERVERS, _http),
    "builtin": _builtin,
    "scripted": _scripted,
}
"""What makes a backend, by the kind of a provider."""


def backend_for(endpoint: Endpoint) -> Backend:
    """What answers for a configured server.

    Raises:
        ConfigError: the configuration lacks what this kind needs.
    """
    return KINDS[endpoint.kind](endpoint)


@asynccontextmanager
async def opened(backends: Mapping[str, Backend]) -> AsyncIterator[Mapping[str, Backend]]:
    """The backends with their connections, which are closed at the end."""
    async with AsyncExitStack() as stack:
        for backend in backends.values():
            if isinstance(backend, AbstractAsyncContextManager):
                await stack.enter_async_context(backend)
        yield backends

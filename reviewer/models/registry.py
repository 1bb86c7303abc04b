"""From a configured server to something that answers: one line for each kind."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from reviewer.errors import ConfigError
from reviewer.models.http_backend import HttpBackend
from reviewer.models.model import Backend, Endpoint
from reviewer.models.providers import openai
from reviewer.models.providers.base import HttpProtocol
from reviewer.models.servers import SERVERS

PROTOCOLS: Mapping[str, HttpProtocol] = dict.fromkeys(SERVERS, openai)
"""The protocol of each kind of server. Other protocols replace entries here."""


def _builtin(endpoint: Endpoint) -> Backend:
    # Imported only when it is used: it needs the analysers.
    from reviewer.models.builtin.backend import BuiltIn  # noqa: PLC0415

    del endpoint  # there is no server
    return BuiltIn()


def _scripted(endpoint: Endpoint) -> Backend:
    from reviewer.models.providers.scripted import Scripted  # noqa: PLC0415

    if not endpoint.base_url:
        raise ConfigError(
            f'provider {endpoint.name}: kind "scripted" needs `replies`, a folder with prepared replies.'
        )
    return Scripted.from_folder(Path(endpoint.base_url))


_IN_PROCESS: Mapping[str, Callable[[Endpoint], Backend]] = {"builtin": _builtin, "scripted": _scripted}


def backend_for(endpoint: Endpoint) -> Backend:
    """What answers for a configured server.

    Raises:
        ConfigError: the configuration lacks what this kind needs.
    """
    make = _IN_PROCESS.get(endpoint.kind)
    return make(endpoint) if make else HttpBackend(endpoint, PROTOCOLS[endpoint.kind])


@asynccontextmanager
async def opened(backends: Mapping[str, Backend]) -> AsyncIterator[Mapping[str, Backend]]:
    """The backends with their connections, which are closed at the end."""
    async with AsyncExitStack() as stack:
        for backend in backends.values():
            if isinstance(backend, HttpBackend):
                await stack.enter_async_context(backend)
        yield backends

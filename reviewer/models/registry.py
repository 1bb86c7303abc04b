"""From a configured server to something that answers: one line for each kind."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reviewer.errors import ConfigError
from reviewer.models.capabilities import Capabilities
from reviewer.models.model import Backend, Endpoint
from reviewer.models.servers import SERVERS
from reviewer.models.shield import Shield
from reviewer.models.wire import Wire


def over_http(endpoint: Endpoint) -> Wire:
    """The usual way to a server."""
    # Imported only when it is used: an HTTP library is slow to import.
    from reviewer.models.transport import HttpWire

    return HttpWire(endpoint)


@dataclass(frozen=True, slots=True)
class Access:
    """How servers are reached, the same for all of a run.

    Attributes:
        wire: makes the way to a server.
        known: what was learned about how models want to be asked.
        live: real servers answer, so that keys are needed.
        shield: what is done to everything that is sent; None where nothing of a change is.
    """

    wire: Callable[[Endpoint], Wire] = over_http
    known: Capabilities = field(default_factory=Capabilities)
    live: bool = True
    shield: Shield | None = None


def _http(endpoint: Endpoint, access: Access) -> Backend:
    from reviewer.models.http_backend import HttpBackend
    from reviewer.models.providers import PROTOCOLS

    return HttpBackend(endpoint, PROTOCOLS[endpoint.kind], access.wire(endpoint), access.known, access.shield)


def _builtin(endpoint: Endpoint, access: Access) -> Backend:
    from reviewer.models.builtin.backend import BuiltIn

    del endpoint, access  # there is no server
    return BuiltIn()


def _scripted(endpoint: Endpoint, access: Access) -> Backend:
    from reviewer.models.providers.scripted import Scripted

    del access
    if not endpoint.base_url:
        raise ConfigError(
            f'provider {endpoint.name}: kind "scripted" needs `replies`, a folder with prepared replies.'
        )
    return Scripted.from_folder(Path(endpoint.base_url))


KINDS: Mapping[str, Callable[[Endpoint, Access], Backend]] = {
    **dict.fromkeys(SERVERS, _http),
    "builtin": _builtin,
    "scripted": _scripted,
}
"""What makes a backend, by the kind of a provider."""


def backend_for(endpoint: Endpoint, access: Access) -> Backend:
    """What answers for a configured server.

    Raises:
        ConfigError: the configuration lacks what this kind needs.
    """
    return KINDS[endpoint.kind](endpoint, access)


@asynccontextmanager
async def opened(backends: Mapping[str, Backend]) -> AsyncIterator[Mapping[str, Backend]]:
    """The backends with their connections, which are closed at the end."""
    async with AsyncExitStack() as stack:
        for backend in backends.values():
            if isinstance(backend, AbstractAsyncContextManager):
                await stack.enter_async_context(backend)
        yield backends

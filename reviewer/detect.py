"""What is there to ask: servers on this machine, and services whose key is set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import anyio

from reviewer.config.load import Loaded
from reviewer.endpoints import IN_PROCESS, PROBE, endpoint_of
from reviewer.errors import ModelError
from reviewer.models.catalog import Catalog, Listing
from reviewer.models.model import Backend, Endpoint, ModelInfo, ModelRef
from reviewer.models.presets import choose
from reviewer.models.registry import Access, backend_for, opened
from reviewer.models.servers import HOSTED, LOCAL, SERVERS
from reviewer.prompting.role import ModelKind


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen at one address.

    Attributes:
        endpoint: the address.
        listing: what the server offers, or why it does not answer.
        choice: the model to take from it, if any.
        configured: it stands in the settings.
    """

    endpoint: Endpoint
    listing: Listing
    choice: ModelRef | None = None
    configured: bool = False

    @property
    def wanted(self) -> bool:
        """Somebody set it up, in the settings or by setting its key."""
        return self.configured or self.endpoint.key is not None


async def look_around(
    loaded: Loaded,
    environment: Mapping[str, str],
    access: Access | None = None,
    *,
    describe: bool = False,
) -> list[Found]:
    """Ask every configured server, every local default address, and every service whose key is set.

    In the order of preference: what is configured, then this machine, so that code does not leave it
    unasked, then services. With detection off, only what is configured.
    """
    access = access or Access()
    endpoints = list(_places(loaded, environment))
    found: dict[int, Found] = {}

    async def look(position: int, endpoint: Endpoint) -> None:
        async with opened({endpoint.name: backend_for(endpoint, access)}) as backends:
            listing = await Catalog(backends).listing(endpoint.name)
            if describe and endpoint.local:
                listing = await _described(listing, backends[endpoint.name])
        configured = endpoint.name in loaded.settings.providers
        found[position] = Found(endpoint, listing, _choose(endpoint, listing), configured)

    async with anyio.create_task_group() as group:
        for position, endpoint in enumerate(endpoints):
            group.start_soon(look, position, replace(endpoint, timeouts=PROBE))
    return [found[position] for position in sorted(found)]


async def _described(listing: Listing, backend: Backend) -> Listing:
    """A list with more about each model, as far as its server tells."""
    models: list[ModelInfo] = []
    for model in listing.models or ():
        try:
            wanted = model.chat and len(models) < _DESCRIBED
            models.append(await backend.describe(model) if wanted else model)
        except ModelError:
            models.append(model)
    return listing if listing.models is None else replace(listing, models=tuple(models))


_DESCRIBED = 30


def _places(loaded: Loaded, environment: Mapping[str, str]) -> Iterator[Endpoint]:
    own = [
        name
        for name, provider in loaded.settings.providers.items()
        if provider.base_url and provider.kind not in IN_PROCESS
    ]
    others = (*LOCAL, *HOSTED) if loaded.settings.defaults.detect else ()
    for name in dict.fromkeys([*own, *others]):
        endpoint = endpoint_of(name, loaded, environment, need_key=False)
        if name in HOSTED and endpoint.key is None:
            continue
        yield endpoint
        if name in LOCAL and name not in own:
            yield from (replace(endpoint, base_url=url) for url in SERVERS[name].urls[1:])


def _choose(endpoint: Endpoint, listing: Listing) -> ModelRef | None:
    """One model for all roles: on this machine, every further one would have to be loaded too."""
    found = choose(endpoint, listing.models or (), ModelKind.GENERAL)
    return ModelRef(endpoint.name, found.name) if found else None

"""Who reviews: from settings to roles with models that are known to be there."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reviewer.assignment import Assignment
from reviewer.chains import configured_chain, configured_examiners, configured_writers
from reviewer.config.load import Loaded
from reviewer.detect import Found, look_around
from reviewer.endpoints import endpoint_of
from reviewer.errors import ConfigError, KeyRejectedError, ModelError, UnavailableError, UnknownModelError
from reviewer.models.catalog import Catalog, Listing
from reviewer.models.model import Backend, Endpoint, ModelInfo, ModelRef
from reviewer.models.presets import choose
from reviewer.models.registry import Access, backend_for, opened
from reviewer.models.servers import COMPATIBLE, HOSTED, SERVERS, server_of
from reviewer.outputs.wording import few
from reviewer.prompting.role import ModelKind, Role

BUILTIN = ModelRef("builtin", "rules")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Staff:
    """Everything that is known about who reviews.

    Attributes:
        assignments: roles with their models, in running order.
        windows: tokens of each model's window, None where unknown.
        backends: what answers, by provider.
        endpoints: the servers, by provider.
        infos: what the servers say about the models, None where they do not say.
        examiners: the models that may check findings, best first: those named for it, or all of the roles.
        writers: the models that write the summary, best first; none if it is computed.
    """

    assignments: tuple[Assignment, ...]
    windows: Mapping[ModelRef, int | None]
    backends: Mapping[str, Backend]
    endpoints: Mapping[str, Endpoint]
    infos: Mapping[ModelRef, ModelInfo | None]
    examiners: tuple[ModelRef, ...] = ()
    writers: tuple[ModelRef, ...] = ()

    @property
    def local(self) -> frozenset[str]:
        """Providers on this machine."""
        return frozenset(name for name, endpoint in self.endpoints.items() if endpoint.local)

    async def count_tokens(self, model: ModelRef, text: str) -> int | None:
        """The exact number of tokens of a text, or None where the server cannot be asked for it."""
        info = self.infos.get(model)
        if info is None or info.loaded is False:
            return None
        try:
            return await self.backends[model.provider].count_tokens(model.model, text)
        except ModelError:
            return None

    @property
    def limits(self) -> Mapping[str, int]:
        """Requests at once, by provider."""
        return {name: endpoint.concurrency for name, endpoint in self.endpoints.items()}


@asynccontextmanager
async def staff(
    roles: Mapping[str, Role],
    loaded: Loaded,
    environment: Mapping[str, str],
    *,
    say: Say,
    access: Access | None = None,
) -> AsyncIterator[Staff]:
    """Find a model for every role and check that it is there.

    Args:
        roles: the roles to run, in order.
        loaded: the settings.
        environment: variables that hold keys.
        say: told what was chosen, and what could not be checked.
        access: how servers are reached.

    Raises:
        ConfigError: a name, key or address is missing or wrong; says which.
        UnknownModelError: a server does not offer an assigned model.
    """
    access = access or Access()
    chains = {name: configured_chain(name, loaded) for name in roles}
    found = None if all(chains.values()) else await _find_default(loaded, environment, say, access)
    default = found.choice if found and found.choice else BUILTIN
    chains = {name: chain or (default,) for name, chain in chains.items()}
    checking, writing = configured_examiners(loaded), configured_writers(loaded)
    models = list(
        dict.fromkeys([*(model for chain in chains.values() for model in chain), *checking, *writing])
    )
    endpoints = {
        name: endpoint_of(name, loaded, environment, found_at=_address(found, name), need_key=access.live)
        for name in dict.fromkeys(model.provider for model in models)
    }
    async with opened(
        {name: backend_for(endpoint, access) for name, endpoint in endpoints.items()}
    ) as backends:
        catalog = Catalog(backends)
        chains = {
            name: await _chosen(chain, roles[name].kind, endpoints, catalog) for name, chain in chains.items()
        }
        checking = await _chosen(checking, _EXAMINER, endpoints, catalog)
        writing = await _chosen(writing, ModelKind.GENERAL, endpoints, catalog)
        models = list(
            dict.fromkeys([*(model for chain in chains.values() for model in chain), *checking, *writing])
        )
        infos = {model: await _validate(catalog, model, endpoints[model.provider], say) for model in models}
        yield Staff(
            assignments=tuple(Assignment(roles[name], chain) for name, chain in chains.items()),
            windows={
                model: endpoints[model.provider].window or (info.window if info else None)
                for model, info in infos.items()
            },
            backends=backends,
            endpoints=endpoints,
            infos=infos,
            examiners=checking or _all_models(tuple(chains.values())),
            writers=writing,
        )


_EXAMINER = ModelKind.REASONING
"""The kind of model that is chosen to check findings where only its provider is named."""


def _all_models(chains: Sequence[Sequence[ModelRef]]) -> tuple[ModelRef, ...]:
    """All language models of some chains, those that are asked first in front."""
    first = [chain[0] for chain in chains]
    rest = [model for chain in chains for model in chain[1:]]
    return tuple(model for model in dict.fromkeys([*first, *rest]) if model.provider != BUILTIN.provider)


async def _chosen(
    chain: Sequence[ModelRef], kind: ModelKind, endpoints: Mapping[str, Endpoint], catalog: Catalog
) -> tuple[ModelRef, ...]:
    """The chain with a model in place of every provider that stands alone.

    Raises:
        ConfigError: the provider cannot be asked for its models, or none of them is taken unasked.
    """
    made = []
    for ref in chain:
        if ref.model:
            made.append(ref)
            continue
        listing = await catalog.listing(ref.provider)
        found = choose(endpoints[ref.provider], listing.models or (), kind)
        if found is None:
            raise UnavailableError(_no_choice(endpoints[ref.provider], listing))
        made.append(ModelRef(ref.provider, found.name))
    return tuple(dict.fromkeys(made))


def _no_choice(endpoint: Endpoint, listing: Listing) -> str:
    provider = endpoint.name
    if listing.error is not None:
        return f"no model was named for {provider}, and it cannot be asked: {listing.error}"
    if listing.models is None:
        return f"{provider} does not list its models; name one, as in {provider}/MODEL."
    names = [info.name for info in listing.models if info.chat]
    if not names:
        return f"{provider} has no model that could answer.{_fetch_hint(endpoint)}"
    shown = f" It offers {few(names, _SHOWN)}." if names else ""
    rest = f"name one, as in {provider}/MODEL.{shown}"
    return f"{provider} offers none of the models that are taken unasked; {rest}"


_SHOWN = 10


def _fetch_hint(endpoint: Endpoint) -> str:
    """How to get a model, where there is a command for it."""
    fetch = server_of(endpoint.kind, endpoint.base_url).fetch
    return f" Get one: `{fetch.format(model='MODEL')}`." if fetch else ""


def _address(found: Found | None, name: str) -> str:
    return found.endpoint.base_url if found is not None and found.endpoint.name == name else ""


async def _find_default(
    loaded: Loaded, environment: Mapping[str, str], say: Say, access: Access
) -> Found | None:
    """A model to use when none is named: configured servers, this machine, services whose key is set.

    Raises:
        ConfigError: somebody set a server or a key up, and nothing that they set up can be used. The
            built-in reviewer is no replacement for it.
    """
    if not loaded.settings.defaults.detect and not loaded.settings.providers:
        say("No model is configured and detection is off: using the built-in reviewer.")
        return None
    found = await look_around(loaded, environment, access)
    chosen = next((item for item in found if item.choice is not None), None)
    failed = [f"{_wanted(item)}: {_why_not(item)}" for item in found if item.wanted and item.choice is None]
    if chosen is not None:
        for problem in failed:
            say(problem)
        say(f"No model is configured: using {chosen.choice}, found at {chosen.endpoint.address}.")
        return chosen
    if failed:
        raise UnavailableError(
            f"{' '.join(failed)} Fix that, name a model (`--model PROVIDER/MODEL`), or use rules only "
            "(`--model builtin`)."
        )
    places = ", ".join(item.endpoint.address for item in found)
    keys = ", ".join(SERVERS[name].key_name for name in HOSTED)
    say(
        f"No model is configured. Nothing answers at {places}, and none of {keys} is set: using the built-in "
        "reviewer. Start a model server or set a key for a review by language models."
    )
    return None


def _wanted(found: Found) -> str:
    """What shows that somebody wants this server to be used."""
    endpoint = found.endpoint
    if found.configured:
        return f"Provider {endpoint.name} is configured"
    return f"{endpoint.key_name} is set"


def _why_not(found: Found) -> str:
    if found.listing.error is not None:
        said = str(found.listing.error)
        return said if said.endswith((".", "?", "!")) else f"{said}."
    if found.listing.models is None:
        return "its server does not list its models, so one has to be named."
    if not any(info.chat for info in found.listing.models):
        return f"{found.endpoint.name} has no model that could answer.{_fetch_hint(found.endpoint)}"
    return f"{found.endpoint.name} offers none of the models that are taken unasked, so one has to be named."


async def _validate(catalog: Catalog, model: ModelRef, endpoint: Endpoint, say: Say) -> ModelInfo | None:
    """What the server says about a model.

    A server that cannot be reached is not an error yet: the run will report what it could not review.

    Raises:
        UnknownModelError: the server lists its models, and this is not among them.
        ConfigError: the server does not accept the key.
    """
    try:
        return await catalog.check(model)
    except UnknownModelError as error:
        if endpoint.lists_all:
            raise UnknownModelError(f"{error}{_unlisted_hint(endpoint)}") from None
        say(
            f"{model} is not in the list of {endpoint.name} and is asked all the same, as lists_all is false."
        )
        return None
    except KeyRejectedError as error:
        raise ConfigError(str(error)) from error
    except ModelError as error:
        say(f"{model} could not be checked: {error}")
        return None


def _unlisted_hint(endpoint: Endpoint) -> str:
    """What to do about a server whose kind is not known to list everything."""
    if server_of(endpoint.kind, endpoint.base_url) is not COMPATIBLE:
        return ""
    return f" If it answers for models that it does not list, set `lists_all = false` for {endpoint.name}."

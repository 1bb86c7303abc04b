"""From a provider's name to the server it means: the settings, the table of servers and the keys together."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from reviewer.config.load import Loaded
from reviewer.config.schema import Provider
from reviewer.errors import ConfigError, MissingKeyError
from reviewer.models.model import Endpoint, Key, Timeouts, shown_address
from reviewer.models.servers import SERVERS, server_of

IN_PROCESS = frozenset({"builtin", "scripted"})
"""Kinds that are reviewers inside this program."""
PROBE = Timeouts(connect=1.0, idle=5.0, call=5.0)
"""For looking whether a server is there at all."""
_IDLE_LOCAL = 600.0
"""Seconds; a server on this machine may load a model or read a long prompt without a word."""
_IDLE_REMOTE = 120.0


def endpoint_of(
    name: str, loaded: Loaded, environment: Mapping[str, str], *, found_at: str = "", need_key: bool = True
) -> Endpoint:
    """The server that a provider's name means.

    Args:
        name: the provider.
        loaded: the settings.
        environment: variables that hold keys.
        found_at: the address where detection found it, for providers with several usual ones.
        need_key: whether a missing key is an error.

    Raises:
        ConfigError: the name is neither configured nor known, or it lacks its address or its key.
    """
    own = loaded.settings.providers.get(name, Provider())
    kind = _kind(name, own, loaded)
    if kind in IN_PROCESS:
        folder = str(loaded.root / own.replies) if own.replies else ""
        return Endpoint(name, kind, base_url=folder, concurrency=8)
    if retired := SERVERS[kind].retired:
        raise ConfigError(f"provider {name}: {retired}")
    usual = found_at or next(iter(SERVERS[kind].urls if name in SERVERS else ()), "")
    base_url = (own.base_url or usual).rstrip("/")
    _check_address(name, base_url)
    key_name = own.api_key_env or server_of(kind, base_url).key_name
    key = environment.get(key_name, "").strip() if key_name else ""
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the key in {key_name} has characters that no key has; was it copied whole?")
    if key_name and not key and need_key:
        raise MissingKeyError(f"provider {name} needs a key: set the environment variable {key_name}.")
    made = Endpoint(
        name, kind, base_url, Key(key) if key else None, key_name, window=own.window, lists_all=own.lists_all
    )
    if not own.redact and not made.local:
        raise ConfigError(
            f"provider {name}: redact = false is for servers of this machine; {made.address} is none."
        )
    made = replace(made, redact=own.redact)
    return _bounded(made, own, loaded)


def _check_address(name: str, base_url: str) -> None:
    """Refuse an address to which no request could be sent.

    Raises:
        ConfigError: it is missing, or it is no address of a web server.
    """
    if not base_url:
        raise ConfigError(f"provider {name}: base_url is missing, such as http://127.0.0.1:8000/v1.")
    shown = shown_address(base_url)
    if not base_url.startswith(("http://", "https://")):
        raise ConfigError(f"provider {name}: base_url {shown!r} does not start with http:// or https://.")
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").encode("idna")
        _ = parts.port  # raises where it is no port
    except ValueError as error:
        raise ConfigError(f"provider {name}: base_url {shown!r} cannot be used: {error}.") from error
    if not host:
        raise ConfigError(f"provider {name}: base_url {shown!r} names no host.")


def _kind(name: str, own: Provider, loaded: Loaded) -> str:
    if own.kind:
        return own.kind
    if name in SERVERS or name in IN_PROCESS:
        return name
    if name in loaded.settings.providers:
        raise ConfigError(
            f"provider {name}: kind is missing. "
            'Any server that speaks OpenAI\'s chat completions has kind = "openai".'
        )
    known = ", ".join(dict.fromkeys([*loaded.settings.providers, *SERVERS, "builtin"]))
    raise ConfigError(
        f"there is no provider named {name!r}. Known ones: {known}. To add one, write a table "
        f"[providers.{name}] with kind and base_url."
    )


def _bounded(endpoint: Endpoint, own: Provider, loaded: Loaded) -> Endpoint:
    """The endpoint with its time limits and its concurrency."""
    run = loaded.settings.run
    call = min(run.call_timeout, run.timeout)
    idle = own.timeout or (_IDLE_LOCAL if endpoint.local else _IDLE_REMOTE)
    usual = server_of(endpoint.kind, endpoint.base_url).concurrency
    return replace(
        endpoint,
        concurrency=run.concurrency or own.concurrency or usual,
        timeouts=Timeouts(idle=min(idle, call), call=call),
    )

"""From an address to a connected host: one place that knows which kinds of hosts there are."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from reviewer.hosts.addresses import PUBLIC_API, Where
from reviewer.hosts.client import Client
from reviewer.hosts.github import GitHub
from reviewer.hosts.host import CodeHost
from reviewer.models.answer import Clock
from reviewer.models.model import Endpoint, Key, Timeouts
from reviewer.models.registry import over_http

_PATIENCE = Timeouts(connect=10.0, idle=60.0, call=120.0)
_TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")
_ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


def token_of(place: Where, environment: Mapping[str, str]) -> str:
    """The token for a host, or an empty text.

    An address may be anybody's: the token of github.com, or of the workflow's own host, goes nowhere else.
    Others have variables of their own, as in GitHub's command-line program, and GH_HOST has to name the host.
    """
    known = place.api in {PUBLIC_API, environment.get("GITHUB_API_URL", "").rstrip("/")}
    parts = urlsplit(place.api)
    private = parts.scheme == "https" or parts.hostname in {"127.0.0.1", "::1", "localhost"}
    named = private and parts.netloc == environment.get("GH_HOST", "").strip()
    names = _TOKENS if known else _ENTERPRISE_TOKENS if named else ()
    return next((value for name in names if (value := environment.get(name, "").strip())), "")


def missing_token(place: Where) -> str:
    """What to do where there is no token for a host."""
    if place.api == PUBLIC_API:
        return "set GITHUB_TOKEN"
    return f"set GH_HOST={urlsplit(place.api).netloc} and GH_ENTERPRISE_TOKEN"


@asynccontextmanager
async def connected(place: Where, token: str, clock: Clock) -> AsyncIterator[CodeHost]:
    """The host that a pull request lives on."""
    key = Key(token) if token else None
    wire = over_http(Endpoint("GitHub", "openai", place.api, key, timeouts=_PATIENCE))
    async with wire:
        client = Client(wire, place.api, token, clock, time.time)
        yield await GitHub.connected(client, place.owner, place.name)

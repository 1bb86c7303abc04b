"""What a repository's own settings may not say: where code and keys go, and places outside of it."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from reviewer.config.keys import DOT, flag_key, join, shown
from reviewer.config.layers import Layer
from reviewer.errors import ConfigError, UntrustedError

_ABOUT_SERVERS = frozenset({"base_url", "api_key_env", "replies", "redact"})
"""Keys of a provider that say where code, keys and secrets go, or where answers come from."""


def seal(settings: Mapping[str, Any]) -> str:
    """A name for what a repository sets about servers: another value has another name."""
    content = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def servers_of(layers: Iterable[Layer]) -> dict[str, Any]:
    """What repositories set about servers, by dotted key."""
    return {
        shown(key): value
        for layer in layers
        if layer.of_repository
        for key, value in layer.values.items()
        if key.startswith(join("providers", "")) and key.rpartition(DOT)[2] in _ABOUT_SERVERS
    }


def check_servers(layers: Sequence[Layer], trusted: Collection[str], user: Path) -> None:
    """Refuse addresses and keys that a repository names and nobody on this machine has agreed to.

    Args:
        layers: all that come from files.
        trusted: what was agreed to, as `seal` names it.
        user: the user's own file, for the advice.

    Raises:
        UntrustedError: there are some.
    """
    foreign = servers_of(layers)
    if not foreign or seal(foreign) in trusted:
        return
    source = next(layer.source for layer in layers if layer.of_repository)
    named = ", ".join(foreign)
    raise UntrustedError(
        f"{source}: sets {named}: where your code and keys go is for you to say. Look at it and run "
        f"`reviewer trust`, or set it in {user} or by a variable such as "
        "REVIEWER_PROVIDERS__LAB__BASE_URL; --no-config goes without."
    )


_PLACES = ("report.directory", "baseline.file", "prompts.directories")


def check_places(values: Mapping[str, Any], origins: Mapping[str, str], foreign: Collection[str]) -> None:
    """Refuse places outside of the repository that its own file names.

    Raises:
        ConfigError: there is one.
    """
    for dotted in _PLACES:
        key = flag_key(dotted)
        given = values.get(key)
        for place in map(str, [given] if isinstance(given, str) else given or ()):
            path = PurePosixPath(place.replace("\\", "/"))
            if key in foreign and (path.is_absolute() or ".." in path.parts or PureWindowsPath(place).drive):
                raise ConfigError(
                    f"{origins[key]}: {dotted}: {place!r} leads out of the repository; "
                    "only your own settings, variables and flags may name such a place."
                )

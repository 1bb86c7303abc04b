"""Dotted keys of settings: their inner form, tables to keys and back, and what a wrong one is told."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from reviewer.config.schema import NAMED, Settings, known_keys
from reviewer.errors import ConfigError

DOT = "\x1f"
"""Separates the parts of a key inside, as names of the user's choice may hold dots."""


def join(*parts: str) -> str:
    """The inner form of a key from its parts."""
    return DOT.join(parts)


def shown(key: str) -> str:
    """A key as people write it."""
    return key.replace(DOT, ".")


def flag_key(dotted: str) -> str:
    """The inner form of a dotted key without names in it."""
    return dotted.replace(".", DOT)


def named_key(section: str, name: str, key: str) -> str:
    """The inner form of a key of a role or a provider."""
    return join(section, name, key)


def flat(table: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Nested tables as dotted keys; names of providers and roles may hold dots and are kept whole."""
    flat: dict[str, Any] = {}
    for section, content in table.items():
        if not isinstance(content, dict):
            raise ConfigError(unknown(section, source))
        for key, value in content.items():
            if section in NAMED and isinstance(value, dict):
                flat |= {join(section, key, inner): part for inner, part in value.items()}
            else:
                flat[join(section, key)] = value
    return flat


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as nested tables."""
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *path, last = key.split(DOT)
        table = nested
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    return nested


def check(values: Mapping[str, Any], source: str) -> None:
    """Validate the settings of one place by themselves, so that an error can name it.

    Raises:
        ConfigError: a key is unknown or its value is wrong.
    """
    for key in values:
        parts = key.split(DOT)
        for length in range(1, len(parts)):
            if (outer := join(*parts[:length])) in values:
                raise ConfigError(
                    f"{source}: {shown(outer)} is set to a value, and {shown(key)} below it too."
                )
    try:
        Settings.model_validate(nested(values))
    except ValidationError as error:
        problem = error.errors()[0]
        path = [str(part) for part in problem["loc"]]
        if problem["type"] == "extra_forbidden":
            raise ConfigError(unknown(".".join(path), source)) from error
        if not path:
            raise ConfigError(f"{source}: {problem['msg']}") from error
        named = ".".join(part for part in path if not part.isdigit() and "[" not in part)
        message = re.sub(r"^Value error, ", "", problem["msg"])
        # Who writes a key into a file by mistake must not find it in a log as well.
        given = "" if path[-1] == "api_key_env" else f" (got {problem['input']!r})"
        raise ConfigError(f"{source}: {named}: {message}{given}") from error


def unknown(key: str, source: str) -> str:
    """The message for a key that does not exist, with the nearest one that does."""
    keys, sections = known_keys(), list(Settings.model_fields)
    parts = key.split(".")
    if parts[0] not in sections:
        near = get_close_matches(parts[0], sections, n=1, cutoff=0.75)
        near = near or [known for known in keys if known.rpartition(".")[2] == parts[-1]][:1]
        if near:
            return f"{source}: unknown key {parts[0]!r}. Did you mean {near[0]!r}?"
        return (
            f"{source}: unknown key {parts[0]!r}. Sections: {', '.join(sections)}; "
            "`reviewer config keys` lists all keys."
        )
    generic = ".".join([parts[0], "NAME", *parts[2:]]) if parts[0] in NAMED and len(parts) > 1 else key
    here = [known for known in keys if known.startswith(f"{parts[0]}.")]
    near = get_close_matches(generic, here, n=1, cutoff=0.5) or here[:1]
    suggestion = near[0].replace("NAME", parts[1]) if len(parts) > 1 else near[0]
    return f"{source}: unknown key {key!r}. Did you mean {suggestion!r}?"

"""Layers of settings, merged key by key: defaults < user file < repository < environment < flags."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import ValidationError

from reviewer.config.schema import NAMED, Settings, known_keys
from reviewer.errors import ConfigError

REPOSITORY_FILE = "reviewer.toml"
_PREFIX = "REVIEWER_"
_SHORT = {
    "REVIEWER_MODEL": "defaults.model",
    "REVIEWER_DETECT": "defaults.detect",
    "REVIEWER_FAIL_ON": "gate.fail_on",
    "REVIEWER_MIN_SEVERITY": "report.min_severity",
    "REVIEWER_REPORT_DIRECTORY": "report.directory",
    "REVIEWER_INCLUDE": "scope.include",
    "REVIEWER_EXCLUDE": "scope.exclude",
    "REVIEWER_TIMEOUT": "run.timeout",
    "REVIEWER_CONCURRENCY": "run.concurrency",
}
"""Short names; every other key is `REVIEWER_SECTION__KEY`."""
_OTHER_VARIABLES = {"REVIEWER_CONFIG"}


@dataclass(frozen=True, slots=True)
class Layer:
    """Some settings from one place, by dotted key."""

    source: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force.

    Attributes:
        settings: all values, defaults included.
        origins: for each key that is set anywhere, the place that won.
        root: the repository's top folder, or the working directory outside of one.
        files: the configuration files that were read.
    """

    settings: Settings
    origins: Mapping[str, str]
    root: Path
    files: tuple[Path, ...]

    def origin(self, key: str) -> str:
        """Where a key's value comes from."""
        return self.origins.get(key, "default")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look for settings.

    Attributes:
        directory: where the command was started.
        environment: the process's variables.
        flags: values from the command line by dotted key, with the flag's name.
        file: the file of `--config`, which replaces that of the repository.
        use_files: False for `--no-config`.
    """

    directory: Path
    environment: Mapping[str, str]
    flags: Mapping[str, tuple[str, Any]]
    file: Path | None = None
    use_files: bool = True


def load(sources: Sources) -> Loaded:
    """Read and merge all layers.

    Raises:
        ConfigError: a file cannot be read, or a key is unknown or has a wrong value; names the place.
    """
    root = repository_root(sources.directory)
    layers: list[Layer] = []
    files: list[Path] = []
    if sources.use_files:
        for file in _files(sources, root):
            table = _table(file)
            if table is not None:
                layers.append(Layer(str(file), _flat(table, str(file))))
                files.append(file)
    layers.append(_environment_layer(sources.environment))
    layers += [Layer(f"flag {flag}", {key: value}) for key, (flag, value) in sources.flags.items()]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        _check(layer)
        for key, value in layer.values.items():
            values[key], origins[key] = value, layer.source
    return Loaded(Settings.model_validate(_nested(values)), origins, root, tuple(files))


def repository_root(directory: Path) -> Path:
    """The nearest folder upwards that holds a `.git`, else the directory itself."""
    for folder in (directory, *directory.parents):
        if (folder / ".git").exists():
            return folder
    return directory


def user_file() -> Path:
    """The user's own configuration file, whether it exists or not."""
    return Path(platformdirs.user_config_dir("reviewer", appauthor=False)) / "config.toml"


def cache_folder() -> Path:
    """The folder for what may be lost at any time."""
    return Path(platformdirs.user_cache_dir("reviewer", appauthor=False))


def _files(sources: Sources, root: Path) -> list[Path]:
    variable = sources.environment.get("REVIEWER_CONFIG")
    named = sources.file or (Path(variable) if variable else None)
    if named is not None and not named.is_file():
        raise ConfigError(f"{named}: there is no such configuration file.")
    found = [file for file in (user_file(),) if file.is_file()]
    if named is not None:
        return [*found, named]
    own, project = root / REPOSITORY_FILE, root / "pyproject.toml"
    # What cannot be read is an error, not a file without settings.
    there = [file for file in (own, project) if file.exists() or file.is_symlink()]
    candidates = [file for file in there if _table(file) is not None]
    if len(candidates) > 1:
        raise ConfigError(f"{own} and [tool.reviewer] in {project} both hold settings. Keep one of them.")
    return [*found, *candidates]


def _table(file: Path) -> Mapping[str, Any] | None:
    """The settings in a file; None for a `pyproject.toml` without any."""
    try:
        data = tomllib.loads(file.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    if file.name != "pyproject.toml":
        return data
    tool = data.get("tool", {})
    return tool.get("reviewer") if isinstance(tool, dict) else None


def _flat(table: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Nested tables as dotted keys; names of providers and roles may hold dots and are kept whole."""
    flat: dict[str, Any] = {}
    for section, content in table.items():
        if not isinstance(content, dict):
            raise ConfigError(_unknown(section, source))
        for key, value in content.items():
            if section in NAMED and isinstance(value, dict):
                flat |= {_join(section, key, inner): part for inner, part in value.items()}
            else:
                flat[_join(section, key)] = value
    return flat


_DOT = "\x1f"
"""Separates the parts of a key inside, as names of the user's choice may hold dots."""


def _join(*parts: str) -> str:
    return _DOT.join(parts)


def shown(key: str) -> str:
    """A key as people write it."""
    return key.replace(_DOT, ".")


def _environment_layer(environment: Mapping[str, str]) -> Layer:
    values: dict[str, Any] = {}
    for name in sorted(environment):
        if not name.startswith(_PREFIX) or name in _OTHER_VARIABLES or not environment[name]:
            continue
        dotted = _SHORT.get(name)
        parts = dotted.split(".") if dotted else name.removeprefix(_PREFIX).lower().split("__")
        if len(parts) < 2:  # noqa: PLR2004  # a section and a key
            hint = "Write REVIEWER_SECTION__KEY, such as REVIEWER_GATE__FAIL_ON."
            known = {short.removeprefix(_PREFIX): short for short in _SHORT}
            if near := get_close_matches(name.removeprefix(_PREFIX), known, n=1):
                hint = f"Did you mean {known[near[0]]}?"
            raise ConfigError(f"environment: unknown variable {name}. {hint}")
        key = _join(*parts)
        if values.get(key, environment[name]) != environment[name]:
            raise ConfigError(
                f"environment: {shown(key)} is set twice, to different values; {name} is one of them."
            )
        values[key] = environment[name]
    return Layer("environment", values)


def flag_key(dotted: str) -> str:
    """The inner form of a dotted key without names in it."""
    return dotted.replace(".", _DOT)


def named_key(section: str, name: str, key: str) -> str:
    """The inner form of a key of a role or a provider."""
    return _join(section, name, key)


def _check(layer: Layer) -> None:
    """Validate one layer by itself, so that an error can name its place.

    Raises:
        ConfigError: a key is unknown or its value is wrong.
    """
    for key in layer.values:
        parts = key.split(_DOT)
        for length in range(1, len(parts)):
            if (outer := _join(*parts[:length])) in layer.values:
                raise ConfigError(
                    f"{layer.source}: {shown(outer)} is set to a value, and {shown(key)} below it too."
                )
    try:
        Settings.model_validate(_nested(layer.values))
    except ValidationError as error:
        problem = error.errors()[0]
        path = [str(part) for part in problem["loc"]]
        if problem["type"] == "extra_forbidden":
            raise ConfigError(_unknown(".".join(path), layer.source)) from error
        if not path:
            raise ConfigError(f"{layer.source}: {problem['msg']}") from error
        named = ".".join(part for part in path if not part.isdigit() and "[" not in part)
        message = re.sub(r"^Value error, ", "", problem["msg"])
        # Who writes a key into a file by mistake must not find it in a log as well.
        given = "" if path[-1] == "api_key_env" else f" (got {problem['input']!r})"
        raise ConfigError(f"{layer.source}: {named}: {message}{given}") from error


def _unknown(key: str, source: str) -> str:
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


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *path, last = key.split(_DOT)
        table = nested
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    return nested


def process_environment() -> Mapping[str, str]:
    """The variables of this process; read here and nowhere else."""
    return dict(os.environ)

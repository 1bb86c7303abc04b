"""Where settings stand: files of the user and of the repository, and variables; each one layer."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from reviewer.changes.trusted import TrustedFiles
from reviewer.config.keys import flat, join, shown
from reviewer.errors import ConfigError, SourceError

REPOSITORY_FILE, PROJECT_FILE = "reviewer.toml", "pyproject.toml"
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
ACTION = "REVIEWER_ACTION_"
"""What the variables begin with that hold the inputs of the GitHub Action."""
SETTINGS_FROM = "REVIEWER_SETTINGS_FROM"
"""Which version of the repository's files decides, as `--settings-from`."""
_OTHER_VARIABLES = {"REVIEWER_CONFIG", SETTINGS_FROM}


@dataclass(frozen=True, slots=True)
class Layer:
    """Some settings from one place, by dotted key; `of_repository` if they are not the user's own."""

    source: str
    values: Mapping[str, Any]
    of_repository: bool = False


def file_layers(user: Path, named: Path | None, root: Path, own: TrustedFiles) -> Iterator[Layer]:
    """The user's file, and that of the repository or the one named in its place.

    Args:
        user: the user's own file, which need not exist.
        named: the file that stands in for that of the repository, or None.
        root: the top folder of the repository.
        own: the version of its files that decides.

    Raises:
        ConfigError: a file cannot be read, or is no TOML.
    """
    if user.is_file():
        yield _layer_of(_bytes(user), str(user))
    if named is not None:
        yield _named_layer(named, root, own)
        return
    found = []
    for name in (REPOSITORY_FILE, PROJECT_FILE):
        data = _own(own, name)
        table = None if data is None else _table(data, own.label(name), project=name == PROJECT_FILE)
        if table is not None:
            found.append(Layer(own.label(name), flat(table, own.label(name)), of_repository=True))
    if len(found) > 1:
        raise ConfigError(
            f"{found[0].source} and [tool.reviewer] in {found[1].source} both hold settings. "
            "Keep one of them."
        )
    yield from found


def _named_layer(named: Path, root: Path, own: TrustedFiles) -> Layer:
    """The file of `--config`. Where a commit decides, a file of the repository is read from that."""
    if own.commit and (root / ".git").exists() and named.resolve().is_relative_to(root.resolve()):
        path = named.resolve().relative_to(root.resolve()).as_posix()
        data = _own(own, path)
        if data is None:
            raise ConfigError(f"{own.label(path)}: there is no such configuration file.")
        return replace(_layer_of(data, own.label(path)), of_repository=True)
    if not named.is_file():
        raise ConfigError(f"{named}: there is no such configuration file.")
    return _layer_of(_bytes(named), str(named))


def _layer_of(data: bytes, source: str) -> Layer:
    project = source.endswith(PROJECT_FILE)
    return Layer(source, flat(_table(data, source, project=project) or {}, source))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error


def _own(own: TrustedFiles, path: str) -> bytes | None:
    """A file of the repository; what cannot be read is an error, not a file without settings."""
    try:
        return own.read(path)
    except SourceError as error:
        raise ConfigError(str(error)) from error


def _table(data: bytes, source: str, *, project: bool) -> Mapping[str, Any] | None:
    """The settings in a file; None for a `pyproject.toml` without any."""
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: {error}") from error
    if not project:
        return table
    tool = table.get("tool", {})
    return tool.get("reviewer") if isinstance(tool, dict) else None


def environment_layer(environment: Mapping[str, str]) -> Layer:
    """What variables set.

    Raises:
        ConfigError: one means no setting, or two contradict each other.
    """
    values: dict[str, Any] = {}
    for name in sorted(environment):
        if not name.startswith(_PREFIX) or name in _OTHER_VARIABLES or not environment[name]:
            continue
        if name.startswith(ACTION):
            continue
        dotted = _SHORT.get(name)
        parts = dotted.split(".") if dotted else name.removeprefix(_PREFIX).lower().split("__")
        if len(parts) < 2:  # noqa: PLR2004  # a section and a key
            hint = "Write REVIEWER_SECTION__KEY, such as REVIEWER_GATE__FAIL_ON."
            known = {short.removeprefix(_PREFIX): short for short in _SHORT}
            if near := get_close_matches(name.removeprefix(_PREFIX), known, n=1):
                hint = f"Did you mean {known[near[0]]}?"
            raise ConfigError(f"environment: unknown variable {name}. {hint}")
        key = join(*parts)
        if values.get(key, environment[name]) != environment[name]:
            raise ConfigError(
                f"environment: {shown(key)} is set twice, to different values; {name} is one of them."
            )
        values[key] = environment[name]
    return Layer("environment", values)

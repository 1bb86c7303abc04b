"""Layers of settings, merged key by key: defaults < user file < repository < environment < flags."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.changes.trusted import TrustedFiles, WorktreeFiles
from reviewer.config.foreign import check_places, check_servers, servers_of
from reviewer.config.keys import check, nested
from reviewer.config.layers import Layer, environment_layer, file_layers
from reviewer.config.places import user_file
from reviewer.config.schema import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force.

    Attributes:
        settings: all values, defaults included.
        origins: for each key that is set anywhere, the place that won.
        root: the repository's top folder, or the working directory outside of one.
        files: the configuration files that were read, by the names to call them.
        repository_files: the version of the repository's own files that decides.
        of_repository: keys whose value the repository has set, and nobody over it.
    """

    settings: Settings
    origins: Mapping[str, str]
    root: Path
    files: tuple[str, ...]
    repository_files: TrustedFiles
    of_repository: frozenset[str] = frozenset()

    def origin(self, key: str) -> str:
        """Where a key's value comes from."""
        return self.origins.get(key, "default")

    def is_of_user(self, key: str) -> bool:
        """Whether the user has set a key: no default, and not the repository."""
        return key in self.origins and key not in self.of_repository


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look for settings.

    Attributes:
        directory: where the command was started.
        environment: the process's variables.
        flags: values from the command line by dotted key, with the flag's name.
        file: the file of `--config`, which replaces that of the repository.
        use_files: False for `--no-config`.
        repository_files: the version of the repository's files that decides; those on the disk by default.
        trusted: names of what repositories may set about servers, as `seal` makes them.
        user: a file in place of the user's own, or None.
    """

    directory: Path
    environment: Mapping[str, str]
    flags: Mapping[str, tuple[str, Any]]
    file: Path | None = None
    use_files: bool = True
    repository_files: TrustedFiles | None = None
    trusted: Collection[str] = ()
    user: Path | None = None


def load(sources: Sources) -> Loaded:
    """Read and merge all layers.

    Raises:
        ConfigError: a file cannot be read, or a key is unknown or has a wrong value; names the place.
    """
    root = repository_root(sources.directory)
    own: TrustedFiles = sources.repository_files or WorktreeFiles(root)
    layers = _of_files(sources, root, own)
    files = tuple(layer.source for layer in layers)
    layers.append(environment_layer(sources.environment))
    layers += [Layer(f"flag {flag}", {key: value}) for key, (flag, value) in sources.flags.items()]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    of_repository: dict[str, bool] = {}
    for layer in layers:
        check(layer.values, layer.source)
    check_servers(layers, sources.trusted, user_file())
    for layer in layers:
        for key, value in layer.values.items():
            values[key], origins[key], of_repository[key] = value, layer.source, layer.of_repository
    foreign = frozenset(key for key, is_foreign in of_repository.items() if is_foreign)
    check_places(values, origins, foreign)
    return Loaded(Settings.model_validate(nested(values)), origins, root, files, own, foreign)


def _of_files(sources: Sources, root: Path, own: TrustedFiles) -> list[Layer]:
    if not sources.use_files:
        return []
    variable = sources.environment.get("REVIEWER_CONFIG")
    named = sources.file or (Path(variable) if variable else None)
    return [*file_layers(sources.user or user_file(), named, root, own)]


def about_servers(sources: Sources) -> dict[str, Any]:
    """What the repository's own file sets about servers, by dotted key: only its user may let it.

    Raises:
        ConfigError: the file cannot be read.
    """
    root = repository_root(sources.directory)
    own: TrustedFiles = sources.repository_files or WorktreeFiles(root)
    return servers_of(_of_files(sources, root, own))


def repository_root(directory: Path) -> Path:
    """The nearest folder upwards that holds a `.git`, else the directory itself."""
    for folder in (directory, *directory.parents):
        if (folder / ".git").exists():
            return folder
    return directory

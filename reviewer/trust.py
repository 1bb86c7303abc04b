"""What a user has agreed to: the servers and keys that repositories name, recorded outside of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from reviewer.config.places import user_file
from reviewer.errors import ConfigError
from reviewer.outputs.files import write


class _Record(BaseModel):
    """What was agreed to of one repository."""

    seal: str
    keys: list[str]


class _Store(BaseModel):
    """The whole file: records by the path of the repository."""

    repositories: dict[str, _Record] = {}


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a user has agreed to, by the path of the repository.

    Attributes:
        seals: the names of what was agreed to, as `reviewer.config.load.seal` makes them.
        keys: which settings these are, for people.
    """

    seals: Mapping[str, str]
    keys: Mapping[str, tuple[str, ...]]

    def of(self, root: Path) -> frozenset[str]:
        """The names of what was agreed to in a repository."""
        found = self.seals.get(_name(root))
        return frozenset({found} if found else ())


def store_file() -> Path:
    """Where it is recorded: beside the user's own settings."""
    return user_file().with_name("trusted.json")


def load_trusted() -> Trusted:
    """What is recorded; nothing if there is no such file.

    Raises:
        ConfigError: the file cannot be read; nothing is trusted because of a broken one.
    """
    store = _read()
    return Trusted(
        {place: record.seal for place, record in store.repositories.items()},
        {place: tuple(record.keys) for place, record in store.repositories.items()},
    )


def remember(root: Path, seal: str, keys: tuple[str, ...]) -> None:
    """Record that the user agrees to what a repository sets; it replaces what was recorded for it.

    Raises:
        ConfigError: the file that is there cannot be read.
        OutputError: it cannot be written.
    """
    _change(root, _Record(seal=seal, keys=list(keys)))


def forget(root: Path) -> bool:
    """Take an agreement back; returns whether there was one.

    Raises:
        ConfigError: the file that is there cannot be read.
        OutputError: it cannot be written.
    """
    return _change(root, None)


def _change(root: Path, record: _Record | None) -> bool:
    store = _read()
    known = dict(store.repositories)
    before = known.pop(_name(root), None)
    if record is not None:
        known[_name(root)] = record
    if record is not None or before is not None:
        write(store_file(), _Store(repositories=dict(sorted(known.items()))).model_dump_json(indent=1) + "\n")
        store_file().chmod(0o600)
    return before is not None


def _read() -> _Store:
    try:
        return _Store.model_validate(json.loads(store_file().read_text("utf-8")))
    except FileNotFoundError:
        return _Store()
    except (OSError, ValueError, ValidationError) as error:
        raise ConfigError(
            f"{store_file()}: cannot be read: {error}. Remove it, and run `reviewer trust` again."
        ) from error


def _name(root: Path) -> str:
    return str(root.resolve())

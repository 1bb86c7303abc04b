"""Files of a repository that decide how it is reviewed, at the one version of it that may decide.

What is under review must not choose its own rules: in other people's branches these files come from the
commit that the change is compared with. No link is followed, and nothing outside of the repository is read.
"""

import errno
import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, Any, Protocol

from reviewer.changes.git import Repository
from reviewer.errors import SourceError

StrPath = str | os.PathLike[str]
LARGEST = 1024 * 1024
"""Bytes; no settings, prompts or guidance are longer."""
_LINK = "120000"
ATTRIBUTES = ".gitattributes"
"""git reads these in every folder."""
DECIDING = (
    "reviewer.toml",
    "pyproject.toml",
    ".reviewer",
    ".reviewerignore",
    ATTRIBUTES,
    "REVIEW.md",
    "AGENTS.md",
    "CLAUDE.md",
)
"""Files and folders that decide how a repository is reviewed."""
_ANYWHERE = frozenset({ATTRIBUTES, ".reviewerignore"})


def edited(paths: Sequence[str]) -> list[str]:
    """Those of some paths that decide how a repository is reviewed."""
    return [
        path
        for path in paths
        if path.rpartition("/")[2] in _ANYWHERE
        or any(path == own or path.startswith(f"{own}/") for own in DECIDING)
    ]


class TrustedFiles(Protocol):
    """The files of one version of a repository."""

    @property
    def commit(self) -> str:
        """The full id of the commit that they come from; empty for the working tree."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a regular file by its path from the root, or None if there is none.

        Raises:
            SourceError: it cannot be read, is a link, or is too large.
        """
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of what lies directly in a folder, sorted; those of folders end in a slash."""
        ...

    def attributes(self, name: str, paths: Sequence[str]) -> Mapping[str, str]:
        """The value of a git attribute for each path, as these files have it."""
        ...

    def label(self, path: str) -> str:
        """What to call a file in messages."""
        ...


@dataclass(frozen=True, slots=True)
class NoFiles:
    """There is no repository, or nothing of it counts."""

    commit: str = ""

    def read(self, path: str) -> bytes | None:
        """Nothing."""
        del path
        return None

    def names(self, folder: str) -> tuple[str, ...]:
        """Nothing."""
        del folder
        return ()

    def attributes(self, name: str, paths: Sequence[str]) -> Mapping[str, str]:
        """Nothing."""
        del name, paths
        return {}

    def label(self, path: str) -> str:
        """Its path."""
        return path


@dataclass(frozen=True, slots=True)
class MemoryFiles:
    """Files of a commit that is not in this clone, as somebody has read them before.

    Attributes:
        commit: its full id.
        contents: by path; nothing else is there.
    """

    commit: str
    contents: Mapping[str, bytes]

    def read(self, path: str) -> bytes | None:
        """The content that was read."""
        data = self.contents.get(path)
        return None if data is None else _bounded(data, self.label(path))

    def names(self, folder: str) -> tuple[str, ...]:
        """The names directly in a folder."""
        start = f"{folder.rstrip('/')}/" if folder.strip("./") else ""
        rest = (path[len(start) :] for path in self.contents if path.startswith(start))
        return tuple(sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in rest}))

    def attributes(self, name: str, paths: Sequence[str]) -> Mapping[str, str]:
        """As git reads them from these files, which are put into a repository of their own for that."""
        rules = {path: data for path, data in self.contents.items() if path.rpartition("/")[2] == ATTRIBUTES}
        if not rules:
            return {}
        with tempfile.TemporaryDirectory(prefix="reviewer-") as folder:
            repository, env = Repository.empty(Path(folder))
            for path, data in rules.items():
                blob = repository.output("hash-object", "-w", "--stdin", env=env, stdin=data).decode().strip()
                entry = f"100644,{blob},{path}"
                repository.output("update-index", "--add", "--cacheinfo", entry, env=env)
            return repository.attributes(name, paths, env=env)

    def label(self, path: str) -> str:
        """Its path and the commit."""
        return f"{path} at commit {self.commit[:12]}"


@dataclass(frozen=True, slots=True)
class WorktreeFiles:
    """The files as they lie in a folder.

    Attributes:
        root: the folder.
        repository: for attributes; None outside of a repository.
    """

    root: Path
    repository: Repository | None = None
    commit: str = ""

    def read(self, path: str) -> bytes | None:
        """The file on the disk."""
        place = self.root / path
        try:
            if not place.exists() and not place.is_symlink():
                return None
            if not place.resolve(strict=True).is_relative_to(self.root.resolve()):
                raise SourceError(f"{place}: is a link that leads out of the repository; it is not followed.")
            if place.is_dir():
                return None
            if not place.is_file():
                raise SourceError(f"{place}: is no regular file.")
            with place.open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise SourceError(f"{place}: cannot be read: {error.strerror or error}.") from error
        return _bounded(data, str(place))

    def names(self, folder: str) -> tuple[str, ...]:
        """The names on the disk."""
        place = self.root / folder
        if not place.is_dir() or not place.resolve().is_relative_to(self.root.resolve()):
            return ()
        return tuple(sorted(f"{item.name}/" if item.is_dir() else item.name for item in place.iterdir()))

    def attributes(self, name: str, paths: Sequence[str]) -> Mapping[str, str]:
        """As git reads them from the working tree."""
        return self.repository.attributes(name, paths) if self.repository is not None else {}

    def label(self, path: str) -> str:
        """Where it lies."""
        return str(self.root / path)


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """The files of a commit.

    Attributes:
        repository: it is in.
        commit: its full id.
    """

    repository: Repository
    commit: str

    def read(self, path: str) -> bytes | None:
        """The blob of that path."""
        entry = self.repository.output("ls-tree", "-z", "--full-tree", "-l", self.commit, "--", path)
        fields, _, name = entry.rstrip(b"\0").partition(b"\t")
        if not name or os.fsdecode(name) != path.rstrip("/"):
            return None
        mode, kind, object_id, size = fields.decode().split()
        if mode == _LINK:
            raise SourceError(f"{self.label(path)}: is a link; it is not followed.")
        if kind != "blob":
            return None
        if int(size) > LARGEST:
            raise SourceError(f"{self.label(path)}: has over {LARGEST:,} bytes.")
        return self.repository.blob(object_id)

    def names(self, folder: str) -> tuple[str, ...]:
        """The names in that tree."""
        where = [f"{folder.rstrip('/')}/"] if folder.strip("./") else []
        rows = self.repository.output("ls-tree", "-z", "--full-tree", self.commit, "--", *where)
        return tuple(sorted(_name(row) for row in rows.split(b"\0") if row))

    def attributes(self, name: str, paths: Sequence[str]) -> Mapping[str, str]:
        """As git reads them from the files of this commit."""
        with tempfile.TemporaryDirectory(prefix="reviewer-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.repository.output("read-tree", self.commit, env=env)
            return self.repository.attributes(name, paths, env=env)

    def label(self, path: str) -> str:
        """Its path and the commit."""
        return f"{path} at commit {self.commit[:12]}"


def _name(row: bytes) -> str:
    about, _, path = row.partition(b"\t")
    name = os.fsdecode(path.rpartition(b"/")[2])
    return f"{name}/" if about.startswith(b"040000") else name


def _bounded(data: bytes, name: str) -> bytes:
    if len(data) > LARGEST:
        raise SourceError(f"{name}: has over {LARGEST:,} bytes.")
    return data


class Folder(Traversable):
    """A folder of trusted files, to be read like one on the disk."""

    def __init__(self, files: TrustedFiles, path: str) -> None:
        self.files = files
        self.path = path

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return self.files.label(self.path)

    def iterdir(self) -> Iterator["Folder"]:
        """What lies directly in it."""
        return (Folder(self.files, f"{self.path}/{name.rstrip('/')}") for name in self.files.names(self.path))

    def is_dir(self) -> bool:
        """Whether there is something in it: git knows no empty folders."""
        return bool(self.files.names(self.path))

    def is_file(self) -> bool:
        """Whether it is a file."""
        return not self.is_dir() and self.files.read(self.path) is not None

    def joinpath(self, *descendants: StrPath) -> "Folder":
        """Something below it."""
        return Folder(self.files, "/".join((self.path, *map(str, descendants))))

    def __truediv__(self, child: StrPath) -> "Folder":
        return self.joinpath(child)

    def read_bytes(self) -> bytes:
        """The content of a file.

        Raises:
            OSError: there is none, or it cannot be read.
        """
        try:
            data = self.files.read(self.path)
        except SourceError as error:
            raise OSError(errno.EACCES, str(error)) from error
        if data is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such file", str(self))
        return data

    def read_text(self, encoding: str | None = None) -> str:
        """The text of a file.

        Raises:
            OSError: there is none, or it cannot be read.
            UnicodeDecodeError: it is no text.
        """
        return self.read_bytes().decode(encoding or "utf-8")

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:
        """The content of a file as a stream."""
        data = self.read_bytes()
        return io.BytesIO(data) if "b" in mode else io.StringIO(data.decode(*args, **kwargs))

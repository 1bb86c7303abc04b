"""What hooks said about a content before: a second attempt with the same content is answered from here.

Only the standard library is used, and git is started directly, as everything else takes longer to import than
a cached answer may take.
"""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reviewer import __version__

_MOST = 200
"""Answers that are kept."""
_DECIDING = (
    "reviewer.toml",
    "pyproject.toml",
    ".reviewerignore",
    ".gitattributes",
    "REVIEW.md",
    "AGENTS.md",
    "CLAUDE.md",
)
_LARGEST = 1024 * 1024
_HEAD_VARIABLE = re.compile(r"GITHEAD_([0-9a-f]{40}|[0-9a-f]{64})")
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""git's name for nothing, which every repository knows."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a hook said and how it ended.

    Attributes:
        status: its exit status.
        text: what it printed.
        files: reports that it names.
    """

    status: int
    text: str
    files: tuple[str, ...] = ()


def key_of(
    words: Sequence[str],
    refs: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    own: Sequence[Path],
) -> str | None:
    """A name for all that decides what a hook says; None if git cannot tell.

    Args:
        words: what was asked for.
        refs: the commits of a range; empty for the index.
        directory: where the hook was started.
        environment: the process's variables.
        own: the user's own files.
    """
    state = _state(refs, directory, environment)
    if state is None:
        return None
    root, content = state
    digest = hashlib.sha256(f"{__version__}\0{root}\0".encode("utf-8", "replace"))
    digest.update("\0".join(words).encode("utf-8", "replace") + b"\0" + content)
    for name in sorted(environment):
        if (
            name.startswith("REVIEWER_")
            or name.endswith(("_API_KEY", "_KEY"))
            or name in {"CI", "GITHUB_ACTIONS"}
        ):
            digest.update(f"{name}={environment[name]}\0".encode("utf-8", "replace"))
    for place in (*_deciding(Path(root), own), *_changed_below(Path(root))):
        digest.update(f"{place}\0".encode("utf-8", "replace") + _content(place))
    return digest.hexdigest()


def _state(refs: Sequence[str], directory: Path, environment: Mapping[str, str]) -> tuple[str, bytes] | None:
    """The root of the repository, and a text that is the same as long as what is reviewed is."""
    ends = refs or ["HEAD"]
    places = ("--show-toplevel", "--git-path", "MERGE_HEAD")
    about = _git(directory, "rev-parse", *places, *(f"{end}^{{commit}}" for end in ends))
    if about is None and not refs:  # no commits yet
        about = _git(directory, "rev-parse", *places)
    if about is None:
        return None
    root, merge, *commits = about.decode("utf-8", "surrogateescape").splitlines()
    if refs:
        return root, "\n".join(commits).encode()
    base = commits[0] if commits else _EMPTY_TREE
    raw = ("--raw", "-z", "--no-renames", "--full-index")
    staged = _git(directory, "diff-index", "--cached", *raw, base)
    heads = " ".join((base, *merge_heads(directory / merge, environment)))
    return None if staged is None else (root, heads.encode() + b"\0" + staged)


def merge_heads(place: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The commits that are being merged in; nothing if there is no merge.

    While git merges without stopping, it names them to its hook in variables only (`GITHEAD_` and a commit).

    Args:
        place: git's file `MERGE_HEAD`.
        environment: the process's variables.
    """
    try:
        return tuple(place.read_text("utf-8").split())
    except OSError:
        found = (_HEAD_VARIABLE.fullmatch(name) for name in sorted(environment))
        return tuple(match[1] for match in found if match)


def _git(directory: Path, *arguments: str) -> bytes | None:
    try:
        command = ["git", *arguments]  # as the user's path has it, like everywhere
        done = subprocess.run(command, cwd=directory, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _deciding(root: Path, own: Sequence[Path]) -> Iterator[Path]:
    yield from own
    yield from (root / name for name in _DECIDING)
    for place in (".reviewer", *_named(root)):
        folder = root / place
        yield folder
        if folder.is_dir():
            yield from sorted(folder.rglob("*"))


def _named(root: Path) -> Iterator[str]:
    """Places that the settings name. Reading TOML takes a while: it is done only where there may be some."""
    for name in ("reviewer.toml", "pyproject.toml"):
        try:
            with (root / name).open("rb") as file:
                data = file.read(_LARGEST)
        except OSError:
            continue
        if any(word in data for word in (b"baseline", b"guidance_files", b"directories")):
            from reviewer.changes.named_places import places_in  # noqa: PLC0415  # it imports what takes long

            yield from places_in(name, data)


def _changed_below(root: Path) -> Iterator[Path]:
    """Attributes in folders, which count too, where they differ from the index, which is known already."""
    changed = _git(root, "ls-files", "--modified", "-z", "--", ":(top,glob)**/.gitattributes") or b""
    return (root / os.fsdecode(name) for name in changed.split(b"\0") if name)


def _content(place: Path) -> bytes:
    try:
        with place.open("rb") as file:
            return hashlib.sha256(file.read(_LARGEST)).digest()
    except OSError:
        return b"-"


def load(folder: Path, key: str) -> Kept | None:
    """What was said before, if it is still there, and the reports that it names."""
    try:
        found = json.loads((folder / f"{key}.json").read_text("utf-8"))
        kept = Kept(int(found["status"]), str(found["text"]), tuple(map(str, found["files"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return kept if all(Path(file).exists() for file in kept.files) else None


def save(folder: Path, key: str, kept: Kept) -> None:
    """Keep an answer, and forget the oldest ones; one that cannot be kept is none the worse."""
    data = json.dumps({"status": kept.status, "text": kept.text, "files": kept.files})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{key}.json"
        fresh = place.with_suffix(".new")
        fresh.write_text(data, "utf-8")
        fresh.chmod(0o600)
        fresh.replace(place)
        for old in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)[:-_MOST]:
            old.unlink(missing_ok=True)
    except OSError:
        return

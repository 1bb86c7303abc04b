"""Whole files of the working tree as a change in which every line is in scope."""

import os
import stat
from pathlib import Path

from reviewer.changes.changeset import FileChange, FileStatus, Hunk, Line, LineKind
from reviewer.changes.git import Repository, check_count
from reviewer.changes.text import decode_lines, decode_path, looks_binary
from reviewer.errors import SourceError

MAX_READ_BYTES = 16 * 1024 * 1024
"""Larger files are treated as binary, as in diffs (`core.bigFileThreshold`)."""


def read_snapshot(repository: Repository, paths: tuple[str, ...]) -> tuple[FileChange, ...]:
    """The tracked and untracked (not ignored) files under the given paths, which default to all.

    Args:
        repository: the repository to read from.
        paths: files or folders, relative to the directory the command was started in.

    Raises:
        SourceError: a path lies outside the repository or holds no file; or there is no working tree.
    """
    if repository.bare:
        raise SourceError(
            "there is no working tree here, so there are no files to review as they are: this is a bare "
            "repository, or the inside of a .git folder."
        )
    specs = [_inside(repository, path) for path in paths]
    arguments = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--")
    listed = repository.output("--literal-pathspecs", *arguments, *specs)
    # A repository inside this one is listed with a trailing slash.
    names = sorted({name.rstrip(b"/") for name in listed.split(b"\0") if name})
    check_count(len(names), "files", "Name folders: reviewer run --all FOLDER")
    if not names and paths:
        raise SourceError(f"no files to review under {', '.join(paths)}.")
    return tuple(
        change for name in names if (change := _read(repository.root, os.fsdecode(name))) is not None
    )


def _inside(repository: Repository, path: str) -> str:
    """The path relative to the root; what `..` and links lead to decides, not how it is written."""
    start = repository.root / repository.prefix
    absolute = Path(os.path.normpath(start / path))
    if not os.path.lexists(absolute):
        raise SourceError(f"{path}: there is no such file or folder.")
    try:
        relative = absolute.relative_to(repository.root)
    except ValueError as error:
        raise SourceError(f"{path} is outside the repository {repository.root}.") from error
    return str(relative)


def _read(root: Path, name: str) -> FileChange | None:
    """One file, or None if it is not there any more (deleted but still tracked)."""
    place = root / name
    path = decode_path(os.fsencode(name)).replace(os.sep, "/")
    try:
        status = place.lstat()
    except OSError:
        return None
    if stat.S_ISLNK(status.st_mode):
        data = os.fsencode(place.readlink())
        return _present(path, data, mode="120000")
    if stat.S_ISDIR(status.st_mode):
        return FileChange(path, FileStatus.PRESENT, new_mode="160000")
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_READ_BYTES:
        return FileChange(path, FileStatus.PRESENT, binary=True, new_mode="100644")
    try:
        # The file may be replaced by a link between the two calls; then opening it fails.
        descriptor = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(MAX_READ_BYTES + 1)
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        return FileChange(path, FileStatus.PRESENT, problem=problem, new_mode="100644")
    mode = "100755" if status.st_mode & stat.S_IXUSR else "100644"
    if looks_binary(data):
        return FileChange(path, FileStatus.PRESENT, binary=True, new_mode=mode)
    return _present(path, data, mode=mode)


def _present(path: str, data: bytes, *, mode: str) -> FileChange:
    lines = tuple(decode_lines(data))
    hunks: tuple[Hunk, ...] = ()
    if lines:
        body = tuple(Line(LineKind.ADDED, text, None, number) for number, text in enumerate(lines, 1))
        hunks = (Hunk(0, 0, 1, len(lines), "", body),)
    return FileChange(path, FileStatus.PRESENT, hunks=hunks, old_lines=(), new_lines=lines, new_mode=mode)

"""Writing reports: atomically, and only where the user said."""

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from reviewer.errors import OutputError

_SHOWN = 100
"""Characters of a file's name that a temporary one beside it repeats."""
_IGNORE = "# Reports of runs are not part of the project.\n*\n"


def write(path: Path, text: str) -> None:
    """Write a file as a whole or not at all, creating its folder.

    A link is followed. What is no regular file, such as a pipe or a device, is written into, not replaced.

    Raises:
        OutputError: the place cannot be written to.
    """
    data = text.encode("utf-8", "backslashreplace")
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                stream.write(data)
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, data)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}.") from error


def _replace(target: Path, data: bytes) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_mask()
    # Beside the target, so that replacing it cannot fail for being on another file system.
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:_SHOWN]}.", dir=target.parent)
    except PermissionError:
        if not target.exists():
            raise
        target.write_bytes(data)  # the file may be written, only its folder may not
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _mask() -> int:
    """The permissions that this user takes away from new files; there is no way to ask but to set it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def check_place(path: Path) -> None:
    """See early that a file can probably be written, before anything is spent on its content.

    Raises:
        OutputError: it is a folder, or its folder cannot be made or written to.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file in it.")
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: cannot be written: {folder} is not a folder.")
    if not path.exists() and not os.access(folder, os.W_OK):
        raise OutputError(f"{path}: cannot be written: no permission to write to {folder}.")


def rescue(texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write a report that found no other place into a new folder for temporary files.

    Raises:
        OutputError: there is no place for it there either.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="reviewer-report-"))
    except OSError as error:
        raise OutputError(f"a temporary file cannot be written: {error.strerror or error}.") from error
    places = tuple(folder / f"review.{suffix}" for suffix in texts)
    for place, text in zip(places, texts.values(), strict=True):
        write(place, text)
    return places


def write_standard_output(text: str) -> None:
    """Print a text in UTF-8, whatever the terminal's encoding is. A reader that has gone is no error.

    Raises:
        OutputError: it cannot be written, for example because a disk is full.
    """
    data = text.encode("utf-8", "backslashreplace")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        silence()
        raise OutputError(f"standard output: cannot be written: {error.strerror or error}.") from error


def flush() -> None:
    """Write out what was printed.

    Raises:
        OutputError: it cannot be written.
    """
    write_standard_output("")


def silence() -> None:
    """Let the interpreter flush what is left into nothing when it ends; it would complain once more."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_all(folder: Path, created: datetime, texts: Mapping[str, str]) -> dict[str, Path]:
    """Write the forms of one report side by side into a folder that git ignores.

    Args:
        folder: created with a `.gitignore` of its own if it does not exist.
        created: gives the files their name.
        texts: content by suffix.

    Returns:
        The paths by suffix.

    Raises:
        OutputError: the place cannot be written to.
    """
    if not folder.exists():
        write(folder / ".gitignore", _IGNORE)
    stem = created.strftime("review-%Y%m%d-%H%M%S")
    number = 1
    # A link counts as taken: who made it must not say where a report goes.
    while any(os.path.lexists(folder / f"{stem}.{suffix}") for suffix in texts):
        number += 1
        stem = f"{created.strftime('review-%Y%m%d-%H%M%S')}-{number}"
    paths = {suffix: folder / f"{stem}.{suffix}" for suffix in texts}
    for suffix, path in paths.items():
        write(path, texts[suffix])
    return paths

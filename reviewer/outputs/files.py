"""Writing reports: atomically, and only where the user said."""

import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from reviewer.errors import OutputError

_IGNORE = "# Reports of runs are not part of the project.\n*\n"


def write(path: Path, text: str) -> None:
    """Write a file as a whole or not at all, creating its folder.

    Raises:
        OutputError: the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that replacing it cannot fail for being on another file system.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}.") from error


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
    while any((folder / f"{stem}.{suffix}").exists() for suffix in texts):
        number += 1
        stem = f"{created.strftime('review-%Y%m%d-%H%M%S')}-{number}"
    paths = {suffix: folder / f"{stem}.{suffix}" for suffix in texts}
    for suffix, path in paths.items():
        write(path, texts[suffix])
    return paths

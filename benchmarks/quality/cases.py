"""The folder of cases, as values."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.patch import parse_patch

Row = dict[str, Any]


@cache
def rows(folder: Path, *parts: str) -> list[Row]:
    """The objects of a JSON Lines file."""
    text = folder.joinpath(*parts).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


@cache
def diff(folder: Path, name: str) -> ChangeSet:
    """A pull request's change by its name."""
    data = (folder / "aacr" / "diffs" / f"{name}.diff").read_bytes()
    return ChangeSet(name, parse_patch(data, name=name))


def quoted_comments(folder: Path) -> list[Row]:
    """Comments that people made on lines of a change, with the text of these lines."""
    return [row for row in rows(folder, "aacr", "comments.jsonl") if row["whole_range_in_hunks"]]

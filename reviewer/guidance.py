"""What a project tells those who work on it: a few files at its root, bounded, as guidance for reviewers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.changes.text import decode_lines
from reviewer.changes.trusted import TrustedFiles
from reviewer.errors import SourceError

MOST = 6000
"""Characters of all files together: they are a part of every prompt."""
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Guidance:
    """What reviewers are told about the project.

    Attributes:
        text: for the prompts; empty if there is nothing.
        notes: what of the files is not in it, one sentence each.
    """

    text: str = ""
    notes: tuple[str, ...] = ()


def guidance_of(own: str, names: Sequence[str], files: TrustedFiles) -> Guidance:
    """The user's text and the files of a project, in this order.

    Comments that a page would hide are left out, and what does not fit is cut at the end of a line.

    Args:
        own: a text from the settings.
        names: of files, from the root; those that are not there are passed over.
        files: the version of the repository's files that decides.
    """
    parts, notes = [own.strip()] if own.strip() else [], []
    left = MOST
    known: set[str] = set()
    for name in names:
        try:
            data = files.read(name)
        except SourceError as error:
            notes.append(f"not used as guidance: {error}")
            continue
        text = "" if data is None else _COMMENT.sub("", "\n".join(decode_lines(data))).strip()
        if not text or text in known:
            continue
        known.add(text)
        shown = _cut(text, left)
        left -= len(shown)
        if len(shown) < len(text):
            notes.append(f"of {name}, {len(shown):,} of {len(text):,} characters are used as guidance")
        if shown:
            parts.append(f"From {name}:\n\n{shown}")
    return Guidance("\n\n".join(parts), tuple(notes))


def _cut(text: str, most: int) -> str:
    """As many whole lines as fit."""
    return text if len(text) <= most else "\n".join(_fitting(text.split("\n"), most)).rstrip()


def _fitting(lines: Sequence[str], most: int) -> Iterator[str]:
    for line in lines:
        most -= len(line) + 1
        if most < 0:
            return
        yield line

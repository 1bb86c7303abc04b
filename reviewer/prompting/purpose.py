"""What the author of a change says about it: untrusted words, bounded, without what a page would hide."""

import re
import unicodedata
from dataclasses import dataclass

_MOST = 2000
"""Characters; the words are for orientation, not a part of what is reviewed."""
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)|<img\b[^>]*>", re.IGNORECASE)
_HIDDEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})


@dataclass(frozen=True, slots=True)
class Purpose:
    """An author's words for the prompts.

    Attributes:
        text: title and description; empty if there is nothing.
        notes: what was taken out, one sentence each.
    """

    text: str
    notes: tuple[str, ...] = ()


def purpose_of(title: str, body: str) -> Purpose:
    """Title and description of a change, without comments, images and characters that hide."""
    notes: list[str] = []
    title, body = title[:_MOST], body[: _MOST * 10]
    shown = [_COMMENT.sub("", text) for text in (title, body)]
    comments = len(_COMMENT.findall(title + "\n" + body))
    if comments:
        notes.append(f"what stood in HTML comments of the description ({comments}) was taken out")
    shown = [_IMAGE.sub("", text) for text in shown]
    plain = [
        "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _HIDDEN) for text in shown
    ]
    hidden = sum(
        len(before.replace("\r", "")) - len(after) for before, after in zip(shown, plain, strict=True)
    )
    if hidden:
        notes.append(f"{hidden} invisible characters of the description were taken out")
    head = " ".join(plain[0].split())[:200]
    rest = re.sub(r"\n{3,}", "\n\n", plain[1].replace("\t", " ")).strip()
    if len(rest) > _MOST:
        rest = f"{rest[:_MOST].rstrip()} …"
    return Purpose("\n\n".join(part for part in (head, rest) if part), tuple(notes))

"""File names in the headers of diffs: quoting, prefixes, and names with blanks."""

import re

from reviewer.changes.text import decode_path

_PREFIXES = {("a/", "b/"), ("i/", "w/"), ("c/", "i/"), ("c/", "w/"), ("o/", "w/"), ("1/", "2/")}
"""Prefixes of the two sides: git's default, and those of `diff.mnemonicPrefix`."""
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_QUOTED_PART = re.compile(r"\\([0-7]{3})|\\(.)|([^\\]+)", re.DOTALL)
DEV_NULL = "/dev/null"


def prefix_length(old: str, new: str) -> int:
    """How many characters of both names are the diff's own `a/` and `b/`, not part of the path."""
    starts = (old[:2], new[:2])
    if DEV_NULL in {old, new}:
        matches = any(starts[0] == one or starts[1] == two for one, two in _PREFIXES)
    else:
        matches = starts in _PREFIXES
    return 2 if matches else 0


def split_git_names(text: str) -> tuple[str, str] | None:
    """The two names of a `diff --git` line, which are the same but for the prefixes.

    Names with blanks are not quoted there, so every blank is tried. A renamed file, whose names differ,
    has its own header lines and does not need this one.
    """
    quoted = _QUOTED.match(text)
    if quoted is not None:
        return unquote(quoted[0]), unquote(text[quoted.end() + 1 :])
    if text.endswith('"') and ' "' in text:
        first, _, second = text.partition(' "')
        return first, unquote('"' + second)
    for at, character in enumerate(text):
        if character == " ":
            old, new = text[:at], text[at + 1 :]
            cut = prefix_length(old, new)
            if old[cut:] == new[cut:]:
                return old, new
    return None


def bare_name(text: str) -> str:
    """A name from a `---` or `+++` line: unquoted, or without the time stamp behind a tab."""
    quoted = _QUOTED.match(text)
    return unquote(quoted[0]) if quoted else text.partition("\t")[0].removesuffix(" ")


def unquote(text: str) -> str:
    """Undo git's C-style quoting (`quote.c`): octal escapes are bytes of the path."""
    if not (text.startswith('"') and text.endswith('"') and len(text) > 1):
        return text
    data = bytearray()
    for match in _QUOTED_PART.finditer(text[1:-1]):
        octal, letter, plain = match.groups()
        if octal:
            data.append(int(octal, 8) & 0xFF)
        elif letter:
            data.append(_ESCAPES.get(letter, ord(letter) & 0xFF))
        else:
            data.extend(plain.encode("utf-8", "surrogateescape"))
    return decode_path(bytes(data))

"""Bytes of a file or a diff to lines of text, the same way everywhere."""

from collections.abc import Sequence

from reviewer.changes.changeset import Hunk, LineKind

_BINARY_PROBE_BYTES = 8000
"""git looks for a NUL byte in this many bytes to call a file binary (`buffer_is_binary`)."""


def decode_line(data: bytes) -> str:
    """Text of one line: UTF-8, else Latin-1, which maps every byte to one character and loses nothing."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def decode_lines(data: bytes) -> list[str]:
    """Split at line feeds only and decode line by line.

    A carriage return stays part of its line, and no other character (form feed, U+2028) ends one, as in
    git. The text behind the last line feed is a line unless it is empty.
    """
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        lines = [decode_line(line) for line in data.split(b"\n")]
    if lines[-1] == "":
        lines.pop()
    return lines


def encodable(text: str) -> str:
    """The text with lone surrogates, which cannot be written anywhere, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def decode_path(data: bytes) -> str:
    """A path for people and reports: bytes that are not UTF-8 become backslash escapes."""
    return data.decode("utf-8", "backslashreplace")


def one_line(path: str) -> str:
    """A path without line feeds and tabs in it, which would begin a line of their own where it is shown."""
    return path.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def looks_binary(data: bytes) -> bool:
    """Whether git would call this content binary."""
    return b"\0" in data[:_BINARY_PROBE_BYTES]


def apply_hunks(old: Sequence[str], hunks: Sequence[Hunk]) -> tuple[str, ...]:
    """The new text that the hunks make of the old one.

    Raises:
        ValueError: a line that a hunk shows of the old side differs from the old text.
    """
    new: list[str] = []
    position = 0  # lines of the old text already used
    for hunk in hunks:
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        if start < position or start > len(old):
            raise ValueError(f"hunk at old line {hunk.old_start} does not fit a text of {len(old)} lines")
        new.extend(old[position:start])
        position = start
        for line in hunk.lines:
            if line.kind is LineKind.ADDED:
                new.append(line.text)
                continue
            if position >= len(old) or old[position] != line.text:
                raise ValueError(f"old line {position + 1} differs from what the hunk shows")
            position += 1
            if line.kind is LineKind.CONTEXT:
                new.append(line.text)
    new.extend(old[position:])
    return tuple(new)

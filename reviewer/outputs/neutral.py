"""Words of models and names from repositories as Markdown that cannot break out of its place."""

import re
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from reviewer.changes.text import one_line


class Safe(str):
    """Markdown that is safe to put into a page as it is."""

    __slots__ = ()


_BACKTICKS = re.compile(r"`+")
_SPECIAL = re.compile(r"([\\<>\[\]|~])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_LINE_START = re.compile(
    r"^(\s*)(?:(\#|[+*-](?=\s|$)|[*_-](?=(?:[ \t]*[*_-])+[ \t]*$)|=(?==*\s*$)|:(?=:)|/(?=\w))|(\d+)([.)]))"
)
"""What begins a heading, a list, a rule, an underline, or a command to GitHub or a bot."""
_WORD = re.compile(r"\S+")
_BEFORE, _BEHIND = "([{\"'*_~,;:", ")]}\"'*_~.,;:!?"
"""Punctuation around a word that is no part of an address or a name."""
_MENTION = re.compile(r"@\w")
_EMPHASIS = re.compile(r"\w\*+\w|(?<!\w)__\w+?__(?!\w)|(?<!\S)\*{1,2}[a-z]+\b(?!\*)")
"""Code in which a page would take marks for emphasis: `2*x*y`, `__init__`, `**kwargs`."""
_REFERENCE = re.compile(r"#\d|\bGH-\d", re.IGNORECASE)
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*([A-Za-z0-9_+.-]{0,20})[^`]*$")


def visible(text: str) -> str:
    """The text without characters that hide, reorder or control: they become visible escapes.

    Line feeds and tabs stay. Terminal escapes, bidirectional controls, zero-width and tag characters, and
    the separators that only some programs treat as line ends do not.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    category = unicodedata.category(character)
    if category in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}:
        return f"\\u{{{ord(character):x}}}"
    return character


_COMMAND = re.compile(r"^(\s*)::|##\[", re.MULTILINE)


def spoken(text: str) -> str:
    """A text for a terminal, which may be the log of a build server: visible, and no command to the runner.

    GitHub's runner takes lines that begin with `::`, and `##[` anywhere, for commands.
    """
    return _COMMAND.sub(lambda match: "# #[" if match[0] == "##[" else f"{match[1]}: :", visible(text))


def inline(text: str) -> Safe:
    """Text in one line: for headings, table cells and list items. Code spans stay code."""
    flat = " ".join(visible(text).split())
    made = "".join(_span(flat))
    match = _LINE_START.match(made)
    return Safe(_escaped_start(made) if match else made)


def _span(text: str) -> Iterator[str]:
    """The pieces of a line: code spans kept, the rest with everything active made inert."""
    ticks = list(_BACKTICKS.finditer(text))
    places: dict[int, list[int]] = defaultdict(list)
    for number, tick in enumerate(ticks):
        places[len(tick[0])].append(number)
    at = number = 0
    while number < len(ticks):
        opening = ticks[number]
        same = places[len(opening[0])]
        following = bisect_right(same, number)
        yield _inert(text[at : opening.start()])
        if following == len(same):
            yield "\\`" * len(opening[0])
            at, number = opening.end(), number + 1
            continue
        closing = ticks[same[following]]
        yield code(text[opening.end() : closing.start()])
        at, number = closing.end(), same[following] + 1
    yield _inert(text[at:])


def _inert(text: str) -> str:
    """Plain text: links, images, mentions and references become code, HTML and tables are escaped."""
    made: list[str] = []
    at = 0
    for match in _WORD.finditer(text):
        if _is_active(match[0]):
            # Marks of emphasis are a part of code, and around an address they are not.
            marks = "*_" if _EMPHASIS.search(match[0]) else ""
            word = match[0].lstrip(_BEFORE.translate({ord(mark): None for mark in marks}))
            start = match.end() - len(word)
            word = word.rstrip(_BEHIND.translate({ord(mark): None for mark in marks}))
            made += [_escaped(text[at:start]), code(word)]
            at = start + len(word)
    made.append(_escaped(text[at:]))
    return "".join(made)


def _is_active(word: str) -> bool:
    """Whether a page may make a link, a mention or a reference of a word, by GitHub's rules and others'."""
    if not any(mark in word for mark in ("://", "@", "#", "-", ".", "*", "__")):
        return False
    return (
        _EMPHASIS.search(word) is not None
        or "://" in word
        or "www." in word.lower()
        or _MENTION.search(word) is not None
        or _REFERENCE.search(word) is not None
    )


def _escaped(text: str) -> str:
    return _ENTITY.sub("&amp;", _SPECIAL.sub(r"\\\1", text))


def _escaped_start(line: str) -> str:
    """The line with a backslash before what would make it a heading, a list or a command."""
    return _LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[2] else f"{m[1]}{m[3]}\\{m[4]}", line)


def code(text: str) -> Safe:
    """A code span that holds the text, whatever it is."""
    return _ticked(" ".join(visible(text).split()) or " ")


def path_code(path: str) -> Safe:
    """A code span that holds a path as it is: blanks in it are part of the name."""
    return _ticked(named(path) or " ")


def named(path: str) -> str:
    """A path in one line, for terminals and pages."""
    return visible(one_line(path))


def _ticked(flat: str) -> Safe:
    longest = max((len(run) for run in _BACKTICKS.findall(flat)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest and (flat.startswith("`") or flat.endswith("`")) else ""
    return Safe(f"{ticks}{pad}{flat}{pad}{ticks}")


def cell(text: str) -> Safe:
    """Text for a table's cell, which a bar would end even inside code."""
    return Safe(re.sub(r"(?<!\\)\|", r"\|", inline(text)))


def fence(text: str, language: str = "") -> Safe:
    """A code block that holds the text, whatever it is."""
    body = visible(text.expandtabs(4) if "\t" in text else text).removesuffix("\n")
    longest = max((len(run) for run in _BACKTICKS.findall(body)), default=0)
    ticks = "`" * max(3, longest + 1)
    kind = language if re.fullmatch(r"[A-Za-z0-9_+.-]{0,20}", language) else ""
    return Safe(f"{ticks}{kind}\n{body}\n{ticks}")


def prose(text: str) -> Safe:
    """Text in paragraphs: code blocks stay code blocks, everything else that has a meaning is escaped."""
    made: list[str] = []
    lines = visible(text).strip().split("\n")
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if opening is None:
            made.append(_paragraph_line(lines[at]))
            at += 1
            continue
        end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == opening[1]), len(lines))
        made += ["", fence("\n".join(lines[at + 1 : end]), opening[2]), ""]
        at = end + 1
    return Safe(re.sub(r"\n{3,}", "\n\n", "\n".join(made)).strip("\n"))


_BULLET = re.compile(r"^\s*(?:[-*+\u2022]|(\d{1,3})[.)])\s+(.*)$")


def _paragraph_line(line: str) -> str:
    """One line of prose; simple lists stay lists."""
    bullet = _BULLET.match(line)
    if bullet is None:
        return inline(line)
    mark = f"{bullet[1]}." if bullet[1] else "-"
    return f"{mark} {inline(bullet[2])}"

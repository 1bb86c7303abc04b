"""From the text of a reply to JSON values that may be the review: strict first, then ever more tolerant."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import json_repair
import yaml

MAX_CHARACTERS = 500_000
"""A longer reply is cut before it is searched, and counts as broken off."""
_MAX_FAILURES = 1000
"""How many braces that begin no value are tried."""
_MAX_SCANNED = 3_000_000
"""Characters that are looked at in vain for braces that begin no value, all together."""
_MAX_REPAIR = 100_000
_MAX_DEPTH = 40
"""Longer or deeper texts are not mended: the time for it grows with the square of both."""
_MAX_YAML = 50_000

_REASONING = r"think|thinking|reasoning|analysis|thought"
_BLOCK = re.compile(rf"(?:^|(?<=\n))[ \t]*<({_REASONING})>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_ORPHAN = re.compile(rf"</(?:{_REASONING})>[ \t]*(?=\n|\Z|[{{\[]|```)", re.IGNORECASE)
_CHANNEL = re.compile(r"<\|channel\|>(\w+)(?:\s*<\|constrain\|>\s*\w+)?\s*<\|message\|>")
_TEMPLATE_MARK = r"(?:<\|[a-z_]+\|>|__LM_STUDIO_INTERNAL_\w+?__)"
_MARKS_AROUND = re.compile(rf"\A(?:\s*{_TEMPLATE_MARK})+|(?:{_TEMPLATE_MARK}\s*)+\Z")
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_YAML_START = re.compile(r"^(?:findings|issues|problems|comments)[ \t]*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value found in a reply.

    Attributes:
        value: decoded JSON (or YAML) data.
        whole: it is all there is, or all of a fence; not one of many values between text.
        repaired: the text had to be mended to decode it, or only parts of it did.
        cut: the value is only the beginning of one that broke off.
        doubts: why the value may not be all that the reply says.
    """

    value: Any
    whole: bool = False
    repaired: bool = False
    cut: bool = False
    doubts: tuple[str, ...] = ()


def strict_candidate(text: str) -> Candidate | None:
    """The whole text as one JSON value, or None."""
    try:
        return Candidate(_loads(text.lstrip("\ufeff").strip()), whole=True)
    except (ValueError, RecursionError):
        return None


def without_reasoning(text: str) -> str:
    """The text without thoughts: tagged blocks, all before a lone closing tag, channels that are not final.

    Code about such tags may be quoted in an answer. So an opening tag counts only at the start of a line, a
    closing one only before the end of a line or the answer, and channels only if the text begins with one. A
    block that is never closed reaches to the end.
    """
    text = text.replace("\0", "").lstrip("\ufeff").strip()
    if text.startswith("<|"):
        final = [match for match in _CHANNEL.finditer(text) if match[1] == "final"]
        if final:
            text = text[final[-1].end() :]
        elif _CHANNEL.search(text):
            return ""
    text = _BLOCK.sub("", text)
    orphans = list(_ORPHAN.finditer(text))
    if orphans:
        # Inside of a value such a tag is what the answer is about.
        values = [range(start, end) for start, end, _ in _decoded(text)]
        outside = [tag for tag in orphans if not any(tag.start() in value for value in values)]
        if outside:
            text = text[outside[-1].end() :]
    return _MARKS_AROUND.sub("", text.strip()).strip()


def last_first(text: str) -> Iterator[Candidate]:
    """The values of a reply of which one counts: the whole text, or those in it, the last first."""
    whole = strict_candidate(text)
    if whole is not None:
        yield whole
        return
    plain = without_reasoning(text)
    for version in (plain, relaxed(plain)):
        yield from reversed(found_values(version).values)


@dataclass(frozen=True, slots=True)
class Found:
    """What a text with other things around its values holds.

    Attributes:
        values: complete JSON values, in order.
        rest: the text without them.
    """

    values: tuple[Candidate, ...]
    rest: str


def found_values(text: str) -> Found:
    """Complete JSON values in a text with other things around them.

    What is alone in the only fence counts as whole, in place of its parts. Finding a value that decodes as it
    stands is no repair.
    """
    fences = [
        (match, value) for match in _FENCE.finditer(text) if (value := _structure(match[2])) is not None
    ]
    only = fences[0] if len(fences) == 1 else None
    inside = range(*only[0].span(2)) if only else range(0)
    values = [(only[0].start(2), only[1])] if only else []
    spans = [only[0].span(2)] if only else []
    for start, end, value in _decoded(text):
        if start not in inside:
            values.append((start, Candidate(value)))
            spans.append((start, end))
    values.sort(key=lambda pair: pair[0])
    return Found(tuple(value for _, value in values), _without(text, sorted(spans)))


def _structure(text: str) -> Candidate | None:
    candidate = strict_candidate(text)
    return candidate if candidate is not None and isinstance(candidate.value, dict | list) else None


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(text[at:start])
        at = max(at, end)
    return "\n".join([*pieces, text[at:]])


def _decoded(text: str) -> Iterator[tuple[int, int, Any]]:
    """Start, end and value of every JSON object or array that decodes, the outermost that do."""
    at = failures = scanned = 0
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_joined)
    for match in re.finditer(r"[{\[]", text):
        start = match.start()
        if start < at:
            continue
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            failures += 1
            scanned += error.pos - start if isinstance(error, json.JSONDecodeError) else _MAX_DEPTH
            if failures > _MAX_FAILURES or scanned > _MAX_SCANNED:
                return
            continue
        yield start, at, value


_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|\Z)'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_LINE_COMMENT = re.compile(rf"({_STRING})|//[^\n]*", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_MISSING_COMMA = re.compile(rf"({_STRING})|(}})(?=\s*{{)", re.DOTALL)
_BARE_NAME = re.compile(rf"({_STRING})|(?<=[{{,])(\s*)([A-Za-z_]\w*)(?=\s*:)", re.DOTALL)
_LITERAL = re.compile(rf"({_STRING})|\b(True|False|None)\b", re.DOTALL)
_LITERALS = {"True": "true", "False": "false", "None": "null"}
_BACKSLASH = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|(\\)')


def relaxed(text: str) -> str:
    """The text with the liberties of JavaScript and Python undone, without touching what stands in strings.

    Comments and trailing commas go, missing commas between objects and quotes around names come, Python's
    words for true, false and null are translated, and a backslash that escapes nothing is doubled.
    """
    text = _BACKSLASH.sub(lambda match: "\\\\" if match[1] else match[0], text)
    # Only up to the last end of a block comment: behind it, every beginning would be followed to the end.
    last = text.rfind("*/") + len("*/") if "*/" in text else 0
    text = _COMMENT.sub(lambda match: match[1] or "", text[:last]) + _LINE_COMMENT.sub(
        lambda match: match[1] or "", text[last:]
    )
    text = _TRAILING_COMMA.sub(lambda match: match[1] or "", text)
    text = _MISSING_COMMA.sub(lambda match: match[1] or "},", text)
    text = _LITERAL.sub(lambda match: match[1] or _LITERALS[match[2]], text)
    return _BARE_NAME.sub(lambda match: match[1] or f'{match[2]}"{match[3]}"', text)


def repaired_value(text: str) -> Candidate | None:
    """What a JSON repairer makes of the text from its first brace on, or None."""
    start = re.search(r"[{\[]", text)
    if start is None:
        return None
    piece = text[start.start() :]
    if len(piece) > _MAX_REPAIR or _depth(piece) > _MAX_DEPTH:
        return None
    try:
        value = json_repair.loads(piece, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError):
        return None
    if isinstance(value, dict | list) and value:
        return Candidate(value, repaired=True, cut=_breaks_off(piece))
    return None


def yaml_value(text: str) -> Candidate | None:
    """The text as YAML, if a known key starts a line and nothing in it refers to something else."""
    fenced = _FENCE.search(text)
    piece = fenced[2] if fenced else text
    start = _YAML_START.search(piece)
    if start is None or len(piece) > _MAX_YAML:
        return None
    piece = piece[start.start() :]
    try:
        if any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(piece)):
            return None
        value = yaml.safe_load(piece)
    except (yaml.YAMLError, ValueError, RecursionError, KeyError, AttributeError, TypeError):
        return None
    return Candidate(value, repaired=True) if isinstance(value, dict) else None


def _breaks_off(text: str) -> bool:
    """Whether the text ends before its brackets are closed, as far as strings can be told from code."""
    depth = 0
    in_string = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif in_string:
            escaped = character == "\\"
            in_string = character != '"'
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
    return depth > 0


def _depth(text: str) -> int:
    """How deep the brackets of a text are nested at most, strings not told from code."""
    deepest = depth = 0
    for match in re.finditer(r"[{}\[\]]", text):
        depth = max(0, depth + (1 if match[0] in "{[" else -1))
        deepest = max(deepest, depth)
    return deepest


def _loads(text: str) -> Any:
    return json.loads(text, strict=False, object_pairs_hook=_joined)


def _joined(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; lists that came twice under the same name are joined, otherwise the last value counts."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        known = made.get(key)
        made[key] = known + value if isinstance(known, list) and isinstance(value, list) else value
    return made

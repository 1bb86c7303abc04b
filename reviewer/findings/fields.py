"""Tolerant readers for single fields of a reply: what models write, to what was asked for."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from reviewer.prompting.contract import CATEGORIES, Confidence, Horizon, Severity

_SEVERITIES = {
    Severity.CRITICAL: (
        "critical",
        "crit",
        "catastrophic",
        "highest",
        "urgent",
        "blocker",
        "blocking",
        "fatal",
        "p0",
        "sev0",
        "sev1",
        "severe",
        "showstopper",
    ),
    Severity.MAJOR: (
        "major",
        "high",
        "serious",
        "error",
        "important",
        "p1",
        "sev2",
        "moderate",
        "medium",
        "warning",
        "warn",
        "p2",
    ),
    Severity.MINOR: (
        "minor",
        "low",
        "info",
        "nit",
        "nitpick",
        "suggestion",
        "trivial",
        "p3",
        "p4",
        "sev3",
        "sev4",
        "sev5",
        "note",
        "style",
    ),
}
_HORIZONS = {
    Horizon.IMMEDIATE: ("immediate", "now", "urgent", "before merge", "asap"),
    Horizon.SHORT: ("short", "soon", "days", "next"),
    Horizon.MEDIUM: ("medium", "weeks", "mid"),
    Horizon.LONG: ("long", "months", "later", "eventually"),
}
_CATEGORY_WORDS = {
    "security": ("secur", "vulnerab", "injection", "auth", "secret", "privilege", "escalat"),
    "concurrency": ("concurren", "race", "thread", "deadlock", "async"),
    "error handling": ("error hand", "exception", "error-hand", "error_hand", "resilien"),
    "performance": ("perform", "memory", "efficien", "scal"),
    "compatibility": ("compat", "breaking", "api change"),
    "testing": ("test",),
    "documentation": ("document", "comment", "typo"),
    "design": ("design", "architect", "structure", "coupling"),
    "maintainability": ("maintain", "readab", "style", "quality", "complex", "duplicat", "naming"),
    "bug": ("bug", "defect", "correct", "logic", "functional", "edge case", "data loss"),
}


_DEEPEST = 8


def text_of(value: Any, depth: int = 0) -> str:
    """Text of a field: lists are joined, other values written out; what cannot be encoded is replaced.

    Args:
        value: any decoded value.
        depth: how deep it is nested already; what is deeper than any text would be is left out.
    """
    if value is None:
        return ""
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, list):
        return "\n".join(part for item in value if (part := text_of(item, depth + 1)))
    if isinstance(value, dict):
        return "\n".join(f"{key}: {text_of(part, depth + 1)}" for key, part in value.items())
    return clean(str(value)).strip()


def clean(text: str) -> str:
    """Text that can be written to a file: lone surrogates are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def code_of(value: Any) -> str:
    """Code: blanks at the beginning of lines are kept, blank lines around and a fence are not."""
    if isinstance(value, list):
        value = "\n".join(str(part) for part in value)
    if not isinstance(value, str):
        return ""
    lines = clean(value).replace("\r\n", "\n").split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) > 1 and lines[0].lstrip().startswith("```") and lines[-1].strip() == "```":
        lines = lines[1:-1]
    return "\n".join(lines)


def texts_of(value: Any) -> tuple[str, ...]:
    """A list of texts, from a list or from a single text with one point a line."""
    if isinstance(value, str):
        value = [re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line) for line in value.split("\n")]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, Sequence):
        return ()
    return tuple(text for item in value if (text := text_of(_words_of(item))))


def _words_of(item: Any) -> Any:
    """What an entry of a list of texts says, if it is an object."""
    if not isinstance(item, dict):
        return item
    return first(item, ("text", "description", "title", "recommendation", "strength", "summary"))


def first(item: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value of the first of some names that an object has, whatever its case and separators."""
    folded = {fold(key): value for key, value in item.items() if value is not None}
    for name in names:
        if name in folded:
            return folded[name]
    return None


@lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """A field's name in lower case with underscores: `filePath`, `file-path` and `File Path` are one."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name).strip())
    return re.sub(r"[\s\-]+", "_", spaced).lower()


def severity_of(value: Any) -> Severity:
    """A severity by any of its common names: the first one counts.

    The lowest where none is recognised or it is negated, as the criteria say for cases of doubt.
    """
    text = re.sub(r"\bsev(?:erity)?[\s_-]*(?=\d)", "sev", text_of(value).lower())
    words = re.findall(r"[a-z]+\d?", text)
    for before, word in zip(["", *words], words, strict=False):
        severity = _severity_word(word)
        if severity is not None and before not in {"non", "not", "no"}:
            return severity
    return Severity.MINOR


def _severity_word(word: str) -> Severity | None:
    return next((severity for severity, names in _SEVERITIES.items() if word in names), None)


def is_severity(word: str) -> bool:
    """Whether a word is a common name of a severity."""
    return _severity_word(word) is not None


def leading_severity(text: str) -> Severity:
    """The severity that a plain text begins with, such as `[major]` or `Critical:`, else the lowest."""
    match = re.match(r"\W*([A-Za-z]+\d?)\W*[:\])-]", text)
    return severity_of(match[1]) if match else Severity.MINOR


def horizon_of(value: Any) -> Horizon:
    """A horizon by any of its common names; medium where none is recognised."""
    text = text_of(value).lower()
    for horizon, names in _HORIZONS.items():
        if any(name in text for name in names):
            return horizon
    return Horizon.MEDIUM


def confidence_of(value: Any) -> Confidence:
    """Three levels, from a word, a percentage, or a number up to 1, 10 or 100."""
    text = text_of(value).lower()
    for confidence in Confidence:
        if confidence.value in text:
            return confidence
    match = _SHARE.search(text)
    if match is None:
        return Confidence.MEDIUM
    number = float(match[1].replace(",", "."))
    scale = float(match[2] or 0) or (100.0 if match[3] or number > _TEN else _TEN if number > 1 else 1.0)
    share = number / scale
    if share >= _SURE:
        return Confidence.HIGH
    return Confidence.MEDIUM if share >= _LIKELY else Confidence.LOW


_SHARE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:/\s*(\d+)|(%))?")
_TEN = 10.0
_SURE, _LIKELY = 0.75, 0.4
"""Shares from which a number means high or medium confidence."""


def category_of(value: Any) -> str:
    """One of the known categories, or the model's own word where none fits, or `other`."""
    text = text_of(value).lower().replace("_", " ").strip(" .*")
    if not text:
        return "other"
    if text in CATEGORIES:
        return text
    for category, parts in _CATEGORY_WORDS.items():
        if any(re.search(rf"\b{part}", text) for part in parts):
            return category
    return text[:40]


def number_of(value: Any) -> int | None:
    """What something is called by its number: `1`, `"1"`, `"c1"`, `"Claim 1"`."""
    if isinstance(value, bool) or value is None:
        return None
    found = re.search(r"\d{1,3}", str(value))
    return int(found[0]) if found else None


def rating_of(value: Any) -> int | None:
    """A rating from 1 to 10: from a number, `8/10`, `85%` or `4/5`; None where there is none."""
    if isinstance(value, bool) or value is None:
        return None
    text = text_of(value)
    match = _SHARE.search(text)
    if match is None or text.lstrip().startswith("-"):
        return None
    number = float(match[1].replace(",", "."))
    scale = float(match[2] or (100 if match[3] else 10))
    if not math.isfinite(number) or not scale or number > scale:
        return None
    return max(1, min(10, math.floor(number / scale * 10 + 0.5)))


Lines = tuple[int, int] | None


def lines_of(value: Any) -> Lines:
    """First and last line from a number, `L12`, `12-15`, `[12, 15]` or `{"start": 12, "end": 15}`."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    if isinstance(value, dict):
        value = [
            first(value, ("start", "start_line", "from", "line", "begin")),
            first(value, ("end", "end_line", "to")),
        ]
    text = " ".join(text_of(part) for part in value) if isinstance(value, list) else text_of(value)
    numbers = [int(digits[:9]) for digits in re.findall(r"(?<![\d.])\d+", text)][:2]
    numbers = [number for number in numbers if number > 0]
    if not numbers or text.startswith("-"):
        return None
    return min(numbers), max(numbers)


_IN_PATH = re.compile(r"(?::L?|#L?|\s*[(,]?\s*\blines?\s+)(\d+)(?:[-:]L?(\d+))?\)?$", re.IGNORECASE)
_MEMBER = re.compile(r"(?<=\w)::?[A-Za-z_][\w.:()]*$")


def split_path(text: str) -> tuple[str, Lines]:
    """A path without the line numbers behind it: `a.py:12-15`, `a.py#L12`."""
    text = text.strip().strip("`\"'")
    match = _IN_PATH.search(text)
    if match is None:
        return _MEMBER.sub("", text), None
    start = int(match[1][:9])
    end = int(match[2][:9]) if match[2] and "-" in match[0] else start
    return text[: match.start()], (min(start, end), max(start, end)) if start else None

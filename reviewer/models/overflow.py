"""The numbers in what servers say about a request that is too long, each in words of its own."""

import re
from dataclasses import dataclass

from reviewer.models.error_body import ErrorBody

_LIMIT = re.compile(
    r"(?:context length is|context limit is|context size \(|only supports"
    r"|allowed \(|limit is|limit of|limit:|>)"
    r"\s*(\d{3,9})(?!\d)"
)
"""The number of a message that is the window, among others that are its use."""
_PAIR = 2


_SUM = re.compile(r"(\d{3,9}) ?\+ ?(\d{2,9}) ?> ?(\d{3,9})")
"""Anthropic: prompt + reply > window."""
_PARTS = re.compile(
    r"\((\d{2,9}) (?:in the messages|of text input), (\d{1,9}) in the (?:completion|output)\)"
)
"""OpenAI, OpenRouter, older vLLM: the parts of what was asked for."""
_PASSED = re.compile(r"passed (\d{2,9}) input tokens.*maximum input length of (\d{2,9})", re.DOTALL)
"""vLLM: the prompt and what it may have."""
_REPLY_TOO_LONG = re.compile(r"max_tokens=\d+ cannot be greater than max_model_len=\D*(\d{3,9})")
"""vLLM: the reply alone is longer than the window."""
_LOWER_BOUND = "contains at least"
"""Newer vLLM stops counting at the limit: its number says nothing about the prompt."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """What a server said about a request that is too long, in tokens; None where it did not.

    Attributes:
        asked: what was asked for, often prompt and reply together.
        limit: what is allowed.
        room: what the prompt leaves for a reply.
    """

    asked: int | None = None
    limit: int | None = None
    room: int | None = None


def overflow(body: ErrorBody) -> Overflow:
    """The numbers of an error about length, from its fields or else from its message."""
    if body.asked is not None or body.limit is not None:
        return Overflow(body.asked, body.limit)
    text = body.message.replace(",", "")
    if found := _PASSED.search(text):
        return Overflow(int(found[1]), int(found[2]))
    if found := _REPLY_TOO_LONG.search(text):
        # Nothing is said about the prompt: half of the window for each.
        return Overflow(None, int(found[1]), int(found[1]) // 2)
    if found := _SUM.search(text):
        prompt, reply, limit = map(int, found.groups())
        return Overflow(prompt + reply, limit, _room(prompt, limit))
    numbers = [int(digits) for digits in re.findall(r"(?<!\d)\d{3,9}(?!\d)", text)]
    named = _LIMIT.search(text.lower())
    if named is not None:
        limit = int(named[1])
        parts = _PARTS.search(text)
        room = _room(int(parts[1]), limit) if parts else None
        counted = None if _LOWER_BOUND in text else max((n for n in numbers if n > limit), default=None)
        return Overflow(counted, limit, room)
    if len(set(numbers)) == _PAIR:
        return Overflow(max(numbers), min(numbers))
    return Overflow()


def _room(prompt: int, limit: int) -> int | None:
    return limit - prompt if prompt < limit else None

"""Numbers and lists in words, the same in reports and on terminals."""

import re
from collections.abc import Sequence


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 file`, `2 files`, `1,000 retries`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def few(items: Sequence[str], most: int) -> str:
    """The first items with the number of the rest: `a, b and 3 more`."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")


def in_words(name: str) -> str:
    """The name of an error's class for people: `RateLimitedError` is `rate limited`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Error"))
    return words.lower()

"""A report without secrets: before it is written or posted, every text in it is looked through."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


def scrubbed(value: T, hide: Callable[[str], str]) -> T:
    """A value in which every text has gone through a function.

    Args:
        value: dataclasses, tuples and plain values in any depth.
        hide: gives a text without secrets.
    """
    made: object = value
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        made = hide(value)
    elif isinstance(value, tuple):
        parts = [scrubbed(part, hide) for part in value]
        made = tuple(parts) if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    elif is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: new
            for field in fields(value)
            if (new := scrubbed(old := getattr(value, field.name), hide)) is not old and new != old
        }
        made = replace(value, **changed) if changed else value
    return made  # type: ignore[return-value]  # of the same type, whatever that is

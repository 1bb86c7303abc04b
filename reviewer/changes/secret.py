"""A secret in a text, as a value."""

from typing import NamedTuple

STAND_IN = "REDACTED_"
"""What words begin with that stand for a secret that was found before."""


class Secret(NamedTuple):
    """A secret in a text.

    Attributes:
        start, end: where it is, as positions of characters.
        kind: what it is, in capitals: `AWS_KEY`.
        telling: its value alone shows that it is one; else only its place does, as for `password = "..."`.
    """

    start: int
    end: int
    kind: str
    telling: bool

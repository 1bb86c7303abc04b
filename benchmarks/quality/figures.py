"""What a measurement returns: a number, and what it has to be."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the result.

    Attributes:
        name: what was measured.
        value: the number; shares are between 0 and 1.
        target: what it has to reach, or None for a figure that only explains another one.
        most: the target is a bound from above.
        of: how many things the number is about.
        note: what else a reader should know.
    """

    name: str
    value: float
    target: float | None = None
    most: bool = False
    of: int = 0
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the target is reached; figures without a target always are."""
        if self.target is None:
            return True
        return self.value <= self.target if self.most else self.value >= self.target

    def line(self) -> str:
        """The figure for a terminal."""
        mark = " " if self.target is None else "+" if self.met else "-"
        wanted = "" if self.target is None else f"{'<=' if self.most else '>='} {self.target:g}"
        of = f"of {self.of:,}" if self.of else ""
        return f"  {mark} {self.name:<62} {self.value:>8.4f}  {wanted:<9} {of:<10} {self.note}".rstrip()

    def row(self) -> dict[str, Any]:
        """The figure for a machine."""
        return {
            "name": self.name,
            "value": self.value,
            "target": self.target,
            "most": self.most,
            "of": self.of,
            "met": self.met,
            "note": self.note,
        }


def share(part: float, whole: float) -> float:
    """A part of a whole, 0 of nothing."""
    return part / whole if whole else 0.0

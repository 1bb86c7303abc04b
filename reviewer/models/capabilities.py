"""What was learned about how models want to be asked, kept between runs, each entry with its date."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from reviewer.models.providers.base import Shape
from reviewer.models.servers import Output

KEPT = timedelta(days=30)
"""Servers and models change: what is older is tried again."""


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(slots=True)
class Capabilities:
    """Shapes that worked, by address and model.

    Attributes:
        today: the current day.
        entries: shapes with the day on which they were learned.
        changed: whether something was learned since this was read.
    """

    today: Callable[[], date] = _today
    entries: dict[tuple[str, str], tuple[Shape, date]] = field(default_factory=dict)
    changed: bool = False

    def shape(self, base_url: str, model: str) -> Shape | None:
        """What is known of a model, unless it is too old."""
        known = self.entries.get((base_url, model))
        if known is None or not timedelta(0) <= self.today() - known[1] <= KEPT:
            return None
        return known[0]

    def learn(self, base_url: str, model: str, shape: Shape) -> None:
        """Remember what worked."""
        self.entries[base_url, model] = (shape, self.today())
        self.changed = True


def to_data(known: Capabilities) -> list[dict[str, Any]]:
    """The entries as JSON data."""
    return [
        {
            "base_url": base_url,
            "model": model,
            "output": shape.output.value,
            "without": sorted(shape.without),
            "learned": day.isoformat(),
        }
        for (base_url, model), (shape, day) in sorted(known.entries.items())
    ]


def from_data(data: object, *, today: Callable[[], date] = _today) -> Capabilities:
    """Read entries back; what cannot be understood is left out, as it can be learned again."""
    known = Capabilities(today)
    for row in data if isinstance(data, list) else []:
        if isinstance(row, Mapping):
            try:
                shape = Shape(Output(row["output"]), frozenset(map(str, row["without"])))
                key = (str(row["base_url"]), str(row["model"]))
                known.entries[key] = (shape, date.fromisoformat(row["learned"]))
            except (KeyError, TypeError, ValueError):
                continue
    return known

"""Who asks and who is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reviewer.models.answer import Candidate
from reviewer.models.ask import Asker
from reviewer.models.model import Backend, ModelRef
from reviewer.prompting.prompt import Wording
from reviewer.prompting.tokens import Calibration


@dataclass(frozen=True, slots=True)
class Crew:
    """Who asks and who is asked.

    Attributes:
        asker: how.
        backends: what answers, by provider.
        wording: the templates.
        windows: tokens of each model's window, None where it is not known.
        calibration: what earlier replies taught about estimates.
    """

    asker: Asker
    backends: Mapping[str, Backend]
    wording: Wording
    windows: Mapping[ModelRef, int | None] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)

    def candidates(self, models: Iterable[ModelRef]) -> tuple[Candidate, ...]:
        """Models with the servers behind them."""
        return tuple(
            Candidate(
                model,
                self.backends[model.provider],
                self.windows.get(model),
                self.calibration.factor(str(model)),
            )
            for model in models
        )

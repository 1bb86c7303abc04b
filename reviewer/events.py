"""What happened while running: values, and the one-method protocol of those who want to know."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RoleStarted:
    """A role begins.

    Attributes:
        role: its name.
        model: the model it asks first.
        prompts: how many prompts it has, the closing one included.
    """

    role: str
    model: str
    prompts: int


@dataclass(frozen=True, slots=True)
class PromptSent:
    """A prompt goes to a model."""

    role: str
    label: str
    model: str
    tokens: int


@dataclass(frozen=True, slots=True)
class PromptAnswered:
    """A prompt was answered and the answer understood.

    Attributes:
        seconds: for all tries.
        estimated: tokens that the request was thought to have.
        counted: tokens that the server counted, or None if it did not say.
    """

    role: str
    label: str
    model: str
    seconds: float
    estimated: int = 0
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class PromptFailed:
    """No model answered a prompt."""

    role: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """A try failed and the same model will be asked again after `wait` seconds."""

    role: str
    label: str
    model: str
    reason: str
    wait: float


@dataclass(frozen=True, slots=True)
class Corrected:
    """An answer could not be read; the model is asked to correct it."""

    role: str
    label: str
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailedOver:
    """A model is given up for this prompt and the next one is asked."""

    role: str
    label: str
    model: str
    successor: str
    reason: str


@dataclass(frozen=True, slots=True)
class RoleFinished:
    """A role is done; `outcome` is `completed`, `partial`, `failed` or `skipped`."""

    role: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The run is being stopped; what is there will be reported."""

    reason: str


Event = (
    RoleStarted
    | PromptSent
    | PromptAnswered
    | PromptFailed
    | Retrying
    | Corrected
    | FailedOver
    | RoleFinished
    | Interrupted
)


class Listener(Protocol):
    """Somebody who is told what happens: the console, a log, a trace."""

    def __call__(self, event: Event) -> None:
        """Take note. Must be quick and must not raise."""
        ...


def nobody(event: Event) -> None:
    """The listener for those who do not want to know."""
    del event

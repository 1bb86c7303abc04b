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
    """A prompt goes to a model.

    Attributes:
        tokens: estimate of the request.
        queued: seconds that it waited for its turn.
    """

    role: str
    label: str
    model: str
    tokens: int
    queued: float = 0.0


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """One request is over.

    Attributes:
        seconds: from its turn to its end.
        problem: the class of the error, empty for an answer.
        status: the HTTP status of an error, or None.
    """

    role: str
    label: str
    model: str
    seconds: float
    problem: str = ""
    status: int | None = None


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
class Adapted:
    """A model is asked again in another way: `how` says in which, `reason` why."""

    role: str
    label: str
    model: str
    how: str
    reason: str


@dataclass(frozen=True, slots=True)
class Divided:
    """A part is too long for a model and is asked about in `pieces`."""

    role: str
    label: str
    model: str
    pieces: int
    reason: str


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """A model is left alone for a while (`open`), or is well again (`closed`)."""

    model: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class SlowedDown:
    """A provider asked for patience: `limit` requests at once from now on, none for `wait` seconds."""

    provider: str
    limit: int
    wait: float


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
    | RequestEnded
    | PromptAnswered
    | PromptFailed
    | Retrying
    | Corrected
    | Adapted
    | Divided
    | BreakerChanged
    | SlowedDown
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

"""What is known in a run about how the models are doing: breakers, paces, and who is out altogether."""

from collections.abc import Callable, Mapping
from typing import Protocol

from reviewer.errors import CircuitOpenError, ModelError
from reviewer.models.breaker import Breaker, BreakerPolicy, State
from reviewer.models.model import ModelRef
from reviewer.models.pace import Pace
from reviewer.models.reactions import Mark, reaction_to

_SPACING = 0.004
"""Seconds between the beginnings of two requests to one provider, about what it takes to handle one.

Requests that begin together are answered together. As all tasks then take turns in small steps, none of them
is done before all are, and the server waits meanwhile.
"""


class SharedBreakers(Protocol):
    """What the runs on one machine tell each other about models that fail."""

    def cooldown_of(self, model: ModelRef) -> tuple[float, str] | None:
        """Seconds of the cool-down that another run began for a model and that still last, and its reason."""
        ...

    def opened(self, model: ModelRef, seconds: float, reason: str, kind: str) -> None:
        """Tell the others that a model is left alone; `kind` is the class of the last error."""
        ...

    def closed(self, model: ModelRef) -> None:
        """Tell the others that a model is well again."""
        ...


Changed = Callable[[ModelRef, State, str], None]
"""Told when a breaker changes its state."""


class Health:
    """The health of all models of a run, shared by all prompts."""

    def __init__(
        self,
        policy: BreakerPolicy | None = None,
        *,
        limits: Mapping[str, int] | None = None,
        shared: SharedBreakers | None = None,
    ) -> None:
        """Begin with all models well.

        Args:
            policy: when breakers open and close.
            limits: requests at once, by provider.
            shared: what other runs on this machine know.
        """
        self._policy = policy or BreakerPolicy()
        self._limits = limits or {}
        self._shared = shared
        self._breakers: dict[ModelRef, Breaker] = {}
        self._paces: dict[str, Pace] = {}
        self._models_out: dict[ModelRef, ModelError] = {}
        self._providers_out: dict[str, ModelError] = {}
        self._held: dict[ModelRef, tuple[float, ModelError]] = {}

    def breaker(self, model: ModelRef) -> Breaker:
        """The breaker of a model."""
        if model not in self._breakers:
            self._breakers[model] = Breaker(self._policy)
        return self._breakers[model]

    def pace(self, provider: str) -> Pace:
        """How many requests a provider gets at once."""
        if provider not in self._paces:
            limit = self._limits.get(provider, float("inf"))
            self._paces[provider] = Pace(limit, spacing=_SPACING)
        return self._paces[provider]

    @property
    def breakers(self) -> Mapping[ModelRef, Breaker]:
        """All breakers so far, for reports."""
        return self._breakers

    @property
    def paces(self) -> Mapping[str, Pace]:
        """All paces so far, for reports."""
        return self._paces

    def why_out(self, model: ModelRef, now: float) -> ModelError | None:
        """Why a model is not asked any more in this run, or not now, if it is not."""
        until, reason = self._held.get(model, (now, None))
        if now < until:
            return reason
        return self._providers_out.get(model.provider) or self._models_out.get(model)

    def hold(self, model: ModelRef, until: float, reason: ModelError) -> None:
        """Do not ask a model until then: its provider wants a pause that is too long to wait for."""
        self._held[model] = (until, reason)

    def join(self, model: ModelRef, now: float) -> None:
        """Take over what another run on this machine found out since."""
        breaker = self.breaker(model)
        if self._shared is None or breaker.answered or breaker.state is not State.CLOSED:
            return
        known = self._shared.cooldown_of(model)
        if known is not None:
            breaker.open(now, *known)

    def note_success(self, model: ModelRef) -> State | None:
        """An answer came; returns the breaker's state if it changed."""
        breaker = self.breaker(model)
        before = breaker.state
        breaker.succeeded()
        self.pace(model.provider).answered()
        if breaker.state is before:
            return None
        if self._shared is not None and breaker.state is State.CLOSED:
            self._shared.closed(model)
        return breaker.state

    def note_failure(self, model: ModelRef, error: ModelError, now: float) -> State | None:
        """A request failed; returns the breaker's state if it changed."""
        match reaction_to(error).mark:
            case Mark.PROVIDER_OUT:
                self._providers_out.setdefault(model.provider, error)
            case Mark.MODEL_OUT:
                self._models_out.setdefault(model, error)
            case Mark.FAILURE:
                return self._count(model, error, now)
            case Mark.NEUTRAL:
                pass
        return None

    def _count(self, model: ModelRef, error: ModelError, now: float) -> State | None:
        breaker = self.breaker(model)
        before = breaker.opened
        breaker.failed(now, str(error))
        if breaker.opened == before:
            return None
        if self._shared is not None:
            self._shared.opened(model, breaker.cooldown, breaker.reason, type(error).__name__)
        return State.OPEN

    def open_error(self, model: ModelRef) -> CircuitOpenError:
        """The error for a request that is not sent because a breaker is open."""
        reason = self.breaker(model).reason
        return CircuitOpenError(f"{model} failed several times and is left alone for a while ({reason})")

"""Which models the servers offer, and whether the assigned ones are among them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from time import monotonic

from reviewer.errors import ModelError, UnknownModelError
from reviewer.models.model import Backend, ModelInfo, ModelRef

FRESH_SECONDS = 60.0
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """What one server offers.

    Attributes:
        models: the models, or None when the server cannot list them.
        error: why it could not be asked, or None.
    """

    models: tuple[ModelInfo, ...] | None = None
    error: ModelError | None = None

    def find(self, name: str) -> ModelInfo | None:
        """The model with this name; Ollama's `:latest` may be left out, and routes may stand behind it.

        Its name is the one that was looked for, as that is asked for and remembered.
        """
        models = {model.name: model for model in self.models or ()}
        plain, _, route = name.rpartition(":")
        routed = models.get(plain)
        if routed is not None and route not in routed.routes:
            routed = None
        found = models.get(name) or models.get(f"{name}:latest") or routed
        return found and replace(found, name=name)


class Catalog:
    """Asks each server for its models once and remembers the answer for a minute."""

    def __init__(
        self,
        backends: Mapping[str, Backend],
        *,
        now: Callable[[], float] = monotonic,
        fresh: float = FRESH_SECONDS,
    ) -> None:
        self._backends = backends
        self._now = now
        self._fresh = fresh
        self._known: dict[str, tuple[float, Listing]] = {}
        self._described: dict[ModelRef, ModelInfo] = {}

    async def listing(self, provider: str) -> Listing:
        """What a provider offers; an unreachable server is a value, not an exception."""
        if self._is_fresh(provider):
            return self._known[provider][1]
        try:
            found = Listing(models=await self._backends[provider].list_models())
        except ModelError as error:
            found = Listing(error=error)
        self._known[provider] = (self._now(), found)
        self._described = {ref: info for ref, info in self._described.items() if ref.provider != provider}
        return found

    def _is_fresh(self, provider: str) -> bool:
        known = self._known.get(provider)
        return known is not None and self._now() - known[0] < self._fresh

    async def check(self, model: ModelRef) -> ModelInfo | None:
        """What the server says about an assigned model, or None when it does not list models.

        Raises:
            UnknownModelError: the server lists its models and this is not among them.
            ModelError: the server cannot be asked.
        """
        described = self._described.get(model)
        if described is not None and self._is_fresh(model.provider):
            return described
        listing = await self.listing(model.provider)
        if listing.error is not None:
            raise listing.error
        if listing.models is None:
            return None
        found = listing.find(model.model)
        if found is None:
            raise UnknownModelError(unknown_model(model, listing.models))
        if model not in self._described:
            self._described[model] = await self._backends[model.provider].describe(found)
        return self._described[model]


def unknown_model(model: ModelRef, offered: Sequence[ModelInfo]) -> str:
    """The message for a model that its server does not offer."""
    names = [info.name for info in offered if info.chat]
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    message = f"Model {model.model!r} not found on {model.provider}. Available models: {shown or 'none'}."
    lowered = {name.lower(): name for name in names}
    near = get_close_matches(model.model.lower(), lowered, n=1, cutoff=0.4)
    if not near:
        # A bare name finds the full one: `qwen3-coder` in `qwen/qwen3-coder-30b`.
        near = [name for name in lowered if model.model.lower() in name]
    return f"{message} Did you mean {lowered[near[0]]!r}?" if near else message

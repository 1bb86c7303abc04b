"""OpenRouter: chat completions, with a list of models that anybody may read."""

from dataclasses import replace

from reviewer.models.failures import classify
from reviewer.models.model import Endpoint, ModelInfo
from reviewer.models.providers.base import Conversation, asked_of, get
from reviewer.models.providers.completions import PROTOCOL as COMPLETIONS
from reviewer.models.providers.completions import listed

_REFUSED = frozenset({401, 403})
_ROUTES = ("exacto", "floor", "nitro", "online")
"""Suffixes that any model takes and no list has: they say where a request goes, not which model answers.

https://openrouter.ai/docs/guides/routing/model-variants/overview, read in November 2026.
"""


def listing(endpoint: Endpoint) -> Conversation[tuple[ModelInfo, ...] | None]:
    """The models, and before that a look whether the key is good, as the list needs none."""
    if endpoint.key is not None:
        response = yield get(endpoint, f"{endpoint.base_url}/key")
        if response.status in _REFUSED:
            raise classify(asked_of(endpoint), response.status, response.text)
    response = yield get(endpoint, f"{endpoint.base_url}/models")
    found = listed(endpoint, response.status, response.text)
    return found and tuple(replace(info, routes=_ROUTES) for info in found)


PROTOCOL = replace(COMPLETIONS, listing=listing)

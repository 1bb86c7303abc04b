"""llama.cpp's server: chat completions, and the facts about its slots that its model list lacks."""

from dataclasses import replace

from reviewer.models.model import Endpoint, ModelInfo
from reviewer.models.providers.base import (
    Conversation,
    HttpRequest,
    get,
    positive,
    post,
    root_of,
    rows,
    table,
)
from reviewer.models.providers.completions import PROTOCOL as COMPLETIONS


def facts(endpoint: Endpoint, info: ModelInfo) -> Conversation[ModelInfo]:
    """The window of one request: the total is divided among the slots, and the list names the total.

    With several models (the router) the slots of one are only known once it is loaded.
    """
    if info.loaded is False:
        return info
    response = yield get(endpoint, f"{root_of(endpoint)}/slots")
    sizes = [size for slot in rows(response.data) if (size := positive(slot.get("n_ctx")))]
    if not sizes:
        response = yield get(endpoint, f"{root_of(endpoint)}/props")
        settings = table(table(response.data).get("default_generation_settings"))
        sizes = [size] if (size := positive(settings.get("n_ctx"))) else []
    return replace(info, window=min(sizes)) if sizes else info


def health(endpoint: Endpoint) -> HttpRequest:
    """The request that is answered with success once the model is loaded."""
    return get(endpoint, f"{root_of(endpoint)}/health")


def count(endpoint: Endpoint, model: str, text: str) -> Conversation[int | None]:
    """The exact number of tokens of a text."""
    response = yield post(endpoint, f"{root_of(endpoint)}/tokenize", {"model": model, "content": text})
    tokens = table(response.data).get("tokens")
    return len(tokens) if response.good and isinstance(tokens, list) else None


PROTOCOL = replace(COMPLETIONS, facts=facts, health=health, count=count)

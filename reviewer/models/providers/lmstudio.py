"""LM Studio: chat completions, with three generations of model lists."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reviewer.models.model import Endpoint, ModelInfo
from reviewer.models.providers.base import Conversation, get, positive, root_of, rows, table, text_in
from reviewer.models.providers.completions import PROTOCOL as COMPLETIONS
from reviewer.models.providers.completions import answers, listed

_OLD_INTERFACE = "/api/v0"


def listing(endpoint: Endpoint) -> Conversation[tuple[ModelInfo, ...] | None]:
    """The installed models, with the window that each is loaded with.

    The model card's window (`max_context_length`) is not what counts: a model made for 262,144 tokens is
    often loaded with 4,096. Tried in turn: `/api/v1/models`, `/api/v0/models`, `/v1/models`. An address that
    a version does not know is answered with status 200 and an error.
    """
    root = root_of(endpoint)
    response = yield get(endpoint, f"{root}/api/v1/models")
    found = table(response.data).get("models")
    if response.good and isinstance(found, list):
        return tuple(_newest(row) for row in rows(found) if text_in(row.get("key")))
    response = yield get(endpoint, f"{root}{_OLD_INTERFACE}/models")
    if response.good and isinstance(table(response.data).get("data"), list):
        return listed(endpoint, response.status, response.text)
    response = yield get(endpoint, f"{endpoint.base_url}/models")
    # Here a model may stand that is only installed, and with loading on demand off, only what is loaded.
    return listed(endpoint, response.status, response.text)


def _newest(row: Mapping[str, Any]) -> ModelInfo:
    name = str(row["key"])
    loaded = rows(row.get("loaded_instances"))
    windows = [size for one in loaded if (size := positive(table(one.get("config")).get("context_length")))]
    capabilities = table(row.get("capabilities"))
    return ModelInfo(
        name=name,
        loaded=bool(loaded),
        window=min(windows, default=None),
        largest=positive(row.get("max_context_length")),
        chat=answers(name, text_in(row.get("type"))),
        thinks=bool(capabilities["reasoning"]) if "reasoning" in capabilities else None,
    )


PROTOCOL = replace(COMPLETIONS, listing=listing)

"""Ollama's own interface, the only one that can set the window and refuse to cut a prompt silently."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reviewer.models.failures import classify
from reviewer.models.model import Endpoint, Finish, ModelInfo, Usage
from reviewer.models.providers.base import (
    Ask,
    Conversation,
    HttpProtocol,
    HttpRequest,
    Reader,
    asked_of,
    get,
    json_or_none,
    positive,
    post,
    root_of,
    rows,
    table,
    text_in,
    whole,
)
from reviewer.models.providers.reading import JsonReader
from reviewer.models.servers import Output
from reviewer.prompting.role import ModelKind

USUAL_WINDOW = 32_768
"""Tokens that a model is loaded with at most unless configured: more takes memory that few machines have."""
_STEP = 4096
"""Windows are multiples of this, so that prompts of nearly one size do not each load the model again."""
_KEEP = "15m"
_FINISH = {"stop": Finish.STOP, "length": Finish.LENGTH}
_EFFORT = {ModelKind.REASONING: "medium", ModelKind.THINKING: "high"}


def request(ask: Ask) -> HttpRequest:
    """The request that asks a model, with a window that holds the longest prompt of the run.

    Another window, or another `shift`, would load the model again, so both stay the same for a run.
    """
    options: dict[str, Any] = {"num_predict": ask.prompt.output_tokens, "num_ctx": window_for(ask)}
    if ask.temperature is not None:
        options["temperature"] = ask.temperature
    body: dict[str, Any] = {
        "model": ask.model.name,
        "messages": [{"role": m.speaker.value, "content": m.text} for m in ask.prompt.messages],
        "stream": not ask.manner.whole,
        "options": options,
        # An overflow is an error then; by default the front of the prompt is dropped without a word.
        "truncate": False,
        "shift": False,
        "keep_alive": _KEEP,
    }
    if (think := _think(ask)) is not None:
        body["think"] = think
    if ask.shape.output in {Output.STRICT_SCHEMA, Output.SCHEMA}:
        body["format"] = ask.prompt.schema
    elif ask.shape.output is Output.JSON_OBJECT:
        body["format"] = "json"
    for name in ask.shape.without:
        body.pop(name, None)
        options.pop(name, None)
    return post(ask.endpoint, f"{root_of(ask.endpoint)}/api/chat", body)


def window_for(ask: Ask) -> int:
    """Tokens of the window to ask for: the run's longest prompt and its reply, within the model's."""
    needed = max(ask.prompt.room, ask.prompt.needs())
    rounded = math.ceil(needed / _STEP) * _STEP
    return min(rounded, ask.endpoint.window or ask.model.largest or rounded)


def _think(ask: Ask) -> bool | str | None:
    """How much to think, for models that can: gpt-oss takes levels only, the others switch it on or off."""
    if not ask.model.thinks:
        return None
    effort = _EFFORT.get(ask.prompt.kind)
    if "gpt-oss" in ask.model.name:
        return effort or "low"
    return effort is not None


def reader(ask: Ask) -> Reader:
    """A fresh reader for one answer."""
    return _ChatReader(ask)


class _ChatReader(JsonReader):
    """Collects one answer from lines of JSON or from a whole body, which has the shape of a line."""

    def take(self, chunk: Mapping[str, Any]) -> bool:
        message = table(chunk.get("message"))
        self.got.model = text_in(chunk.get("model")) or self.got.model
        # After 30 equal tokens the server ends an answer without `done`; it is not complete then.
        if chunk.get("done") is True:
            self.got.ended = True
            self.got.finish = _FINISH.get(str(chunk.get("done_reason")), Finish.UNKNOWN)
            self.got.usage = Usage(positive(chunk.get("prompt_eval_count")), whole(chunk.get("eval_count")))
        self.got.add(text_in(message.get("content")), text_in(message.get("thinking")))
        return self.got.ended

    def body(self, text: str) -> None:
        data = json_or_none(text.strip())
        if not isinstance(data, dict) or "message" not in data or data.get("error"):
            raise classify(self.asked, 200, text, None)
        self.take(data)


def listing(endpoint: Endpoint) -> Conversation[tuple[ModelInfo, ...] | None]:
    """The installed models, and which of them are loaded with which window."""
    root = root_of(endpoint)
    response = yield get(endpoint, f"{root}/api/tags")
    if not response.good:
        raise classify(asked_of(endpoint), response.status, response.text, None)
    found = table(response.data).get("models")
    if not isinstance(found, list):
        return None
    response = yield get(endpoint, f"{root}/api/ps")
    running = {
        str(row.get("name") or row.get("model")): positive(row.get("context_length"))
        for row in rows(table(response.data).get("models"))
    }
    return tuple(
        _installed(row, running) for row in rows(found) if text_in(row.get("model") or row.get("name"))
    )


def _installed(row: Mapping[str, Any], running: Mapping[str, int | None]) -> ModelInfo:
    name = str(row.get("model") or row.get("name"))
    capabilities = row.get("capabilities")
    known = capabilities if isinstance(capabilities, list) else None
    return ModelInfo(
        name=name,
        loaded=name in running,
        window=running.get(name),
        chat="completion" in known if known else "embed" not in name,
        thinks="thinking" in known if known else None,
    )


def facts(endpoint: Endpoint, info: ModelInfo) -> Conversation[ModelInfo]:
    """The largest window and whether it thinks, from `/api/show`; the window that it will be asked for."""
    response = yield post(endpoint, f"{root_of(endpoint)}/api/show", {"model": info.name})
    data = table(response.data)
    sizes = [
        size
        for key, value in table(data.get("model_info")).items()
        if key.endswith(".context_length") and (size := positive(value))
    ]
    capabilities = data.get("capabilities")
    known = capabilities if isinstance(capabilities, list) else None
    largest = min(sizes, default=None)
    usual = min(largest or USUAL_WINDOW, USUAL_WINDOW)
    return replace(
        info,
        largest=largest,
        # Every request names its window, so a smaller one in use now does not matter.
        window=max(usual, info.window or 0),
        chat="completion" in known if known else info.chat,
        thinks="thinking" in known if known else info.thinks,
    )


PROTOCOL = HttpProtocol(request, reader, listing, facts)

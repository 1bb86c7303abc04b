"""OpenAI's chat completions on the wire, as OpenAI and the many servers that follow it speak them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reviewer.errors import ServerBrokenError
from reviewer.models.failures import classify
from reviewer.models.model import Endpoint, Finish, ModelInfo, Price, Usage
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
    rows,
    table,
    text_in,
    whole,
)
from reviewer.models.providers.reading import JsonReader
from reviewer.models.servers import COMPATIBLE, Output, Server, server_of

_FINISH = {
    "stop": Finish.STOP,
    "end_turn": Finish.STOP,
    "eos": Finish.STOP,
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "model_length": Finish.LENGTH,
    "content_filter": Finish.FILTERED,
    "refusal": Finish.FILTERED,
    "error": Finish.ERROR,
    "network_error": Finish.ERROR,
    "insufficient_system_resource": Finish.ERROR,
}
OTHER_CAP = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""The same bound under its other name."""
_SHOWN = 200


def request(ask: Ask) -> HttpRequest:
    """The request that asks a model."""
    return post(ask.endpoint, f"{ask.endpoint.base_url}/chat/completions", request_body(ask))


def request_body(ask: Ask) -> dict[str, Any]:
    """The body of a request; servers with an address of another form share it."""
    server, shape = ask.server, ask.shape
    body: dict[str, Any] = {
        "model": ask.model.name,
        "messages": [
            {"role": message.speaker.value, "content": message.text} for message in ask.prompt.messages
        ],
        "stream": not ask.manner.whole,
        server.cap_field: ask.cap,
        **server.extra,
    }
    if server.stream_usage and not ask.manner.whole:
        body["stream_options"] = {"include_usage": True}
    if ask.temperature is not None:
        body["temperature"] = ask.temperature
    if server.cap_field in shape.without:
        # A reply without any bound could go on for ever.
        body[OTHER_CAP[server.cap_field]] = ask.cap
    if (form := _response_format(ask)) is not None:
        body["response_format"] = form
    for name in shape.without:
        body.pop(name, None)
    return body


def _response_format(ask: Ask) -> dict[str, Any] | None:
    match ask.shape.output:
        case Output.STRICT_SCHEMA | Output.SCHEMA as output:
            schema: dict[str, Any] = {"name": ask.prompt.purpose.value, "schema": ask.prompt.schema}
            if output is Output.STRICT_SCHEMA:
                schema["strict"] = True
            return {"type": "json_schema", "json_schema": schema}
        case Output.JSON_OBJECT:
            return {"type": "json_object"}
        case Output.PROMPT:
            return None


def reader(ask: Ask) -> Reader:
    """A fresh reader for one answer."""
    return CompletionReader(ask)


def listing(endpoint: Endpoint) -> Conversation[tuple[ModelInfo, ...] | None]:
    """The listed models; window and load state where one of the known extensions tells them.

    An empty list of an unknown server says nothing: Hugging Face's names only what it has on disk, and
    answers for more.
    """
    response = yield get(endpoint, f"{endpoint.base_url}/models")
    found = listed(endpoint, response.status, response.text)
    unknown = server_of(endpoint.kind, endpoint.base_url) is COMPATIBLE
    return None if unknown and not found else found


def listed(endpoint: Endpoint, status: int, text: str) -> tuple[ModelInfo, ...] | None:
    """The models in the body of a listing, or None when it is no list.

    Raises:
        ModelError: the response is an error.
    """
    if status not in range(200, 300):
        raise classify(asked_of(endpoint), status, text, None)
    data = json_or_none(text)
    if isinstance(data, dict):
        if data.get("error"):
            raise classify(asked_of(endpoint), status, text, None)
        if not {"data", "models"} & set(data):
            return None
        data = data.get("data") or data.get("models") or []
    if not isinstance(data, list):
        return None
    return tuple(_model(row) for row in rows(data) if isinstance(row.get("id", row.get("name")), str))


def _model(row: Mapping[str, Any]) -> ModelInfo:
    # Gemini's compatible list has `models/gemini-...` and takes the name without it.
    name = str(row.get("id", row.get("name"))).removeprefix("models/")
    status = table(row.get("status"))
    state = row.get("state", status.get("value"))
    top = table(row.get("top_provider"))
    return ModelInfo(
        name=name,
        loaded=None if state is None else state == "loaded",
        window=_window(row),
        max_output=positive(top.get("max_completion_tokens")) or positive(row.get("max_completion_tokens")),
        chat=answers(name, text_in(row.get("type")), table(row.get("capabilities"))),
        outputs=_outputs(row.get("supported_parameters", row.get("supported_features"))),
        thinks=_thinks(row.get("supported_parameters", row.get("supported_features"))),
        price=_price(table(row.get("pricing"))),
        notice=_notice(row, status),
    )


def answers(name: str, kind: str = "", capabilities: Mapping[str, Any] | None = None) -> bool:
    """Whether a model can be asked anything, by its kind or else its name."""
    if (capabilities or {}).get("completion_chat") is False:
        return False
    lowered = f"{kind} {name}".lower()
    others = ("embed", "rerank", "whisper", "-tts", "tts-", "moderation", "dall-e", "transcribe", "-image")
    return not any(word in lowered for word in others)


def _outputs(parameters: object) -> tuple[Output, ...] | None:
    """The modes that OpenRouter, or Groq in other words, names for a model."""
    if not isinstance(parameters, list):
        return None
    modes = []
    if "structured_outputs" in parameters:
        modes += [Output.STRICT_SCHEMA, Output.SCHEMA]
    if {"response_format", "json_mode"} & set(map(str, parameters)):
        modes.append(Output.JSON_OBJECT)
    return (*modes, Output.PROMPT)


def _thinks(parameters: object) -> bool | None:
    return "reasoning" in parameters if isinstance(parameters, list) else None


def _price(pricing: Mapping[str, Any]) -> Price | None:
    """Prices in dollars for one token, as decimal texts."""
    try:
        one = Price(float(pricing["prompt"]) * 1e6, float(pricing["completion"]) * 1e6)
    except (KeyError, TypeError, ValueError):
        return None
    # OpenRouter's routers have -1: it depends on where they lead.
    return one if min(one.prompt, one.completion) >= 0 else None


def _notice(row: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    if status.get("failed"):
        return "could not be loaded"
    gone = row.get("expiration_date") or row.get("shutdown_date") or row.get("deprecation")
    return f"goes away on {gone}" if isinstance(gone, str) else ""


def _window(row: Mapping[str, Any]) -> int | None:
    """The smallest window that the server names: the loaded one counts, not the model card's."""
    meta, top = table(row.get("meta")), table(row.get("top_provider"))
    loaded = positive(row.get("loaded_context_length")) or positive(meta.get("n_ctx"))
    if loaded:
        return loaded
    named = [
        row.get("max_model_len"),
        row.get("context_length"),
        row.get("context_window"),
        row.get("max_context_length"),
        top.get("context_length"),
        meta.get("n_ctx_train"),
    ]
    return min((size for value in named if (size := positive(value))), default=None)


class CompletionReader(JsonReader):
    """Collects one answer from chunks or from a whole body."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self._server: Server = ask.server

    def event(self, data: str) -> bool:
        """Take the data of one server-sent event."""
        if data.strip() == "[DONE]":
            self.got.ended = True
            return True
        return super().event(data)

    def failed(self, data: Mapping[str, Any]) -> bool:
        """Whether there is an error inside a success; Groq's is a text beside the usage."""
        inside = data.get("error") or table(data.get("x_groq")).get("error")
        return bool(inside) or data.get("object") == "error" or data.get("type") == "error"

    def take(self, chunk: Mapping[str, Any]) -> bool:
        """Take one chunk of a stream."""
        self._take(chunk, "delta")
        return False

    def body(self, text: str) -> None:
        """Take a whole body: a server that ignored `stream`, or an error with status 200."""
        # Under load DeepSeek sends blank lines first.
        stripped = text.strip()
        data = json_or_none(stripped)
        if data is None and stripped.startswith("<"):
            raise classify(self.asked, 200, text, None)
        if data is None:
            raise ServerBrokenError(f"{self.asked.provider}: the answer is not JSON: {stripped[:_SHOWN]!r}")
        if isinstance(data, dict) and not data.get("choices"):
            # OpenRouter has put the answer into `provider`.
            data = data["provider"] if table(data.get("provider")).get("choices") else data
        if not isinstance(data, dict) or self.failed(data) or not rows(data.get("choices")):
            raise classify(self.asked, 200, text, None)
        self.got.ended = True
        self._take(data, "message")

    def _take(self, chunk: Mapping[str, Any], part: str) -> None:
        self.got.model = text_in(chunk.get("model")) or self.got.model
        usage = table(chunk.get("usage")) or table(table(chunk.get("x_groq")).get("usage"))
        if usage:
            self.got.usage = usage_of(usage)
        for choice in rows(chunk.get("choices"))[:1]:
            message = table(choice.get(part))
            self.got.refusal += text_in(message.get("refusal"))
            self._collect(message)
            native, finish = choice.get("native_finish_reason"), choice.get("finish_reason")
            if _FINISH.get(str(native)) is Finish.ERROR:
                self.got.finish = Finish.ERROR
            elif finish:
                self.got.finish = _FINISH.get(str(finish), Finish.UNKNOWN)

    def _collect(self, message: Mapping[str, Any]) -> None:
        text, thoughts = content_of(message.get("content"))
        named = (text_in(message.get(name)) for name in self._server.reasoning)
        self.got.add(text, thoughts + next(filter(None, named), ""))


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """Tokens and cost, under the names that the servers use."""
    prompt, completion = (
        table(usage.get("prompt_tokens_details")),
        table(usage.get("completion_tokens_details")),
    )
    cached = whole(prompt.get("cached_tokens"))
    cost = usage.get("cost")
    return Usage(
        prompt=positive(usage.get("prompt_tokens")),
        completion=whole(usage.get("completion_tokens")),
        cached=cached if cached is not None else whole(usage.get("prompt_cache_hit_tokens")),
        reasoning=whole(completion.get("reasoning_tokens")),
        cost=float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None,
    )


def content_of(content: Any) -> tuple[str, str]:
    """Text and thoughts of a content that is a text or a list of parts."""
    if isinstance(content, str):
        return content, ""
    text, thoughts = "", ""
    for item in rows(content):
        if item.get("type") == "thinking":
            inner = item.get("thinking")
            thoughts += inner if isinstance(inner, str) else content_of(inner)[0]
        else:
            text += text_in(item.get("text"))
    return text, thoughts


PROTOCOL = HttpProtocol(request, reader, listing)
"""For servers that need nothing of their own; the others replace what they do differently."""


def with_listing(own: Any, **more: Any) -> HttpProtocol:
    """This protocol with another way to find out about models."""
    return replace(PROTOCOL, listing=own, **more)

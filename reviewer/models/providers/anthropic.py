"""Anthropic's Messages."""

import json
from collections.abc import Mapping
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
    headers_of,
    json_or_none,
    positive,
    rows,
    table,
    text_in,
    whole,
)
from reviewer.models.providers.reading import JsonReader
from reviewer.models.servers import Output
from reviewer.prompting.prompt import Speaker

_VERSION = "2023-06-01"
_TOOL = "report_review"
_FINISH = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "tool_use": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "refusal": Finish.FILTERED,
}
_PAGE = 1000


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {**headers_of(endpoint), "anthropic-version": _VERSION}


def request(ask: Ask) -> HttpRequest:
    """The request that asks a model.

    Neither a temperature nor a setting for thoughts is sent: newer models answer 400 to the first, and which
    of the second is allowed differs between them. The system message is marked for the cache: it is the same
    for all parts of a change.
    """
    system = "\n\n".join(m.text for m in ask.prompt.messages if m.speaker is Speaker.SYSTEM)
    body: dict[str, Any] = {
        "model": ask.model.name,
        "max_tokens": ask.cap,
        "messages": [
            {"role": m.speaker.value, "content": m.text}
            for m in ask.prompt.messages
            if m.speaker is not Speaker.SYSTEM
        ],
        "stream": not ask.manner.whole,
    }
    if system:
        body["system"] = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
    if ask.shape.output is Output.STRICT_SCHEMA:
        body["output_config"] = {"format": {"type": "json_schema", "schema": ask.prompt.schema}}
    elif ask.shape.output is Output.SCHEMA:
        described = "Hand in the review."
        body["tools"] = [{"name": _TOOL, "description": described, "input_schema": ask.prompt.schema}]
        body["tool_choice"] = {"type": "tool", "name": _TOOL}
    for name in ask.shape.without:
        body.pop(name, None)
    return HttpRequest("POST", f"{ask.endpoint.base_url}/messages", _headers(ask.endpoint), body)


def reader(ask: Ask) -> Reader:
    """A fresh reader for one answer."""
    return _MessageReader(ask)


class _MessageReader(JsonReader):
    """Collects one answer from events or from a whole message."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(ask)
        self._usage: dict[str, Any] = {}

    def failed(self, data: Mapping[str, Any]) -> bool:
        return data.get("type") == "error" or bool(data.get("error"))

    def take(self, chunk: Mapping[str, Any]) -> bool:
        match chunk.get("type"):
            case "message_start":
                self._begin(table(chunk.get("message")))
            case "content_block_start":
                self._block(table(chunk.get("content_block")))
            case "content_block_delta":
                self._block(table(chunk.get("delta")))
            case "message_delta":
                self._end(table(chunk.get("delta")), table(chunk.get("usage")))
            case "message_stop":
                self.got.ended = True
            case _:
                pass  # `ping`, `content_block_stop`, and what will be added
        return self.got.ended

    def body(self, text: str) -> None:
        data = json_or_none(text.strip())
        if not isinstance(data, dict) or not isinstance(data.get("content"), list) or data.get("error"):
            raise classify(self.asked, 200, text, None)
        self.got.ended = True
        self._begin(data)
        for block in rows(data["content"]):
            self._block(block)
        self._end(data, table(data.get("usage")))

    def _begin(self, message: Mapping[str, Any]) -> None:
        self.got.model = text_in(message.get("model"))
        self._count(table(message.get("usage")))

    def _block(self, block: Mapping[str, Any]) -> None:
        """Text, thoughts, or the input of the tool, which comes as pieces of JSON or as a whole."""
        tool = block.get("input")
        text = text_in(block.get("text")) + text_in(block.get("partial_json"))
        if isinstance(tool, dict) and tool:
            text += json.dumps(tool, ensure_ascii=False)
        self.got.add(text, text_in(block.get("thinking")))

    def _end(self, delta: Mapping[str, Any], usage: Mapping[str, Any]) -> None:
        self._count(usage)
        reason = delta.get("stop_reason")
        if reason:
            self.got.finish = _FINISH.get(str(reason), Finish.UNKNOWN)
        if reason == "refusal":
            category = text_in(table(delta.get("stop_details")).get("category"))
            self.got.refusal = category or "no category given"

    def _count(self, usage: Mapping[str, Any]) -> None:
        """Add up the prompt: `input_tokens` counts only what neither came from the cache nor went into it."""
        self._usage |= {key: value for key, value in usage.items() if value}
        said = self._usage
        parts = [
            whole(said.get(name))
            for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        ]
        known = [part for part in parts if part is not None]
        details = table(said.get("output_tokens_details"))
        self.got.usage = Usage(
            prompt=sum(known) if known else None,
            completion=whole(said.get("output_tokens")),
            cached=whole(said.get("cache_read_input_tokens")),
            reasoning=whole(details.get("thinking_tokens")),
        )


def listing(endpoint: Endpoint) -> Conversation[tuple[ModelInfo, ...] | None]:
    """The models, page by page."""
    found: list[ModelInfo] = []
    after = ""
    while True:
        url = f"{endpoint.base_url}/models?limit={_PAGE}" + (f"&after_id={after}" if after else "")
        response = yield HttpRequest("GET", url, _headers(endpoint))
        if not response.good:
            raise classify(asked_of(endpoint), response.status, response.text, None)
        data = table(response.data)
        if not isinstance(data.get("data"), list):
            return None
        found += [_model(row) for row in rows(data["data"]) if text_in(row.get("id"))]
        last = text_in(data.get("last_id"))
        if not data.get("has_more") or not last or last == after:
            return tuple(found)
        after = last


def _model(row: Mapping[str, Any]) -> ModelInfo:
    capabilities = table(row.get("capabilities"))
    structured = table(capabilities.get("structured_outputs")).get("supported")
    thinks = table(capabilities.get("thinking")).get("supported")
    outputs = None
    if structured is not None:
        outputs = (*((Output.STRICT_SCHEMA,) if structured else ()), Output.SCHEMA, Output.PROMPT)
    return ModelInfo(
        name=str(row["id"]),
        window=positive(row.get("max_input_tokens")),
        max_output=positive(row.get("max_tokens")),
        outputs=outputs,
        thinks=thinks if isinstance(thinks, bool) else None,
    )


PROTOCOL = HttpProtocol(request, reader, listing)

"""Gemini's own interface: `generateContent`."""

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
from reviewer.prompting.prompt import Speaker

_FINISH = {
    "STOP": Finish.STOP,
    "MAX_TOKENS": Finish.LENGTH,
    "SAFETY": Finish.FILTERED,
    "RECITATION": Finish.FILTERED,
    "BLOCKLIST": Finish.FILTERED,
    "PROHIBITED_CONTENT": Finish.FILTERED,
    "SPII": Finish.FILTERED,
    "LANGUAGE": Finish.FILTERED,
    "MALFORMED_FUNCTION_CALL": Finish.ERROR,
}
_PAGE = 1000


def request(ask: Ask) -> HttpRequest:
    """The request that asks a model. No limit on thoughts is set: which is allowed differs by model."""
    settings: dict[str, Any] = {"maxOutputTokens": ask.cap}
    if ask.temperature is not None:
        settings["temperature"] = ask.temperature
    match ask.shape.output:
        case Output.STRICT_SCHEMA:
            settings |= {"responseMimeType": "application/json", "responseJsonSchema": ask.prompt.schema}
        case Output.SCHEMA:
            settings |= {
                "responseMimeType": "application/json",
                "responseSchema": older_schema(ask.prompt.schema),
            }
        case Output.JSON_OBJECT:
            settings["responseMimeType"] = "application/json"
        case Output.PROMPT:
            pass
    for name in ask.shape.without:
        settings.pop(name, None)
    body: dict[str, Any] = {
        "contents": [
            {
                "role": "model" if message.speaker is Speaker.ASSISTANT else "user",
                "parts": [{"text": message.text}],
            }
            for message in ask.prompt.messages
            if message.speaker is not Speaker.SYSTEM
        ],
        "generationConfig": settings,
    }
    system = [{"text": m.text} for m in ask.prompt.messages if m.speaker is Speaker.SYSTEM]
    if system:
        body["systemInstruction"] = {"parts": system}
    how = "generateContent" if ask.manner.whole else "streamGenerateContent?alt=sse"
    return post(ask.endpoint, f"{_root(ask.endpoint)}/models/{ask.model.name}:{how}", body)


def _root(endpoint: Endpoint) -> str:
    return root_of(endpoint, "/openai")


def older_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema in the subset of `responseSchema`: no `additionalProperties`, and `nullable` for null."""
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "additionalProperties":
            continue
        if key == "anyOf":
            options = [option for option in value if option.get("type") != "null"]
            made |= older_schema(options[0]) | {"nullable": len(options) < len(value)}
        elif key == "properties":
            made[key] = {name: older_schema(part) for name, part in value.items()}
        elif key == "items":
            made[key] = older_schema(value)
        else:
            made[key] = value
    return made


def reader(ask: Ask) -> Reader:
    """A fresh reader for one answer."""
    return _ContentReader(ask)


class _ContentReader(JsonReader):
    """Collects one answer from the chunks of a stream or from a whole one: they have the same shape."""

    def body(self, text: str) -> None:
        data = json_or_none(text.strip())
        if isinstance(data, list) and rows(data):
            # Without `alt=sse` the chunks of a stream are one list.
            for chunk in rows(data):
                self._whole(chunk, text)
            return
        self._whole(data if isinstance(data, dict) else {}, text)

    def _whole(self, data: Mapping[str, Any], text: str) -> None:
        if data.get("error") or not ({"candidates", "promptFeedback", "usageMetadata"} & set(data)):
            raise classify(self.asked, 200, text, None)
        self.take(data)

    def take(self, chunk: Mapping[str, Any]) -> bool:
        self.got.model = text_in(chunk.get("modelVersion")) or self.got.model
        usage = table(chunk.get("usageMetadata"))
        if usage:
            self.got.usage = _usage(usage)
        blocked = text_in(table(chunk.get("promptFeedback")).get("blockReason"))
        if blocked:
            # A blocked prompt has no candidates, and the status is 200.
            self.got.refusal, self.got.finish = f"the prompt was blocked ({blocked})", Finish.FILTERED
        for candidate in rows(chunk.get("candidates"))[:1]:
            for part in rows(table(candidate.get("content")).get("parts")):
                text = text_in(part.get("text"))
                self.got.add("" if part.get("thought") else text, text if part.get("thought") else "")
            reason = text_in(candidate.get("finishReason"))
            if reason and reason != "FINISH_REASON_UNSPECIFIED":
                self.got.finish = _FINISH.get(reason, Finish.UNKNOWN)
                if self.got.finish is Finish.FILTERED:
                    self.got.refusal = reason
        return False  # the last chunk has the reason and is followed by nothing


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Tokens; thoughts are not in `candidatesTokenCount`, and cached ones are in `promptTokenCount`."""
    thoughts, text = whole(usage.get("thoughtsTokenCount")), whole(usage.get("candidatesTokenCount"))
    known = [part for part in (thoughts, text) if part is not None]
    return Usage(
        prompt=whole(usage.get("promptTokenCount")),
        completion=sum(known) if known else None,
        cached=whole(usage.get("cachedContentTokenCount")),
        reasoning=thoughts,
    )


def listing(endpoint: Endpoint) -> Conversation[tuple[ModelInfo, ...] | None]:
    """The models that can be asked for text, page by page."""
    found: list[ModelInfo] = []
    page = ""
    while True:
        url = f"{_root(endpoint)}/models?pageSize={_PAGE}" + (f"&pageToken={page}" if page else "")
        response = yield get(endpoint, url)
        if not response.good:
            raise classify(asked_of(endpoint), response.status, response.text, None)
        data = table(response.data)
        if not isinstance(data.get("models"), list):
            return None
        found += [_model(row) for row in rows(data["models"]) if text_in(row.get("name"))]
        following = text_in(data.get("nextPageToken"))
        if not following or following == page:
            return tuple({model.name: model for model in found}.values())
        page = following


def _model(row: Mapping[str, Any]) -> ModelInfo:
    methods = row.get("supportedGenerationMethods")
    thinks = row.get("thinking")
    return ModelInfo(
        name=str(row["name"]).removeprefix("models/"),
        window=positive(row.get("inputTokenLimit")),
        max_output=positive(row.get("outputTokenLimit")),
        chat="generateContent" in methods if isinstance(methods, list) else True,
        thinks=thinks if isinstance(thinks, bool) else None,
    )


PROTOCOL = HttpProtocol(request, reader, listing)

"""OpenAI's chat completions, as OpenAI and the many servers that follow it speak them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reviewer.changes.text import encodable
from reviewer.errors import (
    ContentRefusedError,
    IncompleteStreamError,
    ModelError,
    RefusedRequestError,
    ServerBrokenError,
)
from reviewer.models.error_body import now_utc, retry_after
from reviewer.models.failures import Asked, classify
from reviewer.models.model import Endpoint, Finish, ModelInfo, Reply, Usage
from reviewer.models.providers.base import HttpFailure, HttpRequest, Reader, Shape
from reviewer.models.servers import Output, server_of
from reviewer.prompting.prompt import Prompt

_FINISH = {
    "stop": Finish.STOP,
    "end_turn": Finish.STOP,
    "eos": Finish.STOP,
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "model_length": Finish.LENGTH,
    "content_filter": Finish.FILTERED,
    "error": Finish.ERROR,
    "network_error": Finish.ERROR,
    "insufficient_system_resource": Finish.ERROR,
}
_OTHER_CAP = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_REASONING = ("reasoning_content", "reasoning", "thinking")
_SCHEMA_WORDS = ("response_format", "json_schema", "grammar", "schema", "too many states", "samplers")
_MAX_TEXT = 1_000_000
"""Characters; no review is longer, so a longer answer is a loop."""


def _asked(endpoint: Endpoint) -> Asked:
    return Asked(endpoint.name, endpoint.address, endpoint.key_name)


def _headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {"Accept": "application/json, text/event-stream", **endpoint.headers}
    if endpoint.key is not None:
        # llama.cpp refuses the word in lower case.
        headers["Authorization"] = f"Bearer {endpoint.key.reveal()}"
    return headers


def request(endpoint: Endpoint, model: str, prompt: Prompt, shape: Shape) -> HttpRequest:
    """The request that asks a model, streamed."""
    server = server_of(endpoint.kind, endpoint.base_url)
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.speaker.value, "content": message.text} for message in prompt.messages],
        "stream": True,
        server.cap_field: prompt.output_tokens,
        **server.extra,
    }
    if server.stream_usage:
        body["stream_options"] = {"include_usage": True}
    if server.temperature is not None:
        body["temperature"] = server.temperature
    if server.cap_field in shape.without:
        # The same bound under its other name: a reply without any could go on for ever.
        body[_OTHER_CAP[server.cap_field]] = prompt.output_tokens
    if (form := _response_format(prompt, shape.output)) is not None:
        body["response_format"] = form
    for name in shape.without:
        body.pop(name, None)
    return HttpRequest("POST", f"{endpoint.base_url}/chat/completions", _headers(endpoint), body)


def _response_format(prompt: Prompt, output: Output) -> dict[str, Any] | None:
    match output:
        case Output.STRICT_SCHEMA | Output.SCHEMA:
            schema: dict[str, Any] = {"name": prompt.purpose.value, "schema": prompt.schema}
            if output is Output.STRICT_SCHEMA:
                schema["strict"] = True
            return {"type": "json_schema", "json_schema": schema}
        case Output.JSON_OBJECT:
            return {"type": "json_object"}
        case Output.PROMPT:
            return None


def simpler(shape: Shape, endpoint: Endpoint, error: ModelError) -> Shape | None:
    """How to ask after a refusal: without the field it names, or with a looser structured-output mode."""
    if not isinstance(error, RefusedRequestError):
        return None
    server = server_of(endpoint.kind, endpoint.base_url)
    said = f"{error} {error.details.code} {error.details.param}".lower()
    optional = {"temperature", "stream_options", server.cap_field, *server.extra}
    named = error.details.param.partition(".")[0]
    if server.cap_field not in shape.without and (
        named == server.cap_field or _OTHER_CAP[server.cap_field] in said
    ):
        return replace(shape, without=shape.without | {server.cap_field})
    if named in optional - shape.without:
        return replace(shape, without=shape.without | {named})
    modes = list(Output)
    looser = [mode for mode in server.outputs if modes.index(mode) > modes.index(shape.output)]
    step_down = replace(shape, output=looser[0]) if looser else None
    if any(word in said for word in _SCHEMA_WORDS):
        return step_down
    for field in sorted(optional - shape.without):
        if field in said:
            return replace(shape, without=shape.without | {field})
    # The server does not say what it refuses: the unusual part of the request is the likeliest.
    return None if named else step_down


def reader(endpoint: Endpoint) -> Reader:
    """A fresh reader for one answer."""
    return ReplyReader(endpoint)


def failure(endpoint: Endpoint, failed: HttpFailure) -> ModelError:
    """What a response that is no success means."""
    return classify(_asked(endpoint), failed.status, failed.text, retry_after(failed.headers, now_utc()))


def list_request(endpoint: Endpoint) -> HttpRequest:
    """The request that lists the models."""
    return HttpRequest("GET", f"{endpoint.base_url}/models", _headers(endpoint))


def models(endpoint: Endpoint, text: str) -> tuple[ModelInfo, ...] | None:
    """The listed models; window and load state where one of the known extensions tells them."""
    del endpoint  # the shape of a list does not depend on the server
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    rows = data.get("data") or data.get("models") or [] if isinstance(data, dict) else data
    if not isinstance(rows, list) or (isinstance(data, dict) and not {"data", "models"} & set(data)):
        return None
    return tuple(
        _model(row)
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("id", row.get("name")), str)
    )


def _model(row: Mapping[str, Any]) -> ModelInfo:
    # Gemini lists `models/gemini-...` and takes the name without it.
    name = str(row.get("id", row.get("name"))).removeprefix("models/")
    state = row.get(
        "state", (row.get("status") or {}).get("value") if isinstance(row.get("status"), dict) else None
    )
    kind = str(row.get("type", ""))
    return ModelInfo(
        name=name,
        loaded=None if state is None else state == "loaded",
        window=_window(row),
        chat="embed" not in kind and "embed" not in name.lower() and "rerank" not in name.lower(),
    )


def _window(row: Mapping[str, Any]) -> int | None:
    """The smallest window that the server names: the loaded one counts, not the model card's."""
    meta = row.get("meta") if isinstance(row.get("meta"), dict) else {}
    top = row.get("top_provider") if isinstance(row.get("top_provider"), dict) else {}
    loaded = row.get("loaded_context_length") or (meta or {}).get("n_ctx")
    if isinstance(loaded, int) and loaded > 0:
        return loaded
    named = [
        row.get("max_model_len"),
        row.get("context_length"),
        row.get("context_window"),
        row.get("max_context_length"),
        (top or {}).get("context_length"),
        (meta or {}).get("n_ctx_train"),
    ]
    return min((value for value in named if isinstance(value, int) and value > 0), default=None)


class ReplyReader:
    """Collects one answer from chunks or from a whole body."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._size = 0
        self._finish: Finish | None = None
        self._done = False
        self._model = ""
        self._refusal = ""
        self._usage = Usage()

    @property
    def finished(self) -> bool:
        """Whether the end of the answer has come; what breaks after it does no harm."""
        return self._done or self._finish not in {None, Finish.ERROR}

    @property
    def partial(self) -> str:
        """The text that has come so far."""
        return "".join(self._text)

    def event(self, data: str) -> None:
        """Take the data of one server-sent event."""
        if data.strip() == "[DONE]":
            self._done = True
            return
        if not data.strip():
            return
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._incomplete("the stream holds something that is not JSON") from error
        if not isinstance(chunk, dict):
            raise self._incomplete("the stream holds something that is not an object")
        if chunk.get("error"):
            raise classify(_asked(self._endpoint), 200, data, None)
        self._take(chunk, "delta")

    def body(self, text: str) -> None:
        """Take a whole body: a server that ignored `stream`, or an error with status 200."""
        stripped = text.strip()
        try:
            data = json.loads(stripped)
        except (ValueError, RecursionError) as error:
            if stripped.startswith("<"):
                raise classify(_asked(self._endpoint), 200, text, None) from error
            raise ServerBrokenError(
                f"{self._endpoint.name}: the answer is not JSON: {stripped[:200]!r}"
            ) from error
        if not isinstance(data, dict) or data.get("error") or "choices" not in data:
            raise classify(_asked(self._endpoint), 200, text, None)
        self._take(data, "message")
        self._done = True

    def _take(self, chunk: Mapping[str, Any], part: str) -> None:
        if isinstance(chunk.get("model"), str):
            self._model = chunk["model"]
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            self._usage = Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return
        choice = choices[0]
        message = choice.get(part) if isinstance(choice.get(part), dict) else {}
        self._collect(message or {})
        native = _FINISH.get(str(choice.get("native_finish_reason")))
        finish = choice.get("finish_reason")
        if native is Finish.ERROR:
            self._finish = Finish.ERROR
        elif finish:
            self._finish = _FINISH.get(str(finish), Finish.UNKNOWN)

    def _collect(self, message: Mapping[str, Any]) -> None:
        if isinstance(message.get("refusal"), str):
            self._refusal += message["refusal"]
        text, thoughts = _content(message.get("content"))
        for name in _REASONING:
            if isinstance(message.get(name), str):
                thoughts += message[name]
                break
        self._text.append(text)
        self._reasoning.append(thoughts)
        self._size += len(text) + len(thoughts)
        if self._size > _MAX_TEXT:
            raise self._incomplete(f"the answer has more than {_MAX_TEXT:,} characters and was stopped")

    def _incomplete(self, why: str) -> IncompleteStreamError:
        return IncompleteStreamError(f"{self._endpoint.name}: {why}", partial=self.partial)

    def reply(self) -> Reply:
        """The answer, once everything has been fed."""
        if self._finish is Finish.ERROR:
            raise self._incomplete("the answer broke off with an error behind the server")
        if self._finish is None and not self._done:
            raise self._incomplete("the answer broke off before its end")
        if self._refusal:
            raise ContentRefusedError(f"{self._endpoint.name}: the model refused: {self._refusal}")
        if self._finish is Finish.FILTERED:
            raise ContentRefusedError(f"{self._endpoint.name}: a content filter stopped the answer")
        return Reply(
            text=encodable("".join(self._text)),
            reasoning=encodable("".join(self._reasoning)),
            finish=self._finish or Finish.UNKNOWN,
            usage=self._usage,
            model=encodable(self._model),
        )


def _content(content: Any) -> tuple[str, str]:
    """Text and thoughts of a content that is a text or a list of parts."""
    if isinstance(content, str):
        return content, ""
    text, thoughts = "", ""
    for item in content if isinstance(content, list) else []:
        if not isinstance(item, dict):
            continue
        if item.get("type") == "thinking":
            inner = item.get("thinking")
            thoughts += inner if isinstance(inner, str) else _content(inner)[0]
        elif isinstance(item.get("text"), str):
            text += item["text"]
    return text, thoughts


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

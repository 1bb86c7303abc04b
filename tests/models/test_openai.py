"""OpenAI's chat completions: requests and readings as values."""

import json

import pytest

from reviewer.errors import (
    ConfigError,
    ContentRefusedError,
    EndlessError,
    IncompleteStreamError,
    ModelError,
    PromptTooLongError,
    ProtocolError,
    RefusedRequestError,
    ServerBrokenError,
)
from reviewer.models.failures import failure
from reviewer.models.model import Endpoint, Finish, Key, ModelInfo, ModelRef, Usage
from reviewer.models.providers import completions
from reviewer.models.providers.base import Ask, Shape, asked_of
from reviewer.models.rephrase import simpler
from reviewer.models.servers import SERVERS, Output, server_of
from reviewer.prompting.batch import Batch
from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.role import ModelKind
from tests.support.shared import require

LAB = Endpoint("lab", "openai", "http://127.0.0.1:9000/v1", key=Key("sk-secret"), key_name="LAB_KEY")
PROMPT = Prompt(
    "architecture",
    ModelKind.REASONING,
    Purpose.REVIEW,
    (Message(Speaker.SYSTEM, "S"), Message(Speaker.USER, "U")),
    Batch(1, 1, ()),
    100,
    4096,
    "architecture",
)


def asking(shape: Shape, endpoint: Endpoint = LAB, model: str = "big") -> Ask:
    return Ask(endpoint, ModelInfo(model), PROMPT, shape)


def reader_of(endpoint: Endpoint = LAB):
    return completions.reader(asking(Shape(Output.PROMPT), endpoint))


def request_for(shape: Shape, endpoint: Endpoint = LAB, model: str = "big"):
    return completions.request(asking(shape, endpoint, model))


def read(*events: object):
    reader = reader_of()
    for event in events:
        reader.event(event if isinstance(event, str) else json.dumps(event))
    return reader.reply()


def delta(finish: str | None = None, **fields: object) -> dict[str, object]:
    return {"model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def test_request():
    request = request_for(Shape(Output.STRICT_SCHEMA))
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:9000/v1/chat/completions")
    assert request.headers["Authorization"] == "Bearer sk-secret"
    body = dict(request.body or {})
    form = body.pop("response_format")
    assert (form["type"], form["json_schema"]["strict"]) == ("json_schema", True)
    assert body == {
        "model": "big",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 4096,
        "temperature": 0.2,
    }


FORMS = [(Output.SCHEMA, "json_schema"), (Output.JSON_OBJECT, "json_object"), (Output.PROMPT, None)]


@pytest.mark.parametrize(("output", "form"), FORMS)
def test_looser_modes(output, form):
    body = request_for(Shape(output)).body or {}
    assert body.get("response_format", {}).get("type") == form


def test_rows_of_the_table():
    own = request_for(Shape(Output.SCHEMA), Endpoint("openai", "openai", "https://api.openai.com/v1"), "gpt")
    assert "temperature" not in (own.body or {})
    assert (own.body or {})["max_completion_tokens"] == 4096 + 16_384, "thoughts count into it"
    router = request_for(Shape(Output.SCHEMA), Endpoint("openrouter", "openrouter", "https://x/v1"), "m")
    assert (router.body or {})["provider"] == {"require_parameters": True}
    assert server_of("openai", "http://127.0.0.1/v1") is SERVERS["openai-compatible"]


def refused(message: str, param: str = "") -> ModelError:
    text = json.dumps({"error": {"message": message, "param": param or None}})
    return failure(asked_of(LAB), 400, {}, text)


STRICT = Shape(Output.STRICT_SCHEMA)
STEPS = {
    "named field": (
        STRICT,
        refused("Unsupported value", "temperature"),
        Shape(Output.STRICT_SCHEMA, frozenset({"temperature"})),
    ),
    "mentioned field": (
        STRICT,
        refused("'stream_options' is not supported with this model"),
        Shape(Output.STRICT_SCHEMA, frozenset({"stream_options"})),
    ),
    "cap": (
        STRICT,
        refused("Use 'max_completion_tokens' instead.", "max_tokens"),
        Shape(Output.STRICT_SCHEMA, frozenset({"max_tokens"})),
    ),
    "schema": (STRICT, refused("json_schema is not supported with this model"), Shape(Output.SCHEMA)),
    "grammar": (Shape(Output.SCHEMA), refused("failed to parse grammar"), Shape(Output.JSON_OBJECT)),
    "object": (
        Shape(Output.JSON_OBJECT),
        refused("response_format not supported", "response_format"),
        Shape(Output.PROMPT),
    ),
    "no reason": (STRICT, refused("bad request"), Shape(Output.SCHEMA)),
    "nothing left": (Shape(Output.PROMPT), refused("response_format"), None),
    "another field": (STRICT, refused("messages are wrong", "messages"), None),
    "not a refusal": (STRICT, ServerBrokenError("x"), None),
}


@pytest.mark.parametrize(("shape", "error", "expected"), STEPS.values(), ids=STEPS)
def test_how_to_ask_after_a_refusal(shape, error, expected):
    assert simpler(shape, server_of(LAB.kind, LAB.base_url), error) == expected


def test_stream():
    reply = read(
        delta(role="assistant", content=None),
        delta(content="Hel"),
        delta(reasoning_content="hm "),
        delta(content="lo"),
        delta("stop"),
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}},
        "[DONE]",
    )
    assert (reply.text, reply.reasoning, reply.finish) == ("Hello", "hm ", Finish.STOP)
    assert (reply.usage, reply.model) == (Usage(9, 2), "m")


REPLIES = {
    "length": ([delta(content="x"), delta("length")], ("x", Finish.LENGTH)),
    "unknown finish": ([delta(content="x"), delta("weird")], ("x", Finish.UNKNOWN)),
    "done without finish": ([delta(content="x"), "[DONE]"], ("x", Finish.UNKNOWN)),
    "list of parts": (
        [
            delta(
                content=[{"type": "thinking", "thinking": [{"text": "t"}]}, {"type": "text", "text": "x"}, 3]
            ),
            delta("stop"),
        ],
        ("x", Finish.STOP),
    ),
    "filter results first": (
        [{"choices": [], "prompt_filter_results": []}, delta(content="x"), delta("stop")],
        ("x", Finish.STOP),
    ),
    "blank events": (["", "  ", delta(content="x"), delta("stop")], ("x", Finish.STOP)),
    "odd choices": (
        [{"choices": None}, {"choices": [3]}, delta(content="x"), delta("stop")],
        ("x", Finish.STOP),
    ),
}


@pytest.mark.parametrize(("events", "expected"), REPLIES.values(), ids=REPLIES)
def test_odd_streams(events, expected):
    reply = read(*events)
    assert (reply.text, reply.finish) == expected


FAILURES = {
    "no end": ([delta(content="x")], IncompleteStreamError),
    "nothing at all": ([], IncompleteStreamError),
    "error in the stream": (
        [delta(content="x"), {"error": {"message": "Provider disconnected"}}],
        ServerBrokenError,
    ),
    "overflow in the stream": (
        [{"error": {"message": "Input does not fit in context length."}}],
        PromptTooLongError,
    ),
    "finish is an error": ([delta(content="x"), delta("error")], IncompleteStreamError),
    "native error": (
        [{"choices": [{"delta": {}, "finish_reason": "stop", "native_finish_reason": "network_error"}]}],
        IncompleteStreamError,
    ),
    "filtered": ([delta(content="x"), delta("content_filter")], ContentRefusedError),
    "refusal": ([delta(refusal="I cannot"), delta("stop")], ContentRefusedError),
    "not JSON": (["{oops"], IncompleteStreamError),
    "not an object": (["[1]"], IncompleteStreamError),
    "endless": ([delta(content="x" * 600_000), delta(content="x" * 600_000)], EndlessError),
}


@pytest.mark.parametrize(("events", "expected"), FAILURES.values(), ids=FAILURES)
def test_broken_streams(events, expected):
    with pytest.raises(expected):
        read(*events)


def test_what_had_arrived_is_kept():
    with pytest.raises(IncompleteStreamError) as caught:
        read(delta(content="half"))
    assert caught.value.partial == "half"


def test_bound_of_a_reply_has_two_names():
    body = request_for(Shape(Output.PROMPT, frozenset({"max_tokens"}))).body or {}
    assert (body.get("max_tokens"), body["max_completion_tokens"]) == (None, 4096)


def test_streamed_refusal_is_read_to_its_end():
    with pytest.raises(ContentRefusedError, match="the model refused: I cannot do that"):
        read(delta(refusal="I cannot "), delta(refusal="do that"), delta("stop"))


def test_whole_body_instead_of_a_stream():
    reader = reader_of()
    reader.body(
        '\n\n{"choices": [{"message": {"content": "x", "reasoning": "r"}, "finish_reason": "stop"}], "model": "m"}'
    )
    assert (reader.reply().text, reader.reply().reasoning) == ("x", "r")


BODIES = {
    "error with status 200": ('{"error": {"message": "boom"}}', ServerBrokenError),
    "no choices": ('{"object": "x"}', ServerBrokenError),
    "page": ("<html>", ProtocolError),
    "text": ("oops", ServerBrokenError),
    "list": ("[1]", ServerBrokenError),
}


@pytest.mark.parametrize(("text", "expected"), BODIES.values(), ids=BODIES)
def test_bodies_that_are_no_answer(text, expected):
    with pytest.raises(expected):
        reader_of().body(text)


LISTS = {
    "openai": ('{"data": [{"id": "gpt"}]}', [ModelInfo("gpt")]),
    "lm studio": ('{"data": [{"id": "q", "type": "llm", "state": "loaded", "max_context_length": 262144, "loaded_context_length": 4096}]}', [ModelInfo("q", loaded=True, window=4096)]),
    "lm studio embedding": ('{"data": [{"id": "e", "type": "embeddings", "state": "not-loaded"}]}', [ModelInfo("e", loaded=False, chat=False)]),
    "llama.cpp": ('{"data": [{"id": "t", "meta": {"n_ctx_train": 32768}}]}', [ModelInfo("t", window=32768)]),
    "llama.cpp slot": ('{"data": [{"id": "t", "meta": {"n_ctx_train": 32768, "n_ctx": 4096}}]}', [ModelInfo("t", window=4096)]),
    "llama.cpp router": ('{"data": [{"id": "t", "status": {"value": "unloaded"}, "meta": null}]}', [ModelInfo("t", loaded=False)]),
    "vllm": ('{"data": [{"id": "v", "max_model_len": 8192}]}', [ModelInfo("v", window=8192)]),
    "openrouter": ('{"data": [{"id": "a/b", "context_length": 200000, "top_provider": {"context_length": 128000}}]}', [ModelInfo("a/b", window=128000)]),
    "ollama": ('{"models": [{"name": "m:latest"}]}', [ModelInfo("m:latest")]),
    "bare list": ('[{"id": "x"}, 3, {"no": "id"}]', [ModelInfo("x")]),
    "null": ('{"data": null}', []),
    "another object": ('{"object": "x"}', None),
    "page": ("<html>", None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), LISTS.values(), ids=LISTS)
def test_lists_of_models(text, expected):
    found = completions.listed(LAB, 200, text)
    assert (None if found is None else list(found)) == expected


def test_key_never_shows():
    assert "sk-secret" not in repr(LAB)
    assert "sk-secret" not in str(Key("sk-secret"))
    assert Key("a") == Key("a")
    assert len({Key("a"), Key("a"), Key("b")}) == 2


NAMES = [
    ("lmstudio/qwen/qwen3-coder", "lmstudio", "qwen/qwen3-coder"),
    ("ollama/gpt-oss:20b", "ollama", "gpt-oss:20b"),
    ("builtin", "builtin", "rules"),
    ("lmstudio", "lmstudio", ""),
]


@pytest.mark.parametrize(("text", "provider", "model"), NAMES)
def test_model_names(text, provider, model):
    assert ModelRef.parse(text) == ModelRef(provider, model)


@pytest.mark.parametrize("text", ["", "/x", "x/"])
def test_names_that_are_none(text):
    with pytest.raises(ConfigError, match="is not a model name"):
        ModelRef.parse(text)


LOCAL = [
    ("http://127.0.0.1:1/v1", True),
    ("http://localhost/v1", True),
    ("http://[::1]:80/v1", True),
    ("http://127.1.2.3/v1", True),
    ("https://api.example.com/v1", False),
    ("http://localhost.example/v1", False),
]


@pytest.mark.parametrize(("url", "expected"), LOCAL)
def test_what_is_on_this_machine(url, expected):
    assert Endpoint("x", "openai", url).local is expected


def test_recorded_answers_of_a_real_server():
    """Bodies that llama.cpp's server really sent."""
    text = require("rigs", "llama-server", "captures", "single.txt").read_text()
    bodies = [line for line in text.splitlines() if line.startswith('{"choices"') and '"message"' in line]
    assert len(bodies) > 3
    for body in bodies:
        reader = reader_of()
        reader.body(body)
        assert reader.reply().model == "tiny-random"


def test_refused_request_is_not_retried_as_broken():
    assert isinstance(refused("hm"), RefusedRequestError)

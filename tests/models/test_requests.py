"""What each protocol sends: whole requests, in every structured-output mode."""

import json
from dataclasses import replace

import pytest

from reviewer.models.model import USUAL, Endpoint, Key, Manner, ModelInfo
from reviewer.models.providers import PROTOCOLS
from reviewer.models.providers.base import Ask, Shape
from reviewer.models.servers import SERVERS, Output, server_of
from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.role import ModelKind

PROMPT = Prompt(
    "architecture",
    ModelKind.REASONING,
    Purpose.VERDICT,
    (Message(Speaker.SYSTEM, "Rules."), Message(Speaker.USER, "Code.")),
    None,
    1000,
    4096,
    "architecture",
)
CORRECTION = (Message(Speaker.ASSISTANT, "oops"), Message(Speaker.USER, "Correct it."))
MODELS = {
    "anthropic": "claude-opus-5-5",
    "azure": "my-deployment",
    "deepseek": "deepseek-v4-pro",
    "gemini": "gemini-3.8-flash",
    "groq": "openai/gpt-oss-120b",
    "llamacpp": "tiny-random",
    "lmstudio": "qwen/qwen3-coder-30b",
    "mistral": "mistral-large-latest",
    "ollama": "qwen3-coder:30b",
    "openai": "gpt-5.5",
    "openrouter": "deepseek/deepseek-v4-pro",
    "vllm": "qwen3",
}
ADDRESSES = {"azure": "https://res.openai.azure.com"}


def asking(provider: str, output: Output, **fields) -> Ask:
    url = ADDRESSES.get(provider) or SERVERS[provider].urls[0]
    endpoint = Endpoint(provider, provider, url, Key("KEY"), "NAME")
    info = fields.pop("info", ModelInfo(MODELS[provider]))
    prompt = fields.pop("prompt", PROMPT)
    manner = fields.pop("manner", USUAL)
    return Ask(endpoint, info, prompt, Shape(output, **fields), manner)


def shown(ask: Ask) -> str:
    request = PROTOCOLS[ask.endpoint.kind].request(ask)
    text = json.dumps(request.body, indent=1)
    schema = json.dumps(ask.prompt.schema, indent=1)
    for depth in range(1, 5):
        text = text.replace(schema.replace("\n", "\n" + " " * depth), '"(schema)"')
    headers = {name: value for name, value in request.headers.items() if name != "Accept"}
    return f"{request.method} {request.url}\n{headers}\n{text}"


@pytest.mark.parametrize("provider", MODELS)
def test_requests(provider, snapshot):
    """In the strictest mode that the server takes, with a correction of an earlier answer."""
    output = server_of(provider, SERVERS[provider].urls[0] if SERVERS[provider].urls else "").outputs[0]
    prompt = replace(PROMPT, messages=(*PROMPT.messages, *CORRECTION))
    assert shown(asking(provider, output, prompt=prompt)) == snapshot


@pytest.mark.parametrize("provider", ["anthropic", "gemini", "ollama", "openai"])
@pytest.mark.parametrize("output", Output)
def test_modes(provider, output):
    request = PROTOCOLS[provider].request(asking(provider, output))
    body = json.dumps(request.body)
    asks_for_json = {
        "anthropic": ("output_config" in body, '"tools"' in body),
        "gemini": ("responseJsonSchema" in body, "responseSchema" in body, "responseMimeType" in body),
        "ollama": ('"format": {' in body, '"format": "json"' in body),
        "openai": ('"strict": true' in body, '"json_schema"' in body, '"json_object"' in body),
    }[provider]
    expected = {
        ("anthropic", Output.STRICT_SCHEMA): (True, False),
        ("anthropic", Output.SCHEMA): (False, True),
        ("anthropic", Output.JSON_OBJECT): (False, False),
        ("gemini", Output.STRICT_SCHEMA): (True, False, True),
        ("gemini", Output.SCHEMA): (False, True, True),
        ("gemini", Output.JSON_OBJECT): (False, False, True),
        ("ollama", Output.STRICT_SCHEMA): (True, False),
        ("ollama", Output.SCHEMA): (True, False),
        ("ollama", Output.JSON_OBJECT): (False, True),
        ("openai", Output.STRICT_SCHEMA): (True, True, False),
        ("openai", Output.SCHEMA): (False, True, False),
        ("openai", Output.JSON_OBJECT): (False, False, True),
    }
    assert asks_for_json == expected.get((provider, output), (False,) * len(asks_for_json))


def test_an_older_schema_of_gemini_has_no_null_type():
    ask = asking("gemini", Output.SCHEMA, prompt=replace(PROMPT, purpose=Purpose.REVIEW))
    schema = (PROTOCOLS["gemini"].request(ask).body or {})["generationConfig"]["responseSchema"]
    text = json.dumps(schema)
    assert "additionalProperties" not in text
    assert "anyOf" not in text
    suggestion = schema["properties"]["findings"]["items"]["properties"]["suggestion"]
    assert (suggestion["type"], suggestion["nullable"]) == ("string", True)


def body(provider: str, output: Output = Output.PROMPT, **fields):
    return dict(PROTOCOLS[provider].request(asking(provider, output, **fields)).body or {})


def test_ollama_s_window_holds_the_longest_prompt_of_the_run_and_stays_the_same():
    sizes = [
        body("ollama", prompt=replace(PROMPT, tokens=tokens, room=9000))["options"]["num_ctx"]
        for tokens in (100, 1000, 3000)
    ]
    assert sizes == [12_288] * 3
    small = ModelInfo("m", largest=8192)
    assert body("ollama", prompt=replace(PROMPT, room=20_000), info=small)["options"]["num_ctx"] == 8192


THINKING = [
    ("gpt-oss:20b", ModelKind.REASONING, True, "medium"),
    ("gpt-oss:20b", ModelKind.CODING, True, "low"),
    ("qwen3.5", ModelKind.THINKING, True, True),
    ("qwen3.5", ModelKind.CODING, True, False),
    ("qwen3-coder", ModelKind.THINKING, False, None),
    ("unknown", ModelKind.THINKING, None, None),
]


@pytest.mark.parametrize(("model", "kind", "thinks", "expected"), THINKING)
def test_how_much_ollama_s_models_think(model, kind, thinks, expected):
    made = body("ollama", prompt=replace(PROMPT, kind=kind), info=ModelInfo(model, thinks=thinks))
    assert made.get("think") == expected
    assert (
        body("ollama", info=ModelInfo(model, thinks=True), without=frozenset({"think"})).get("think") is None
    )


SAMPLING = [
    ("openai", "gpt-5.5", None),
    ("openai", "gpt-6.1-sol", None),
    ("openai", "gpt-4.1-mini", 0.2),
    ("lmstudio", "qwen/qwen3-coder-30b", 0.2),
    ("lmstudio", "openai/gpt-oss-20b", None),
    ("vllm", "deepseek-r1", None),
    ("mistral", "codestral-latest", 0.2),
    ("deepseek", "deepseek-flash", None),
]


@pytest.mark.parametrize(("provider", "model", "expected"), SAMPLING)
def test_who_gets_a_temperature(provider, model, expected):
    assert body(provider, info=ModelInfo(model)).get("temperature") == expected


def test_more_variation_against_repetition():
    assert body("vllm", manner=Manner(lively=True))["temperature"] == 0.5
    assert "temperature" not in body("openai", manner=Manner(lively=True))


@pytest.mark.parametrize("provider", MODELS)
def test_an_answer_in_one_piece(provider):
    request = PROTOCOLS[provider].request(asking(provider, Output.PROMPT, manner=Manner(whole=True)))
    assert not (request.body or {}).get("stream")
    assert "streamGenerateContent" not in request.url
    assert "stream_options" not in (request.body or {})


def test_a_reply_is_never_longer_than_the_model_can_write():
    capped = ModelInfo("m", max_output=2000)
    assert body("anthropic", info=capped)["max_tokens"] == 2000
    assert body("openrouter", info=capped)["max_tokens"] == 2000


AZURE = [
    ("https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/chat/completions"),
    ("https://r.openai.azure.com/openai/v1", "https://r.openai.azure.com/openai/v1/chat/completions"),
    ("https://r.openai.azure.com/?api-version=x", "https://r.openai.azure.com/openai/v1/chat/completions"),
    (
        "https://r.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
        "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
    ),
]


@pytest.mark.parametrize(("address", "expected"), AZURE)
def test_addresses_of_azure(address, expected):
    ask = asking("azure", Output.PROMPT)
    assert (
        PROTOCOLS["azure"].request(replace(ask, endpoint=replace(ask.endpoint, base_url=address))).url
        == expected
    )


def test_the_compatible_address_of_gemini_is_understood():
    ask = asking("gemini", Output.PROMPT)
    old = replace(ask.endpoint, base_url="https://h.example/v1beta/openai")
    url = PROTOCOLS["gemini"].request(replace(ask, endpoint=old)).url
    assert url == "https://h.example/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"

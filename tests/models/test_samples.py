"""What real servers said, case by case: read over real HTTP by the protocol of each provider."""

import re
from dataclasses import fields

import anyio
import pytest

from reviewer.errors import (
    ContentRefusedError,
    KeyRejectedError,
    LoadingError,
    ModelError,
    ModelMissingError,
    OutOfQuotaError,
    PromptTooLongError,
    RateLimitedError,
    ServerBrokenError,
)
from reviewer.models.http_backend import HttpBackend
from reviewer.models.model import Endpoint, Finish, Key, ModelInfo, Reply, Timeouts
from reviewer.models.providers import PROTOCOLS
from reviewer.models.transport import HttpWire
from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.role import ModelKind
from tests.support.samples import FOLDER, names, sample
from tests.support.server import Answer, ChatServer, running

PROVIDERS = {
    "anthropic": "claude-opus-5-5",
    "azure": "my-deployment",
    "deepseek": "deepseek-flash",
    "gemini": "gemini-3.8-flash",
    "groq": "openai/gpt-oss-20b",
    "llamacpp": "tiny-random",
    "lmstudio": "qwen/qwen3-coder-30b",
    "mistral": "mistral-medium-latest",
    "ollama": "gpt-oss:20b",
    "openai": "gpt-5.4",
    "openrouter": "deepseek/deepseek-v4-pro",
    "vllm": "qwen3",
}
CASES = {
    "success": Reply,
    "stream": Reply,
    "schema": Reply,
    "unknown-model": ModelMissingError,
    "bad-key": KeyRejectedError,
    "rate-limit": RateLimitedError,
    "quota": OutOfQuotaError,
    "overflow": PromptTooLongError,
    "refusal": ContentRefusedError,
    "truncation": Reply,
    "empty": Reply,
}
"""What every provider has a sample of, and what it means."""

ABSENT = {
    "lmstudio": {"rate-limit", "quota", "refusal"},  # requests queue; nothing is paid for or filtered
    "llamacpp": {"quota", "refusal"},
    "ollama": {"refusal"},
    "vllm": {"rate-limit", "quota", "refusal"},  # the queue has no bound; `refusal` is always null
}
"""What a server does not do."""

OTHERWISE = {
    ("azure", "quota-429"): RateLimitedError,  # names a wait of a day, which is not waited for
    ("groq", "quota-429"): RateLimitedError,  # names its wait
    ("groq", "refusal-200"): Reply,  # a refusal is plain text there
    ("llamacpp", "rate-limit-slots-503"): ServerBrokenError,
    ("llamacpp", "unknown-model-single-200"): Reply,  # served by the loaded model
    ("lmstudio", "unknown-model-200"): Reply,
    ("lmstudio", "overflow-silent-stream-200"): Reply,  # not a word, and no text either
    ("mistral", "quota-401"): KeyRejectedError,  # said in the same words as a revoked key
    ("mistral", "refusal-200"): Reply,
    ("ollama", "rate-limit-503"): ServerBrokenError,
    ("ollama", "rate-limit-cloud-503"): ServerBrokenError,
    ("deepseek", "refusal-400"): ContentRefusedError,
}
PROMPT = Prompt(
    "r",
    ModelKind.GENERAL,
    Purpose.REVIEW,
    (Message(Speaker.SYSTEM, "S"), Message(Speaker.USER, "U")),
    None,
    10,
    1000,
    "r",
)
QUICK = Timeouts(connect=2, idle=5, call=5)


def backend(provider: str, server: ChatServer) -> HttpBackend:
    target = Endpoint(provider, provider, server.url, Key("sk-x"), f"{provider.upper()}_KEY", timeouts=QUICK)
    return HttpBackend(target, PROTOCOLS[provider], HttpWire(target))


@pytest.fixture(scope="module")
def server():
    with running(ChatServer()) as started:
        yield started


def ask(provider: str, server: ChatServer, answer: Answer) -> Reply | ModelError:
    server.default = answer

    async def go():
        async with backend(provider, server) as lab:
            try:
                return await lab.ask(PROVIDERS[provider], PROMPT)
            except ModelError as error:
                return error

    outcome: Reply | ModelError = anyio.run(go)
    return outcome


def shown(outcome: Reply | ModelError) -> str:
    if isinstance(outcome, Reply):
        text = outcome.text if len(outcome.text) < 70 else f"{outcome.text[:60]}… ({len(outcome.text)})"
        usage = outcome.usage
        counts = [
            f"{name} {value}"
            for name in ("prompt", "completion", "cached", "reasoning", "cost")
            if (value := getattr(usage, name)) is not None
        ]
        thoughts = f", {len(outcome.reasoning)} characters of thoughts" if outcome.reasoning else ""
        return f"{text!r} ({outcome.finish}{thoughts}; {', '.join(counts) or 'no usage'}) by {outcome.model or '?'}"
    facts = [
        f"{name} {value}"
        for name in ("retry_after", "asked", "limit", "room")
        if (value := getattr(outcome, name, None)) is not None
    ]
    return f"{type(outcome).__name__}: {str(outcome)[:300]}" + (f" [{', '.join(facts)}]" if facts else "")


ANSWERS = ("models", "props", "slots", "health", "tags", "ps", "show", "tokenize")
"""Samples of other interfaces, which have tests of their own below."""


def answers(provider: str) -> list[str]:
    return [name for name in names(provider) if not name.startswith(ANSWERS)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_readings(provider, server, snapshot):
    """Whole outputs, for people to read: each sample and what is made of it."""
    rows = [
        f"{name}\n    {shown(ask(provider, server, sample(provider, name)))}" for name in answers(provider)
    ]
    assert "\n".join(rows) == snapshot


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("case", CASES)
def test_every_provider_has_every_case(provider, case, server):
    present = [name for name in answers(provider) if name.startswith(case) and not _another(name, case)]
    assert bool(present) != (case in ABSENT.get(provider, ())), "a sample, or a reason why there is none"
    for name in present:
        expected = OTHERWISE.get((provider, name), CASES[case])
        outcome = ask(provider, server, sample(provider, name))
        assert isinstance(outcome, expected), f"{name}: {outcome!r}"
        if case == "empty" and isinstance(outcome, Reply):
            assert not outcome.text.strip()
        if case == "truncation" and isinstance(outcome, Reply):
            assert outcome.finish is Finish.LENGTH
        if name == f"{case}-200" and case in {"success", "schema", "stream"} and isinstance(outcome, Reply):
            assert outcome.text.strip() or outcome.reasoning.strip()


SPECIAL = ("stream-error", "stream-spliced", "stream-unknown-model", "schema-truncated", "schema-whitespace")


def _another(name: str, case: str) -> bool:
    """Whether a name only begins like the case."""
    return name.startswith(SPECIAL) or (case == "unknown-model" and name.startswith("unknown-path"))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_sample_holds_a_secret(provider):
    for file in (FOLDER / provider).glob("*.http"):
        text = file.read_text("utf-8")
        assert not re.search(r"(?:sk|gsk|AIza|xai|hf)[-_][A-Za-z0-9]{12,}", text), file


LISTS = {
    "anthropic": {"/v1/models": "models-200"},
    "azure": {"/openai/v1/models": "models-200"},
    "deepseek": {"/v1/models": "models-200"},
    "gemini": {"/v1/models": "models-200"},
    "groq": {"/v1/models": "models-200"},
    "llamacpp": {"/v1/models": "models-single-200", "/slots": "slots-200", "/props": "props-200"},
    "llamacpp router": {"/v1/models": "models-router-failed-200", "/props": "props-router-200"},
    "lmstudio": {"/api/v1/models": "models-api-v1-200"},
    "lmstudio older": {"/api/v1": "unknown-path-200", "/api/v0/models": "models-api-v0-loaded-200"},
    "lmstudio oldest": {"/api/": "unknown-path-200", "/v1/models": "models-v1-200"},
    "mistral": {"/v1/models": "models-200"},
    "ollama": {"/api/tags": "tags-200", "/api/ps": "ps-200", "/api/show": "show-200"},
    "openai": {"/v1/models": "models-200"},
    "openrouter": {"/v1/models": "models-200"},
    "vllm": {"/v1/models": "models-200"},
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_models(name, server, snapshot):
    """What a server offers, with the facts about each model."""
    provider = name.partition(" ")[0]
    server.paged = {path: sample(provider, one) for path, one in LISTS[name].items()}

    async def go():
        async with backend(provider, server) as lab:
            listed = await lab.list_models()
            return None if listed is None else [await lab.describe(info) for info in listed]

    try:
        found = anyio.run(go)
    finally:
        server.paged = {}
    shown_list = "no list of names for requests" if found is None else "\n".join(map(_facts, found))
    assert shown_list == snapshot


def _facts(info: ModelInfo) -> str:
    """A model with what is known of it."""
    usual = ModelInfo(info.name)
    known = {
        field.name: value
        for field in fields(info)
        if (value := getattr(info, field.name)) != getattr(usual, field.name)
    }
    return f"{info.name}: " + (
        ", ".join(f"{name} {_plain(value)}" for name, value in known.items()) or "no facts"
    )


def _plain(value: object) -> str:
    return " > ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def test_loading_and_ready(server):
    async def go():
        async with backend("llamacpp", server) as lab:
            return await lab.ready()

    try:
        server.paged = {"/health": sample("llamacpp", "health-loading-503")}
        assert anyio.run(go) is False
        server.paged = {"/health": sample("llamacpp", "health-ready-200")}
        assert anyio.run(go) is True
    finally:
        server.paged = {}
    assert isinstance(ask("llamacpp", server, sample("llamacpp", "loading-chat-503")), LoadingError)


def test_tokens_are_counted_by_the_server(server):
    async def go():
        async with backend("llamacpp", server) as lab:
            return await lab.count_tokens("tiny-random", "text")

    server.paged = {"/tokenize": sample("llamacpp", "tokenize-200")}
    try:
        assert anyio.run(go)
    finally:
        server.paged = {}

"""The table of servers: how each one differs from the others, in one row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from reviewer.prompting.role import ModelKind


class Output(StrEnum):
    """How strictly a server can be told what a reply looks like; strictest first."""

    STRICT_SCHEMA = "strict schema"
    SCHEMA = "schema"
    JSON_OBJECT = "JSON object"
    PROMPT = "prompt only"

    @property
    def rank(self) -> int:
        """0 for the strictest."""
        return list(Output).index(self)


class Auth(StrEnum):
    """The header that carries the key."""

    BEARER = "Authorization"
    ANTHROPIC = "x-api-key"
    AZURE = "api-key"
    GOOGLE = "x-goog-api-key"


@dataclass(frozen=True, slots=True)
class Candidates:
    """Models to take from a server when the user names only the server, best first for each kind of role.

    Attributes:
        reasoning, coding, thinking: names as the server lists them.
    """

    reasoning: tuple[str, ...] = ()
    coding: tuple[str, ...] = ()
    thinking: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.reasoning or self.coding or self.thinking)

    def best_for(self, kind: ModelKind) -> tuple[str, ...]:
        """All candidates, those for this kind of role first."""
        own = {
            ModelKind.REASONING: self.reasoning,
            ModelKind.CODING: self.coding,
            ModelKind.THINKING: self.thinking,
            ModelKind.GENERAL: self.coding,
        }[kind]
        return tuple(dict.fromkeys((*own, *self.reasoning, *self.coding, *self.thinking)))


_STRICT = (Output.STRICT_SCHEMA, Output.SCHEMA, Output.JSON_OBJECT, Output.PROMPT)
_SCHEMA_OR_NOTHING = (Output.STRICT_SCHEMA, Output.PROMPT)
_OBJECT_ONLY = (Output.JSON_OBJECT, Output.PROMPT)
_ROOM_FOR_THOUGHTS = 16_384
_THINKERS = r"gpt-oss|deepseek|qwq|\br1\b|think|magistral|reason"
"""Models whose makers advise their own sampling: greedy decoding makes them loop."""


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of server.

    Attributes:
        title: its name for people.
        urls: base addresses to look for it, most likely first; empty when there is no default.
        key_name: environment variable of its key, empty when it needs none.
        auth: the header that carries the key.
        cap_field: request field that bounds the reply.
        outputs: structured-output modes it accepts, strictest first; the rest is found by trying.
        stream_usage: whether it accepts `stream_options.include_usage`.
        thoughts: tokens added to the bound of a reply, as thoughts count into it.
        reasoning: fields in which thoughts arrive, first one wins.
        temperature: what to send, or None to leave it to the model.
        sampled: pattern of the models that take a temperature; others get none.
        unsampled: pattern of the models that get none.
        optional: request fields that may be left out when the server refuses them.
        concurrency: requests at once unless configured.
        candidates: models to take, best first, when the user names none; empty takes what is loaded.
        extra: further fields of every request.
        start: what to do when nothing listens.
        fetch: the command that gets a model, with `{model}` in it.
        keys_page, billing_page: where keys are made and paid for.
        names_waits: whether it says with every 429 how long to wait.
        retired: why it cannot be used any more.
    """

    title: str
    urls: tuple[str, ...] = ()
    key_name: str = ""
    auth: Auth = Auth.BEARER
    cap_field: str = "max_tokens"
    outputs: tuple[Output, ...] = _STRICT
    thoughts: int = 0
    stream_usage: bool = True
    reasoning: tuple[str, ...] = ("reasoning_content", "reasoning", "thinking")
    temperature: float | None = 0.2
    sampled: str = ""
    unsampled: str = _THINKERS
    optional: frozenset[str] = frozenset()
    concurrency: int = 4
    candidates: Candidates = Candidates()
    extra: Mapping[str, object] = field(default_factory=dict)
    start: str = ""
    fetch: str = ""
    keys_page: str = ""
    billing_page: str = ""
    names_waits: bool = False
    retired: str = ""

    def temperature_for(self, model: str) -> float | None:
        """The temperature to send for a model, or None to send none."""
        name = model.lower()
        if self.sampled and not re.search(self.sampled, name):
            return None
        return None if re.search(self.unsampled, name) else self.temperature


SERVERS: Mapping[str, Server] = MappingProxyType(
    {
        "anthropic": Server(
            "Anthropic",
            ("https://api.anthropic.com/v1",),
            thoughts=_ROOM_FOR_THOUGHTS,
            key_name="ANTHROPIC_API_KEY",
            auth=Auth.ANTHROPIC,
            # `output_config`, then a tool whose input is the answer.
            outputs=(Output.STRICT_SCHEMA, Output.SCHEMA, Output.PROMPT),
            # Newer models answer 400 to any temperature.
            temperature=None,
            optional=frozenset({"thinking", "tool_choice", "output_config"}),
            candidates=Candidates(
                reasoning=("claude-opus-5-5", "claude-opus-5", "claude-sonnet-5-5"),
                coding=("claude-sonnet-5-5", "claude-sonnet-5", "claude-haiku-4-5"),
                thinking=("claude-opus-5-5", "claude-opus-5", "claude-sonnet-5-5"),
            ),
            keys_page="https://platform.claude.com/settings/keys",
            billing_page="https://platform.claude.com/settings/billing",
            # A month's limit is a 429 too, without the wait.
            names_waits=True,
        ),
        "azure": Server(
            "Azure OpenAI",
            thoughts=_ROOM_FOR_THOUGHTS,
            key_name="AZURE_OPENAI_API_KEY",
            auth=Auth.AZURE,
            cap_field="max_completion_tokens",
            temperature=None,
            keys_page="https://portal.azure.com (your resource, Keys and Endpoint)",
            billing_page="https://portal.azure.com (your resource, Quotas)",
        ),
        "deepseek": Server(
            "DeepSeek",
            ("https://api.deepseek.com/v1",),
            thoughts=_ROOM_FOR_THOUGHTS,
            key_name="DEEPSEEK_API_KEY",
            outputs=_OBJECT_ONLY,
            temperature=None,
            candidates=Candidates(
                reasoning=("deepseek-v4-pro", "deepseek-flash"),
                coding=("deepseek-flash", "deepseek-v4-flash"),
                thinking=("deepseek-v4-pro", "deepseek-flash"),
            ),
            keys_page="https://platform.deepseek.com/api_keys",
            billing_page="https://platform.deepseek.com/top_up",
        ),
        "gemini": Server(
            "Gemini",
            ("https://generativelanguage.googleapis.com/v1beta",),
            thoughts=_ROOM_FOR_THOUGHTS,
            key_name="GEMINI_API_KEY",
            auth=Auth.GOOGLE,
            cap_field="maxOutputTokens",
            # `responseJsonSchema`, then the older `responseSchema`, then the media type alone.
            temperature=None,
            optional=frozenset({"thinkingConfig", "responseJsonSchema", "responseSchema"}),
            candidates=Candidates(
                reasoning=("gemini-3.1-pro-preview", "gemini-3.8-flash"),
                coding=("gemini-3.8-flash", "gemini-3.7-flash", "gemini-flash-latest"),
                thinking=("gemini-3.1-pro-preview", "gemini-3.8-flash"),
            ),
            keys_page="https://aistudio.google.com/apikey",
            billing_page="https://aistudio.google.com/usage",
        ),
        "github": Server(
            "GitHub Models",
            retired="GitHub Models was retired on 2026-07-30 and answers no requests any more; "
            "choose another provider.",
        ),
        "groq": Server(
            "Groq",
            ("https://api.groq.com/openai/v1",),
            key_name="GROQ_API_KEY",
            cap_field="max_completion_tokens",
            temperature=None,
            candidates=Candidates(
                reasoning=("openai/gpt-oss-120b",),
                coding=("openai/gpt-oss-20b", "qwen/qwen3.8-27b"),
                thinking=("openai/gpt-oss-120b",),
            ),
            keys_page="https://console.groq.com/keys",
            billing_page="https://console.groq.com/settings/billing",
        ),
        "llamacpp": Server(
            "llama.cpp",
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:9931/v1"),
            concurrency=2,
            start="Start it with `llama-server -m MODEL.gguf`; its port is 8080, or 9931 in newer versions.",
        ),
        "lmstudio": Server(
            "LM Studio",
            ("http://127.0.0.1:1234/v1",),
            # `json_object` is a 400 there.
            outputs=_SCHEMA_OR_NOTHING,
            concurrency=1,
            candidates=Candidates(
                reasoning=("openai/gpt-oss-20b", "qwen/qwen3-30b-a3b-2507"),
                coding=("qwen/qwen3-coder-30b", "openai/gpt-oss-20b"),
                thinking=("openai/gpt-oss-20b", "google/gemma-4-26b-a4b"),
            ),
            start="Start LM Studio's server (Developer tab, or `lms server start`).",
            fetch="lms get {model}",
        ),
        "mistral": Server(
            "Mistral",
            ("https://api.mistral.ai/v1",),
            key_name="MISTRAL_API_KEY",
            candidates=Candidates(
                reasoning=("mistral-large-latest", "mistral-medium-latest"),
                coding=("codestral-latest", "mistral-medium-latest"),
                thinking=("mistral-medium-latest", "mistral-large-latest"),
            ),
            keys_page="https://console.mistral.ai/api-keys",
            billing_page="https://console.mistral.ai/billing",
        ),
        "ollama": Server(
            "Ollama",
            ("http://127.0.0.1:11434",),
            cap_field="num_predict",
            outputs=(Output.SCHEMA, Output.JSON_OBJECT, Output.PROMPT),
            optional=frozenset({"think", "keep_alive", "truncate", "shift"}),
            concurrency=1,
            candidates=Candidates(
                reasoning=("gpt-oss:20b", "qwen3.5", "qwen3-coder"),
                coding=("qwen3-coder", "qwen3.5:9b", "gpt-oss:20b"),
                thinking=("qwen3.5", "gemma4", "gpt-oss:20b"),
            ),
            start="Start it with `ollama serve`.",
            fetch="ollama pull {model}",
        ),
        "openai": Server(
            "OpenAI",
            ("https://api.openai.com/v1",),
            thoughts=_ROOM_FOR_THOUGHTS,
            key_name="OPENAI_API_KEY",
            cap_field="max_completion_tokens",
            # Reasoning models refuse any but their default.
            sampled=r"^gpt-4",
            candidates=Candidates(
                reasoning=("gpt-6.1-sol", "gpt-5.5", "gpt-5.4"),
                coding=("gpt-6-luna", "gpt-5.4-mini", "gpt-5.4"),
                thinking=("gpt-6.1-sol", "gpt-5.5", "gpt-5.4"),
            ),
            keys_page="https://platform.openai.com/api-keys",
            billing_page="https://platform.openai.com/settings/organization/billing",
        ),
        "openai-compatible": Server("OpenAI-compatible server"),
        "openrouter": Server(
            "OpenRouter",
            ("https://openrouter.ai/api/v1",),
            thoughts=_ROOM_FOR_THOUGHTS,
            key_name="OPENROUTER_API_KEY",
            temperature=None,
            candidates=Candidates(
                reasoning=("deepseek/deepseek-v4-pro", "anthropic/claude-sonnet-5"),
                coding=("deepseek/deepseek-v4-flash", "openai/gpt-5.4-mini"),
                thinking=("openai/gpt-5.5", "google/gemini-3.1-pro-preview", "deepseek/deepseek-v4-pro"),
            ),
            # Providers behind it that ignore the schema are not taken, and no prompt is cut in the middle.
            extra=MappingProxyType(
                {
                    "provider": {"require_parameters": True},
                    "plugins": [{"id": "context-compression", "enabled": False}],
                }
            ),
            keys_page="https://openrouter.ai/settings/keys",
            billing_page="https://openrouter.ai/settings/credits",
        ),
        "vllm": Server(
            "vLLM",
            ("http://127.0.0.1:8000/v1",),
            reasoning=("reasoning", "reasoning_content"),
            start="Start it with `vllm serve MODEL`.",
        ),
    }
)
"""By the name used in `provider/model` and as `kind`.

`kind = "openai"` with an address of one's own means a compatible server, not OpenAI's: see `server_of`.
"""

LOCAL = ("lmstudio", "ollama", "llamacpp", "vllm")
"""Servers to look for on this machine, in this order, when nothing is configured."""

HOSTED = ("openrouter", "anthropic", "openai", "gemini", "mistral", "deepseek", "groq")
"""Services to use, in this order, when nothing is configured and their key is set."""


COMPATIBLE = SERVERS["openai-compatible"]
"""A server of which nothing is known but that it speaks OpenAI's chat completions."""


def server_of(kind: str, base_url: str) -> Server:
    """The row that describes a configured server.

    Raises:
        KeyError: there is no such kind.
    """
    row = SERVERS[kind]
    if kind == "openai" and base_url not in row.urls:
        return COMPATIBLE
    return row

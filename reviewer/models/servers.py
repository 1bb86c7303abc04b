"""The table of servers: how each one differs from the others, in one row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Output(StrEnum):
    """How strictly a server can be told what a reply looks like; strictest first."""

    STRICT_SCHEMA = "strict schema"
    SCHEMA = "schema"
    JSON_OBJECT = "JSON object"
    PROMPT = "prompt only"


@dataclass(frozen=True, slots=True)
class Server:
    """One kind of server that speaks OpenAI's chat completions.

    Attributes:
        title: its name for people.
        urls: base addresses to look for it, most likely first; empty when there is no default.
        key_name: environment variable of its key, empty when it needs none.
        cap_field: request field that bounds the reply.
        outputs: structured-output modes it accepts, strictest first; the rest is found by trying.
        stream_usage: whether it accepts `stream_options.include_usage`.
        temperature: what to send, or None to leave it to the model.
        concurrency: requests at once unless configured.
        candidates: models to take, best first, when the user names none; empty takes what is loaded.
        extra: further fields of every request.
    """

    title: str
    urls: tuple[str, ...] = ()
    key_name: str = ""
    cap_field: str = "max_tokens"
    outputs: tuple[Output, ...] = (Output.STRICT_SCHEMA, Output.SCHEMA, Output.JSON_OBJECT, Output.PROMPT)
    stream_usage: bool = True
    temperature: float | None = 0.2
    concurrency: int = 4
    candidates: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)


_SCHEMA_ONLY = (Output.STRICT_SCHEMA, Output.PROMPT)
_OBJECT_ONLY = (Output.JSON_OBJECT, Output.PROMPT)

SERVERS: Mapping[str, Server] = MappingProxyType(
    {
        "deepseek": Server(
            "DeepSeek",
            ("https://api.deepseek.com/v1",),
            key_name="DEEPSEEK_API_KEY",
            outputs=_OBJECT_ONLY,
            temperature=None,
            candidates=("deepseek-v4-pro", "deepseek-v4-flash"),
        ),
        "gemini": Server(
            "Gemini",
            ("https://generativelanguage.googleapis.com/v1beta/openai",),
            key_name="GEMINI_API_KEY",
            temperature=None,
            candidates=("gemini-3.1-pro-preview", "gemini-2.5-pro", "gemini-flash-latest"),
        ),
        "groq": Server(
            "Groq",
            ("https://api.groq.com/openai/v1",),
            key_name="GROQ_API_KEY",
            cap_field="max_completion_tokens",
            temperature=None,
            candidates=("openai/gpt-oss-120b", "openai/gpt-oss-20b"),
        ),
        "llamacpp": Server(
            "llama.cpp",
            ("http://127.0.0.1:8080/v1", "http://127.0.0.1:9931/v1"),
            concurrency=2,
        ),
        "lmstudio": Server(
            "LM Studio",
            ("http://127.0.0.1:1234/v1",),
            # `json_object` is a 400 there.
            outputs=_SCHEMA_ONLY,
            concurrency=1,
        ),
        "mistral": Server(
            "Mistral",
            ("https://api.mistral.ai/v1",),
            key_name="MISTRAL_API_KEY",
            # Any field it does not know is a 422.
            stream_usage=False,
            candidates=("mistral-large-latest", "mistral-medium-latest"),
        ),
        "ollama": Server(
            "Ollama",
            ("http://127.0.0.1:11434/v1",),
            concurrency=1,
        ),
        "openai": Server(
            "OpenAI",
            ("https://api.openai.com/v1",),
            key_name="OPENAI_API_KEY",
            cap_field="max_completion_tokens",
            # Reasoning models refuse any but their default.
            temperature=None,
            candidates=("gpt-5.5", "gpt-5.4", "gpt-5.4-mini", "gpt-4.1"),
        ),
        "openai-compatible": Server("OpenAI-compatible server"),
        "openrouter": Server(
            "OpenRouter",
            ("https://openrouter.ai/api/v1",),
            key_name="OPENROUTER_API_KEY",
            temperature=None,
            candidates=(
                "anthropic/claude-sonnet-5",
                "deepseek/deepseek-v4-pro",
                "deepseek/deepseek-v4-flash",
            ),
            # Providers behind it that ignore the schema are not taken, and no prompt is cut in the middle.
            extra=MappingProxyType({"provider": {"require_parameters": True}, "transforms": []}),
        ),
        "vllm": Server("vLLM", ("http://127.0.0.1:8000/v1",)),
    }
)
"""By the name used in `provider/model` and as `kind`.

`kind = "openai"` with an address of one's own means a compatible server, not OpenAI's: see `server_of`.
"""

LOCAL = ("lmstudio", "ollama", "llamacpp", "vllm")
"""Servers to look for on this machine, in this order, when nothing is configured."""

HOSTED = ("openrouter", "openai", "mistral", "deepseek", "groq", "gemini")
"""Services to use, in this order, when nothing is configured and their key is set."""


def server_of(kind: str, base_url: str) -> Server:
    """The row that describes a configured server.

    Raises:
        KeyError: there is no such kind.
    """
    row = SERVERS[kind]
    if kind == "openai" and base_url not in row.urls:
        return SERVERS["openai-compatible"]
    return row

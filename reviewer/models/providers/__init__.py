"""One file a protocol: a function that builds a request, a reader of what comes back, and conversations."""

from collections.abc import Mapping

from reviewer.models.providers import anthropic, azure, gemini, llamacpp, lmstudio, ollama, openai, openrouter
from reviewer.models.providers.base import HttpProtocol
from reviewer.models.servers import SERVERS

_OWN = {
    "anthropic": anthropic.PROTOCOL,
    "azure": azure.PROTOCOL,
    "gemini": gemini.PROTOCOL,
    "llamacpp": llamacpp.PROTOCOL,
    "lmstudio": lmstudio.PROTOCOL,
    "ollama": ollama.PROTOCOL,
    "openrouter": openrouter.PROTOCOL,
}

PROTOCOLS: Mapping[str, HttpProtocol] = {kind: _OWN.get(kind, openai.PROTOCOL) for kind in SERVERS}
"""The protocol of each kind of server; OpenAI's for those without one of their own."""

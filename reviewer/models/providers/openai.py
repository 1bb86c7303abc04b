"""OpenAI, and every server that follows it without anything of its own."""

from reviewer.models.providers.completions import PROTOCOL

__all__ = ["PROTOCOL"]

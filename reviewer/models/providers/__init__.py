"""One file a protocol, each two pure functions: build a request, read a response."""

from collections.abc import Mapping

from reviewer.models.providers import openai
from reviewer.models.providers.base import HttpProtocol
from reviewer.models.servers import SERVERS

PROTOCOLS: Mapping[str, HttpProtocol] = dict.fromkeys(SERVERS, openai)
"""The protocol of each kind of server. A server with a protocol of its own gets an entry of its own."""

"""What a protocol is: requests as values, a reader that is fed what came back, and conversations."""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from reviewer.models.failures import Asked
from reviewer.models.model import USUAL, Endpoint, Manner, ModelInfo, Reply
from reviewer.models.servers import Auth, Output, Server, server_of
from reviewer.prompting.prompt import Prompt

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, before any HTTP library sees it. `body` is JSON data, None for a GET."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole response, whatever its status."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def good(self) -> bool:
        """Whether the status means success."""
        return self.status in range(200, 300)

    @property
    def data(self) -> Any:
        """The body as JSON data, or None where it is none."""
        return json_or_none(self.text)


Conversation = Generator[HttpRequest, HttpResponse, T]
"""Requests one after the other, each made from the responses before it, and a value at the end."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How to phrase requests to one model, as learned from its refusals.

    Attributes:
        output: the structured-output mode in use.
        without: optional request fields that the server refused.
    """

    output: Output
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ask:
    """Everything that decides about one request.

    Attributes:
        endpoint: the server.
        model: whom to ask, with what is known of it.
        prompt: what to ask.
        shape: how, as learned.
        manner: how, this once.
    """

    endpoint: Endpoint
    model: ModelInfo
    prompt: Prompt
    shape: Shape
    manner: Manner = USUAL

    @property
    def server(self) -> Server:
        """The row of the table that describes the server."""
        return server_of(self.endpoint.kind, self.endpoint.base_url)

    @property
    def cap(self) -> int:
        """Tokens that the reply may have, thoughts included where they count into it.

        Thoughts get what the window leaves beside prompt and reply: a request for more is refused.
        """
        reply, window = self.prompt.output_tokens, self.endpoint.window or self.model.window
        thoughts = self.server.thoughts
        if window is not None:
            thoughts = max(0, min(thoughts, window - self.prompt.needs()))
        wanted = reply + thoughts
        return min(wanted, self.manner.cap or wanted, self.model.max_output or wanted)

    @property
    def temperature(self) -> float | None:
        """What to send: the server's usual value, more of it against repetition."""
        usual = self.server.temperature_for(self.model.name)
        return None if usual is None else usual + (_LIVELIER if self.manner.lively else 0.0)


_LIVELIER = 0.3


class Reader(Protocol):
    """Collects one answer, streamed or whole."""

    @property
    def finished(self) -> bool:
        """Whether the end of the answer has come; what breaks after it does no harm."""
        ...

    @property
    def partial(self) -> str:
        """The text that has come so far."""
        ...

    def event(self, data: str) -> bool:
        """Take the data of one event of a stream; True when it says that nothing follows.

        Raises:
            ModelError: the event carries an error.
        """
        ...

    def body(self, text: str) -> None:
        """Take a whole body instead of events.

        Raises:
            ModelError: the body carries an error, or is no answer.
        """
        ...

    def reply(self) -> Reply:
        """The answer, once everything has been fed.

        Raises:
            IncompleteStreamError: the end never came.
        """
        ...


@dataclass(frozen=True, slots=True)
class HttpProtocol:
    """A family of servers, without any input or output of its own.

    Attributes:
        request: the request that asks a model.
        reader: a fresh reader for one answer.
        listing: the conversation that lists the models; None when the server has no list that can be read.
        facts: the conversation that finds more about one model.
        health: the request that tells whether the server has finished loading.
        count: the conversation that counts the tokens of a text, or None.
    """

    request: Callable[[Ask], HttpRequest]
    reader: Callable[[Ask], Reader]
    listing: Callable[[Endpoint], Conversation[tuple[ModelInfo, ...] | None]]
    facts: Callable[[Endpoint, ModelInfo], Conversation[ModelInfo]] | None = None
    health: Callable[[Endpoint], HttpRequest] | None = None
    count: Callable[[Endpoint, str, str], Conversation[int | None]] | None = None


def headers_of(endpoint: Endpoint) -> dict[str, str]:
    """The headers of every request: what is accepted, the user's own, and the key where it belongs."""
    headers = {"Accept": "application/json, text/event-stream, application/x-ndjson", **endpoint.headers}
    if endpoint.key is not None:
        auth = server_of(endpoint.kind, endpoint.base_url).auth
        # llama.cpp refuses the word in lower case.
        prefix = "Bearer " if auth is Auth.BEARER else ""
        headers[auth.value] = f"{prefix}{endpoint.key.reveal()}"
    return headers


def asked_of(endpoint: Endpoint, model: str = "") -> Asked:
    """Who is asked, for messages."""
    server = server_of(endpoint.kind, endpoint.base_url)
    return Asked(
        endpoint.name,
        endpoint.address,
        endpoint.key_name,
        model,
        keys_page=server.keys_page,
        billing_page=server.billing_page,
        fetch=server.fetch,
        names_waits=server.names_waits,
    )


def get(endpoint: Endpoint, url: str) -> HttpRequest:
    """A GET with the endpoint's headers."""
    return HttpRequest("GET", url, headers_of(endpoint))


def post(endpoint: Endpoint, url: str, body: Mapping[str, Any]) -> HttpRequest:
    """A POST with the endpoint's headers."""
    return HttpRequest("POST", url, headers_of(endpoint), body)


def root_of(endpoint: Endpoint, *suffixes: str) -> str:
    """The address without the path of one of its interfaces, `/v1` unless others are given."""
    url = endpoint.base_url
    for suffix in suffixes or ("/api/v1", "/v1"):
        if url.endswith(suffix):
            return url.removesuffix(suffix)
    return url


def json_or_none(text: str) -> Any:
    """JSON data, or None where the text is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def table(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one: servers leave things out and put null."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; nothing for what is no list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def whole(value: object) -> int | None:
    """A count: a number that is whole and not negative, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def positive(value: object) -> int | None:
    """A size: a whole number above zero, else None."""
    return whole(value) or None


def text_in(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""

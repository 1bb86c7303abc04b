"""What a protocol is: requests as values, and a reader that is fed what came back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reviewer.errors import ModelError
from reviewer.models.model import Endpoint, ModelInfo, Reply
from reviewer.models.servers import Output
from reviewer.prompting.prompt import Prompt


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, before any HTTP library sees it. `body` is JSON data, None for a GET."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """A response that is not a success, as far as it was read."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Shape:
    """How to phrase requests to one model, as learned from its refusals.

    Attributes:
        output: the structured-output mode in use.
        without: optional request fields that the server refused.
    """

    output: Output
    without: frozenset[str] = frozenset()


class Reader(Protocol):
    """Collects one answer, streamed or whole."""

    @property
    def finished(self) -> bool:
        """Whether the end of the answer has come."""
        ...

    @property
    def partial(self) -> str:
        """The text that has come so far."""
        ...

    def event(self, data: str) -> None:
        """Take the data of one server-sent event.

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


class HttpProtocol(Protocol):
    """A family of servers, without any input or output of its own."""

    def request(self, endpoint: Endpoint, model: str, prompt: Prompt, shape: Shape) -> HttpRequest:
        """The request that asks a model."""
        ...

    def reader(self, endpoint: Endpoint) -> Reader:
        """A fresh reader for one answer."""
        ...

    def failure(self, endpoint: Endpoint, failure: HttpFailure) -> ModelError:
        """What a response that is no success means."""
        ...

    def simpler(self, shape: Shape, endpoint: Endpoint, error: ModelError) -> Shape | None:
        """How to ask after a refusal, or None when nothing is left to change."""
        ...

    def list_request(self, endpoint: Endpoint) -> HttpRequest:
        """The request that lists the models."""
        ...

    def models(self, endpoint: Endpoint, text: str) -> tuple[ModelInfo, ...] | None:
        """The listed models, or None when the body is no list."""
        ...

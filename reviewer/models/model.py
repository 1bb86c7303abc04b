"""The values of asking: which model, what it offers, what it replied."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from reviewer.errors import ConfigError
from reviewer.models.servers import Output
from reviewer.prompting.prompt import Prompt

RULES = "builtin"
"""The provider that applies mechanical rules."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model as people write it: `provider/model`, divided at the first slash.

    Without a model it is a preset: the provider's candidates decide for each role.
    """

    provider: str
    model: str

    @property
    def is_rules(self) -> bool:
        """It applies mechanical rules, and reads nothing for its meaning."""
        return self.provider == RULES

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}" if self.model else self.provider

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """Divide `provider/model`; a provider alone leaves the choice of the model to its preset.

        Raises:
            ConfigError: the provider is missing, or nothing stands behind the slash.
        """
        provider, slash, model = text.strip().partition("/")
        if provider == RULES and not model:
            return cls(RULES, "rules")
        if not provider or (slash and not model):
            raise ConfigError(no_model_name(text))
        return cls(provider, model)


def no_model_name(text: str) -> str:
    """The message for a text that names no model."""
    return (
        f"{text!r} is not a model name. Write it as provider/model, such as `lmstudio/qwen/qwen3-coder-30b` "
        "or `ollama/gpt-oss:20b`, or a known provider alone for its preset; `reviewer models` lists them."
    )


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    prompt: float
    completion: float

    def cost(self, prompt: int, completion: int) -> float:
        """US dollars for so many tokens."""
        return (self.prompt * prompt + self.completion * completion) / 1e6


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a server says about one of its models; None where it does not tell.

    Attributes:
        name: as it is used in requests.
        loaded: whether it is ready to answer.
        window: tokens that prompt and reply may have together, as it is loaded now.
        largest: tokens of the window that it could be loaded with.
        max_output: tokens that a reply may have.
        chat: False for models that cannot answer, such as embedding models.
        outputs: structured-output modes that the server names for it.
        thinks: whether it thinks before it answers.
        price: what its tokens cost.
        notice: what a user should know, such as the day it goes away.
        routes: what may stand behind a colon after its name without being listed; it is the same model.
    """

    name: str
    loaded: bool | None = None
    window: int | None = None
    largest: int | None = None
    max_output: int | None = None
    chat: bool = True
    outputs: tuple[Output, ...] | None = None
    thinks: bool | None = None
    price: Price | None = None
    notice: str = ""
    routes: tuple[str, ...] = ()


class Key:
    """A secret that never shows itself: not in text, not in errors, not in logs."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself, for the request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Key(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Finish(StrEnum):
    """Why a model stopped writing."""

    STOP = "stop"
    LENGTH = "length"
    FILTERED = "filtered"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; None where it did not say.

    Attributes:
        prompt: of the request, those from a cache included.
        completion: of the answer, thoughts included.
        cached: of the request, those that came from a cache.
        reasoning: of the answer, those that were thoughts.
        cost: US dollars, where the server names them.
    """

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    reasoning: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered to one request.

    Attributes:
        text: the answer.
        reasoning: thoughts that came in a channel of their own.
        finish: why it ended.
        usage: tokens, as counted by the server.
        model: the model that the server says has answered, empty when it does not say.
        refused: requests that the server refused before, each asked again in another way.
    """

    text: str
    reasoning: str = ""
    finish: Finish = Finish.STOP
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    refused: int = 0


def shown_address(url: str) -> str:
    """An address for people: without a user's name and password, and without values of a query in it."""
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    rest, question, _ = rest.partition("?")
    host, slash, path = rest.partition("/")
    return f"{scheme}{found}{host.rpartition('@')[2]}{slash}{path}{'?***' if question else ''}"


@dataclass(frozen=True, slots=True)
class Manner:
    """How one request departs from the usual way because an earlier one went wrong.

    Attributes:
        looser: steps down from the strictest structured-output mode that the model takes.
        lively: with a higher temperature, against repetition.
        whole: the answer in one piece instead of a stream.
        cap: tokens that the reply may have at most, thoughts included; None for as many as usual.
    """

    looser: int = 0
    lively: bool = False
    whole: bool = False
    cap: int | None = None


USUAL = Manner()


class Backend(Protocol):
    """Something that answers prompts: a server, or a reviewer inside this program.

    Who implements it inherits from it, as only the first two methods have to be written.
    """

    async def list_models(self) -> tuple[ModelInfo, ...] | None:
        """The models on offer, or None when the server cannot say.

        Raises:
            ModelError: the server cannot be reached or refuses.
        """
        ...

    async def ask(self, model: str, prompt: Prompt, manner: Manner = USUAL) -> Reply:
        """Answer one prompt, once, without retries.

        Raises:
            ModelError: there is no answer; its class says what to do next.
        """
        ...

    async def describe(self, info: ModelInfo) -> ModelInfo:
        """More about a model than the list says.

        Raises:
            ModelError: the server cannot be reached or refuses.
        """
        return info

    def mode(self, model: str) -> str:
        """The structured-output mode in which a model is asked, empty where there is no such thing."""
        del model
        return ""

    async def ready(self) -> bool:
        """Whether it has finished loading; True where it cannot be asked."""
        return True

    async def count_tokens(self, model: str, text: str) -> int | None:
        """The exact number of tokens of a text, or None where that is not known for nothing."""
        del model, text
        return None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bounds of one request in seconds.

    Attributes:
        connect: until the connection stands.
        idle: between two bytes of the answer.
        call: for the whole request.
    """

    connect: float = 5.0
    idle: float = 120.0
    call: float = 600.0


_SHORTEST_KEY = 4
"""Characters; shorter ones are placeholders such as `x`, and occur in any text."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server as configured.

    Attributes:
        name: the provider's name in the configuration and in `provider/model`.
        kind: which row of the table of servers describes it.
        base_url: where it is, without a trailing slash.
        key: what to authenticate with, if anything.
        key_name: the environment variable the key comes from, for messages.
        concurrency: requests under way at once.
        timeouts: bounds of a request.
        headers: further headers for every request.
        window: tokens of its models' window where the user knows better than the server.
        lists_all: whether it answers only for the models that it lists.
        redact: whether secrets are taken out of what is sent to it.
    """

    name: str
    kind: str
    base_url: str = ""
    key: Key | None = None
    key_name: str = ""
    concurrency: int = 1
    timeouts: Timeouts = Timeouts()
    headers: Mapping[str, str] = field(default_factory=dict)
    window: int | None = None
    lists_all: bool = True
    redact: bool = True

    def masked(self, text: str) -> str:
        """A text without the key and what is secret in the address: servers may repeat what they got."""
        key = self.key.reveal() if self.key else ""
        text = text.replace(key, "***") if len(key) >= _SHORTEST_KEY else text
        user, found, _ = self.base_url.partition("://")[2].partition("/")[0].rpartition("@")
        text = text.replace(f"{user}@", "") if found and user else text
        query = self.base_url.partition("?")[2]
        return text.replace(query, "***") if query else text

    @property
    def address(self) -> str:
        """The base address for people."""
        return shown_address(self.base_url)

    @property
    def local(self) -> bool:
        """Whether the server is on this machine, where models share its memory."""
        host = self.base_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        return name.strip("[]") in {"localhost", "::1"} or name.startswith("127.")

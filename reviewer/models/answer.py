"""The values of asking: time, what happened to a prompt, and its answer."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

import anyio

from reviewer.errors import ModelError
from reviewer.models.model import Backend, ModelRef, Reply, Usage
from reviewer.prompting.prompt import Prompt

UNREADABLE = "unreadable answer"
"""How the problem of a try begins that was answered, but not with what was asked for."""

T = TypeVar("T")
Read = Callable[[Reply], T]
"""Turns a reply into a value, or raises InvalidReplyError."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, so that tests need neither."""

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[float, float], float] = random.uniform


@dataclass(frozen=True, slots=True)
class Try:
    """One request and what came of it.

    Attributes:
        model: who was asked.
        problem: why it is no answer, empty for the answer.
        usage: tokens, as far as the server counted them.
        kind: the class of the error, or empty.
        seconds: from its turn to its end; None if it never ended.
        queued: seconds that it waited for its turn.
        refused: requests before it that the server refused, each asked again in another way.
    """

    model: ModelRef
    problem: str = ""
    usage: Usage = field(default_factory=Usage)
    kind: str = ""
    seconds: float | None = None
    queued: float = 0.0
    refused: int = 0


@dataclass(slots=True)
class Journal:
    """What happened to one prompt so far; filled while it is asked, so that stopping loses nothing.

    Attributes:
        tries: all requests in order.
        unread: answers that arrived but could not be read, whole.
        broken: beginnings of answers whose end never came.
    """

    tries: list[Try] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A reply that was understood.

    Attributes:
        value: what `read` made of the reply.
        reply: the reply itself.
        model: who gave it, as configured.
        sent: the prompt that it answers, which may be a request to correct an earlier answer.
        tries: all requests in order; the last one succeeded.
        unread: answers that came before it, and could not be read or never came to an end.
        seconds: from the first request to the answer.
    """

    value: T
    reply: Reply
    model: ModelRef
    sent: Prompt
    tries: tuple[Try, ...]
    unread: tuple[str, ...]
    seconds: float


class NoAnswerError(ModelError):
    """No model of a chain answered a prompt; the text gives the reason of each.

    Attributes:
        last: the last error.
    """

    def __init__(self, failures: Sequence[tuple[ModelRef, ModelError]]) -> None:
        if len(failures) == 1:
            text = str(failures[0][1])
        else:
            text = "; ".join(f"{model}: {error}" for model, error in failures)
        super().__init__(text)
        self.last = failures[-1][1]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model of a chain with the server behind it.

    Attributes:
        window: tokens that prompt and reply may have together, or None where that is not known.
        factor: tokens that it counts for each one of an estimate.
    """

    model: ModelRef
    backend: Backend
    window: int | None = None
    factor: float = 1.0

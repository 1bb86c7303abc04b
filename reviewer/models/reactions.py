"""Errors to reactions: one table that says, for each class, what happens next."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from reviewer.errors import (
    CircuitOpenError,
    ConnectionFailedError,
    ContentRefusedError,
    EmptyReplyError,
    EndlessError,
    IncompleteStreamError,
    InvalidReplyError,
    KeyRejectedError,
    LoadingError,
    ModelError,
    ModelMissingError,
    NextModelError,
    NotAllowedError,
    OutOfQuotaError,
    PromptTooLongError,
    ProtocolError,
    RateLimitedError,
    RefusedRequestError,
    RejectedOutputError,
    RetryableError,
    RunnerCrashedError,
    ServerBrokenError,
    StaleConnectionError,
    StalledError,
    UnfitError,
)


class Repeat(StrEnum):
    """Whether the same model is sent the same prompt again; each has a budget of its own."""

    NEVER = "never"
    ATTEMPTS = "after growing pauses, up to the number of attempts"
    ONCE = "once"
    AT_ONCE = "at once on a new connection, twice"
    RATE = "after the wait that the server names, or growing pauses, as long as patience lasts"
    LOADING = "when the server says that it is ready, as long as patience lasts"


class Change(StrEnum):
    """What is different about the next request to the same model."""

    NOTHING = ""
    CORRECT = "with what was wrong with the answer; then in a looser output mode"
    LOOSEN = "in a looser output mode; with twice the room for the reply if thoughts have used it up"
    LIVEN = "in a looser output mode and with a higher temperature"
    REPHRASE = "without the field that was refused, or in a looser output mode"
    SHRINK = "with a shorter reply if only that is too long, else with a smaller part of the change"
    WHOLE = "in one piece instead of a stream after the second time"


class Mark(Enum):
    """What an error says about the health of a model."""

    NEUTRAL = ""
    FAILURE = "counts as a failure of the model"
    MODEL_OUT = "the model is not asked again in this run"
    PROVIDER_OUT = "no model of the provider is asked again in this run"


@dataclass(frozen=True, slots=True)
class Reaction:
    """What to do about one class of errors, before the next model is asked.

    Attributes:
        when: what it looks like, for people.
        repeat: whether the same model is asked again.
        change: what is different then.
        mark: what it means for the model's health.
    """

    when: str
    repeat: Repeat
    change: Change = Change.NOTHING
    mark: Mark = Mark.NEUTRAL


REACTIONS: Mapping[type[ModelError], Reaction] = MappingProxyType(
    {
        ConnectionFailedError: Reaction(
            "nothing listens, the name is unknown, or the connection broke before an answer",
            Repeat.ATTEMPTS,
            mark=Mark.FAILURE,
        ),
        StaleConnectionError: Reaction("a connection that was kept open had gone", Repeat.AT_ONCE),
        RateLimitedError: Reaction(
            "429, 498, 402 with a wait; fewer requests at once from then on", Repeat.RATE
        ),
        LoadingError: Reaction("503 while a model is loaded", Repeat.LOADING),
        ServerBrokenError: Reaction(
            "500, 502, 503, 504, 520 to 529, 408, or an error inside a success",
            Repeat.ATTEMPTS,
            mark=Mark.FAILURE,
        ),
        RunnerCrashedError: Reaction(
            "the process of a local model died, or had no memory", Repeat.ONCE, mark=Mark.FAILURE
        ),
        StalledError: Reaction(
            "no byte for too long, or no end of the answer in time", Repeat.ONCE, mark=Mark.FAILURE
        ),
        IncompleteStreamError: Reaction(
            "the answer broke off, or ended without saying so", Repeat.ATTEMPTS, Change.WHOLE, Mark.FAILURE
        ),
        EndlessError: Reaction(
            "the answer repeats itself, is only white space, or far too long", Repeat.ONCE, Change.LIVEN
        ),
        EmptyReplyError: Reaction("an answer without text", Repeat.ONCE, Change.LOOSEN),
        InvalidReplyError: Reaction("an answer that cannot be read as a review", Repeat.ONCE, Change.CORRECT),
        RejectedOutputError: Reaction(
            "the server refused what its model wrote; it is read all the same", Repeat.NEVER
        ),
        RefusedRequestError: Reaction(
            "400 or 422 for a field, a schema or a grammar", Repeat.NEVER, Change.REPHRASE
        ),
        PromptTooLongError: Reaction(
            "the prompt does not fit the window, or was cut without a word", Repeat.NEVER, Change.SHRINK
        ),
        ModelMissingError: Reaction(
            "the model is unknown, retired, or cannot be loaded", Repeat.NEVER, mark=Mark.MODEL_OUT
        ),
        OutOfQuotaError: Reaction(
            "money or quota is used up (402, some 429, some 400)", Repeat.NEVER, mark=Mark.PROVIDER_OUT
        ),
        KeyRejectedError: Reaction("401, 403, or a 400 about the key", Repeat.NEVER, mark=Mark.PROVIDER_OUT),
        NotAllowedError: Reaction(
            "the service does not serve this country, account or key", Repeat.NEVER, mark=Mark.PROVIDER_OUT
        ),
        ContentRefusedError: Reaction("the model or a filter refused this prompt", Repeat.NEVER),
        ProtocolError: Reaction(
            "a web page, a redirect, a wrong address, or an untrusted certificate",
            Repeat.NEVER,
            mark=Mark.FAILURE,
        ),
        CircuitOpenError: Reaction("the model failed too often and is left alone for a while", Repeat.NEVER),
        UnfitError: Reaction("the window or the output mode of a fallback does not do", Repeat.NEVER),
        RetryableError: Reaction("any other failure that may pass", Repeat.ATTEMPTS, mark=Mark.FAILURE),
        NextModelError: Reaction("any other failure that will not pass", Repeat.NEVER),
        ModelError: Reaction("any other failure", Repeat.NEVER),
    }
)
"""By class; a class that is not here is treated as the nearest one above it."""


def reaction_to(error: ModelError) -> Reaction:
    """What to do about an error."""
    return next(REACTIONS[kind] for kind in type(error).__mro__ if kind in REACTIONS)


def described() -> str:
    """The table in Markdown, for the documentation."""
    rows = ["| class | what it looks like | asked again | how | health |", "| --- | --- | --- | --- | --- |"]
    for kind, reaction in REACTIONS.items():
        cells = (
            f"`{kind.__name__}`",
            reaction.when,
            reaction.repeat.value,
            reaction.change.value or "as before",
            reaction.mark.value or "says nothing",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)

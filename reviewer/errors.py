"""The whole exception tree, grouped by what the caller does next.

ReviewerError
├── UserError                  tell the user; exit code 2
│   ├── UsageError             flags that do not go together
│   ├── ConfigError            a setting is missing, unknown or wrong
│   │   └── UnknownModelError  the server does not offer this model
│   ├── RoleError              a role file is broken
│   ├── SourceError            the change cannot be collected
│   │   └── PatchError         a patch is malformed; carries name and line
│   └── OutputError            the report cannot be read or written
└── ModelError                 a model could not be asked, or its answer is no review
    ├── RetryableError         ask the same model again
    │   ├── ConnectionFailedError  nothing listens, or the connection broke
    │   ├── RateLimitedError       wait as long as the server says
    │   ├── ServerBrokenError      5xx, overloaded, still loading
    │   ├── StalledError           no byte, or no end, within the time limit
    │   └── IncompleteStreamError  the answer broke off; carries what had arrived
    ├── RefusedRequestError    ask the same model differently, once
    ├── PromptTooLongError     ask with a smaller prompt
    ├── NextModelError         this model will not answer; ask the next one
    │   ├── ModelMissingError      unknown, retired or not loadable
    │   ├── OutOfQuotaError        money or quota is used up
    │   ├── ContentRefusedError    the model or a filter refused to answer
    │   └── ProtocolError          this address does not speak the protocol
    ├── KeyRejectedError       tell the user which key; never retry
    └── InvalidReplyError      the answer could not be read; carries it whole
"""

from dataclasses import dataclass


class ReviewerError(Exception):
    """Anything this program raises on purpose. Its text is written for the person who runs it."""


class UserError(ReviewerError):
    """The person who runs the program can fix this; nothing was lost."""


class UsageError(UserError):
    """Flags or arguments that do not go together."""


class ConfigError(UserError):
    """A setting is missing, unknown or has a wrong value."""


class UnknownModelError(ConfigError):
    """An assigned model is not among those that its server lists."""


class RoleError(UserError):
    """A role file cannot be used; the text names file and line."""


class SourceError(UserError):
    """The change to review cannot be collected."""


class PatchError(SourceError):
    """A patch is malformed.

    Attributes:
        name: where the patch came from, as the user gave it.
        line: 1-based line of the patch text.
    """

    def __init__(self, message: str, *, name: str, line: int) -> None:
        super().__init__(f"{name}:{line}: malformed patch: {message}")
        self.name = name
        self.line = line


class OutputError(UserError):
    """A report cannot be written, or a report file cannot be read."""


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """What a server said about a failure, as far as it said it.

    Attributes:
        status: the HTTP status, or None when there was no response.
        code: the server's own code or type for the failure.
        param: the request field that the server named.
        request_id: the server's id of the request, for its support.
    """

    status: int | None = None
    code: str = ""
    param: str = ""
    request_id: str = ""


class ModelError(ReviewerError):
    """A model could not be asked, or its answer is not a review.

    Attributes:
        details: what the server said, as facts.
        partial: the text that had arrived before the failure.
    """

    def __init__(self, message: str, *, details: ErrorDetails | None = None) -> None:
        super().__init__(message)
        self.details = details or ErrorDetails()
        self.partial = ""


class RetryableError(ModelError):
    """Asking the same model again may work.

    Attributes:
        retry_after: seconds the server asked us to wait, or None when it named none.
    """

    def __init__(
        self, message: str, *, details: ErrorDetails | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class ConnectionFailedError(RetryableError):
    """Nothing listens at the address, or the connection broke before an answer began."""


class RateLimitedError(RetryableError):
    """The server asks us to slow down."""


class ServerBrokenError(RetryableError):
    """The server failed, is overloaded, or is still loading its model."""


class StalledError(RetryableError):
    """No byte, or no end of the answer, came within the time limit."""


class IncompleteStreamError(RetryableError):
    """The answer broke off before its end.

    Attributes:
        partial: the text that had arrived.
    """

    def __init__(self, message: str, *, partial: str, details: ErrorDetails | None = None) -> None:
        super().__init__(message, details=details)
        self.partial = partial


class RefusedRequestError(ModelError):
    """The server refuses one field of the request; without it the request may pass."""


class PromptTooLongError(ModelError):
    """The prompt does not fit the model's window.

    Attributes:
        asked: tokens of the request as the server counted them, or None.
        limit: tokens the window holds, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        details: ErrorDetails | None = None,
        asked: int | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.asked = asked
        self.limit = limit


class NextModelError(ModelError):
    """This model will not answer this prompt; another one may."""


class ModelMissingError(NextModelError):
    """The server does not know the model, or cannot load it."""


class OutOfQuotaError(NextModelError):
    """The account's money or quota is used up; waiting does not help."""


class ContentRefusedError(NextModelError):
    """The model, or a filter in front of it, refused to answer."""


class ProtocolError(NextModelError):
    """What answers at this address does not speak the expected protocol."""


class KeyRejectedError(ModelError):
    """The server does not accept the key."""


class InvalidReplyError(ModelError):
    """The answer arrived but could not be read as a review.

    Attributes:
        text: the whole answer.
        problems: what was wrong with it, one sentence each.
    """

    def __init__(self, message: str, *, text: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.text = text
        self.problems = problems

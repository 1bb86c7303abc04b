"""The whole exception tree, grouped by what the caller does next.

ReviewerError
├── UserError                  tell the user; exit code 2
│   ├── UsageError             flags that do not go together
│   ├── ConfigError            a setting is missing, unknown or wrong
│   │   ├── UnavailableError   nobody can be asked: a key or a server is missing
│   │   │   ├── MissingKeyError    a key is missing
│   │   │   └── UnknownModelError  the server does not offer this model
│   │   └── UntrustedError     a repository names servers that its user has not agreed to
│   ├── RoleError              a role file is broken
│   ├── SourceError            the change cannot be collected
│   │   └── PatchError         a patch is malformed; carries name and line
│   ├── HostError              a code host cannot be read or written
│   │   ├── HostRefusedError       it does not take what was sent
│   │   ├── HostTooLargeError      it does not show anything that large
│   │   └── NotPermittedError      the token may not do that
│   ├── OutputError            the report cannot be read or written
│   └── ReplayError            a recording does not fit what is asked
└── ModelError                 a model could not be asked, or its answer is no review
    ├── RetryableError         ask the same model again
    │   ├── ConnectionFailedError  nothing listens, or the connection broke
    │   │   └── StaleConnectionError  a kept connection had gone; ask again at once
    │   ├── RateLimitedError       wait as long as the server says, and ask less at once
    │   ├── LoadingError           wait until the model is loaded
    │   ├── ServerBrokenError      5xx, overloaded
    │   │   └── RunnerCrashedError     the process of a local model died
    │   ├── StalledError           no byte, or no end, within the time limit
    │   ├── IncompleteStreamError  the answer broke off; carries what had arrived
    │   ├── EndlessError           the answer repeated itself and was stopped; carries what had arrived
    │   └── EmptyReplyError        an answer without any text
    ├── RefusedRequestError    ask the same model differently, once
    ├── PromptTooLongError     ask with a smaller prompt
    │   └── WindowTooSmallError    known before anything was sent
    ├── RejectedOutputError    the server refused what its model wrote; carries it
    ├── NextModelError         this model will not answer; ask the next one
    │   ├── ModelMissingError      unknown, retired or not loadable
    │   ├── OutOfQuotaError        money or quota is used up
    │   ├── ContentRefusedError    the model or a filter refused to answer
    │   ├── NotAllowedError        the service does not serve this country or account
    │   ├── ProtocolError          this address does not speak the protocol
    │   ├── CircuitOpenError       it failed so often that it is left alone for a while
    │   └── UnfitError             its window or its output mode does not do for the prompt
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


class UnavailableError(ConfigError):
    """As things are on this machine, nobody can be asked: a key, a server or its models are missing."""


class MissingKeyError(UnavailableError):
    """Who is to be asked needs a key, and its variable is empty."""


class UnknownModelError(UnavailableError):
    """An assigned model is not among those that its server lists."""


class UntrustedError(ConfigError):
    """A repository's own file says where code and keys go, and its user has not agreed to that."""


class RoleError(UserError):
    """A role file cannot be used; the text names file and line."""


class SourceError(UserError):
    """The change to review cannot be collected."""


class NoRepositoryError(SourceError):
    """A folder is in no repository at all."""


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


class HostError(UserError):
    """A code host cannot be reached, or does not do what is asked."""


class HostRefusedError(HostError):
    """A code host does not take what was sent; nothing of it was written."""


class HostTooLargeError(HostError):
    """A code host does not show something, because it is too large."""


class NotPermittedError(HostError):
    """The token may not do what was asked."""


class OutputError(UserError):
    """A report cannot be written, or a report file cannot be read."""


class ReplayError(UserError):
    """A recording cannot be read, or has no answer to what is asked."""


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """What a server said about a failure, as far as it said it.

    Attributes:
        status: the HTTP status, or None when there was no response.
        code: the server's own code or type for the failure.
        param: the request field that the server named.
        request_id: the server's id of the request, for its support.
        lasting: the server says that asking again is of no use.
    """

    status: int | None = None
    code: str = ""
    param: str = ""
    request_id: str = ""
    lasting: bool = False


class ModelError(ReviewerError):
    """A model could not be asked, or its answer is not a review.

    Attributes:
        details: what the server said, as facts.
        partial: the text that had arrived before the failure.
        refused: requests that the server had refused before, each asked again in another way.
    """

    def __init__(self, message: str, *, details: ErrorDetails | None = None) -> None:
        super().__init__(message)
        self.details = details or ErrorDetails()
        self.partial = ""
        self.refused = 0


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


class StaleConnectionError(ConnectionFailedError):
    """A connection that was kept open had gone when it was used again; nothing was wrong with the server."""


class RateLimitedError(RetryableError):
    """The server asks us to slow down.

    Attributes:
        unusual: it names no wait although this service always does: likely a limit of the month.
    """

    unusual = False


class LoadingError(RetryableError):
    """The server is there and still loads its model."""


class ServerBrokenError(RetryableError):
    """The server failed or is overloaded."""


class RunnerCrashedError(ServerBrokenError):
    """The process that runs a local model died, mostly for want of memory."""


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


class EndlessError(RetryableError):
    """The answer repeated itself, or was far longer than it may be, and was stopped.

    Attributes:
        partial: the text that had arrived.
    """

    def __init__(self, message: str, *, partial: str) -> None:
        super().__init__(message)
        self.partial = partial


class EmptyReplyError(RetryableError):
    """The answer ended in good order and has no text.

    Attributes:
        cut: it ended at its limit, so that thoughts have used up all of it.
    """

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


class RejectedOutputError(ModelError):
    """The server refused what its model wrote, and hands it over; it may be readable all the same.

    Attributes:
        partial: the model's text.
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
        room: tokens that the window leaves for a reply, where only the reply asked for is too long.
        position: 0-based position of the model in the chain that was asked.
    """

    position = 0

    def __init__(
        self,
        message: str,
        *,
        details: ErrorDetails | None = None,
        asked: int | None = None,
        limit: int | None = None,
        room: int | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.asked = asked
        self.limit = limit
        self.room = room


class WindowTooSmallError(PromptTooLongError):
    """The prompt does not fit a window that is known; nothing was sent."""


class NextModelError(ModelError):
    """This model will not answer this prompt; another one may."""


class ModelMissingError(NextModelError):
    """The server does not know the model, or cannot load it."""


class OutOfQuotaError(NextModelError):
    """The account's money or quota is used up; waiting does not help."""


class ContentRefusedError(NextModelError):
    """The model, or a filter in front of it, refused to answer."""


class NotAllowedError(NextModelError):
    """The service does not serve this country, account or kind of request."""


class CircuitOpenError(NextModelError):
    """The model failed so often that it is left alone for a while."""


class UnfitError(NextModelError):
    """The model's window or structured output does not do for the prompt."""


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

"""From what a server said about a failure to the error whose class says what to do next."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reviewer.errors import (
    ContentRefusedError,
    ErrorDetails,
    KeyRejectedError,
    ModelError,
    ModelMissingError,
    OutOfQuotaError,
    PromptTooLongError,
    ProtocolError,
    RateLimitedError,
    RefusedRequestError,
    ServerBrokenError,
)
from reviewer.models.error_body import ErrorBody, read_error

_TOO_LONG = (
    "maximum context length is",
    "maximum context limit",
    "exceed context limit",
    "exceeds context limit",
    "prompt is too long",
    "exceeds the available context size",
    "exceed_context_size_error",
    "context_length_exceeded",
    "exceeds the maximum number of tokens allowed",
    "is longer than the model's context length",
    "longer than the context length",
    "input tokens exceed the configured limit",
    "input does not fit in context length",
    "trying to keep the first",
    "tokens to keep from the initial prompt",
    "context size has been exceeded",
    "context shift is disabled",
    "input is too large to process",
    "too large to process. increase the physical batch size",
    "request too large",
    "reduce the length of the messages",
    "the input length exceeds the context length",
)
"""Texts by which servers say that a prompt does not fit, in lower case."""

_LIMIT = re.compile(
    r"(?:context length is|context limit is|context size \(|only supports"
    r"|allowed \(|limit is|limit of|limit:|>)"
    r"\s*(\d{3,9})(?!\d)"
)
"""The number of a message that is the window, among others that are its use."""
_PAIR = 2
_NO_MONEY = (
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_usage_limit_exceeded",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "billing_error",
    "enforced_spend_limit_reached",
    "insufficient balance",
    "spend limit",
    "credit balance is too low",
    "perday",
)
_NO_MODEL = (
    "model_not_found",
    "deploymentnotfound",
    "not found, try pulling it first",
    "no models loaded",
    "failed to load model",
    "failed to load",
    "is not a valid model id",
    "does not exist",
    "no fixture matched",
)
_NO_ENDPOINT = ("no endpoints found that",)
"""OpenRouter: no provider of the model accepts all fields of the request."""
_BAD_KEY = (
    "invalid_api_key",
    "api_key_invalid",
    "invalid api key",
    "api key not valid",
    "authentication_error",
)
_REFUSED_FIELD = (
    "unsupported_parameter",
    "unsupported_value",
    "extra_forbidden",
    "extra inputs are not permitted",
    "is not supported with this model",
    "does not support",
    "response_format",
    "json_schema",
    "grammar",
    "too many states",
    "invalid schema",
    "failed to initialize samplers",
)
_FILTERED = ("content_filter", "content filter", "moderation", "flagged", "guardrail")
_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, for messages.

    Attributes:
        provider: the provider's name.
        base_url: where it is, for people.
        key_name: the variable its key comes from, or empty.
    """

    provider: str
    base_url: str
    key_name: str = ""


def classify(asked: Asked, status: int, text: str, wait: float | None) -> ModelError:
    """The error that a response means.

    Args:
        asked: who answered.
        status: the HTTP status; 200 for an error inside a success.
        text: the body.
        wait: seconds to wait, as the headers say.
    """
    body = read_error(text)
    if body is None:
        page = text.lstrip().startswith("<")
        if page and status in {200, 400, 404, 405}:
            return _not_an_api(asked, status)
        shown = "a web page instead of an answer" if page else text.strip()[:_SHOWN]
        body = ErrorBody(message=shown or "no reason given")
    case = _Case(asked, status, body, wait if wait is not None else body.retry_after)
    return _by_words(case) or _by_status(case)


_OK = 200
_UNPAID = 402
_UNKNOWN = 404
_TOO_LARGE = 413
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class _Case:
    """One failed response, while it is being classified."""

    asked: Asked
    status: int
    body: ErrorBody
    wait: float | None

    @property
    def said(self) -> str:
        """The server's words with its name, for people."""
        status = "" if self.status == _OK else f" ({self.status})"
        return f"{self.asked.provider}{status}: {self.body.message[:_SHOWN]}"

    @property
    def details(self) -> ErrorDetails:
        """The facts for the error."""
        return ErrorDetails(status=self.status, code=self.body.code, param=self.body.param)

    def names(self, texts: Sequence[str]) -> bool:
        """Whether the server names one of these.

        Only its code, field and the beginning of its message are searched: refusals may quote the prompt.
        """
        named = f"{self.body.code} {self.body.param} {self.body.message[:_SHOWN]}".lower()
        return any(text in named for text in texts)


def _by_words(case: _Case) -> ModelError | None:
    status, said, details = case.status, case.said, case.details
    if status == _TOO_LARGE or case.names(_TOO_LONG):
        asked_for, limit = _numbers(case.body)
        return PromptTooLongError(said, details=details, asked=asked_for, limit=limit)
    if status in {200, 400, 403} and case.names(_FILTERED):
        return ContentRefusedError(said, details=details)
    if status in {401, 403} or case.names(_BAD_KEY):
        return KeyRejectedError(_key_hint(case.asked, said.rstrip(".")), details=details)
    if status == _UNPAID or case.names(_NO_MONEY):
        return OutOfQuotaError(said, details=details)
    if case.names(_NO_ENDPOINT):
        return RefusedRequestError(said, details=details)
    if status == _UNKNOWN or (status != _TOO_MANY and case.names(_NO_MODEL)):
        return ModelMissingError(said, details=details)
    if status in {200, 400, 422, 500} and (case.body.param or case.names(_REFUSED_FIELD)):
        return RefusedRequestError(said, details=details)
    return None


def _by_status(case: _Case) -> ModelError:
    status, said, details = case.status, case.said, case.details
    if status in {429, 498}:
        return RateLimitedError(said, details=details, retry_after=case.wait)
    if status in {200, 408, 409, 425} or status in range(500, 600):
        return ServerBrokenError(said, details=details, retry_after=case.wait)
    if status in {400, 422}:
        return RefusedRequestError(said, details=details)
    if status in range(300, 400):
        hint = f"{case.asked.base_url} redirects; use the address it leads to as base_url."
        return ProtocolError(f"{said}. {hint}", details=details)
    return ProtocolError(said, details=details)


def _not_an_api(asked: Asked, status: int) -> ModelError:
    return ProtocolError(
        f"{asked.base_url} answered with a web page ({status}), not as an API. Check base_url: "
        "most servers want it to end in /v1."
    )


def _key_hint(asked: Asked, said: str) -> str:
    if asked.key_name:
        return f"{said}. Check the key in the environment variable {asked.key_name}."
    hint = f'Set `api_key_env = "NAME"` for provider {asked.provider} and put the key into that variable.'
    return f"{said}. {hint}"


def _numbers(body: ErrorBody) -> tuple[int | None, int | None]:
    """Tokens asked for and tokens allowed, from fields or else from the message."""
    if body.asked is not None or body.limit is not None:
        return body.asked, body.limit
    text = body.message.replace(",", "")
    numbers = [int(digits) for digits in re.findall(r"(?<!\d)\d{3,9}(?!\d)", text)]
    named = _LIMIT.search(text.lower())
    if named is not None:
        limit = int(named[1])
        return max((number for number in numbers if number > limit), default=None), limit
    if len(set(numbers)) == _PAIR:
        return max(numbers), min(numbers)
    return None, None

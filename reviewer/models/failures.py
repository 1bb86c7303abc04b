"""From what a server said about a failure to the error whose class says what to do next."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reviewer.errors import (
    ContentRefusedError,
    EmptyReplyError,
    ErrorDetails,
    KeyRejectedError,
    LoadingError,
    ModelError,
    ModelMissingError,
    NotAllowedError,
    OutOfQuotaError,
    PromptTooLongError,
    ProtocolError,
    RateLimitedError,
    RefusedRequestError,
    RejectedOutputError,
    RunnerCrashedError,
    ServerBrokenError,
)
from reviewer.models import phrases
from reviewer.models.error_body import ErrorBody, now_utc, read_error, reset_wait, retry_after
from reviewer.models.overflow import overflow

_SOON = 120.0
_PASSING = frozenset({429, 502, 503, 504, *range(520, 530)})
"""Statuses of a server or something before it that is not up to it just now, whatever its words are."""
_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, for messages.

    Attributes:
        provider: the provider's name.
        base_url: where it is, for people.
        key_name: the variable its key comes from, or empty.
        model: the model that was asked for, or empty.
        keys_page, billing_page: where keys are made and paid for, or empty.
        fetch: the command that gets a model, with `{model}` in it, or empty.
        names_waits: whether it says with every 429 how long to wait.
    """

    provider: str
    base_url: str
    key_name: str = ""
    model: str = ""
    keys_page: str = ""
    billing_page: str = ""
    fetch: str = ""
    names_waits: bool = False


def failure(asked: Asked, status: int, headers: Mapping[str, str], text: str) -> ModelError:
    """The error that a response means: its body, and what its headers say about asking again.

    The wait is, in this order: what the headers say (`retry-after-ms`, `retry-after`), what the body says,
    and when an exhausted limit is full again.
    """
    now = now_utc()
    lowered = {name.lower(): value for name, value in headers.items()}
    error = classify(asked, status, text, retry_after(headers, now))
    if isinstance(error, RateLimitedError) and error.retry_after is None:
        error.retry_after = reset_wait(headers, now)
        error.unusual = asked.names_waits and error.retry_after is None
    request_id = lowered.get("x-request-id") or lowered.get("request-id") or ""
    lasting = lowered.get("x-should-retry", "").strip().lower() == "false"
    error.details = replace(error.details, request_id=request_id[:_SHOWN_ID], lasting=lasting)
    return error


_SHOWN_ID = 80


def classify(asked: Asked, status: int, text: str, wait: float | None = None) -> ModelError:
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
        if page and status == _FORBIDDEN:
            return ProtocolError(
                f"{asked.provider} ({status}): a web page instead of an answer. Something before the server "
                "refused the request."
            )
        shown = "a web page instead of an answer" if page else text.strip()[:_SHOWN]
        body = ErrorBody(message=shown or "no reason given")
    case = _Case(
        asked,
        _inner_status(body) if status == _OK else status,
        body,
        wait if wait is not None else body.retry_after,
    )
    return _about_request(case) or _about_account(case) or _about_model(case) or _by_status(case)


def _inner_status(body: ErrorBody) -> int:
    """The status that an error inside a success would have had; 200 if it does not tell.

    400 says nothing after an answer has begun: the request was good enough for that.
    """
    for word in body.code.split():
        if re.fullmatch(r"[45]\d\d", word) and word not in {"400", "422"}:
            return int(word)
        if word in _STATUS_OF:
            return _STATUS_OF[word]
    return _OK


_STATUS_OF = {
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 529,
    "authentication_error": 401,
    "not_found_error": 404,
    "billing_error": 402,
}
_FORBIDDEN = 403
_OK = 200
_UNKNOWN_KEY = 401
_UNPAID = 402
_UNKNOWN = 404
_TOO_LARGE = 413
_TOO_MANY = 429
_UNAVAILABLE = 503


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


def _about_request(case: _Case) -> ModelError | None:
    """What is wrong with the request or its answer."""
    said, details = case.said, case.details
    if case.names(phrases.REJECTED_OUTPUT) or case.body.generation:
        if case.body.generation:
            return RejectedOutputError(said, partial=case.body.generation, details=details)
        return EmptyReplyError(said)
    if case.status == _TOO_LARGE or case.names(phrases.TOO_LONG):
        numbers = overflow(case.body)
        return PromptTooLongError(
            said, details=details, asked=numbers.asked, limit=numbers.limit, room=numbers.room
        )
    if case.status in {200, 400, 403} and case.names(phrases.FILTERED) and not case.names(phrases.NO_MODEL):
        return ContentRefusedError(said, details=details)
    return None


def _about_account(case: _Case) -> ModelError | None:
    """What is wrong with the key or the account."""
    status, said, details = case.status, case.said, case.details
    if case.names(phrases.NOT_HERE) or case.names(phrases.NO_SCOPE):
        return NotAllowedError(said, details=details)
    if status == _UNPAID and case.wait is not None:
        return RateLimitedError(said, details=details, retry_after=case.wait)
    spent = case.names(phrases.NO_MONEY) or (case.wait is None and case.names(phrases.NO_QUOTA))
    if status == _TOO_MANY and case.wait is not None and case.wait <= _SOON:
        # A short wait is worth waiting for, whatever else is said; only a code says more.
        spent = any(code in case.body.code.lower() for code in phrases.NO_MONEY)
    if status == _UNPAID or spent:
        page = f" See {case.asked.billing_page}." if case.asked.billing_page else ""
        return OutOfQuotaError(f"{said.rstrip('.')}.{page}", details=details)
    if status in {_UNKNOWN_KEY, 403} or case.names(phrases.BAD_KEY):
        return KeyRejectedError(_key_hint(case.asked, said.rstrip(".")), details=details)
    return None


def _about_model(case: _Case) -> ModelError | None:
    """What is wrong with the model or the address."""
    status, said, details = case.status, case.said, case.details
    if case.names(phrases.NO_ENDPOINT):
        return RefusedRequestError(said, details=details)
    if case.names(phrases.NO_SUCH_PATH):
        return ProtocolError(f"{said}. {_address_hint(case.asked)}", details=details)
    if status in {200, _UNAVAILABLE} and case.names(phrases.LOADING):
        return LoadingError(said, details=details, retry_after=case.wait)
    if case.names(phrases.EVICTED):
        return ServerBrokenError(said, details=details)
    if case.names(phrases.CRASHED):
        return RunnerCrashedError(
            f"{said.rstrip('.')}. Its memory may be too small: load the model with a shorter context, or "
            "take a smaller one.",
            details=details,
        )
    unknown = case.names(phrases.NO_MODEL) or phrases.NOT_FOUND.search(case.body.message[:_SHOWN])
    if status == _UNKNOWN or (unknown and status not in _PASSING and not case.names(phrases.FOR_NOW)):
        return _missing(case)
    if status in {200, 400, 422, 500} and (case.body.param or case.names(phrases.REFUSED_FIELD)):
        return RefusedRequestError(said, details=details)
    return None


def _missing(case: _Case) -> ModelError:
    """An unknown model, or an address without this path; a 404 can be either."""
    about_model = case.names(phrases.NO_MODEL) or case.names(("model", "deployment"))
    if not about_model:
        return ProtocolError(f"{case.said.rstrip('.')}. {_address_hint(case.asked)}", details=case.details)
    hint = ""
    if case.asked.fetch and case.asked.model and case.names(("not found",)):
        hint = f" To get it: `{case.asked.fetch.format(model=case.asked.model)}`."
    return ModelMissingError(f"{case.said.rstrip('.')}.{hint}", details=case.details)


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
        f"{asked.base_url} answered with a web page ({status}), not as an API. {_address_hint(asked)}"
    )


def _address_hint(asked: Asked) -> str:
    return f"Check base_url of provider {asked.provider}: most servers want it to end in /v1."


def _key_hint(asked: Asked, said: str) -> str:
    if asked.key_name:
        page = f" Keys are made at {asked.keys_page}." if asked.keys_page else ""
        return f"{said}. Check the key in the environment variable {asked.key_name}.{page}"
    hint = f'Set `api_key_env = "NAME"` for provider {asked.provider} and put the key into that variable.'
    return f"{said}. {hint}"

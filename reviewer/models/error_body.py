"""What a server says about a failure, in whatever shape: the body, and how long to wait."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from reviewer.changes.text import encodable


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The parts of an error body, whatever its shape was.

    Attributes:
        message: for people.
        code: the server's codes, types and quotas, separated by blanks.
        param: the request field that it names.
        retry_after: seconds to wait.
        asked, limit: tokens of the request and of the window.
        generation: what the model wrote, where the server refused that.
    """

    message: str
    code: str = ""
    param: str = ""
    retry_after: float | None = None
    asked: int | None = None
    limit: int | None = None
    generation: str | None = None


def read_error(text: str) -> ErrorBody | None:
    """Find the error in a body of any of the shapes that servers use.

    Known shapes: `{"error": {...}}`, `{"error": "text"}`, `[{"error": ...}]`, `{"detail": ...}`,
    `{"object": "error", "message": ...}`, `{"message": ...}`, RFC 7807, and any of them once more as JSON
    text inside the message.

    Returns:
        None if the text is no JSON, or has none of these shapes.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _error_in(data, depth=0)


_DEPTH = 4


def _error_in(data: Any, *, depth: int) -> ErrorBody | None:
    if depth > _DEPTH:
        return None
    if isinstance(data, list):
        return _error_in(data[0], depth=depth + 1) if data else None
    if not isinstance(data, dict):
        return None
    groq = data.get("x_groq")
    error = data.get("error") or (groq.get("error") if isinstance(groq, dict) else None)
    if isinstance(error, dict):
        return _from_object(error, depth=depth)
    if isinstance(error, str) and error:
        beside = {key: data[key] for key in ("code", "type", "estimated_time") if key in data}
        return _from_message(error, beside, depth=depth)
    if data.get("object") == "error" or "detail" in data or ("message" in data and "choices" not in data):
        return _from_object(data, depth=depth)
    return None


def _from_object(error: Mapping[str, Any], *, depth: int) -> ErrorBody:
    raw = (error.get("metadata") or {}).get("raw") if isinstance(error.get("metadata"), dict) else None
    message = error.get("message", error.get("detail", error.get("title", "")))
    if isinstance(raw, str) and raw:
        message = f"{message}: {raw}"
    return _from_message(message, error, depth=depth)


def _from_message(message: Any, error: Mapping[str, Any], *, depth: int) -> ErrorBody:
    if isinstance(message, str):
        try:
            inner = json.loads(message)
        except (ValueError, RecursionError):
            inner = None
        found = _error_in(inner, depth=depth + 1)
        if found is not None:
            return found
    param = error.get("param")
    locations = re.findall(r'"loc": \[[^\]]*"([^"]+)"\]', json.dumps(message)) if param is None else []
    codes = [str(error[key]) for key in ("code", "type", "status") if error.get(key) is not None]
    codes += _reasons(error.get("details"))
    generation = error.get("failed_generation")
    return ErrorBody(
        message=encodable(message if isinstance(message, str) else json.dumps(message)),
        code=" ".join(codes),
        param=str(param or (locations[0] if locations else "")),
        retry_after=_first(_retry_delay(error), _named_wait(message)),
        asked=_whole(error.get("n_prompt_tokens")),
        limit=_whole(error.get("n_ctx")),
        generation=encodable(generation) if isinstance(generation, str) else None,
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _first(one: float | None, other: float | None) -> float | None:
    return other if one is None else one


_NAMED_WAIT = re.compile(
    r"(?:retry|try again)(?: after| in) "
    r"(?:(\d+(?:\.\d+)?) seconds?|((?:\d+(?:\.\d+)?(?:ms|[smhd]))+)(?![a-z]))",
    re.IGNORECASE,
)


def _named_wait(message: object) -> float | None:
    """A wait in the words of a message: Azure's `retry after 33 seconds`, Groq's `try again in 9m38.016s`."""
    found = _NAMED_WAIT.search(message) if isinstance(message, str) else None
    if found is None:
        return None
    return float(found[1]) if found[1] else parse_duration(found[2])


def _reasons(details: object) -> list[str]:
    """Google's reasons and names of quotas, such as `API_KEY_INVALID` or `...PerDayPerProject...`."""
    found: list[str] = []
    for item in details if isinstance(details, list) else []:
        if not isinstance(item, dict):
            continue
        violations = item.get("violations")
        for row in [item, *(violations if isinstance(violations, list) else [])]:
            if isinstance(row, dict):
                found += [row[key] for key in ("reason", "quotaId") if isinstance(row.get(key), str)]
    return found


def _retry_delay(error: Mapping[str, Any]) -> float | None:
    """A wait in a body: a time that loading will take, OpenRouter's, or Google's `{"retryDelay": "47s"}`."""
    estimated = error.get("estimated_time")
    if isinstance(estimated, int | float) and not isinstance(estimated, bool) and estimated >= 0:
        return float(estimated)
    available = error.get("availability")
    named = available.get("retry_after") if isinstance(available, dict) else None
    if isinstance(named, int | float) and not isinstance(named, bool) and named >= 0:
        return float(named)
    details = error.get("details")
    for item in details if isinstance(details, list) else []:
        delay = item.get("retryDelay") if isinstance(item, dict) else None
        if isinstance(delay, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)s", delay)):
            return float(match[1])
    return None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, from any of the headers that servers use, or None.

    Negative values count as 0.
    """
    lowered = {name.lower(): value.strip() for name, value in headers.items()}
    if (milliseconds := _number(lowered.get("retry-after-ms"))) is not None:
        return max(0.0, milliseconds / 1000)
    for name in ("retry-after", "llm_provider-retry-after"):
        value = lowered.get(name)
        if (seconds := _number(value)) is not None:
            return max(0.0, seconds)
        if value:
            try:
                moment = parsedate_to_datetime(value)
            except (ValueError, OverflowError):
                continue
            return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    return None


def reset_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until an exhausted limit is full again, from `x-ratelimit-*` headers, or None.

    Only limits of which nothing remains count. The time is a duration such as `6m0s`, `120ms` or `1.5`, or,
    at Anthropic, a moment.
    """
    lowered = {name.lower(): value.strip() for name, value in headers.items()}
    waits = []
    for name, value in lowered.items():
        if "ratelimit" not in name or "remaining" not in name or value != "0":
            continue
        reset = lowered.get(name.replace("remaining", "reset"))
        wait = _duration(reset, now) if reset else None
        if wait is not None:
            waits.append(wait)
    return max(waits, default=None)


_EPOCH, _EPOCH_MS = 1e8, 1e11
"""Numbers above are no durations, but seconds or milliseconds since 1970."""


def parse_duration(text: str) -> float | None:
    """Seconds of a duration such as `6m0s`, `120ms` or `1m26.4s`, or None."""
    if not re.fullmatch(r"(?:\d+(?:\.\d+)?(?:ms|[smhd]))+", text):
        return None
    return sum(float(value) * _UNITS[unit] for value, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text))


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _duration(text: str, now: datetime) -> float | None:
    if (seconds := _number(text)) is not None:
        # OpenRouter names a moment, in milliseconds since 1970.
        named = seconds / 1000 if seconds > _EPOCH_MS else seconds
        return max(0.0, named - now.timestamp() if named > _EPOCH else named)
    if (seconds := parse_duration(text)) is not None:
        return seconds
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def _number(text: str | None) -> float | None:
    if text is None or not re.fullmatch(r"-?\d+(?:\.\d+)?", text):
        return None
    return float(text)


def now_utc() -> datetime:
    """The current time, for `retry_after`."""
    return datetime.now(UTC)

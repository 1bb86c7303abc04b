"""Requests to GitHub's API with its manners: one at a time, a second between writes, waits that it asks for.

Rules: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api. A write whose
answer is lost may have happened: it is looked for before it is sent again.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from reviewer.errors import (
    HostError,
    HostRefusedError,
    HostTooLargeError,
    ModelError,
    NotPermittedError,
)
from reviewer.models.answer import Clock
from reviewer.models.providers.base import HttpRequest
from reviewer.models.wire import Wire

_VERSION = "2022-11-28"
_JSON = "application/vnd.github+json"
_ATTEMPTS = 5
_BETWEEN_WRITES = 1.0
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 120.0
"""Seconds; a longer wait is no use to a job that somebody is waiting for."""
_MOST_BYTES = 64 * 1024 * 1024
_REDIRECTS = 3
_OK = range(200, 300)
_MOVED = frozenset({301, 302, 307, 308})
_LIMITED = frozenset({403, 429})
_BROKEN = range(500, 600)
Found = Callable[[], Awaitable[bool]]
"""Looks whether a write has happened although its answer was lost."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with its headers, whose names are in small letters."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def data(self) -> Any:
        """The body as JSON data.

        Raises:
            HostError: it is none.
        """
        try:
            return json.loads(self.text) if self.text.strip() else None
        except ValueError as error:
            raise HostError("the code host's answer is not JSON; is this the address of its API?") from error


@dataclass(slots=True)
class Client:
    """One API with one token.

    Attributes:
        wire: the way to it.
        root: its address without a slash at the end.
        token: what to authenticate with; empty for none.
        clock: time and waiting.
        now: seconds since 1970, for limits that end at a time of day.
    """

    wire: Wire
    root: str
    token: str
    clock: Clock
    now: Callable[[], float]
    _last_write: float = field(default=float("-inf"), init=False)

    async def get(self, path: str, accept: str = _JSON) -> Answered:
        """Read something by its path below the root, or by a whole address that the API gave.

        Raises:
            HostError: it cannot be read.
        """
        return await self._asked("GET", path, None, accept, None)

    async def pages(self, path: str) -> AsyncIterator[Any]:
        """The rows of a list, page by page, as far as the links lead.

        Raises:
            HostError: a page cannot be read.
        """
        following: str | None = path
        while following:
            answer = await self.get(following)
            rows = answer.data
            for row in rows if isinstance(rows, list) else ():
                yield row
            following = _next(answer.headers.get("link", ""))

    async def write(
        self, method: str, path: str, body: Mapping[str, Any], happened: Found | None = None
    ) -> Answered:
        """Write something.

        Args:
            method: POST or PATCH.
            path: below the root.
            body: JSON data.
            happened: looks for it where the answer is lost; None if writing it twice does no harm.

        Raises:
            HostRefusedError: it is not taken.
            NotPermittedError: the token may not do that.
            HostError: it cannot be written.
        """
        return await self._asked(method, path, body, _JSON, happened)

    async def graphql(self, query: str, variables: Mapping[str, Any]) -> Any:
        """Ask in GraphQL; a mutation that is asked here does no harm twice.

        Raises:
            NotPermittedError: the token may not do that.
            HostError: it cannot be asked.
        """
        root = self.root.removesuffix("/v3")  # Enterprise: /api/v3 beside /api/graphql
        answer = await self._asked(
            "POST", f"{root}/graphql", {"query": query, "variables": variables}, _JSON, None
        )
        data = answer.data or {}
        errors = data.get("errors") or []
        if errors:
            said = "; ".join(str(error.get("message")) for error in errors)
            if any(_is_forbidden(error) for error in errors):
                raise NotPermittedError(f"the token may not do that: {said}")
            raise HostError(f"the code host says: {said}")
        return data.get("data")

    async def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None, accept: str, happened: Found | None
    ) -> Answered:
        url = path if path.startswith(("http://", "https://")) else f"{self.root}{path}"
        if _host(url) != _host(self.root):
            raise HostError(f"the code host sends us elsewhere ({_host(url)}); the token does not go there.")
        wait = _FIRST_WAIT
        waited = 0.0
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = await self._sent(method, url, body, accept)
                problem = f"it answers with status {answer.status}"
            except ModelError as error:
                answer, problem = None, str(error)
            if answer is not None and answer.status in _OK and not _is_limited(answer):
                return answer
            pause = wait
            if answer is not None:
                asked = _pause(answer, self.now())
                if asked is None and answer.status not in _BROKEN:
                    raise _refusal(answer, method, path)
                pause = wait if asked is None else max(asked, 0.0)
                lost = answer.status in _BROKEN
            else:
                lost = True
            last = attempt == _ATTEMPTS or waited + pause > _LONGEST_WAIT
            if not last:
                await self.clock.sleep(pause)
            # After the pause: a gateway may give up on what is still being written.
            if body is not None and lost and happened is not None and await happened():
                return Answered(200, {}, "")
            if last:
                break
            waited += pause
            wait *= 2
        raise HostError(
            f"{_host(url)} cannot be asked now ({method} {_short(path)}): {problem}. Try again later."
        )

    async def _sent(self, method: str, url: str, body: Mapping[str, Any] | None, accept: str) -> Answered:
        """One request, with redirects within the same host followed."""
        for _ in range(_REDIRECTS):
            if body is not None:
                rest = _BETWEEN_WRITES - (self.clock.now() - self._last_write)
                if rest > 0:
                    await self.clock.sleep(rest)
            try:
                async with self.wire.open(HttpRequest(method, url, self._headers(accept), body)) as incoming:
                    headers = {name.lower(): value for name, value in incoming.headers.items()}
                    answer = Answered(incoming.status, headers, await incoming.text(_MOST_BYTES))
            finally:
                if body is not None:
                    self._last_write = self.clock.now()
            target = headers.get("location", "")
            if answer.status not in _MOVED or _host(target) != _host(url):
                return answer
            url = target
        return answer

    def _headers(self, accept: str) -> dict[str, str]:
        made = {"Accept": accept, "X-GitHub-Api-Version": _VERSION}
        return made | {"Authorization": f"Bearer {self.token}"} if self.token else made


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _short(path: str) -> str:
    return urlsplit(path).path


def _next(link: str) -> str | None:
    """The address of the next page from a Link header (RFC 8288)."""
    for part in link.split(","):
        match = re.match(r'\s*<([^>]+)>\s*;.*\brel="?next"?', part)
        if match:
            return match[1]
    return None


def _pause(answer: Answered, now: float) -> float | None:
    """How many seconds a limit asks to wait, or None if there is no limit."""
    limited = _is_limited(answer)
    if answer.status not in _LIMITED and not limited:
        return None
    headers = answer.headers
    after = headers.get("retry-after", "")
    if after.isdigit():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return float(reset) - now
    if limited or answer.status == 429 or "rate limit" in answer.text.lower():  # noqa: PLR2004  # too many requests
        return 60.0
    return None


def _is_limited(answer: Answered) -> bool:
    """GraphQL says so in an answer whose status is that of success."""
    if answer.status not in _OK or '"RATE_LIMIT' not in answer.text:
        return False
    data = answer.data
    errors = data.get("errors") if isinstance(data, dict) else None
    return any(str(error.get("type", "")).startswith("RATE_LIMIT") for error in errors or ())


def _is_forbidden(error: Any) -> bool:
    """An error of GraphQL that means missing rights."""
    return error.get("type") == "FORBIDDEN" or "not accessible by" in str(error.get("message"))


def _refusal(answer: Answered, method: str, path: str) -> HostError:
    """What an answer means that no waiting changes."""
    said = _said(answer)
    what = f"{method} {_short(path)}: {said}"
    match answer.status:
        case 401:
            return HostError(f"the code host does not know the token ({what}). Is GITHUB_TOKEN right?")
        case 403:
            return NotPermittedError(f"the token may not do that ({what})")
        case 404:
            return NotPermittedError(f"it is not there, or the token may not see it ({what})")
        case 406:
            return HostTooLargeError(f"the code host does not show it ({what})")
        case 409 | 410 | 422:
            return HostRefusedError(f"the code host does not take it ({what})")
        case status:
            return HostError(f"the code host answers with status {status} ({what})")


def _said(answer: Answered) -> str:
    """The host's own words about an error, in one line and bounded."""
    try:
        data = json.loads(answer.text)
    except ValueError:
        return f"status {answer.status}"
    parts = [str(data.get("message", ""))] if isinstance(data, dict) else []
    errors = data.get("errors") if isinstance(data, dict) else None
    parts += [
        str(error.get("message") or error) if isinstance(error, dict) else str(error)
        for error in (errors if isinstance(errors, list) else ())
    ]
    return " ".join("; ".join(part for part in parts if part).split())[:500] or f"status {answer.status}"

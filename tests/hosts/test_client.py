"""Requests to a code host's API against a server on loopback: limits, lost answers, pages, refusals."""

import json
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import anyio
import pytest

from reviewer.errors import HostError, HostRefusedError, HostTooLargeError, NotPermittedError
from reviewer.hosts.client import Client
from reviewer.models.model import Endpoint, Timeouts
from reviewer.models.registry import over_http
from tests.support.clock import Clockwork
from tests.support.server import listening

Said = tuple[int, dict[str, str], Any] | None


@dataclass
class Api:
    """Answers in turn: a status with headers and a body, or nothing at all; remembers what it was asked."""

    answers: Sequence[Said] = ()
    asked: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list)
    url: str = ""


@contextmanager
def running(api: Api):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            api.asked.append((self.command, self.path, body, dict(self.headers)))
            said = api.answers[0]
            api.answers = api.answers[1:] or api.answers
            if said is None:
                self.close_connection = True
                return
            status, headers, data = said
            raw = data.encode() if isinstance(data, str) else json.dumps(data).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value.replace("HOST", api.url))
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(raw)
            self.close_connection = True

        do_GET = do_POST = do_PATCH = answer  # noqa: N815  # as the library wants it

    with listening(Handler) as api.url:
        yield api


def ask(api: Api, work: Callable[[Client], Any], clock: Clockwork | None = None, token: str = "t0ken") -> Any:
    async def run():
        wire = over_http(Endpoint("GitHub", "openai", api.url, timeouts=Timeouts(connect=1, idle=5, call=5)))
        async with wire:
            return await work(Client(wire, api.url, token, (clock or Clockwork()).clock, lambda: 1000.0))

    return anyio.run(run)


OK: Said = (200, {}, {"x": 1})


def test_headers_and_data():
    with running(Api([OK])) as api:
        assert ask(api, lambda client: client.get("/a")).data == {"x": 1}
    (_, path, _, headers) = api.asked[0]
    assert path == "/a"
    assert headers["Authorization"] == "Bearer t0ken"
    assert headers["Accept"] == "application/vnd.github+json"
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert headers["User-Agent"].startswith("reviewer/")


def test_without_a_token_nothing_is_claimed():
    with running(Api([OK])) as api:
        ask(api, lambda client: client.get("/a"), token="")
    assert "Authorization" not in api.asked[0][3]


WAITS = {
    "retry-after": ((403, {"Retry-After": "7"}, {"message": "secondary rate limit"}), [7.0]),
    "reset": ((403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1030"}, {}), [30.0]),
    "reset is over": ((429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "900"}, {}), [0.0]),
    "only the words": ((403, {}, {"message": "You have exceeded a secondary rate limit."}), [60.0]),
    "too many": ((429, {}, {}), [60.0]),
    "broken": ((502, {}, "<html>"), [2.0]),
    "dropped": (None, [2.0]),
}


@pytest.mark.parametrize(("first", "pauses"), WAITS.values(), ids=WAITS)
def test_waits(first, pauses):
    clock = Clockwork()
    with running(Api([first, OK])) as api:
        assert ask(api, lambda client: client.get("/a"), clock).data == {"x": 1}
    assert clock.slept == pauses
    assert len(api.asked) == 2


def test_an_end_to_waiting():
    clock = Clockwork()
    with (
        running(Api([(502, {}, "")])) as api,
        pytest.raises(HostError, match="cannot be asked now .*status 502"),
    ):
        ask(api, lambda client: client.get("/a"), clock)
    assert clock.slept == [2.0, 4.0, 8.0, 16.0]
    clock = Clockwork()
    with running(Api([(403, {"Retry-After": "3600"}, {})])) as api, pytest.raises(HostError):
        ask(api, lambda client: client.get("/a"), clock)
    assert clock.slept == [], "an hour is no wait for somebody"


def test_a_second_between_writes():
    clock = Clockwork()

    async def twice(client):
        await client.write("POST", "/a", {})
        await client.write("PATCH", "/b", {})

    with running(Api([(201, {}, {})])) as api:
        ask(api, twice, clock)
    assert sum(clock.slept) >= 1.0
    assert [method for method, *_ in api.asked] == ["POST", "PATCH"]


LOST: list[Said] = [None, (502, {}, "")]


@pytest.mark.parametrize("lost", LOST)
def test_a_write_whose_answer_is_lost_is_looked_for(lost):
    async def write(client):
        async def happened():
            return True

        return await client.write("POST", "/a", {}, happened)

    with running(Api([lost, OK])) as api:
        ask(api, write)
    assert len(api.asked) == 1, "it has happened: not once more"


@pytest.mark.parametrize("lost", LOST)
def test_it_is_looked_for_after_the_pause(lost):
    """A gateway may give up while the host is still writing."""
    clock = Clockwork()

    async def work(client):
        async def happened():
            return bool(clock.slept)

        return await client.write("POST", "/a", {}, happened)

    with running(Api([lost, OK])) as api:
        assert ask(api, work, clock).status == 200
    assert len(api.asked) == 1


@pytest.mark.parametrize("lost", LOST)
def test_and_sent_again_if_it_is_not_there(lost):
    async def write(client):
        async def happened():
            return False

        return await client.write("POST", "/a", {}, happened)

    with running(Api([lost, OK])) as api:
        ask(api, write)
    assert len(api.asked) == 2


def test_pages_as_far_as_links_lead():
    pages = [
        (200, {"Link": '<HOST/a?page=2>; rel="next", <HOST/a?page=3>; rel="last"'}, [1, 2]),
        (200, {"Link": '<HOST/a?page=1>; rel="prev", <HOST/a?page=3>; rel="next"'}, [3]),
        (200, {"Link": '<HOST/a?page=2>; rel="prev"'}, [4]),
    ]

    async def all_of(client):
        return [row async for row in client.pages("/a")]

    with running(Api(pages)) as api:
        assert ask(api, all_of) == [1, 2, 3, 4]
    assert [path for _, path, *_ in api.asked] == ["/a", "/a?page=2", "/a?page=3"]


def test_a_link_or_a_redirect_elsewhere_gets_no_token():
    async def all_of(client):
        return [row async for row in client.pages("/a")]

    with (
        running(Api([(200, {"Link": '<http://127.0.0.1:9/steal>; rel="next"'}, [1])])) as api,
        pytest.raises(HostError, match="sends us elsewhere"),
    ):
        ask(api, all_of)
    with running(Api([(302, {"Location": "http://127.0.0.1:9/steal"}, {})])) as api, pytest.raises(HostError):
        ask(api, lambda client: client.get("/a"))
    assert len(api.asked) == 1


def test_a_redirect_within_the_host_is_followed():
    with running(Api([(301, {"Location": "HOST/b"}, {}), OK])) as api:
        assert ask(api, lambda client: client.get("/a")).data == {"x": 1}
    assert [path for _, path, *_ in api.asked] == ["/a", "/b"]


REFUSALS = [
    (401, {"message": "Bad credentials"}, HostError, "does not know the token .*Bad credentials"),
    (403, {"message": "Resource not accessible by integration"}, NotPermittedError, "may not do that"),
    (404, {"message": "Not Found"}, NotPermittedError, "not there, or the token may not see it"),
    (406, {"message": "too large"}, HostTooLargeError, "does not show it"),
    (
        422,
        {"message": "Unprocessable", "errors": ["line must be part of the diff"]},
        HostRefusedError,
        "part of the diff",
    ),
    (
        422,
        {"message": "V", "errors": [{"message": "body is too long"}]},
        HostRefusedError,
        "V; body is too long",
    ),
    (418, "no json", HostError, "status 418"),
]


@pytest.mark.parametrize(("status", "body", "kind", "why"), REFUSALS)
def test_refusals(status, body, kind, why):
    with running(Api([(status, {}, body)])) as api, pytest.raises(kind, match=why):
        ask(api, lambda client: client.get("/a"))
    assert len(api.asked) == 1


def test_graphql_errors():
    forbidden = {"data": None, "errors": [{"type": "FORBIDDEN", "message": "no"}]}
    with running(Api([(200, {}, forbidden)])) as api, pytest.raises(NotPermittedError):
        ask(api, lambda client: client.graphql("q", {}))
    with (
        running(Api([(200, {}, {"errors": [{"message": "odd"}]})])) as api,
        pytest.raises(HostError, match="odd"),
    ):
        ask(api, lambda client: client.graphql("q", {}))
    with running(Api([(200, {}, {"data": {"a": 1}})])) as api:
        assert ask(api, lambda client: client.graphql("q", {})) == {"a": 1}


def test_an_answer_that_is_no_json():
    with (
        running(Api([(200, {}, "<html>")])) as api,
        pytest.raises(HostError, match="is this the address of its API"),
    ):
        assert ask(api, lambda client: client.get("/a")).data


def test_enterprise_has_graphql_beside_rest():
    with running(Api([(200, {}, {"data": {"a": 1}})])) as api:
        api.url += "/api/v3"
        assert ask(api, lambda client: client.graphql("q", {})) == {"a": 1}
    assert [row[1] for row in api.asked] == ["/api/graphql"]

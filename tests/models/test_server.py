"""Real HTTP over loopback: what is sent, what comes back, and every way in which it can break."""

import inspect
import json
from dataclasses import replace

import anyio
import httpx
import pytest

from reviewer.errors import (
    ConnectionFailedError,
    IncompleteStreamError,
    ModelError,
    NotAllowedError,
    ProtocolError,
    RefusedRequestError,
    ServerBrokenError,
    UnknownModelError,
)
from reviewer.models import transport
from reviewer.models.capabilities import Capabilities
from reviewer.models.catalog import Catalog, Listing, unknown_model
from reviewer.models.http_backend import HttpBackend
from reviewer.models.model import (
    USUAL,
    Backend,
    Endpoint,
    Key,
    Manner,
    ModelInfo,
    ModelRef,
    Timeouts,
    shown_address,
)
from reviewer.models.providers import PROTOCOLS
from reviewer.models.providers.base import Ask, Shape
from reviewer.models.providers.scripted import Scripted
from reviewer.models.servers import Output
from reviewer.models.transport import _MAPPED, HttpWire, _ours
from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.role import ModelKind
from tests.support.server import SSE, Answer, ChatServer, chunk, error, plain, running, streamed

PROMPT = Prompt("r", ModelKind.GENERAL, Purpose.REVIEW, (Message(Speaker.USER, "U"),), None, 10, 100, "r")
QUICK = Timeouts(connect=2, idle=2, call=5)


def endpoint(server: ChatServer, **fields) -> Endpoint:
    return Endpoint("lab", "openai", server.url, **({"timeouts": QUICK} | fields))


def backend(target: Endpoint) -> HttpBackend:
    return HttpBackend(target, PROTOCOLS[target.kind], HttpWire(target))


def ask(target: Endpoint, *models: str):
    async def go():
        async with backend(target) as lab:
            return [await lab.ask(model, PROMPT) for model in models or ("big",)]

    return anyio.run(go)


def list_models(target: Endpoint):
    async def go():
        async with backend(target) as lab:
            return await lab.list_models()

    return anyio.run(go)


@pytest.fixture
def server():
    with running(ChatServer()) as started:
        yield started


def test_a_streamed_answer(server):
    server.default = streamed("Hällo, 日本 \u2028 and 🧨", usage=(12, 3))
    (reply,) = ask(endpoint(server, key=Key("sk-x")))
    assert (reply.text, reply.usage.prompt) == ("Hällo, 日本 \u2028 and 🧨", 12)
    assert server.headers[0]["Authorization"] == "Bearer sk-x"
    assert server.headers[0]["User-Agent"].startswith("reviewer/")


def test_comments_line_ends_and_split_characters(server):
    body = (
        b": PROCESSING\r\n\r\n"
        + chunk(delta={"content": "Grün"}).replace(b"\n\n", b"\r\n\r\n")
        + chunk(finish_reason="stop", delta={})
    )
    server.default = Answer(pieces=tuple(body[n : n + 1] for n in range(len(body))), headers=SSE)
    assert ask(endpoint(server))[0].text == "Grün"


def test_a_whole_body_although_a_stream_was_asked_for(server):
    server.default = plain({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})
    assert ask(endpoint(server))[0].text == "x"


def test_error_event_after_a_good_status(server):
    server.default = Answer(
        pieces=(b'event: error\ndata: {"error": {"message": "overloaded"}}\n\n',), headers=SSE
    )
    with pytest.raises(ServerBrokenError, match="overloaded"):
        ask(endpoint(server))


BREAKS = {
    "cut in the middle": (
        Answer(pieces=(chunk(delta={"content": "x"}),), headers=SSE, cut=True),
        IncompleteStreamError,
    ),
    "no end": (Answer(pieces=(chunk(delta={"content": "x"}),), headers=SSE), IncompleteStreamError),
    "page": (Answer(200, (b"<html>",), (("Content-Type", "text/html"),)), ProtocolError),
    "redirect": (Answer(301, (), (("Location", "/elsewhere"),)), ProtocolError),
    "down": (error(503, "busy"), ServerBrokenError),
    "empty": (Answer(500), ServerBrokenError),
}


@pytest.mark.parametrize(("answer", "expected"), BREAKS.values(), ids=BREAKS)
def test_breaks(server, answer, expected):
    server.default = answer
    with pytest.raises(expected):
        ask(endpoint(server))


def test_connection_that_breaks_after_the_end_does_no_harm(server):
    pieces = (chunk(delta={"content": "x"}), chunk(delta={}, finish_reason="stop"))
    server.default = Answer(pieces=pieces, headers=SSE, cut=True)
    assert ask(endpoint(server))[0].text == "x"
    server.default = Answer(pieces=(*pieces, b"data: [DONE]\n\n"), headers=SSE, hang=True)
    assert ask(endpoint(server))[0].text == "x"


def test_text_before_a_break_is_kept(server):
    server.default = Answer(pieces=(chunk(delta={"content": "half"}),), headers=SSE, cut=True)
    with pytest.raises(IncompleteStreamError) as caught:
        ask(endpoint(server))
    assert caught.value.partial == "half"


def test_address_for_people_has_no_password():
    secret = Endpoint("lab", "openai", "http://me:secret@127.0.0.1:9/v1", timeouts=QUICK)
    with pytest.raises(ConnectionFailedError) as caught:
        ask(secret)
    assert "secret" not in str(caught.value)
    assert "http://127.0.0.1:9/v1" in str(caught.value)


def test_an_address_for_people_has_no_values_of_a_query():
    assert shown_address("https://u:p@h.example/v1?api-key=s") == "https://h.example/v1?***"
    assert shown_address("a text") == "a text"


@pytest.mark.parametrize("failure", ["error", "stream", "page"])
def test_a_server_that_repeats_the_key_does_not_spread_it(server, failure):
    said = "bad header: Bearer sk-very-secret"
    server.default = {
        "error": error(401, said),
        "stream": Answer(pieces=(f'data: {{"error": {{"message": "{said}"}}}}\n\n'.encode(),), headers=SSE),
        "page": Answer(502, (said.encode(),)),
    }[failure]
    with pytest.raises(ModelError) as caught:
        ask(endpoint(server, key=Key("sk-very-secret")))
    assert "very-secret" not in str(caught.value)
    assert "Bearer ***" in str(caught.value)


def test_one_endless_line_does_not_fill_the_memory(server, monkeypatch):
    monkeypatch.setattr(transport, "MAX_BODY", 100_000)
    pieces = (chunk(delta={"content": "x"}), b"data: ", *[b"a" * 10_000] * 20)
    server.default = Answer(pieces=pieces, headers=SSE)
    with pytest.raises(IncompleteStreamError, match="is longer than") as caught:
        ask(endpoint(server))
    assert caught.value.partial == "x"


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_network_settings_that_cannot_be_used_are_named(monkeypatch, proxy):
    monkeypatch.setenv("ALL_PROXY", proxy)
    remote = Endpoint("far", "openai", "https://far.invalid/v1", timeouts=QUICK)
    with pytest.raises(ProtocolError, match="far: the network settings in the environment cannot be used"):
        ask(remote)


@pytest.mark.parametrize("user", ["", "me:secret@"])
def test_no_proxy_is_asked_for_a_server_on_this_machine(server, monkeypatch, user):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.replies["big"] = [streamed("{}")]
    ask(replace(endpoint(server), base_url=server.url.replace("//", f"//{user}")))
    assert len(server.requests) == 1


def test_silence_ends(server):
    server.default = Answer(pieces=(chunk(delta={"content": "x"}),), headers=SSE, hang=True)
    with pytest.raises(IncompleteStreamError, match=r"nothing came for 0\.2 s"):
        ask(endpoint(server, timeouts=Timeouts(idle=0.2)))


def test_the_whole_call_is_bounded(server):
    server.default = Answer(pieces=(chunk(delta={"content": "x"}),), headers=SSE, hang=True)
    with pytest.raises(IncompleteStreamError, match=r"no complete answer within 0\.2 s"):
        ask(endpoint(server, timeouts=Timeouts(call=0.2)))


def test_nothing_listens():
    gone = Endpoint("ollama", "ollama", "http://127.0.0.1:9/v1", timeouts=QUICK)
    with pytest.raises(ConnectionFailedError, match="cannot connect.*ollama serve"):
        ask(gone)


def test_address_that_is_none():
    with pytest.raises(ModelError):
        ask(Endpoint("lab", "openai", "http://[::1", timeouts=QUICK))


def test_refused_field_is_left_out_from_then_on(server):
    def picky(body):
        return (
            error(400, "no temperature", param="temperature") if "temperature" in body else streamed("fine")
        )

    server.default = picky
    assert [reply.text for reply in ask(endpoint(server), "big", "big")] == ["fine", "fine"]
    assert ["temperature" in body for body in server.requests] == [True, False, False]


def test_output_mode_steps_down_until_the_server_takes_it(server):
    def picky(body):
        return (
            error(400, "response_format is not supported") if "response_format" in body else streamed("fine")
        )

    server.default = picky
    assert ask(endpoint(server))[0].text == "fine"
    kinds = [body.get("response_format", {}).get("type") for body in server.requests]
    assert kinds == ["json_schema", "json_schema", "json_object", None]


def test_refusal_that_nothing_helps_against(server):
    server.default = error(400, "messages are wrong", param="messages")
    with pytest.raises(RefusedRequestError):
        ask(endpoint(server))
    assert len(server.requests) == 1


def test_requests_at_once_are_bounded(server):
    server.default = streamed("x")

    async def go():
        async with (
            backend(endpoint(server, concurrency=3)) as lab,
            anyio.create_task_group() as group,
        ):
            for _ in range(12):
                group.start_soon(lab.ask, "big", PROMPT)

    anyio.run(go)
    assert len(server.requests) == 12
    assert server.most_at_once <= 3


def test_models_are_listed(server):
    assert list_models(endpoint(server)) == (ModelInfo("big"), ModelInfo("small"))
    server.listing = error(401, "no")
    with pytest.raises(ModelError, match="401"):
        list_models(endpoint(server))


def test_every_exception_of_the_http_library_is_mapped():
    """Fails when httpx grows an exception that would escape."""
    foreign = [
        error_type
        for _, error_type in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(error_type, Exception)
    ]
    assert len(foreign) > 20
    unmapped = [one.__name__ for one in foreign if not any(issubclass(one, known) for known, _ in _MAPPED)]
    assert unmapped == []
    for one in foreign:
        made = one.__new__(one)
        made.args = ("x",)
        assert isinstance(_ours(Endpoint("lab", "openai", "http://x"), made), ModelError)


def test_untrusted_certificate_names_the_remedy():
    problem = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    assert "SSL_CERT_FILE" in str(_ours(Endpoint("lab", "openai", "https://x"), problem))


class Counting(Backend):
    def __init__(self, outcome: tuple[ModelInfo, ...] | ModelError | None) -> None:
        self.outcome = outcome
        self.asked = 0

    async def list_models(self):
        self.asked += 1
        if isinstance(self.outcome, ModelError):
            raise self.outcome
        return self.outcome

    async def ask(self, model, prompt, manner=USUAL):
        raise NotImplementedError


def test_catalog_asks_once_a_minute():
    now = [0.0]
    backend = Counting((ModelInfo("big", window=8), ModelInfo("m:latest")))
    catalog = Catalog({"lab": backend}, now=lambda: now[0])

    async def check(name):
        return await catalog.check(ModelRef("lab", name))

    assert anyio.run(check, "big") == ModelInfo("big", window=8)
    assert anyio.run(check, "m") == ModelInfo("m")
    assert backend.asked == 1
    now[0] = 61.0
    anyio.run(check, "big")
    assert backend.asked == 2
    with pytest.raises(
        UnknownModelError,
        match="Model 'bgi' not found on lab. Available models: big, m:latest. Did you mean 'big'?",
    ):
        anyio.run(check, "bgi")


def test_catalog_remembers_failures_and_servers_without_a_list():
    failing = Counting(ServerBrokenError("down"))
    silent = Counting(None)
    catalog = Catalog({"failing": failing, "silent": silent})

    async def check(provider):
        return await catalog.check(ModelRef(provider, "x"))

    for _ in range(2):
        with pytest.raises(ServerBrokenError):
            anyio.run(check, "failing")
    assert failing.asked == 1
    assert anyio.run(check, "silent") is None


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("deepseek/deepseek-v4:nitro", 1),
        ("deepseek/deepseek-v4:free", 2),
        ("deepseek/deepseek-v4:bogus", None),
        ("deepseek/another:nitro", None),
        ("qwen/q:nitro", None),
        ("big", 4),
        ("big:7b", None),
    ],
)
def test_routing_behind_a_name_is_not_in_the_list(asked, found):
    routes = ("nitro",)
    listed = [
        ModelInfo("deepseek/deepseek-v4", routes=routes, window=1),
        ModelInfo("deepseek/deepseek-v4:free", window=2),
        ModelInfo("qwen/q", window=3),
        ModelInfo("big:latest", window=4),
    ]
    model = Listing(tuple(listed)).find(asked)
    assert (model and (model.name, model.window)) == (found and (asked, found))


def test_a_key_without_the_right_to_list_is_not_a_wrong_key(server):
    said = "You have insufficient permissions for this operation. Missing scopes: api.model.read."
    server.listing = error(403, said)
    with pytest.raises(NotAllowedError, match="Missing scopes"):
        list_models(endpoint(server))


@pytest.mark.parametrize(("user", "sent"), [("", None), ("me:secret@", "Basic bWU6c2VjcmV0")])
def test_user_and_password_of_an_address_are_sent(server, user, sent):
    server.replies["big"] = [streamed("{}")]
    ask(replace(endpoint(server), base_url=server.url.replace("//", f"//{user}")))
    assert server.headers[-1].get("Authorization") == sent


def test_message_for_an_unknown_model():
    many = [ModelInfo(f"model-{n}") for n in range(30)]
    assert "model-19 and 10 more." in unknown_model(ModelRef("lab", "zzz"), many)
    assert "Available models: none." in unknown_model(ModelRef("lab", "x"), [ModelInfo("e", chat=False)])
    full = [ModelInfo("qwen/qwen3-coder-30b-a3b-instruct-very-long-name")]
    assert "Did you mean 'qwen/qwen3-coder" in unknown_model(ModelRef("lab", "Qwen3-Coder"), full)


def test_scripted_replies(tmp_path):
    for name in ("architecture.json", "architecture.2.txt", "default.verdict.json", "notes.toml"):
        (tmp_path / name).write_text(name)
    scripted = Scripted.from_folder(tmp_path)

    async def go(role, purpose):
        prompt = Prompt(role, ModelKind.GENERAL, purpose, (), None, 1, 1, role)
        return (await scripted.ask("m", prompt)).text

    answers = [anyio.run(go, "architecture", Purpose.REVIEW) for _ in range(3)]
    assert sorted(answers[:2]) == ["architecture.2.txt", "architecture.json"]
    assert answers[2] == answers[1]
    assert anyio.run(go, "other", Purpose.VERDICT) == "default.verdict.json"
    with pytest.raises(ModelError, match="no reply is prepared for other"):
        anyio.run(go, "other", Purpose.REVIEW)
    assert [p.role for p in scripted.prompts] == ["architecture"] * 3 + ["other"] * 2
    assert anyio.run(scripted.list_models) is None


def test_scripted_folder_must_hold_replies(tmp_path):
    from reviewer.errors import ConfigError

    with pytest.raises(ConfigError, match="there is no such folder"):
        Scripted.from_folder(tmp_path / "gone")
    with pytest.raises(ConfigError, match="holds no prepared replies"):
        Scripted.from_folder(tmp_path)


def test_bodies_are_json(server):
    server.default = streamed("x")
    ask(endpoint(server))
    assert json.dumps(server.requests[0])


LIMITS = {
    "openai": "max_tokens is too large: 4096. This model supports at most 2000 completion tokens",
    "anthropic": "max_tokens: 4096 > 2000, which is the maximum allowed number of output tokens for x",
}


@pytest.mark.parametrize("text", LIMITS.values(), ids=LIMITS)
def test_how_much_a_model_can_write_is_learned_from_a_refusal(server, text):
    """The output mode has nothing to do with it and stays as it is."""
    server.default = lambda body: (
        error(400, text, "invalid_value", "max_tokens") if body["max_tokens"] > 2000 else streamed("fine")
    )
    prompt = replace(PROMPT, output_tokens=4096)

    async def go():
        async with backend(endpoint(server)) as lab:
            return [(await lab.ask("big", prompt)).text for _ in range(2)]

    assert anyio.run(go) == ["fine", "fine"]
    assert [body["max_tokens"] for body in server.requests] == [4096, 2000, 2000]
    assert all("response_format" in body for body in server.requests)


def test_only_what_a_refusal_names_is_remembered_beyond_the_run(server):
    known = Capabilities()

    def asked(refusal: str) -> int:
        server.default = lambda body: error(400, refusal) if "response_format" in body else streamed("fine")
        target = endpoint(server)

        async def go():
            async with HttpBackend(target, PROTOCOLS["openai"], HttpWire(target), known) as lab:
                await lab.ask("big", PROMPT)

        anyio.run(go)
        return len(known.entries)

    assert asked("Provider returned error") == 0
    assert asked("response_format is not supported") == 1


def test_a_shorter_reply_is_shorter_with_thoughts_too():
    ask = Ask(
        Endpoint("a", "anthropic", "https://h.example/v1"), ModelInfo("m"), PROMPT, Shape(Output.PROMPT)
    )
    assert ask.cap == 100 + 16_384
    assert replace(ask, manner=Manner(cap=5000)).cap == 5000


@pytest.mark.parametrize(
    ("told", "set_by_hand", "cap"),
    [(200_000, None, 16_484), (8000, None, 7988), (200_000, 8000, 7988), (105, None, 100)],
)
def test_thoughts_get_what_the_window_leaves(told, set_by_hand, cap):
    """A prompt of 10 tokens, counted with some to spare, and a reply of 100."""
    where = Endpoint("a", "anthropic", "https://h.example/v1", window=set_by_hand)
    ask = Ask(where, ModelInfo("m", window=told), PROMPT, Shape(Output.PROMPT))
    assert (PROMPT.needs(), ask.cap) == (112, cap)

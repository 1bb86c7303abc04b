"""Servers that fail at random, in virtual time and without sockets: everything above the wire is real."""

import json
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from reviewer.errors import ConnectionFailedError, IncompleteStreamError, StaleConnectionError, StalledError
from reviewer.models.model import Endpoint, Key
from reviewer.models.providers.base import HttpRequest
from reviewer.models.wire import MAX_BODY, Event, Framing, Incoming, framing_of
from tests.support.clock import VirtualTime

KINDS = {
    "ann": ("anthropic", "claude"),
    "bob": ("openai-compatible", "big"),
    "cid": ("ollama", "gpt-oss:20b"),
    "dee": ("gemini", "gemini-pro"),
}
SECRET = "sk-chaos-0123456789abcdef"
SSE = {"content-type": "text/event-stream"}
LINES = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
WORDS = [
    "race",
    "leak",
    "order",
    "guard",
    "overflow",
    "cache",
    "retry",
    "token",
    "session",
    "parser",
    "border",
    "signal",
    "queue",
    "buffer",
    "header",
]

FAULTS = {
    "refused": 3, "stale": 1, "stalled": 1, "error 500": 3, "error 529": 2, "loading": 1, "crash": 1,
    "limited": 4, "limited for long": 1, "no money": 0.3, "bad key": 0.1, "model gone": 0.2, "filtered": 1,
    "cut": 4, "cut without end": 2, "error in stream": 2, "error in 200": 2, "empty": 2, "thoughts only": 1,
    "unreadable": 3, "endless": 1, "length": 2, "too long": 2, "wrong field": 1, "lazy": 2, "page": 0.3,
    "counts too few": 1,
}  # fmt: skip
"""How often each fault occurs, compared with the others."""


@dataclass(frozen=True)
class Call:
    """One request as the server saw it."""

    provider: str
    begun: float
    fate: str
    role: str
    files: tuple[str, ...]
    text: str


@dataclass
class World:
    """Everything random about one review.

    Attributes:
        calls: all requests, in the order in which they ended.
        delivered: text that went over a wire completely or in part.
        honest: files by role of which a complete and readable answer was sent.
    """

    seed: int
    share: float
    only: tuple[str, ...] = ()
    calls: list[Call] = field(default_factory=list)
    begun: list[tuple[str, float]] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    honest: dict[str, set[str]] = field(default_factory=dict)
    waits: list[tuple[str, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.time = VirtualTime(self.seed)
        self.marks = 0
        self.down = {
            name: [
                (start := self.random.uniform(0, 400), start + self.random.uniform(5, 200)) for _ in range(2)
            ]
            for name in KINDS
        }

    def endpoint(self, name: str) -> Endpoint:
        return Endpoint(
            name, KINDS[name][0], f"http://{name}.invalid/v1", Key(SECRET), "CHAOS_KEY", concurrency=3
        )

    def wire(self, endpoint: Endpoint) -> "ChaosWire":
        return ChaosWire(self, endpoint)

    def fate(self, name: str) -> str:
        if any(start <= self.time.now() < end for start, end in self.down[name]):
            return self.random.choice(["refused", "error 500"]) if not self.only else "fine"
        if self.random.random() >= self.share:
            return "fine"
        names = self.only or tuple(FAULTS)
        return self.random.choices(names, [FAULTS[one] for one in names])[0]

    def mark(self) -> str:
        self.marks += 1
        return f"MARK-{self.seed}-{self.marks}-"


class ChaosWire:
    """The way to one server."""

    def __init__(self, world: World, endpoint: Endpoint) -> None:
        self.world = world
        self.endpoint = endpoint

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @asynccontextmanager
    async def open(self, request: HttpRequest) -> AsyncIterator[Incoming]:
        world, name = self.world, self.endpoint.name
        world.begun.append((name, world.time.now()))
        begun = world.time.now()
        text = asked_text(request.body or {})
        found = re.search(r"point of view: ([\w ]+?)[.\n]", text)
        files = tuple(dict.fromkeys(re.findall(r"^=== (.+?) \(", text, re.MULTILINE)))
        role = found[1] if found else ""
        await world.time.sleep(world.random.uniform(0.2, 15))
        fate = world.fate(name)
        if fate == "too long" and len(files) < 2:
            fate = "fine"
        answer = ChaosAnswer(self, request, fate, files, role)
        try:
            await answer.begin()
            yield answer
        finally:
            world.calls.append(Call(name, begun, fate, role, files, answer.sent))


def asked_text(body: Mapping[str, Any]) -> str:
    """All texts of a request, whatever its protocol is."""
    parts: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in {"text", "content"} and isinstance(inner, str):
                    parts.append(inner)
                elif key not in {"response_format", "format", "output_config", "generationConfig", "tools"}:
                    collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(body)
    return "\n".join(parts)


class ChaosAnswer:
    """An answer, good or bad."""

    def __init__(
        self, wire: ChaosWire, request: HttpRequest, fate: str, files: tuple[str, ...], role: str
    ) -> None:
        self.world, self.kind = wire.world, wire.endpoint.kind
        self.name = wire.endpoint.name
        self.request, self.fate, self.files, self.role = request, fate, files, role
        self.status = 200
        self.headers: Mapping[str, str] = JSON
        self.whole = ""
        self.pieces: list[Event] = []
        self.breaks = False
        self.answer = ""
        self.sent = ""

    async def begin(self) -> None:
        """Decide what comes; some faults come instead of an answer."""
        rnd, fate = self.world.random, self.fate
        match fate:
            case "refused":
                raise ConnectionFailedError(f"{self.name}: cannot connect")
            case "stale":
                raise StaleConnectionError(f"{self.name}: had gone")
            case "stalled":
                await self.world.time.sleep(600)
                raise StalledError(f"{self.name}: nothing came for 600 s")
        errors: dict[str, tuple[int, dict[str, Any], dict[str, str]]] = {
            "error 500": (500, {"error": {"message": f"oh {SECRET}", "type": "api_error"}}, {}),
            "error 529": (529, {"error": {"message": "Overloaded", "type": "overloaded_error"}}, {}),
            "loading": (503, {"error": {"message": "Loading model", "code": 503}}, {}),
            "crash": (500, {"error": "model runner has unexpectedly stopped"}, {}),
            "no money": (429, {"error": {"message": "no", "code": "insufficient_quota"}}, {}),
            "bad key": (401, {"error": {"message": f"Incorrect API key provided: {SECRET}"}}, {}),
            "model gone": (404, {"error": {"message": "model not found"}}, {}),
            "filtered": (400, {"error": {"message": "flagged", "code": "content_filter"}}, {}),
            "too long": (400, {"error": {"message": "Context size has been exceeded."}}, {}),
            "wrong field": (400, {"error": {"message": "Unsupported parameter", "param": "temperature"}}, {}),
            "error in 200": (200, {"error": {"message": "Provider returned error", "code": 502}}, {}),
        }
        if fate in {"limited", "limited for long"}:
            wait = rnd.choice([0.5, 3.0, 17.0, 60.0]) if fate == "limited" else rnd.choice([500.0, 7999.0])
            self.world.waits.append((self.name, self.world.time.now(), wait))
            errors[fate] = (429, {"error": {"message": "slow down"}}, {"retry-after": f"{wait}"})
        if fate == "page":
            self.headers, self.whole = {"content-type": "text/html"}, "<html>Welcome</html>"
        elif fate in errors:
            self.status, data, more = errors[fate]
            self.headers = {**self.headers, **more}
            self.whole = json.dumps(data)
        else:
            self.compose()

    def compose(self) -> None:
        """An answer in the words of the protocol, streamed if that was asked for."""
        fate, finish = self.fate, "stop"
        text, thoughts, tokens = self.review(), "", None
        if fate == "unreadable":
            text = f"I looked at it. {self.world.mark()} is what I would say, and no more."
        if fate == "lazy":
            text = json.dumps({"findings": [], "rating": 9, "summary": "Looks good."})
        if fate in {"empty", "thoughts only"}:
            text, thoughts = "", "Let me think" if fate == "thoughts only" else ""
        if fate == "endless":
            text = '{"findings": [' + " \n" * 2000
        if fate == "length":
            text, finish = text[: len(text) // 2], "length"
        if fate == "counts too few":
            tokens = 20
        cut = len(text) // 2 if fate in {"cut", "cut without end", "error in stream"} else None
        self.answer = text if cut is None else text[:cut]
        streamed = self.request.body is not None and self._streams()
        if not streamed and cut is not None:
            self.breaks, self.whole, self.answer = True, "", ""
            return
        if streamed:
            self.headers = LINES if self.kind == "ollama" else SSE
            self.pieces = stream(
                self.kind, self.answer, thoughts, None if cut is not None else finish, tokens
            )
            if fate == "error in stream":
                self.pieces.append(broken_piece(self.kind))
            self.breaks = fate == "cut"
        else:
            self.whole = whole(self.kind, self.answer, thoughts, finish, tokens)

    def _streams(self) -> bool:
        return bool((self.request.body or {}).get("stream")) or "streamGenerateContent" in self.request.url

    def review(self) -> str:
        """An honest review of what was shown, with a mark in every finding."""
        rnd = self.world.random
        found = []
        for path in self.files:
            if rnd.random() < 0.5:
                mark = self.world.mark()
                words = " ".join(rnd.sample(WORDS, 6))
                number = rnd.randrange(1, 9)
                found.append(
                    {
                        "file": path,
                        "quote": f"    total = total + step_{number}(items)",
                        "line": number + 1,
                        "failure_scenario": f"{mark} {words} goes wrong.",
                        "explanation": f"{mark} {' '.join(rnd.sample(WORDS, 6))}.",
                        "title": f"{words} {mark}",
                        "category": "bug",
                        "severity": rnd.choice(["critical", "major", "minor"]),
                        "recommendation": f"Mend {words}.",
                        "suggestion": None,
                        "confidence": "high",
                    }
                )
        return json.dumps(
            {
                "files_reviewed": list(self.files),
                "findings": found,
                "strengths": [],
                "recommendations": [],
                "summary": f"Seen {len(self.files)}.",
                "rating": 7,
            }
        )

    def _deliver(self, text: str) -> None:
        self.sent = text
        self.world.delivered.append(text)
        if self.fate == "fine" and self.files:
            self.world.honest.setdefault(self.role, set()).update(self.files)

    async def text(self, limit: int = MAX_BODY) -> str:
        if self.breaks:
            raise IncompleteStreamError(f"{self.name}: the connection broke", partial="")
        if self.answer:
            self._deliver(self.answer)
        return self.whole[:limit]

    async def events(self) -> AsyncGenerator[Event, None]:
        assert framing_of(self.headers) is not Framing.WHOLE
        given = 0
        try:
            for piece in self.pieces:
                await self.world.time.sleep(self.world.random.uniform(0, 0.3))
                given += 1
                yield piece
        finally:
            # Who has heard the end does not ask for more.
            if given == len(self.pieces):
                self._deliver(self.answer)
        if self.breaks:
            raise IncompleteStreamError(f"{self.name}: the connection broke", partial="")


def event(data: Any, name: str = "") -> Event:
    return Event(name, data if isinstance(data, str) else json.dumps(data))


def stream(kind: str, text: str, thoughts: str, finish: str | None, tokens: int | None) -> list[Event]:
    """The events of an answer; without `finish` it has no end."""
    parts = [text[at : at + 400] for at in range(0, len(text), 400)]
    if kind == "anthropic":
        rows = [event({"type": "message_start", "message": {"usage": {"input_tokens": tokens or 0}}})]
        rows += [
            event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": part}})
            for part in parts
        ]
        if finish:
            reason = {"stop": "end_turn", "length": "max_tokens"}[finish]
            rows += [
                event({"type": "message_delta", "delta": {"stop_reason": reason}}),
                event({"type": "message_stop"}),
            ]
        return rows
    if kind == "ollama":
        rows = [event({"message": {"content": part, "thinking": ""}, "done": False}) for part in parts]
        if thoughts:
            rows.insert(0, event({"message": {"content": "", "thinking": thoughts}, "done": False}))
        if finish:
            rows.append(
                event(
                    {
                        "message": {"content": ""},
                        "done": True,
                        "done_reason": finish,
                        "prompt_eval_count": tokens,
                    }
                )
            )
        return rows
    if kind == "gemini":
        rows = [event({"candidates": [{"content": {"parts": [{"text": part}]}}]}) for part in parts]
        if finish:
            reason = {"stop": "STOP", "length": "MAX_TOKENS"}[finish]
            usage = {"usageMetadata": {"promptTokenCount": tokens}} if tokens else {}
            rows.append(event({"candidates": [{"finishReason": reason}], **usage}))
        return rows
    rows = [event({"choices": [{"delta": {"content": part}}]}) for part in parts]
    if thoughts:
        rows.insert(0, event({"choices": [{"delta": {"reasoning": thoughts}}]}))
    if finish:
        usage = {"usage": {"prompt_tokens": tokens}} if tokens else {}
        rows += [event({"choices": [{"delta": {}, "finish_reason": finish}], **usage}), event("[DONE]")]
    return rows


def whole(kind: str, text: str, thoughts: str, finish: str, tokens: int | None) -> str:
    """An answer in one piece."""
    if kind == "anthropic":
        reason = {"stop": "end_turn", "length": "max_tokens"}[finish]
        usage = {"input_tokens": tokens} if tokens else {}
        return json.dumps(
            {"content": [{"type": "text", "text": text}], "stop_reason": reason, "usage": usage}
        )
    if kind == "ollama":
        message = {"content": text, "thinking": thoughts}
        return json.dumps(
            {"message": message, "done": True, "done_reason": finish, "prompt_eval_count": tokens}
        )
    if kind == "gemini":
        reason = {"stop": "STOP", "length": "MAX_TOKENS"}[finish]
        candidate = {"content": {"parts": [{"text": text}]}, "finishReason": reason}
        return json.dumps({"candidates": [candidate], "usageMetadata": {"promptTokenCount": tokens}})
    choice = {"message": {"content": text, "reasoning": thoughts}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": tokens}})


def broken_piece(kind: str) -> Event:
    if kind == "anthropic":
        return event(
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error"
        )
    return event({"error": {"message": "Provider disconnected", "code": 502}})

"""A model server on loopback that does what a test tells it, and remembers what it was asked."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.values import review


@dataclass(frozen=True)
class Answer:
    """One response: a status, headers, and pieces of the body that are sent one after the other.

    `cut` closes the connection after the pieces without an end; `hang` keeps it open until the server stops.
    `drop` closes it before anything is sent, `silent` sends nothing, `trickle` waits so many seconds before each
    piece, and `keep` leaves the connection open for the next request.
    """

    status: int = 200
    pieces: tuple[bytes, ...] = ()
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    cut: bool = False
    hang: bool = False
    drop: bool = False
    silent: bool = False
    trickle: float = 0.0
    keep: bool = False


def chunk(**choice: Any) -> bytes:
    row = {"object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, **choice}]}
    return b"data: " + json.dumps(row).encode() + b"\n\n"


SSE = (("Content-Type", "text/event-stream"),)


def streamed(
    text: str, *, finish: str | None = "stop", usage: tuple[int, int] | None = None, **extra: Any
) -> Answer:
    """A reply as a stream of three-letter pieces."""
    pieces = [chunk(delta={"role": "assistant", "content": None})]
    pieces += [chunk(delta={"content": text[at : at + 300]}) for at in range(0, len(text), 300)]
    pieces.append(chunk(delta={}, finish_reason=finish))
    if usage:
        row = {"choices": [], "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1]}}
        pieces.append(b"data: " + json.dumps(row).encode() + b"\n\n")
    return Answer(pieces=(*pieces, b"data: [DONE]\n\n"), headers=SSE, **extra)


def honest(body: dict[str, Any]) -> Answer:
    """A clean review of the files that the prompt really shows."""
    paths = re.findall(r"^=== (.+?) \(", body["messages"][1]["content"], re.MULTILINE)
    return streamed(review(files_reviewed=paths))


def plain(payload: Any, status: int = 200, **headers: str) -> Answer:
    """A whole JSON body."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, (json.dumps(payload).encode(),), (("Content-Type", "application/json"), *named))


def error(
    status: int, message: str = "no", code: str | None = None, param: str | None = None, **headers: str
) -> Answer:
    return plain(
        {"error": {"message": message, "type": "t", "code": code, "param": param}}, status, **headers
    )


Reply = Answer | Callable[[dict[str, Any]], Answer]


@dataclass
class ChatServer:
    """Answers `/v1/models` and `/v1/chat/completions`.

    `replies` maps a model to its answers in turn, the last one repeated; `default` serves all others.
    `paged` has answers for the beginnings of other paths.
    """

    models: Sequence[Any] = ("big", "small")
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    default: Reply = field(default_factory=lambda: streamed("{}"))
    listing: Answer | None = None
    paged: dict[str, Answer] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    most_at_once: int = 0
    at_once: int = 0

    def answer(self, body: dict[str, Any]) -> Answer:
        with self.lock:
            self.requests.append(body)
            queue = self.replies.get(body.get("model", ""))
            reply = self.default if not queue else queue.pop(0) if len(queue) > 1 else queue[0]
        answer = reply(body) if callable(reply) else reply
        named = json.dumps(body.get("model")).encode()
        return replace(
            answer, pieces=tuple(p.replace(b'"model": "m"', b'"model": ' + named) for p in answer.pieces)
        )

    def at(self, path: str, body: dict[str, Any] | None) -> Answer | None:
        """The answer to a request at this path, if it is not one of the usual ones; no body means GET."""
        known = next((found for start, found in self.paged.items() if path.startswith(start)), None)
        return known or (error(404, "no such path") if path == "/tokenize" else None)

    def list_models(self) -> Answer:
        rows = [
            model if isinstance(model, dict) else {"id": model, "object": "model"} for model in self.models
        ]
        return self.listing or plain({"object": "list", "data": rows})


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of this machine until the context ends; gives the address."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join(5)


@contextmanager
def running(server: ChatServer):
    """Serve on a free port until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def send(self, answer: Answer):
            if answer.drop or answer.silent:
                if answer.silent:
                    server.hanging.set()
                    server.stopping.wait(30)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if answer.keep:
                self.send_header("Content-Length", str(sum(map(len, answer.pieces))))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            for piece in answer.pieces:
                if answer.trickle:
                    server.stopping.wait(answer.trickle)
                self.wfile.write(piece)
                self.wfile.flush()
            if answer.keep:
                return
            if answer.hang:
                server.hanging.set()
                server.stopping.wait(30)
            self.close_connection = True

        def do_GET(self):
            server.paths.append(self.path)
            server.headers.append(dict(self.headers))
            known = server.at(self.path, None)
            listed = server.list_models() if self.path.endswith("/models") else error(404, "no such path")
            self.send(known or listed)

        def do_POST(self):
            server.paths.append(self.path)
            server.headers.append(dict(self.headers))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = server.at(self.path, body)
            if known is not None:
                self.send(known)
                return
            with server.lock:
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            try:
                answer = server.answer(body)
                if answer.cut:
                    # More is announced than comes.
                    answer = Answer(
                        answer.status, answer.pieces, (*answer.headers, ("Content-Length", "999999"))
                    )
                self.send(answer)
            except (BrokenPipeError, ConnectionResetError):
                pass
            finally:
                with server.lock:
                    server.at_once -= 1

    with listening(Handler) as address:
        server.url = f"{address}/v1"
        try:
            yield server
        finally:
            server.stopping.set()

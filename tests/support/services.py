"""One server that speaks to all providers in their own ways, each under its name, and reviews honestly."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.server import SSE, Answer, ChatServer, error, honest, plain
from tests.support.values import review


class AllServices(ChatServer):
    """Offers these models by provider, at `ADDRESS/PROVIDER`; `asked` has every prompt as provider/model."""

    def __init__(self, offered: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.offered = offered
        self.asked: list[str] = []

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    def at(self, path: str, body: dict[str, Any] | None) -> Answer:
        _, provider, *rest = path.partition("?")[0].split("/")
        inner = "/".join(rest)
        names = self.offered.get(provider, ())
        if body is None:
            return _listed(inner, names)
        if inner == "api/show":
            return plain({"capabilities": ["completion"], "model_info": {"x.context_length": 131072}})
        if inner.endswith("tokenize"):
            return error(404, "no such path")
        gemini = re.fullmatch(r".*models/(.+):streamGenerateContent", inner)
        model = gemini[1] if gemini else body["model"]
        with self.lock:
            self.asked.append(f"{provider}/{model}")
        return _answered(inner, body)


def _listed(path: str, names: Sequence[str]) -> Answer:
    if path == "api/tags":
        return plain({"models": [{"name": name, "model": name} for name in names]})
    if path == "api/ps":
        return plain({"models": []})
    if not path.endswith("models") or path.startswith("api/"):
        return error(404, "no such path")
    if path.startswith("v1beta"):
        return plain({"models": [{"name": f"models/{name}"} for name in names]})
    return plain({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


def _answered(path: str, body: dict[str, Any]) -> Answer:
    shown = re.findall(r"=== (.+?) \(", json.dumps(body, ensure_ascii=False))
    text = review(files_reviewed=sorted(set(shown)))
    if path == "api/chat":
        rows = [
            {"message": {"role": "assistant", "content": text}, "done": False},
            {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
        ]
        body_lines = "".join(json.dumps(row) + "\n" for row in rows)
        return Answer(200, (body_lines.encode(),), (("Content-Type", "application/x-ndjson"),))
    if path.endswith("/messages"):
        return plain(
            {
                "type": "message",
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "usage": {},
            }
        )
    if "streamGenerateContent" in path:
        row = {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]}
        return Answer(pieces=(f"data: {json.dumps(row)}\n\n".encode(),), headers=SSE)
    return honest(body)

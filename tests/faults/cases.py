"""What the cases of misbehaving servers have in common: pieces of answers, and what has to come of them."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.laboratory import KEY, Laboratory
from tests.support.server import SSE, Answer, Reply, error, honest, plain, streamed
from tests.support.values import finding, review

FILES = ["shop/part_0.py", "shop/part_1.py"]
QUOTE = "    return max(items) / len(items) + 3"
FOUND = finding(file="shop/part_0.py", quote=QUOTE, line=8)
CLEAN = review(files_reviewed=FILES)
PROBLEM = review(FOUND, files_reviewed=FILES)
JSON = (("Content-Type", "application/json"),)
BUSY = error(503, "busy")


@dataclass(frozen=True)
class Case:
    """What a model answers, and what has to come of it.

    `exit` 0 is a clean review, 3 an incomplete one; `calls` are requests to the model; `failures` errors by class;
    `says` stands in the report or on the terminal.
    """

    answers: Sequence[Reply]
    calls: int = 1
    failures: dict[str, int] = field(default_factory=dict)
    exit: int = 0
    says: tuple[str, ...] = ()
    settings: str = ""
    provider: str = ""
    slept: tuple[float, ...] | None = None
    status: str = ""


def events(*datas: object, end: bool = True) -> Answer:
    pieces = [f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n".encode() for one in datas]
    return Answer(pieces=(*pieces, *([b"data: [DONE]\n\n"] if end else [])), headers=SSE)


def message(content: object, finish: object = "stop", **more: object) -> Answer:
    choice: dict[str, object] = {"index": 0, "message": {"content": content, **more}}
    if finish != "absent":
        choice["finish_reason"] = finish
    return plain({"model": "big", "choices": [choice]})


def delta(content: object, finish: object = None, **more: object) -> dict[str, object]:
    return {
        "model": "big",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish, **more}],
    }


def counted(prompt_tokens: int) -> Callable[[dict[str, Any]], Answer]:
    """An honest answer that counts so many tokens for the prompt."""

    def answer(body):
        paths = re.findall(r"^=== (.+?) \(", body["messages"][1]["content"], re.MULTILINE)
        return streamed(review(files_reviewed=paths), usage=(prompt_tokens, 10))

    return answer


def only_small(limit: int, refusal: Answer) -> Reply:
    """Refuses prompts of more characters than this."""

    def answer(body):
        size = sum(len(message["content"]) for message in body["messages"])
        return refusal if size > limit else honest(body)

    return answer


def picky(field_name: str, refusal: Answer) -> Reply:
    """Refuses requests with a field."""
    return lambda body: refusal if field_name in body else honest(body)


def without(kind: str, refusal: Answer) -> Reply:
    """Refuses a kind of `response_format`."""
    return lambda body: refusal if body.get("response_format", {}).get("type") == kind else honest(body)


def play(case: Case, lab: Laboratory, *, address: str = "") -> None:
    """Review with the answers of a case, and see that everything came as it says."""
    made = lab.review({"big": case.answers}, settings=case.settings, provider=case.provider, address=address)
    wanted = {kind: count for kind, count in case.failures.items() if count}
    assert made.failures == wanted or set(made.failures) - set(wanted) == {"unreadable"}, made.said[-2000:]
    assert made.calls["big"] == case.calls
    assert made.report.usage.requests == case.calls or not case.calls, "all of them are counted"
    assert made.exit == case.exit, made.said[-2000:]
    assert made.status == (case.status or {0: "clean", 3: "incomplete"}[case.exit])
    for text in case.says:
        assert text in made.said
    if case.slept is not None:
        assert tuple(made.slept) == case.slept
    assert KEY not in made.said

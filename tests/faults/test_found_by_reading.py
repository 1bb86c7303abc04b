"""Faults that a critical reader found in the program, each kept as a test."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime

import anyio
import pytest

from reviewer.assemble import Frame, assemble
from reviewer.assignment import Assignment
from reviewer.changes.changeset import FileChange, FileStatus
from reviewer.cli import main
from reviewer.errors import (
    ModelMissingError,
    OutOfQuotaError,
    ProtocolError,
    RateLimitedError,
    ServerBrokenError,
)
from reviewer.models.answer import Candidate
from reviewer.models.ask import Asker
from reviewer.models.error_body import reset_wait
from reviewer.models.failures import Asked, classify, failure
from reviewer.models.health import Health
from reviewer.models.model import Endpoint, ModelRef
from reviewer.outputs.report import Status
from reviewer.plan import Plan, make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.tokens import Calibration
from reviewer.record import Record
from tests.models.test_ask import PROMPT
from tests.support.clock import VirtualTime
from tests.support.person import Person
from tests.support.server import ChatServer, error, honest, running
from tests.support.values import changes
from tests.test_pipeline import ROLES, WORDING

LAB = Asked("lab", "http://127.0.0.1:9/v1")


def body(message: str, **more: object) -> str:
    return json.dumps({"error": {"message": message, **more}})


def test_two_prompts_for_a_model_that_another_run_left_alone_do_not_block_each_other():
    """The first one is the probe; the second one has to wait for it, not spin."""

    class Shared:
        def cooldown_of(self, model: ModelRef) -> tuple[float, str] | None:
            return 30.0, "down"

        def opened(self, model: ModelRef, seconds: float, reason: str, kind: str) -> None: ...

        def closed(self, model: ModelRef) -> None: ...

    time = VirtualTime()
    asker = Asker(clock=time.clock, health=Health(shared=Shared()))
    chain = [Candidate(ModelRef("lab", "m"), Person("fine"))]

    async def both() -> list[str]:
        answers: list[str] = []

        async def one() -> None:
            answers.append((await asker.ask(PROMPT, chain, lambda reply: reply.text)).value)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(one)
        return answers

    assert time.go(both) == ["fine"] * 3


def test_a_part_without_changed_lines_that_was_never_answered_is_not_clean():
    renamed = FileChange("new.py", FileStatus.RENAMED, old_path="old.py")
    change = replace(changes(), files=(renamed,))
    role = ROLES["code_quality"]
    plan = make_plan(
        change, [Assignment(role, (ModelRef("a", "m"),))], WORDING, windows={}, calibration=Calibration()
    )
    assert plan.roles[0].prompts
    record = Record(plan.roles[0])
    report = assemble(
        Plan(change, plan.roles, WORDING),
        [record],
        Frame(RunPolicy(datetime.now(UTC)), 1.0, stopped="Ctrl-C"),
    )
    assert report.status is Status.INCOMPLETE
    assert [part.path for part in report.coverage.skipped] == ["new.py"]


def test_a_moment_is_no_duration():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(now.timestamp() + 20) * 1000)}
    assert reset_wait(headers, now) == 20.0
    assert reset_wait({**headers, "X-RateLimit-Reset": str(int(now.timestamp() + 7))}, now) == 7.0


CLASSES = {
    "not available for now": (503, body("The model is temporarily not available. Please try again later."), ServerBrokenError),
    "an upstream that is gone": (502, body("upstream host does not exist"), ServerBrokenError),
    "output, not name": (500, body("Invalid model output"), ServerBrokenError),
    "still an unknown model": (500, body("model 'x' not found"), ModelMissingError),
    "a limit inside a success": (200, body("slow down", code=429), RateLimitedError),
    "Anthropic's limit in a stream": (200, json.dumps({"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}), RateLimitedError),
    "no money inside a success": (200, body("Insufficient credits", code=402), OutOfQuotaError),
    "a page that forbids": (403, "<html>Cloudflare</html>", ProtocolError),
}  # fmt: skip


@pytest.mark.parametrize(("status", "text", "expected"), CLASSES.values(), ids=CLASSES)
def test_classes(status, text, expected):
    assert type(classify(LAB, status, text)) is expected


def test_a_short_wait_is_worth_waiting_for_whatever_else_is_said():
    text = body("You have reached your usage limit of requests per minute.")
    made = failure(LAB, 429, {"Retry-After": "20"}, text)
    assert isinstance(made, RateLimitedError)
    assert made.retry_after == 20
    assert isinstance(failure(LAB, 429, {}, text), OutOfQuotaError)


def test_a_loading_time_beside_a_text_is_known():
    made = classify(LAB, 503, '{"error": "Model x is currently loading", "estimated_time": 20.0}')
    assert getattr(made, "retry_after", None) == 20.0


def test_passwords_in_addresses_are_masked_too():
    target = Endpoint("lab", "openai", "http://bob:secret@127.0.0.1:9/v1?api-key=hidden")
    assert (
        target.masked("POST http://bob:secret@127.0.0.1:9/v1?api-key=hidden")
        == "POST http://127.0.0.1:9/v1?***"
    )


def test_a_recording_is_for_its_owner_only(lab, monkeypatch):
    monkeypatch.chdir(lab.repo.root)
    with running(ChatServer(models=("big",), default=honest)) as server:
        (lab.repo.root.parent / "own.toml").write_text(
            f'[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\n[defaults]\nmodel = "lab/big"\n'
        )
        assert (
            main(
                [
                    "run",
                    "HEAD~1..HEAD",
                    "--config",
                    "../own.toml",
                    "-q",
                    "--record",
                    "../rec",
                    "-o",
                    "../r.json",
                ]
            )
            == 0
        )
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (lab.repo.root.parent / "rec").iterdir()}
    assert modes == {0o600}


def test_more_attempts_are_really_made(lab):
    made = lab.review({"big": [error(500, "down")]}, settings="[run]\nattempts = 9\n")
    assert made.calls["big"] == 9

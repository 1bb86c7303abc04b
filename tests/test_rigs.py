"""Whole reviews by real servers, where somebody has set them up: RIG_HOME names the folder they live in."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reviewer.changes.target import Uncommitted
from reviewer.cli import main
from reviewer.commands.run import run
from reviewer.options import Common, RunOptions
from reviewer.outputs import json_report
from reviewer.outputs.report import Report
from tests.faults.laboratory import CountingClock
from tests.support.repository import Builder
from tests.support.shared import ROOT, require
from tests.support.trusting import agree

pytestmark = pytest.mark.rig


@contextmanager
def rig(name: str, **environment: str) -> Iterator[str]:
    """Start a server and give its address; skipped where it is not set up."""
    start = require("rigs", name, "start")
    if "RIG_HOME" not in os.environ:
        pytest.skip(f"RIG_HOME is not set: no {name} server to test against")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    env = {**os.environ, "HOME": os.environ["RIG_HOME"], **environment}
    done = subprocess.run([str(start), port], env=env, capture_output=True, text=True, check=True)
    facts = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    try:
        yield facts["base_url"]
    finally:
        os.kill(int(facts["pid"]), 15)


def reviewed(
    repo: Builder, address: str, model: str, *arguments: str, kind: str = "openai", key: str = ""
) -> tuple[int, Report]:
    named = f'api_key_env = "{key}"\n' if key else ""
    (repo.root.parent / "lab.toml").write_text(
        f'[providers.lab]\nkind = "{kind}"\nbase_url = "{address}"\n{named}[run]\ntimeout = "5m"\n'
    )
    command = [sys.executable, "-m", "reviewer", "run", "--config", "../lab.toml", "--model", f"lab/{model}"]
    done = subprocess.run(
        [*command, "-q", "-o", "../r.json", *arguments],
        cwd=repo.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    text = (repo.root.parent / "r.json").read_text()
    return done.returncode, json_report.parse(text, name="r.json")


@pytest.fixture
def change(repo: Builder) -> Builder:
    repo.commit({"a.py": "def f(x):\n    return x\n"})
    repo.write("a.py", "def f(x):\n    return x / 0\n")
    return repo


def test_llama_cpp_answers_by_schema(change):
    """Random weights: the words mean nothing, the way is the whole one, and nothing invented is believed."""
    with rig("llama-server") as address:
        status, made = reviewed(change, address, "tiny-random")
    assert (status, [review.status for review in made.reviews]) == (3, ["partial"] * 3)
    assert not any(review.unparsed for review in made.reviews), "all answers follow the schema"
    assert made.findings == ()
    assert made.usage.models[0].prompt_tokens


def test_llama_cpp_lists_its_models(change, monkeypatch, capsys):
    with rig("llama-server", RIG_API_KEY="sk-rig") as address:
        monkeypatch.setenv("LAB_KEY", "sk-rig")
        change.write(
            "reviewer.toml",
            f'[providers.lab]\nkind = "llamacpp"\nbase_url = "{address}"\napi_key_env = "LAB_KEY"\n',
        )
        agree(change.root)
        monkeypatch.chdir(change.root)
        monkeypatch.setenv("REVIEWER_DETECT", "false")
        assert main(["models"]) == 0
        assert "lab/tiny-random  (window 32,768 tokens)" in capsys.readouterr().out
        monkeypatch.setenv("LAB_KEY", "wrong")
        assert main(["run", "--model", "lab/tiny-random"]) == 2


MODES = {
    "plain": ({"RIG_MODE": "single"}, "tiny-random", (3, "partial")),
    "thinking": ({"RIG_MODE": "think"}, "tiny-think", (3, "partial")),
    "thinking in the answer": (
        {"RIG_MODE": "think", "RIG_ARGS": "--reasoning-format none"},
        "tiny-think",
        (3, None),
    ),
    "router": ({"RIG_MODE": "router"}, "tiny-random", (3, "partial")),
    "router with a broken model": ({"RIG_MODE": "router"}, "broken", (3, "failed")),
    "busy": ({"RIG_PARALLEL": "1"}, "tiny-random", (3, "partial")),
    "key": ({"RIG_API_KEY": "sk-rig"}, "tiny-random", (3, "partial")),
    "still loading": ({"RIG_NO_WAIT": "1"}, "tiny-random", (3, "partial")),
}


@pytest.mark.parametrize("mode", MODES)
def test_modes_of_llama_cpp(change, mode, monkeypatch):
    """Random words under a schema: read, and never believed; a model that cannot be loaded is a failed role."""
    environment, model, (expected, became) = MODES[mode]
    monkeypatch.setenv("LAB_KEY", "sk-rig")
    with rig("llama-server", **environment) as address:
        status, made = reviewed(change, address, model, kind="llamacpp", key="LAB_KEY")
    assert status == expected
    assert made.findings == ()
    assert made.status == "incomplete"
    if became is not None:
        assert {review.status.value for review in made.reviews} == {became}
    if became == "partial":
        assert made.usage.models[0].prompt_tokens


def test_a_window_that_is_too_small_is_said_before_anything_is_asked(change, capfd):
    with rig("llama-server", RIG_CTX="512") as address, pytest.raises(FileNotFoundError):
        reviewed(change, address, "tiny-random", kind="llamacpp")
    assert "lab/tiny-random has a window of 512 tokens, too few for role" in capfd.readouterr().err


PATHS = {"openai": "/v1", "anthropic": "/v1", "ollama": "", "openrouter": "/api/v1"}
MODELS = """review-json review-none review-fenced review-prose review-empty review-unicode review-truncated
review-filtered deepseek-r1-review claude-review-thinking review-tool review-cost rate-limited flaky overloaded
server-error bad-gateway no-credits quota-exceeded forbidden context-exceeded missing-model no-schema-support
stream-cut stream-disconnect stream-slow stream-keepalive garbled hung-up dropped rate-limited-retry-after"""


@pytest.mark.parametrize("kind", PATHS)
def test_emulated_answers_and_faults(change, kind, snapshot, monkeypatch):
    """Every model of the emulator on every path that it has: what came of it, in a line each.

    None of its answers says that it has read the file, so that none may look clean.
    """
    monkeypatch.setenv("LAB_KEY", "sk-rig")
    rows = []
    with rig("aimock") as address:
        base = address.removesuffix("/v1") + PATHS[kind]
        for model in MODELS.split():
            status, made = in_process(change, base, model, kind)
            assert made.status == "incomplete", model
            (review,) = made.reviews
            failures = ", ".join(
                f"{one.count} {one.kind}" for usage in made.usage.models for one in usage.failures
            )
            requests = sum(usage.requests for usage in made.usage.models)
            found = f"{len(made.findings)}+{len(made.unverified)} findings"
            rows.append(
                f"{model}: {review.status}, {requests} requests ({failures or 'all answered'}), {found}"
            )
            assert status == 3
    assert "\n".join(rows) == snapshot


def in_process(repo: Builder, address: str, model: str, kind: str) -> tuple[int, Report]:
    """Review without waiting for pauses."""
    file = repo.root.parent / "lab.toml"
    file.write_text(
        f'[providers.lab]\nkind = "{kind}"\nbase_url = "{address}"\napi_key_env = "LAB_KEY"\ntimeout = "20s"\n'
        f'[roles.code_quality]\nmodels = ["lab/{model}"]\n'
    )
    output = repo.root.parent / "r.json"
    output.unlink(missing_ok=True)
    options = RunOptions(
        Common(repo.root, config=file, quiet=True), Uncommitted(), ("code_quality",), output=str(output)
    )
    status = run(options, CountingClock().clock)
    return status, json_report.parse(output.read_text(), name="r.json")

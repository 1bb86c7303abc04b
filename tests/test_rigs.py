"""Whole reviews by real servers, where somebody has set them up: RIG_HOME names the folder they live in."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reviewer.cli import main
from reviewer.outputs import json_report
from reviewer.outputs.report import Report
from tests.support.repository import Builder
from tests.support.shared import ROOT, require

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


def reviewed(repo: Builder, address: str, model: str, *arguments: str) -> tuple[int, Report]:
    (repo.root.parent / "lab.toml").write_text(
        f'[providers.lab]\nkind = "openai"\nbase_url = "{address}"\n[run]\nattempts = 3\ntimeout = "5m"\n'
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
        monkeypatch.chdir(change.root)
        monkeypatch.setenv("REVIEWER_DETECT", "false")
        assert main(["models"]) == 0
        assert "lab/tiny-random  (window 32,768 tokens)" in capsys.readouterr().out
        monkeypatch.setenv("LAB_KEY", "wrong")
        assert main(["run", "--model", "lab/tiny-random"]) == 2


AIMOCK = {
    # Understood, but they do not say that they have read the file: no findings, or one about another file.
    "review-none": (3, "incomplete"),
    "review-unicode": (3, "incomplete"),
    "review-fenced": (3, "incomplete"),
    "deepseek-r1-review": (3, "incomplete"),
    "stream-keepalive": (3, "incomplete"),
    "flaky": (3, "incomplete"),
    "review-prose": (3, "incomplete"),
    "review-empty": (3, "incomplete"),
    "review-truncated": (3, "incomplete"),
    "review-filtered": (3, "incomplete"),
    "overloaded": (3, "incomplete"),
    "no-credits": (3, "incomplete"),
    "quota-exceeded": (3, "incomplete"),
    "forbidden": (3, "incomplete"),
    "context-exceeded": (3, "incomplete"),
    "missing-model": (3, "incomplete"),
    "stream-cut": (3, "incomplete"),
    "garbled": (3, "incomplete"),
    "hung-up": (3, "incomplete"),
}


UNDERSTOOD = {
    "review-none",
    "review-unicode",
    "review-fenced",
    "deepseek-r1-review",
    "stream-keepalive",
    "flaky",
}


def test_emulated_answers_and_faults(change):
    with rig("aimock") as address:
        outcomes = {}
        understood = set()
        for model in AIMOCK:
            status, made = reviewed(change, address, model, "--role", "code_quality")
            outcomes[model] = (status, str(made.status))
            if made.reviews[0].status == "partial" and not made.reviews[0].unparsed:
                understood.add(model)
    assert outcomes == AIMOCK
    assert understood >= UNDERSTOOD

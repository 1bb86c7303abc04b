"""What starts quickly, and that no command imports what it does not use."""

import json
import os
import subprocess
import sys
import time

import pytest

from tests.support.repository import Builder
from tests.support.shared import ROOT

HEAVY = {
    "git",
    "httpx",
    "pydantic",
    "jinja2",
    "rich",
    "tenacity",
    "anyio",
    "yaml",
    "json_repair",
    "detect_secrets",
    "lizard",
    "pathspec",
    "platformdirs",
}


def imported(folder, *arguments: str) -> set[str]:
    """The heavy libraries that a command loads."""
    code = (
        "import json, sys\n"
        "from reviewer.cli import main\n"
        f"status = main({list(arguments)!r})\n"
        "print('LOADED', json.dumps([status, sorted(sys.modules)]))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    status, names = json.loads(done.stdout.rsplit("LOADED ", 1)[1])
    assert status in {0, 3}, done.stderr
    return {name.split(".")[0] for name in names} & HEAVY


SETTINGS = {"pydantic", "jinja2", "platformdirs", "anyio"}
"""Reading settings and rendering prompts."""

COMMANDS = {
    "--version": (["--version"], set()),
    "--help": (["--help"], set()),
    "run --help": (["run", "--help"], set()),
    "report --help": (["report", "--help"], set()),
    "config keys": (["config", "keys"], SETTINGS | {"pathspec"}),
    "config show": (["config"], SETTINGS | {"git", "pathspec"}),
    "roles": (["roles"], SETTINGS | {"git", "pathspec"}),
    "prompt": (
        ["prompt", "architecture", "--commit", "HEAD"],
        SETTINGS | {"git", "pathspec", "detect_secrets"},
    ),
    "run with the built-in reviewer": (
        ["run", "--commit", "HEAD", "--model", "builtin", "-q"],
        SETTINGS | {"git", "pathspec", "rich", "tenacity", "yaml", "json_repair", "detect_secrets", "lizard"},
    ),
    "run --dry-run": (
        ["run", "--commit", "HEAD", "--model", "builtin", "--dry-run"],
        SETTINGS | {"git", "pathspec", "rich", "tenacity", "yaml", "json_repair"},
    ),
}


@pytest.mark.parametrize(("arguments", "allowed"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_imports_only_what_it_uses(repo: Builder, arguments, allowed):
    repo.commit({"a.py": "x = 1\n"})
    assert imported(repo.root, *arguments) <= allowed


def test_report_needs_neither_git_nor_a_model(repo: Builder):
    repo.commit({"a.py": "x = 1\n"})
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "reviewer",
        "run",
        "--commit",
        "HEAD",
        "--model",
        "builtin",
        "-q",
        "-o",
        "r.json",
    ]
    subprocess.run(command, cwd=repo.root, env=env, check=True)
    assert imported(repo.root, "report", "r.json") <= {"pydantic", "jinja2"}


def fastest(command: list[str], tries: int = 15) -> float:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    best = 9.0
    for _ in range(tries):
        started = time.perf_counter()
        subprocess.run(command, env=env, capture_output=True, check=True)
        best = min(best, time.perf_counter() - started)
    return best


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_version_and_help_start_quickly(flag):
    """At most three times an empty Python plus 60 ms, both measured in one run."""
    bare = fastest([sys.executable, "-c", "pass"])
    ours = fastest([sys.executable, "-m", "reviewer", flag])
    print(
        f"reviewer {flag}: {ours * 1000:.0f} ms, python -c pass: {bare * 1000:.0f} ms, ratio {ours / bare:.1f}"
    )
    assert ours <= 3 * bare + 0.060

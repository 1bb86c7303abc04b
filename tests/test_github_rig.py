"""The whole way on a GitHub on loopback that checks every request, where somebody has set it up.

RIG_HOME names the folder it lives in (a `github` below it, or itself). Skipped, with the reason, where it is not. There is
one of them, so that these tests run one after the other (`--dist loadfile`).
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reviewer.changes.target import PullRequest
from reviewer.cli import main
from reviewer.commands.action import action
from reviewer.commands.publish import PublishOptions, publish_report
from reviewer.commands.run import run
from reviewer.options import Common, RunOptions
from tests.support.clock import Clockwork
from tests.support.repository import Builder
from tests.support.server import ChatServer, running
from tests.support.shared import github_home, require
from tests.support.suspicious import Reviewer

pytestmark = pytest.mark.rig
PORT = "4110"


@dataclass(frozen=True)
class Rig:
    """A running GitHub."""

    folder: Path
    home: Path
    environment: dict[str, str]

    def tool(self, name: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(self.home / "venv" / "bin" / "python"), str(self.folder / name), *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, (name, *arguments, done.stdout, done.stderr)
        return done

    def ctl(self, *arguments: str) -> Any:
        said = self.tool("rigctl.py", *arguments).stdout
        try:
            return json.loads(said)
        except ValueError:
            return said

    def seed(self, *arguments: str) -> int:
        return int(self.ctl("seed", *arguments)["number"])

    def fault(self, **options: Any) -> None:
        words = []
        for name, value in options.items():
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        self.ctl("fault", *words)

    def journal(self) -> list[tuple[str, str]]:
        """Status and request, without numbers that change."""
        rows = [row.split() for row in self.ctl("journal").splitlines() if row.strip()]
        return [(row[0], f"{row[1]} {re.sub(r'/repos/acme/widget|[?].*', '', row[2])}") for row in rows]

    def refused(self) -> list[tuple[str, str]]:
        return [row for row in self.journal() if not row[0].startswith("2")]

    def api(self, path: str, token: str = "rig-admin-token", body: Any = None) -> Any:
        import urllib.request

        request = urllib.request.Request(
            f"http://127.0.0.1:{PORT}{path}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "User-Agent": "test",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def comments(self, number: int) -> list[Any]:
        return list(self.api(f"/repos/acme/widget/pulls/{number}/comments?per_page=100"))

    def summaries(self, number: int) -> list[str]:
        rows = self.api(f"/repos/acme/widget/issues/{number}/comments?per_page=100")
        return [row["body"] for row in rows if row["body"].startswith("<!-- reviewer:summary reviewer -->")]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    folder = require("rigs", "github")
    where = github_home()
    made = Rig(folder, where, {"RIG_HOME": str(where), "RIG_PORT": PORT, "HOME": str(where)})
    made.tool("rigctl.py", "down", check=False)
    made.tool("rigctl.py", "up", "--no-mock")
    try:
        yield made
    finally:
        made.tool("rigctl.py", "down", check=False)


@pytest.fixture
def model() -> Iterator[tuple[ChatServer, Reviewer]]:
    reviewer = Reviewer()
    with running(ChatServer(models=["big"], default=reviewer)) as server:
        yield server, reviewer


@pytest.fixture
def desk(rig, model, monkeypatch, tmp_path):
    """A folder that is no repository, the settings for the model, and a token that may write."""
    server, _ = model
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab.toml").write_text(
        f'[defaults]\nmodel = "lab/big"\n[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\n'
    )
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{PORT}")
    monkeypatch.setenv("GITHUB_SERVER_URL", f"http://127.0.0.1:{PORT}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/widget")
    monkeypatch.setenv("GITHUB_TOKEN", rig.ctl("tokens")["reviewer"]["token"])
    rig.ctl("journal", "--clear")
    return tmp_path


def reviewed(desk: Path, number: int) -> int:
    common = Common(desk, config=desk / "lab.toml", quiet=True)
    return run(RunOptions(common, PullRequest(str(number)), output=str(desk / "r.json")), Clockwork().clock)


def published(desk: Path, number: int, clock: Clockwork | None = None, **options: Any) -> int:
    made = PublishOptions(desk, str(desk / "r.json"), str(number), **options)
    return publish_report(made, (clock or Clockwork()).clock)


def both(desk: Path, number: int, **options: Any) -> None:
    assert reviewed(desk, number) == 0
    assert published(desk, number, **options) == 0


def test_opened_pushed_fixed_and_settled(rig, desk, model):
    number = rig.seed()
    both(desk, number)
    assert [(row["path"], row["line"]) for row in rig.comments(number)] == [("src/app.py", 10)]
    (first,) = rig.summaries(number)
    assert "**Findings.**" in first
    both(desk, number)
    assert len(rig.comments(number)) == 1, "nothing twice"
    assert len(rig.summaries(number)) == 1
    assert rig.refused() == []
    rig.ctl("push", str(number))
    both(desk, number)
    assert len(rig.comments(number)) == 1
    (second,) = rig.summaries(number)
    assert "**Fixed since the last review** (1)" in second
    assert len(rig.ctl("state")["minimized"]) == 1
    assert rig.refused() == []


def test_a_settled_thread_is_not_raised_again(rig, desk, model):
    number = rig.seed()
    both(desk, number)
    (comment,) = rig.comments(number)
    query = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved } } }"
    token = rig.ctl("tokens")["maintainer"]["token"]
    rig.api("/graphql", token, {"query": query, "variables": {"id": f"PRRT_{comment['id']}"}})
    both(desk, number)
    assert len(rig.comments(number)) == 1
    assert "settled" in rig.summaries(number)[0]


def test_a_failed_run_removes_nothing(rig, desk, model):
    number = rig.seed()
    both(desk, number)
    before = rig.summaries(number)[0]
    model[1].broken = True
    rig.ctl("push", str(number))
    assert reviewed(desk, number) == 3
    assert published(desk, number) == 3
    (after,) = rig.summaries(number)
    assert "The newest run of" in after
    assert before.splitlines()[-1] == after.splitlines()[-1]
    assert rig.refused() == []


def test_a_report_on_an_older_head_posts_nothing(rig, desk, model, capsys):
    number = rig.seed()
    assert reviewed(desk, number) == 0
    rig.ctl("push", str(number))
    assert published(desk, number) == 0
    assert "Nothing is posted: the report is about commit" in capsys.readouterr().out
    assert rig.comments(number) == []
    assert rig.summaries(number) == []


def test_a_dry_run_posts_nothing(rig, desk, model, capsys):
    number = rig.seed()
    assert reviewed(desk, number) == 0
    assert published(desk, number, dry_run=True) == 0
    said = capsys.readouterr().out
    assert f"##### New comment on pull request {number}" in said
    assert "##### Comment beside src/app.py:10 (new)" in said
    assert all(" POST" not in f" {what}" or "graphql" in what for _, what in rig.journal())


FAULTS = {
    "a broken gateway": {"status": 502},
    "a broken gateway after the write": {"status": 502, "after": True},
    "a connection that breaks": {"drop": True},
    "a connection that breaks after the write": {"drop": True, "after": True},
    "a secondary limit": {"status": 403, "header": "retry-after: 2"},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("path", ["/reviews$", "/issues/[0-9]+/comments$"])
def test_faults_of_the_host_leave_one_of_each(rig, desk, model, fault, path):
    number = rig.seed()
    assert reviewed(desk, number) == 0
    rig.fault(method="POST", path=path, **fault)
    clock = Clockwork()
    assert published(desk, number, clock) == 0
    assert len(rig.comments(number)) == 1
    assert len(rig.summaries(number)) == 1
    assert len(rig.refused()) == 1, "the planted one"
    if fault.get("header"):
        assert 2.0 in clock.slept


def test_a_refused_comment_is_sent_once_more_or_moved(rig, desk, model, capsys):
    number = rig.seed()
    assert reviewed(desk, number) == 0
    rig.fault(method="POST", path="/reviews$", status=422)
    assert published(desk, number) == 0
    assert len(rig.comments(number)) == 1
    assert "The host refused a comment" in capsys.readouterr().out
    other = rig.seed()
    assert reviewed(desk, other) == 0
    rig.fault(method="POST", path="/reviews$", status=422, times=2)
    assert published(desk, other) == 0
    assert rig.comments(other) == []
    (summary,) = rig.summaries(other)
    assert "Line with" in summary, "it is in the summary"


def test_a_token_without_rights_stops_nothing_but_the_writing(rig, desk, model, monkeypatch, capsys):
    number = rig.seed()
    assert reviewed(desk, number) == 0
    monkeypatch.setenv("GITHUB_TOKEN", rig.ctl("tokens")["readonly"]["token"])
    assert published(desk, number) == 2
    assert "Nothing was posted: the token may not do that" in capsys.readouterr().out


def test_checks_need_a_right_of_their_own(rig, desk, model, monkeypatch, capsys):
    number = rig.seed()
    both(desk, number, check=True)
    assert "The check was not set" in capsys.readouterr().out
    monkeypatch.setenv("GITHUB_TOKEN", rig.ctl("tokens")["full"]["token"])
    both(desk, number, check=True)
    assert "not set" not in capsys.readouterr().out


def test_more_files_than_the_diff_shows(rig, desk, model):
    number = rig.seed("--files", "320")
    both(desk, number)
    made = json.loads((desk / "r.json").read_text())
    assert any("it was put together from the" in note for note in made["target"]["notes"])
    assert len(made["coverage"]["reviewed"]) > 300
    rig.journal()
    refused = rig.refused()
    assert {status for status, _ in refused} == {"406"}, "which only asking shows"


def test_files_without_a_patch_are_named(rig, desk, model, tmp_path):
    repo = Builder.create(tmp_path / "many")
    repo.commit({"a.py": "x = 1\n", "picture.png": b"\x89PNG\0\1"})
    repo.branch("topic").commit(
        {f"f{number:03}.py": f"n = {number}\n" for number in range(301)}
        | {"a.py": "x = eval('1')\n", "picture.png": b"\x89PNG\0\2", "empty.py": ""}
    )
    number = rig.seed("--git-dir", str(repo.root / ".git"), "--base", "main", "--head", "topic")
    both(desk, number)
    made = json.loads((desk / "r.json").read_text())
    left = {part["path"]: part["reason"] for part in made["coverage"]["skipped"]}
    assert set(left) == {"picture.png", "empty.py"}
    assert all("GitHub shows no patch of it" in reason for reason in left.values())
    assert made["status"] == "findings"
    assert [(row["path"], row["line"]) for row in rig.comments(number)] == [("a.py", 1)]
    assert {status for status, _ in rig.refused()} == {"406"}, "which only asking shows"


def test_the_checkout_sees_more_than_the_host(rig, desk, model, monkeypatch):
    number = rig.seed()
    work = next(row for row in rig.ctl("state")["pulls"].items() if row[0].endswith(f"#{number}"))[1]
    clone = desk / "clone"
    subprocess.run(["git", "clone", "-q", work["git_dir"], str(clone)], check=True)
    monkeypatch.chdir(clone)
    rig.ctl("journal", "--clear")
    common = Common(clone, config=desk / "lab.toml", quiet=True)
    assert (
        run(RunOptions(common, PullRequest(str(number)), output=str(desk / "r.json")), Clockwork().clock) == 0
    )
    assert [what for _, what in rig.journal()] == ["POST /graphql", f"GET /pulls/{number}"]
    assert published(desk, number) == 0
    assert len(rig.comments(number)) == 1


def workflow(
    rig: Rig, desk: Path, monkeypatch, number: int, kind: str = "opened", **inputs: str
) -> tuple[int, dict[str, str]]:
    """The action's step on an event, in this process."""
    event = inputs.pop("event", "pull_request")
    token = inputs.pop("token", "reviewer")
    rig.ctl(
        "event", event, "--pr", str(number), "--action", kind, "--token", token, "--out", str(desk / "event")
    )
    made = json.loads((desk / "event" / "env.json").read_text())
    for name, value in made["env"].items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("GITHUB_TOKEN", made["token"])
    actor = inputs.pop("actor", "")
    if actor:
        monkeypatch.setenv("GITHUB_ACTOR", actor)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(desk / "event" / "event.json"))
    monkeypatch.setenv("RUNNER_TEMP", str(desk / "temp"))
    output, summary = desk / "output", desk / "summary"
    output.write_text("")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for name in [name for name in os.environ if name.startswith("REVIEWER_ACTION_")]:
        monkeypatch.delenv(name)
    for name, value in inputs.items():
        monkeypatch.setenv(f"REVIEWER_ACTION_{name.upper()}", value)
    monkeypatch.setenv("REVIEWER_DETECT", "false")
    rig.ctl("journal", "--clear")
    status = action(Clockwork().clock)
    found = re.findall(
        r"^(.+?)<<(end-[0-9a-f]{32})\n(.*?)\n\2$", output.read_text(), re.MULTILINE | re.DOTALL
    )
    return status, {name: value for name, _, value in found}


def test_the_action_on_every_event(rig, desk, model, monkeypatch, capsys):
    settings = (desk / "lab.toml").read_text()
    number = rig.seed()
    status, outputs = workflow(rig, desk, monkeypatch, number, settings=settings, fail_on="minor")
    assert (status, outputs["status"], outputs["minor"]) == (1, "findings", "1")
    assert Path(outputs["sarif"]).exists()
    assert len(rig.comments(number)) == 1
    assert rig.refused() == []
    assert "# Code review: pull request" in (desk / "summary").read_text()
    rig.ctl("push", str(number))
    status, outputs = workflow(
        rig, desk, monkeypatch, number, "synchronize", settings=settings, fail_on="minor"
    )
    assert (status, outputs["status"]) == (0, "clean")
    assert len(rig.comments(number)) == 1
    status, outputs = workflow(rig, desk, monkeypatch, number, "closed", settings=settings)
    assert (status, outputs["status"]) == (0, "skipped")
    draft = rig.seed("--draft")
    status, outputs = workflow(rig, desk, monkeypatch, draft, settings=settings)
    assert (status, outputs["status"]) == (0, "skipped")
    status, outputs = workflow(rig, desk, monkeypatch, draft, settings=settings, drafts="true")
    assert outputs["status"] == "findings"
    fork = rig.seed("--fork")
    capsys.readouterr()
    status, outputs = workflow(rig, desk, monkeypatch, fork)
    assert (status, outputs["status"]) == (0, "skipped")
    assert (
        "::notice title=reviewer::Not reviewed: this change has no access to keys." in capsys.readouterr().out
    )
    status, outputs = workflow(rig, desk, monkeypatch, fork, settings=settings)
    assert (status, outputs["status"]) == (0, "findings")
    assert "::notice file=src/app.py,line=10,endLine=10,title=Line with" in capsys.readouterr().out
    assert rig.comments(fork) == []
    assert rig.refused() == []
    robot = rig.seed()
    status, outputs = workflow(rig, desk, monkeypatch, robot, actor="dependabot[bot]")
    assert (status, outputs["status"]) == (0, "skipped")
    status, outputs = workflow(rig, desk, monkeypatch, fork, event="pull_request_target", settings=settings)
    assert (status, outputs["status"]) == (0, "findings")
    assert len(rig.comments(fork)) == 1, "there the token may write"


def test_two_jobs(rig, desk, model, monkeypatch):
    settings = (desk / "lab.toml").read_text()
    number = rig.seed()
    status, outputs = workflow(
        rig, desk, monkeypatch, number, settings=settings, mode="review", token="readonly"
    )
    assert status == 0
    assert rig.comments(number) == []
    kept = desk / "artifact.json"
    kept.write_bytes(Path(outputs["report-json"]).read_bytes())
    status, outputs = workflow(rig, desk, monkeypatch, number, mode="publish", report=str(kept))
    assert (status, outputs["status"]) == (0, "findings")
    assert len(rig.comments(number)) == 1


def test_nothing_that_was_posted_is_active(rig, desk, model):
    number = rig.seed()
    both(desk, number)
    for text in (*rig.summaries(number), *(row["body"] for row in rig.comments(number))):
        plain = re.sub(r"`[^`\n]*`", "", text).replace("\\<", "")
        for active in ("@octocat", "#12", "https://evil.example", "<img"):
            assert active not in plain


def in_runner(rig: Rig, desk: Path, number: int, token: str, *inputs: str) -> dict[str, Any]:
    """The whole action as the runner does it: its own environment, locked dependencies from the registry."""
    rig.ctl(
        "event", "pull_request", "--pr", str(number), "--action", "opened", "--token", token, "--out", "event"
    )
    root = Path(__file__).resolve().parents[1]
    given = [part for one in inputs for part in ("--input", one)]
    done = rig.tool(
        "run_action.py", str(root), "--event", "event", "--report", "made.json", *given, check=False
    )
    if "No matching distribution" in done.stdout or "Could not find a version" in done.stdout:
        pytest.skip("no package registry can be reached")
    made: dict[str, Any] = json.loads((desk / "made.json").read_text())
    assert made["conclusion"] == "success", done.stdout
    assert made["problems"] == []
    return made


def test_the_whole_action_in_a_runner(rig, desk, model):
    number = rig.seed()
    settings = f"settings={(desk / 'lab.toml').read_text()}"
    made = in_runner(rig, desk, number, "full", settings, "upload-sarif=true", "check=true")
    assert made["outputs"]["status"] == "findings"
    assert len(rig.comments(number)) == 1
    assert len(rig.ctl("state")["sarifs"]) == 1
    assert rig.refused() == []


def test_the_whole_action_for_a_fork_in_a_runner(rig, desk, model, monkeypatch):
    number = rig.seed("--fork")
    monkeypatch.setenv("REVIEWER_DETECT", "false")
    made = in_runner(rig, desk, number, "readonly", "upload-sarif=true", "check=true")
    assert made["outputs"]["status"] == "skipped"
    assert "this change has no access to keys" in json.dumps(made["annotations"])
    assert rig.comments(number) == []
    assert rig.refused() == []


def test_the_command_line_knows_it_all(desk, rig, model, capsys):
    """By number and by address, through the program's own entrance."""
    number = rig.seed()
    address = f"http://127.0.0.1:{PORT}/acme/widget/pull/{number}"
    assert main(["run", "--config", "lab.toml", "--pr", address, "-q", "-o", "r.json"]) == 0
    assert main(["publish", "r.json", "--pr", address, "--dry-run"]) == 0
    assert "##### New comment" in capsys.readouterr().out

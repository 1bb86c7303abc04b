"""The action's step in this process: events, rights, outputs, and what readers of a pull request see of it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reviewer.commands.action import action
from tests.support.clock import Clockwork
from tests.support.desk import BETTER
from tests.support.github import BOT, NAME, OWNER, READER, Fault


@pytest.fixture
def step(github, monkeypatch, tmp_path):
    """Runs the action's step on an event; returns its exit status and its outputs."""
    settings = Path("lab.toml").read_text()
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path / "temp"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    def run(kind: str = "opened", *, event: str = "pull_request", number: int = 1, **inputs: Any) -> Any:
        pull = github.pulls[number]
        base, head = github.ends(pull)
        own = {"full_name": f"{OWNER}/{NAME}"}
        data = {
            "action": kind,
            "number": number,
            "repository": own,
            "pull_request": {
                "number": number,
                "draft": pull.draft,
                "base": {"sha": base, "repo": own},
                "head": {"sha": head, "repo": {"full_name": "other/widget"} if pull.fork else own},
                "user": {"login": "somebody"},
            },
        }
        (tmp_path / "event.json").write_text(json.dumps(data))
        monkeypatch.setenv("GITHUB_EVENT_NAME", event)
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
        monkeypatch.setenv("GITHUB_ACTOR", inputs.pop("actor", "somebody"))
        output = tmp_path / "output"
        output.write_text("")
        monkeypatch.setenv("GITHUB_OUTPUT", str(output))
        with monkeypatch.context() as variables:
            for name, value in {"settings": settings, **inputs}.items():
                variables.setenv(f"REVIEWER_ACTION_{name.upper()}", value)
            status = action(Clockwork().clock)
        pattern = re.compile(r"^(.+?)<<(end-[0-9a-f]{32})\n(.*?)\n\2$", re.MULTILINE | re.DOTALL)
        return status, {name: value for name, _, value in pattern.findall(output.read_text())}

    return run


SKIPPED = (0, {"status": "skipped"})


def test_the_whole_step(github, step, tmp_path, capsys):
    status, outputs = step(fail_on="minor")
    assert status == 1
    assert {name: outputs[name] for name in ("status", "critical", "major", "minor", "cost")} == {
        "status": "findings",
        "critical": "0",
        "major": "0",
        "minor": "1",
        "cost": "",
    }
    assert json.loads(Path(outputs["report-json"]).read_text())["status"] == "findings"
    assert "eval(text)" in Path(outputs["report"]).read_text()
    assert json.loads(Path(outputs["sarif"]).read_text())["runs"]
    assert "# Code review: pull request 1: A change" in (tmp_path / "summary.md").read_text()
    assert (len(github.beside(1)), len(github.below(1))) == (1, 1)
    assert github.refused() == []
    said = capsys.readouterr().out
    assert "Posted: the summary, 1 new comment beside lines." in said
    assert "::notice file=" not in said, "what is posted is not said twice"
    github.repository.commit(BETTER)
    status, outputs = step("synchronize", fail_on="minor")
    assert (status, outputs["status"]) == (0, "clean")
    assert github.beside(1)[0].minimized == "outdated"


def test_what_is_printed_is_no_command(github, step, capsys):
    github.pulls[1].title = "::set-output name=x::y"
    github.pulls[1].body = "\n::error::no\n##[error]no\n"
    step()
    said = capsys.readouterr().out
    muted = False
    for row in said.split("\n"):
        if row.startswith("::stop-commands::"):
            token, muted = row.rpartition("::")[2], True
        elif muted and row == f"::{token}::":
            muted = False
        elif not muted:
            assert not row.startswith(("::set", "::error::no", "##[")), row


QUIET = {
    "closed": ({"kind": "closed"}, {}),
    "a draft": ({}, {"draft": True}),
    "closed meanwhile": ({}, {"open": False}),
    "a draft on a comment": ({"event": "issue_comment", "pull_request": "1"}, {"draft": True}),
    "closed and run by hand": ({"event": "workflow_dispatch", "pull_request": "1"}, {"open": False}),
}


@pytest.mark.parametrize(("how", "pull"), QUIET.values(), ids=QUIET)
def test_what_is_not_reviewed_is_said(github, step, model, capsys, how, pull):
    for name, value in pull.items():
        setattr(github.pulls[1], name, value)
    assert step(how.pop("kind", "opened"), **how) == SKIPPED
    assert "::notice title=reviewer::Not reviewed: pull request 1 is " in capsys.readouterr().out
    assert model[0].requests == []
    assert github.comments == []


def test_drafts_on_demand(github, step):
    github.pulls[1].draft = True
    assert step(drafts="true")[1]["status"] == "findings"


WITHOUT = {
    "a fork": ({}, {"fork": True}),
    "Dependabot": ({"actor": "dependabot[bot]"}, {}),
}


@pytest.mark.parametrize(("how", "pull"), WITHOUT.values(), ids=WITHOUT)
def test_without_secrets(github, step, capsys, how, pull):
    for name, value in pull.items():
        setattr(github.pulls[1], name, value)
    github.tokens["t-bot"] = READER
    assert step(settings="", **how) == SKIPPED
    said = capsys.readouterr().out
    assert "::notice title=reviewer::Not reviewed: this change has no access to keys. no model server" in said
    # A model of its own needs no key; nothing that the token may not do is tried.
    status, outputs = step(**how)
    assert (status, outputs["status"]) == (0, "findings")
    said = capsys.readouterr().out
    assert "::notice file=a.py,line=2,endLine=2,title=Line with return eval(text)::" in said
    assert ("the token of a run for a fork may not write" in said) == github.pulls[1].fork
    assert bool(github.refused()) != github.pulls[1].fork, "a fork's token is known not to write"
    assert github.comments == []


def test_a_missing_key_elsewhere_is_an_error(github, step, capsys):
    status, outputs = step(settings="")
    assert (status, outputs) == (2, {"status": "skipped"})
    assert "::error title=reviewer::no model server answers and no key is set" in capsys.readouterr().out
    assert github.comments == []


def test_a_broken_setting_of_a_fork_is_an_error_all_the_same(github, step, capsys):
    github.pulls[1].fork = True
    status, _ = step(settings="[defaults\n")
    assert status == 2
    assert "::error title=reviewer::" in capsys.readouterr().out


def test_under_pull_request_target_forks_get_comments(github, step):
    github.pulls[1].fork = True
    assert step(event="pull_request_target")[1]["status"] == "findings"
    assert len(github.beside(1)) == 1


@pytest.mark.parametrize("how", ["the head", "a merge of it", "a commit on top of it", "the base"])
def test_under_pull_request_target_the_head_is_never_checked_out(
    github, step, monkeypatch, tmp_path, capsys, how
):
    clone = tmp_path / "clone"
    repo = github.repository
    repo.git("clone", "-q", str(repo.root), str(clone))
    here = type(repo)(clone)
    here.git("checkout", "-q", "main")
    if how == "a merge of it":
        here.git("merge", "-q", "--no-ff", "origin/topic", "-m", "merge")
    elif how != "the base":
        here.git("checkout", "-q", "--detach", "origin/topic")
        if how != "the head":
            here.commit({"c.py": "c = 1\n"})
    monkeypatch.chdir(clone)
    status, outputs = step(event="pull_request_target")
    said = capsys.readouterr().out
    assert (status, outputs["status"]) == ((0, "findings") if how == "the base" else (2, "skipped"))
    assert ("is checked out under pull_request_target" in said) == (how != "the base")


def test_a_clone_in_a_folder_of_the_workspace_counts_too(github, step, capsys):
    repo = github.repository
    repo.git("clone", "-q", "-b", "topic", str(repo.root), str(Path.cwd() / "head"))
    assert step(event="pull_request_target")[0] == 2
    assert "is checked out under pull_request_target" in capsys.readouterr().out


def test_a_clone_that_git_does_not_trust_is_not_taken_for_none(github, step, monkeypatch, tmp_path, capsys):
    """As in a container, where the checkout belongs to somebody else."""
    repo = github.repository
    repo.git("clone", "-q", "-b", "topic", str(repo.root), str(tmp_path / "clone"))
    repo.git("config", "--global", "--add", "safe.directory", str(repo.root))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "true")
    monkeypatch.chdir(tmp_path / "clone")
    status, outputs = step()
    said = capsys.readouterr().out
    assert (status, outputs["status"]) == (0, "findings")
    assert (
        "::notice title=reviewer::The clone is not used, and the change is read through the API: git does not trust"
        in said
    )
    status, outputs = step(event="pull_request_target")
    assert (status, outputs["status"]) == (2, "skipped")
    assert "::error title=reviewer::git does not trust this repository's owner" in capsys.readouterr().out


def test_a_shallow_merge_of_the_head_is_seen_too(github, step, monkeypatch, tmp_path, capsys):
    repo = github.repository
    repo.git("checkout", "-q", "-b", "merged", "main")
    repo.git("merge", "-q", "--no-ff", "topic", "-m", "merge")
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--depth", "1", "-b", "merged", f"file://{repo.root}", str(clone))
    monkeypatch.chdir(clone)
    status, _ = step(event="pull_request_target")
    assert status == 2
    assert "is checked out under pull_request_target" in capsys.readouterr().out


def test_incomplete_is_a_warning_and_fails_only_on_demand(github, step, model, capsys):
    model[1].broken = True
    status, outputs = step(check="true")
    assert (status, outputs["status"]) == (0, "incomplete")
    assert "::warning title=Review incomplete::" in capsys.readouterr().out
    assert [one["conclusion"] for one in github.checks] == ["neutral"]
    assert step(fail_when_incomplete="true")[0] == 3


def test_dependabot_with_rights_gets_comments(github, step):
    assert step(actor="dependabot[bot]")[1]["status"] == "findings"
    assert len(github.beside(1)) == 1


FORBIDDEN = {
    "data": None,
    "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}],
}
TROUBLE = {
    "it may not read comments": (
        [Fault("POST", "graphql", 200, body=FORBIDDEN, times=9)],
        "Nothing was posted: the token may not do that",
    ),
    "the pull request is not there any more": (
        [Fault("GET", "/pulls/1$", 404, times=9, first=2)],
        "::warning title=reviewer::Not everything was posted: it is not there",
    ),
    "the host is down": (
        [Fault("POST", "/reviews$", 502, times=9)],
        "::warning title=reviewer::Not everything was posted: ",
    ),
    "the summary is refused": (
        [Fault("POST", "/issues/1/comments$", 422, times=9)],
        "The summary was not posted: the code host does not take it",
    ),
    "the summary is not permitted": (
        [Fault("POST", "/issues/1/comments$", 403, times=9)],
        "The summary was not posted: the token may not do that",
    ),
    "the check is refused": (
        [Fault("POST", "/check-runs$", 422, times=9)],
        "The check was not set: the code host does not take it",
    ),
}


@pytest.mark.parametrize("fail_on", ["none", "minor"])
@pytest.mark.parametrize(("faults", "said"), TROUBLE.values(), ids=TROUBLE)
def test_trouble_while_posting_changes_no_result_and_loses_no_finding(
    github, step, capsys, faults, said, fail_on
):
    github.faults += [replace(fault) for fault in faults]
    status, outputs = step(check="true", fail_on=fail_on)
    assert (status, outputs["status"]) == ((1 if fail_on == "minor" else 0), "findings")
    told = capsys.readouterr().out
    assert said in told
    # Readers see it on the pull request, or as an annotation.
    posted = any(one.body.startswith("<!-- reviewer:summary") for one in github.below(1))
    assert ("file=a.py,line=2" in told) != posted


def test_trouble_in_a_job_that_only_posts_is_its_failure(github, step, tmp_path, capsys):
    _, outputs = step(mode="review")
    kept = tmp_path / "artifact.json"
    kept.write_bytes(Path(outputs["report-json"]).read_bytes())
    github.faults.append(Fault("POST", "/reviews$", 502, times=9))
    assert step(mode="publish", report=str(kept), settings="")[0] == 2
    told = capsys.readouterr().out
    assert "::error title=reviewer::127.0.0.1" in told
    assert "file=a.py,line=2" in told


def test_nothing_is_posted_on_demand(github, step, capsys):
    status, outputs = step(comment="false", check="true")
    assert (status, outputs["status"]) == (0, "findings")
    assert github.comments == []
    assert [one["name"] for one in github.checks] == ["reviewer"]
    assert "::notice file=a.py,line=2" in capsys.readouterr().out


def test_a_token_that_may_not_write_leaves_annotations(github, step, capsys):
    github.tokens["t-bot"] = READER
    status, _ = step(check="true")
    said = capsys.readouterr().out
    assert status == 0
    assert "Nothing was posted: the token may not do that" in said
    assert "The check was not set: the token may not do that" in said
    assert "::notice file=a.py,line=2" in said


def test_two_jobs(github, step, tmp_path):
    github.tokens["t-bot"] = READER
    status, outputs = step(mode="review")
    assert status == 0
    assert github.comments == []
    kept = tmp_path / "artifact.json"
    kept.write_bytes(Path(outputs["report-json"]).read_bytes())
    github.tokens["t-bot"] = BOT
    (tmp_path / "summary.md").unlink()
    status, outputs = step(mode="publish", report=str(kept), settings="")
    assert (status, outputs["status"]) == (0, "findings")
    assert (len(github.beside(1)), len(github.below(1))) == (1, 1)
    assert not (tmp_path / "summary.md").exists(), "the other job has shown it"
    github.repository.commit(BETTER)
    step("synchronize", mode="publish", report=str(kept), settings="")
    assert (len(github.beside(1)), len(github.below(1))) == (1, 1)


def test_reviews_of_two_names(github, step):
    ids = []
    for name, check in (("one", "false"), ("two", "true")):
        _, outputs = step(name=name, check=check)
        ids += [
            run["automationDetails"]["id"] for run in json.loads(Path(outputs["sarif"]).read_text())["runs"]
        ]
    assert ids == ["one/", "two/"], "of two with one name, GitHub keeps one"
    assert [one.body.split("\n")[0] for one in github.below(1)] == [
        "<!-- reviewer:summary one -->",
        "<!-- reviewer:summary two -->",
    ]
    assert [one["name"] for one in github.checks] == ["two"]


WRONG = {
    "mode": ({"mode": "both"}, "input mode: 'both' is none of all, review, publish."),
    "yes": ({"check": "yes"}, "input check: 'yes' is neither true nor false."),
    "name": ({"name": "a b"}, "'a b' is no name for a review"),
    "no report": ({"mode": "publish"}, "mode publish needs the input report"),
    "a report that is none": ({"mode": "publish", "report": "nowhere.json"}, "nowhere.json"),
    "severity": ({"fail_on": "huge"}, "input fail-on"),
    "no pull request": ({"event": "push"}, "the event push has no pull request"),
    "an unknown one": (
        {"event": "push", "pull_request": "77"},
        "it is not there, or the token may not see it",
    ),
}


@pytest.mark.parametrize(("how", "why"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_an_annotation(github, step, capsys, how, why):
    status, outputs = step(**how)
    assert (status, outputs["status"]) == (2, outputs["status"])
    said = capsys.readouterr().out
    assert "::error title=reviewer::" in said
    assert why in said
    assert github.comments == []


def test_inputs_are_settings(github, step, model):
    github.repository.commit({"docs/a.py": "eval(1)\n", "gen/b.py": "eval(2)\n"})
    step(
        include="**/*.py\ndocs/**",
        exclude="gen/**, b.py",
        min_severity="major",
        roles="code_quality",
        verify="off",
    )
    asked = json.dumps(model[0].requests)
    assert "docs/a.py" in asked
    assert "gen/b.py" not in asked
    assert github.beside(1) == []
    assert len({request["messages"][0]["content"] for request in model[0].requests}) <= 2


def test_models_by_role(github, step, model):
    step(model="lab/small\ncode_quality=lab/big,lab/small")
    assert {request["model"] for request in model[0].requests} == {"big", "small"}


def test_nothing_to_review(github, step, capsys):
    github.repository.git("reset", "-q", "--hard", "main")
    status, outputs = step()
    assert (status, outputs["status"]) == (0, "nothing to review")
    assert "Nothing to review" in github.below(1)[0].body


@pytest.mark.parametrize("fits", [True, False])
def test_the_summary_of_a_step_is_never_too_long_for_the_page(github, step, tmp_path, monkeypatch, fits):
    from reviewer.commands import workflow

    assert workflow._MOST_SUMMARY < 1024 * 1024, "what GitHub takes"
    if not fits:
        monkeypatch.setattr(workflow, "_MOST_SUMMARY", 2000)
    step(comment="false")
    shown = (tmp_path / "summary.md").read_text()
    assert ("## Coverage" in shown) == fits
    assert "eval" in shown
    assert fits or len(shown.encode()) <= 2000


def test_a_host_that_fails_is_an_error(github, step, capsys):
    github.faults.append(Fault("GET", "/pulls/1", 500, times=99))
    status, outputs = step()
    assert (status, outputs["status"]) == (2, "skipped")
    assert re.search(
        r"::error title=reviewer::127\.0\.0\.1%3A\d+ cannot be asked now|::error title=reviewer::127",
        capsys.readouterr().out,
    )


def test_every_input_of_the_action_is_one_that_the_step_knows():
    import yaml

    root = Path(__file__).resolve().parents[1]
    made = yaml.safe_load((root / "action.yml").read_text("utf-8"))
    step = next(step for step in made["runs"]["steps"] if step.get("id") == "review")
    text = "".join(
        (root / "reviewer" / "commands" / name).read_text("utf-8") for name in ("action.py", "workflow.py")
    )
    given = {
        name.removeprefix("REVIEWER_ACTION_").lower().replace("_", "-")
        for name in step["env"]
        if name.startswith("REVIEWER_ACTION_") and "API_KEY" not in name
    }
    assert given == {name for name in given if f'"{name}"' in text}
    elsewhere = {"upload-sarif", "github-token", "python-version", "api-key"}
    keys = {name for name in made["inputs"] if name.endswith("-api-key")}
    assert set(made["inputs"]) == given | elsewhere | keys


def test_nothing_of_the_reviewed_repository_runs_when_the_action_is_installed():
    import yaml

    made = yaml.safe_load((Path(__file__).resolve().parents[1] / "action.yml").read_text("utf-8"))
    scripts = [step for step in made["runs"]["steps"] if "run" in step]
    for script in scripts:
        for row in script["run"].split("\n"):
            for module in re.findall(r"python\"? (.*?)-m ", row):
                assert module.strip() in {"-I", "-P"}, row
    assert len(scripts) == 2
    assert scripts[0]["working-directory"] == "${{ runner.temp }}"
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in made["runs"]["steps"] if "uses" in step)

"""`reviewer hook`: what is committed or pushed, quick and quiet, with every way in which there is no model."""

import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reviewer.cli import main
from reviewer.config.places import cache_folder
from tests.support.repository import Builder
from tests.support.server import Answer, ChatServer, error, honest, running, streamed
from tests.support.values import finding, review

CODE = "def mean(items):\n    return sum(items) / len(items)\n"


@pytest.fixture
def server():
    with running(ChatServer(models=["big"], default=honest)) as started:
        yield started


@pytest.fixture
def shop(repo: Builder, monkeypatch) -> Builder:
    """A repository with a staged change."""
    repo.git("config", "user.email", "a@example.com")
    repo.commit({"a.py": "x = 1\n"}, "start")
    repo.write("cart.py", CODE).git("add", "-A")
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("REVIEWER_DETECT", "false")
    for name in list(os.environ):
        if name.startswith("PRE_COMMIT") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    return repo


def model(monkeypatch, server) -> None:
    """Use a server without a file in the repository."""
    monkeypatch.setenv("REVIEWER_PROVIDERS__LAB__KIND", "openai")
    monkeypatch.setenv("REVIEWER_PROVIDERS__LAB__BASE_URL", getattr(server, "url", server))
    monkeypatch.setenv("REVIEWER_MODEL", "lab/big")
    monkeypatch.setenv("REVIEWER_RUN__ATTEMPTS", "1")


def finds(body: dict[str, Any]) -> Answer:
    paths = re.findall(r"^=== (.+?) \(", body["messages"][1]["content"], re.MULTILINE)
    claim = finding(
        file="cart.py", line=2, quote="    return sum(items) / len(items)", title="Division by zero"
    )
    return streamed(review(claim, files_reviewed=paths))


def hook(capsys, *arguments: str) -> tuple[int, str]:
    status = main(["hook", *arguments])
    said = capsys.readouterr()
    return status, re.sub(r"\d{8}-\d{6}(-\d+)?", "STAMP", said.out + said.err)


def test_silent_when_clean(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    assert hook(capsys, "commit") == (0, "")
    assert not (shop.root / "reports").exists()


def test_findings_as_compilers_write_them(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    server.default = finds
    assert hook(capsys, "commit") == (
        0,
        "cart.py:2: major: Division by zero\nreviewer: report: reports/review-STAMP.md\n",
    )
    assert hook(capsys, "commit", "--fail-on", "major") == (
        1,
        "cart.py:2: major: Division by zero\n"
        "reviewer: The gate for findings from major on was reached: the run fails.\n"
        "reviewer: report: reports/review-STAMP.md\n",
    )


def test_the_index_is_reviewed_not_the_disk(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.write("cart.py", CODE + "UNSTAGED = 1\n").write("untracked.py", "UNTRACKED = 1\n")
    assert hook(capsys, "commit")[0] == 0
    asked = str(server.requests)
    assert "sum(items)" in asked
    assert "UNSTAGED" not in asked
    assert "UNTRACKED" not in asked


def test_an_index_of_its_own_as_for_commits_of_some_paths(shop, server, monkeypatch, capsys, tmp_path):
    model(monkeypatch, server)
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    shop.git("read-tree", "HEAD")
    shop.write("other.py", "OTHER = 1\n").git("add", "other.py")
    assert hook(capsys, "commit") == (0, "")
    assert "OTHER" in str(server.requests)
    assert "sum(items)" not in str(server.requests)


def test_the_same_content_is_answered_from_memory(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    server.default = finds
    first = hook(capsys, "commit", "--fail-on", "major")
    asked = len(server.requests)
    assert hook(capsys, "commit", "--fail-on", "major") == first
    assert len(server.requests) == asked
    hook(capsys, "commit", "--fail-on", "major", "--no-cache")
    assert len(server.requests) > asked, "asked again on demand"


CHANGES = {
    "content": lambda shop: shop.write("cart.py", CODE + "Y = 1\n").git("add", "-A"),
    "settings": lambda shop: shop.write("reviewer.toml", '[gate]\nfail_on = "minor"\n'),
    "prompts": lambda shop: shop.write(".reviewer/prompts/partials/severity.md.j2", "# Severity\n"),
    "guidance": lambda shop: shop.write("REVIEW.md", "Be kind.\n"),
    "ignored files": lambda shop: shop.write(".reviewerignore", "docs/\n"),
    "commit": lambda shop: shop.git("commit", "-q", "--allow-empty", "-m", "x", "--only"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_decides_is_looked_at_again(shop, server, monkeypatch, capsys, change):
    model(monkeypatch, server)
    hook(capsys, "commit")
    asked = len(server.requests)
    change(shop)
    hook(capsys, "commit")
    assert len(server.requests) > asked


def test_other_flags_ask_again_and_chatter_does_not(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    hook(capsys, "commit")
    asked = len(server.requests)
    hook(capsys, "commit", "--no-color")
    assert len(server.requests) == asked
    hook(capsys, "commit", "--role", "code_quality")
    assert len(server.requests) > asked


def test_a_report_that_is_gone_is_made_again(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    server.default = finds
    hook(capsys, "commit")
    asked = len(server.requests)
    for file in (shop.root / "reports").glob("review*"):
        file.unlink()
    hook(capsys, "commit")
    assert len(server.requests) > asked


def test_a_damaged_memory_is_no_memory(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    hook(capsys, "commit")
    (kept,) = (cache_folder() / "hooks").glob("*.json")
    kept.write_text("{")
    asked = len(server.requests)
    assert hook(capsys, "commit") == (0, "")
    assert len(server.requests) > asked


def dead(shop, monkeypatch, capsys):
    model(monkeypatch, "http://127.0.0.1:9/v1")
    return "Connection|connect|refused"


def no_server(shop, monkeypatch, capsys):
    return "no model server answers and no key is set"


def no_key(shop, monkeypatch, capsys):
    monkeypatch.setenv("REVIEWER_MODEL", "openai/gpt-5")
    return "provider openai needs a key"


def untrusted(shop, monkeypatch, capsys):
    shop.write("reviewer.toml", '[providers.lab]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n')
    return "where your code and keys go is for you to say"


NOBODY = [dead, no_server, no_key, untrusted]


@pytest.mark.parametrize("how", NOBODY)
def test_without_a_model_it_passes_with_one_line(shop, monkeypatch, capsys, how):
    why = how(shop, monkeypatch, capsys)
    status, said = hook(capsys, "commit")
    assert status == 0
    assert said.count("\n") == 1
    assert re.match(rf"reviewer: not reviewed: .*(?:{why})", said)
    assert "--when-unavailable block" in said
    assert not (shop.root / "reports").exists()


@pytest.mark.parametrize("how", NOBODY)
def test_or_blocks(shop, monkeypatch, capsys, how):
    how(shop, monkeypatch, capsys)
    status, said = hook(capsys, "commit", "--when-unavailable", "block")
    assert status == 3
    assert said.startswith("reviewer: not reviewed: ")


@pytest.mark.parametrize("how", NOBODY)
def test_or_applies_rules(shop, monkeypatch, capsys, how):
    how(shop, monkeypatch, capsys)
    shop.write("cart.py", "def f(x=[]):\n    breakpoint()\n").git("add", "cart.py")
    status, said = hook(capsys, "commit", "--when-unavailable", "builtin", "--fail-on", "major")
    assert status == 1
    assert said.startswith("reviewer: by rules only: ")
    assert "cart.py:2: major: Debugger call left in the code\n" in said


def test_what_is_not_answered_in_time_is_reported(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)

    def slow(body):
        task = body["messages"][0]["content"]
        return finds(body) if "Code quality" in task else Answer(silent=True)

    server.default = slow
    began = time.monotonic()
    status, said = hook(capsys, "commit", "--time-box", "2s")
    assert time.monotonic() - began < 30
    assert status == 0
    assert said.startswith(
        "cart.py:2: major: Division by zero\nreviewer: not reviewed completely: Architecture, "
    )
    assert "time limit" in said
    assert hook(capsys, "commit", "--time-box", "2s", "--when-unavailable", "block")[0] == 3


def test_a_server_that_says_nothing_costs_the_time_box_at_most(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    server.listing = Answer(silent=True)
    server.default = Answer(silent=True)
    status, said = hook(capsys, "commit", "--time-box", "1s")
    assert (status, said.count("\n")) == (0, 1)
    assert "time" in said


def test_a_key_that_is_refused(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    server.default = error(401, "bad key")
    status, said = hook(capsys, "commit")
    assert status == 0
    assert said.startswith("reviewer: not reviewed: ")


def test_a_wrong_setting_is_an_error(shop, monkeypatch, capsys):
    shop.write("reviewer.toml", "[gate\n")
    status, said = hook(capsys, "commit")
    assert status == 2
    assert "reviewer.toml" in said


def test_nothing_staged_and_only_left_out_files_are_silent(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q")
    assert hook(capsys, "commit") == (0, "")
    shop.write("uv.lock", "x\n").git("add", "uv.lock")
    assert hook(capsys, "commit") == (0, "")
    assert server.requests == []


def test_a_file_that_could_not_be_reviewed_is_named(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    monkeypatch.setenv("REVIEWER_SCOPE__MAX_FILE_BYTES", "1000")
    shop.git("reset", "-q")
    shop.write("big.py", "x = 1\n" * 1000).git("add", "big.py")
    assert hook(capsys, "commit")[1].startswith("reviewer: not reviewed: big.py: ")
    assert list((cache_folder() / "hooks").glob("*")) == [], "it is said again"
    assert hook(capsys, "commit", "--when-unavailable", "block")[0] == 3


def test_in_a_merge_only_what_differs_from_both_sides(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    shop.commit({"both.py": "a = 1\n"})
    shop.branch("side").commit({"both.py": "a = 2\n", "theirs.py": "THEIRS = 1\n"})
    shop.git("checkout", "-q", "main")
    shop.commit({"both.py": "a = 3\n", "ours.py": "OURS = 1\n"})
    shop.git("merge", "-q", "--no-commit", "-s", "ours", "side")
    shop.git("checkout", "side", "--", "theirs.py")
    shop.write("both.py", "RESOLVED = 1\n").git("add", "both.py")
    assert hook(capsys, "commit") == (0, "")
    asked = str(server.requests)
    assert "RESOLVED" in asked
    assert "THEIRS" not in asked


def test_a_merge_without_conflicts_is_silent(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    shop.branch("side").commit({"theirs.py": "THEIRS = 1\n"})
    shop.git("checkout", "-q", "main")
    shop.commit({"ours.py": "OURS = 1\n"})
    shop.git("merge", "-q", "--no-commit", "side")
    assert hook(capsys, "commit") == (0, "")
    assert server.requests == []


def test_in_a_merge_that_does_not_stop_it_is_the_same(shop, server, monkeypatch, capsys):
    """git has not written MERGE_HEAD then; it runs a real hook here, which calls this very program."""
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    shop.commit({"both.py": "a = 1\n\n\n\n\nb = 1\n"})
    shop.branch("side").commit({"both.py": "a = 1\n\n\n\n\nb = 2\n", "theirs.py": "THEIRS = 1\n"})
    shop.git("checkout", "-q", "main")
    shop.commit({"both.py": "a = 3\n\n\n\n\nb = 1\n", "ours.py": "OURS = 1\n"})
    place = shop.root / ".git" / "hooks" / "pre-merge-commit"
    root = Path(__file__).resolve().parents[1]
    place.write_text(f"#!/bin/sh\nPYTHONPATH='{root}' exec '{sys.executable}' -m reviewer hook commit\n")
    place.chmod(0o755)
    shop.git("merge", "-q", "side", "-m", "merge")
    asked = str(server.requests)
    assert "both.py" in asked
    assert "THEIRS" not in asked


def test_of_several_merged_heads_all_count(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    for name in ("one", "two"):
        shop.git("checkout", "-q", "-b", name, "main")
        shop.commit({f"{name}.py": f"{name.upper()} = 1\n"})
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--no-commit", "one", "two")
    assert hook(capsys, "commit") == (0, "")
    assert server.requests == []


def test_attributes_in_folders_count_for_the_same_content(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.commit({"sub/.gitattributes": ""})
    shop.write("sub/more.py", "MORE = 1\n").git("add", "-A")
    assert hook(capsys, "commit") == (0, "")
    asked = len(server.requests)
    assert hook(capsys, "commit") == (0, "")
    assert len(server.requests) == asked
    shop.write("sub/.gitattributes", "more.py linguist-generated\n")
    assert hook(capsys, "commit") == (0, "")
    assert len(server.requests) == asked, "nothing is left to review"
    assert len(list((cache_folder() / "hooks").glob("*.json"))) == 2


def test_a_merge_is_not_the_same_content_as_a_commit(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    shop.branch("side").commit({"theirs.py": "THEIRS = 1\n"})
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--no-commit", "--no-ff", "side")
    assert hook(capsys, "commit") == (0, "")
    assert server.requests == []
    (shop.root / ".git" / "MERGE_HEAD").unlink()
    assert hook(capsys, "commit") == (0, "")
    assert "THEIRS" in str(server.requests)


def push(monkeypatch, start: str, end: str, remote: str = "origin") -> None:
    monkeypatch.setenv("PRE_COMMIT_FROM_REF", start)
    monkeypatch.setenv("PRE_COMMIT_TO_REF", end)
    monkeypatch.setenv("PRE_COMMIT_REMOTE_NAME", remote)


def test_a_push_is_reviewed_as_its_range(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    server.default = finds
    start = shop.git("rev-parse", "HEAD")
    push(monkeypatch, start, shop.commit())
    shop.write("cart.py", "LATER = 1\n")
    status, said = hook(capsys, "push")
    assert (status, said.splitlines()[0]) == (0, "cart.py:2: major: Division by zero")
    assert "LATER" not in str(server.requests)
    asked = len(server.requests)
    assert hook(capsys, "push")[1] == said
    assert len(server.requests) == asked


def test_the_variables_count_for_the_commit_hook_too(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    start = shop.git("rev-parse", "HEAD")
    push(monkeypatch, start, shop.commit())
    assert hook(capsys, "commit") == (0, "")
    assert "sum(items)" in str(server.requests), "pre-commit run --from-ref A --to-ref B"


def test_what_was_resolved_in_a_merge_is_part_of_the_push(shop, server, monkeypatch, capsys, tmp_path):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    shop.commit({"both.py": "BOTH = 1\n"})
    shop.branch("side").commit({"both.py": "BOTH = 2\n"})
    shop.git("checkout", "-q", "main")
    shop.commit({"both.py": "BOTH = 3\n", "other.py": "OTHER = 1\n"})
    shop.git("clone", "-q", "--bare", str(shop.root), str(tmp_path / "bare.git"))
    shop.git("remote", "add", "origin", str(tmp_path / "bare.git"))
    shop.git("fetch", "-q", "origin")
    shop.git("checkout", "-q", "side")
    before = shop.git("rev-parse", "HEAD")
    shop.git("merge", "-q", "--no-commit", "-s", "ours", "main")
    shop.git("checkout", "main", "--", "other.py")
    shop.write("both.py", "RESOLVED = 1\n")
    push(monkeypatch, before, shop.commit())
    assert hook(capsys, "push") == (0, "")
    asked = str(server.requests)
    assert "RESOLVED" in asked
    assert "OTHER" not in asked


def test_places_that_the_settings_name_count_for_the_same_content(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    named = '[baseline]\nfile = "accepted.json"\n[defaults]\nguidance_files = ["rules/REVIEW.md"]\n'
    shop.write("reviewer.toml", named).write("rules/REVIEW.md", "Be kind.\n")
    shop.write("prompts/x.txt", "x").write("pyproject.toml", '[tool.other]\ndirectories = ["x"]\n')
    for change in (
        {},
        {"rules/REVIEW.md": "Be strict.\n"},
        {"accepted.json": '{"version": 1, "accepted": []}'},
    ):
        for path, text in change.items():
            shop.write(path, text)
        asked = len(server.requests)
        hook(capsys, "commit")
        kept = len(list((cache_folder() / "hooks").glob("*.json")))
        hook(capsys, "commit")
        assert len(list((cache_folder() / "hooks").glob("*.json"))) == kept
    assert kept == 3
    assert asked > 0


def test_a_push_after_a_rebase_is_what_the_branch_has(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    base = shop.git("rev-parse", "HEAD")
    old = shop.branch("mine").commit({"mine.py": "MINE = 1\n"})
    shop.git("checkout", "-q", "main")
    shop.commit({"others.py": "OTHERS = 1\n"})
    shop.git("checkout", "-q", "-b", "again", "main")
    new = shop.commit({"mine.py": "MINE = 2\n"})
    shop.git("update-ref", "refs/remotes/origin/main", "main")
    push(monkeypatch, old, new)
    assert hook(capsys, "push") == (0, "")
    assert "MINE = 2" in str(server.requests)
    assert base


def test_the_first_push_of_a_repository_is_said_not_to_be_reviewed(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    monkeypatch.setenv("PRE_COMMIT_REMOTE_NAME", "origin")
    status, said = hook(capsys, "push")
    assert status == 0
    assert said.startswith("reviewer: not reviewed: the first push of a repository; `reviewer run --all`")


@pytest.mark.parametrize("stage", ["push", "commit"])
def test_a_deleted_branch_is_nothing(shop, server, monkeypatch, capsys, stage):
    model(monkeypatch, server)
    push(monkeypatch, shop.git("rev-parse", "HEAD"), "0" * 40)
    assert hook(capsys, stage) == (0, "")
    assert server.requests == []


def test_a_new_branch_without_a_beginning_starts_where_it_left(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    shop.git("update-ref", "refs/remotes/origin/main", "HEAD")
    end = shop.branch("new").commit({"new.py": "NEW = 1\n"})
    push(monkeypatch, "0" * 40, end)
    assert hook(capsys, "push") == (0, "")
    assert "NEW = 1" in str(server.requests)
    assert "x = 1" not in str(server.requests)


def test_a_push_by_hand_is_what_the_remote_does_not_have(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    shop.branch("new").commit({"new.py": "NEW = 1\n"})
    assert hook(capsys, "push") == (0, "")
    assert "NEW = 1" in str(server.requests)


def test_merged_in_files_of_a_push_are_not_its_own(shop, server, monkeypatch, capsys):
    model(monkeypatch, server)
    shop.git("reset", "-q", "--hard")
    start = shop.branch("mine").commit({"mine.py": "MINE = 1\n"})
    shop.git("checkout", "-q", "main")
    shop.commit({"others.py": "OTHERS = 1\n"})
    shop.git("update-ref", "refs/remotes/origin/main", "main")
    shop.git("checkout", "-q", "mine")
    shop.git("merge", "-q", "main", "-m", "merge")
    end = shop.commit({"mine.py": "MINE = 2\n"})
    push(monkeypatch, start, end)
    assert hook(capsys, "push") == (0, "")
    assert "MINE = 2" in str(server.requests)
    assert "OTHERS" not in str(server.requests)


def test_outside_of_a_repository(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert hook(capsys, "commit")[0] == 2
    assert hook(capsys, "push")[0] == 2


def test_before_the_first_commit(tmp_path, server, monkeypatch, capsys):
    made = Builder.create(tmp_path / "new").write("cart.py", CODE)
    made.git("add", "-A")
    monkeypatch.chdir(made.root)
    model(monkeypatch, server)
    assert hook(capsys, "commit") == (0, "")
    asked = len(server.requests)
    assert asked
    assert hook(capsys, "commit") == (0, "")
    assert len(server.requests) == asked


def test_a_cached_answer_imports_next_to_nothing(shop, server, monkeypatch):
    """What takes long to import would make the second attempt slow."""
    import subprocess

    from tests.support.shared import ROOT

    model(monkeypatch, server)
    code = (
        "import sys; from reviewer.cli import main; status = main(['hook', 'commit']); "
        "print(sorted({name.split('.')[0] for name in sys.modules} & "
        "{'git', 'pydantic', 'rich', 'jinja2', 'anyio', 'httpx', 'detect_secrets', 'pathspec'}))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert "git" in said[0]
    assert said[1] == "[]\n"

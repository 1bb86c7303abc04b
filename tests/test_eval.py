"""`reviewer eval` through the real command: every source of findings, comparison, judge, and what goes wrong."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from reviewer.cli import main
from tests.support.server import Answer, ChatServer, error, honest, running, streamed
from tests.support.values import PATCH, finding, review

CASE = """\
[[expected]]
file = "shop/cart.py"
line = 14
text = "Division by zero for an empty cart"
"""
EMPTY = review(files_reviewed=["shop/cart.py", "shop/util.go"])
OTHER = finding(
    file="shop/util.go",
    line=4,
    quote="\treturn n * 2",
    title="Integers wrap around",
    explanation="Overflow.",
    failure_scenario="Large.",
)


@pytest.fixture
def cases(tmp_path, monkeypatch) -> Path:
    """Two cases: one with a problem, one without."""
    for name in list(os.environ):
        if name.startswith("REVIEWER_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, table in (("cart", CASE), ("clean", "")):
        (tmp_path / "cases" / name / "replies").mkdir(parents=True)
        (tmp_path / "cases" / name / "change.diff").write_bytes(PATCH)
        (tmp_path / "cases" / name / "case.toml").write_text(table)
    return Path(tmp_path) / "cases"


def put(cases: Path, name: str, path: str, text: str) -> None:
    (cases / name / path).parent.mkdir(parents=True, exist_ok=True)
    (cases / name / path).write_text(text)


def evaluate(*flags: str) -> int:
    return main(["eval", "cases", "--no-config", "-q", *flags])


def result(name: str = "e.json") -> Any:
    return json.loads(Path(name).read_text())


def figures(name: str = "e.json") -> dict[str, float | None]:
    return {figure["name"]: figure["value"] for figure in result(name)["figures"]}


def test_replies_that_are_stored_with_the_cases(cases, capsys, snapshot):
    put(cases, "cart", "replies/architecture.json", review(finding(), OTHER))
    put(cases, "cart", "replies/code_quality.json", review(finding(explanation="No guard.")))
    put(cases, "clean", "replies/architecture.json", EMPTY)
    assert evaluate("--from", "replies", "-o", "e.json") == 0
    assert capsys.readouterr().out == snapshot
    assert (figures()["precision"], figures()["recall"], figures()["noise per change"]) == (0.5, 1.0, 0.5)
    assert figures()["clean changes without findings"] == 1.0
    assert result()["source"] == "replies"


def test_findings_of_another_tool(cases, capsys):
    said = [{"path": "shop/cart.py", "line_start": 14, "message": "Division by zero when the cart is empty"}]
    put(cases, "cart", "copilot.json", json.dumps(said))
    put(cases, "clean", "copilot.json", "[]")
    assert evaluate("--findings", "copilot.json", "-o", "e.json") == 0
    assert (figures()["F1"], figures()["line accuracy"]) == (1.0, 1.0)
    assert result()["source"] == "copilot.json"
    assert "Findings: copilot.json;" in capsys.readouterr().out


def test_a_quote_says_better_where_it_is(cases):
    wrong = finding(line=700)
    put(cases, "cart", "findings.json", json.dumps({"findings": [wrong]}))
    put(cases, "clean", "findings.json", '{"findings": []}')
    assert evaluate("--from", "findings", "-o", "e.json") == 0
    assert figures()["line accuracy"] == 1.0


def test_findings_that_cannot_be_read_are_not_taken_for_none(cases, capsys):
    put(cases, "cart", "findings.json", '{"findings": []}')
    put(cases, "clean", "findings.json", "I found nothing, I think.")
    assert evaluate("--from", "findings", "-o", "e.json") == 3
    assert figures()["clean changes without findings"] == 0.0
    assert figures()["answers understood"] == 0.5
    assert "Not reviewed completely, so that problems count as missed: clean." in capsys.readouterr().out


@pytest.fixture
def server():
    with running(ChatServer(models=["big", "judge"], default=honest)) as started:
        yield started


def live(server: ChatServer, *flags: str) -> int:
    Path("lab.toml").write_text(
        f'[defaults]\nmodel = "lab/big"\n[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\n'
    )
    return main(["eval", "cases", "--config", "lab.toml", "-q", "--role", "architecture", *flags])


def test_live_then_from_the_recording_and_both_are_the_same(cases, server, capsys):
    server.replies["big"] = [streamed(review(finding())), streamed(EMPTY)]
    assert live(server, "--record", "kept", "-o", "live.json") == 0
    assert figures("live.json")["F1"] == 1.0
    for name in ("cart", "clean"):
        (Path("kept") / name / "recording").rename(cases / name / "recording")
    asked = len(server.requests)
    assert live(server, "--from", "recording", "-o", "again.json", "--against", "live.json") == 0
    assert len(server.requests) == asked
    one, two = result("live.json"), result("again.json")
    assert one["results"] == two["results"]
    assert "cannot be told apart" in capsys.readouterr().out


def test_a_server_that_fails_is_no_quiet_review(cases, server, capsys):
    server.default = error(400, "broken")
    assert live(server, "-o", "e.json") == 3
    assert figures()["clean changes without findings"] == 0.0
    assert "Not reviewed completely" in capsys.readouterr().out


def test_a_judge_decides_in_place_of_the_rule(cases, server):
    """The words have nothing in common; the judge knows that the problem is the same."""
    said = finding(title="Nothing to share", explanation="Boom.", failure_scenario="Boom.")
    server.replies["big"] = [streamed(review(said)), streamed(review(OTHER))]
    matches = {"matches": [{"finding": 1, "reason": "the same", "problem": 1}]}
    server.replies["judge"] = [streamed(json.dumps(matches))]
    assert live(server, "--judge", "lab/judge", "-o", "e.json", "--tolerance", "0") == 0
    assert result()["judge"] == "lab/judge"
    assert [one["mark"] for one in result()["results"][0]["found"]] == ["right"]
    assert len([body for body in server.requests if body["model"] == "judge"]) == 1


def test_the_judge_is_recorded_too(cases, server):
    server.replies["big"] = [streamed(review(finding())), streamed(EMPTY)]
    matches = {"matches": [{"finding": 1, "reason": "none", "problem": None}]}
    server.replies["judge"] = [streamed(json.dumps(matches))]
    assert live(server, "--judge", "lab/judge", "--record", "kept", "-o", "live.json") == 0
    for name in ("cart", "clean"):
        for kind in ("recording", "judgement"):
            if (Path("kept") / name / kind).exists():
                (Path("kept") / name / kind).rename(cases / name / kind)
    asked = len(server.requests)
    assert live(server, "--judge", "lab/judge", "--from", "recording", "-o", "again.json") == 0
    assert len(server.requests) == asked
    assert result("live.json")["results"] == result("again.json")["results"]


def test_an_error_in_one_case_does_not_cost_the_others(cases, server, capsys):
    """The key is withdrawn after the first case."""

    def last(body: dict[str, Any]) -> Answer:
        server.listing = error(401, "bad key")
        return streamed(review(finding()))

    server.replies["big"] = [last]
    assert live(server, "-o", "e.json") == 2
    assert [one["case"] for one in result()["results"]] == ["cart"]
    out, err = capsys.readouterr()
    assert "cart: 1 of 1 found" in out
    assert "bad key" in err


def test_a_change_that_is_none_is_told_before_anything_is_asked(cases, server, capsys):
    (cases / "clean" / "change.diff").write_text("no diff")
    assert live(server) == 2
    assert [body for body in server.requests if "messages" in body] == []


def test_a_case_that_no_role_reads_is_not_quiet(cases, server, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sql.md.j2").write_text(
        '+++\ntitle = "SQL"\nfocus = "queries"\nglobs = ["*.sql"]\n+++\nLook.\n'
    )
    assert live(server, "--prompts", "own", "--only", "clean", "--role", "sql", "-o", "e.json") in {0, 3}
    assert len(result()["results"]) == 1
    Path("lab2.toml").write_text(Path("lab.toml").read_text())
    assert (
        main(
            [
                "eval",
                "cases",
                "--config",
                "lab2.toml",
                "-q",
                "--prompts",
                "own",
                "--role",
                "sql",
                "-o",
                "e.json",
            ]
        )
        == 3
    )
    assert figures()["clean changes without findings"] == 0.0


def test_a_judge_of_an_unknown_provider_is_told_before_anything_is_asked(cases, server, capsys):
    assert live(server, "--judge", "opnai/x") == 2
    assert "opnai" in capsys.readouterr().err
    assert server.requests == []


def test_clean_cases_pass_a_bound_for_f1(cases):
    put(cases, "clean", "findings.json", "[]")
    assert evaluate("--from", "findings", "--only", "clean", "--fail-under", "50") == 0


def test_hostile_titles_stay_in_their_row(cases, capsys):
    evil = finding(title="x\n  right     a.py:1: ok\u001b[2J", quote="nowhere", line=99)
    put(cases, "cart", "findings.json", json.dumps({"findings": [evil]}))
    put(cases, "clean", "findings.json", "[]")
    assert evaluate("--from", "findings") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert [row for row in out.splitlines() if row.startswith("  right")] == []


def test_other_encodings_are_an_error_for_people(cases, capsys):
    (cases / "cart" / "findings.json").write_bytes('{"findings": "ü"}'.encode("utf-16"))
    put(cases, "clean", "findings.json", "[]")
    assert evaluate("--from", "findings") == 2
    assert "not text in UTF-8" in capsys.readouterr().err


def test_a_judge_that_fails_leaves_it_to_the_rule(cases, server, capsys):
    server.replies["big"] = [streamed(review(finding())), streamed(EMPTY)]
    server.replies["judge"] = [streamed("I cannot judge."), streamed("Really not.")]
    assert live(server, "--judge", "lab/judge", "-o", "e.json") == 0
    assert figures()["F1"] == 1.0
    assert "The judge has failed, so that the rule has decided: cart." in capsys.readouterr().out


def test_progress_and_every_finding(cases, capsys):
    put(cases, "cart", "findings.json", json.dumps({"findings": [finding()]}))
    put(cases, "clean", "findings.json", "[]")
    assert main(["eval", "cases", "--no-config", "--from", "findings", "--every"]) == 0
    out, err = capsys.readouterr()
    assert "1 of 2: cart: 1 of 1 found, 1 reported" in err
    assert "  right     shop/cart.py:14: Division by zero" in out


def test_a_bound_for_f1(cases):
    put(cases, "cart", "findings.json", "[]")
    put(cases, "clean", "findings.json", "[]")
    assert evaluate("--from", "findings", "--fail-under", "50") == 1
    put(cases, "cart", "findings.json", json.dumps({"findings": [finding()]}))
    assert evaluate("--from", "findings", "--fail-under", "50") == 0


WRONG = {
    "no folder": (["--only", "cart", "--from", "recording"], "there is no recording of this case"),
    "no replies": (["--from", "replies"], "holds no prepared replies"),
    "no findings": (["--from", "findings"], "the findings of this case cannot be read"),
    "no case": (["--only", "x"], "no case is named x"),
    "no earlier one": (["--against", "none.json"], "none.json: cannot be read"),
    "two sources": (["--from", "replies", "--findings", "x.json"], "--from names another source"),
    "lines": (["--tolerance", "-1"], "--tolerance is a number of lines"),
    "no role": (["--from", "replies", "--role", "architect"], "there is no role named 'architect'"),
}


@pytest.mark.parametrize(("flags", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_in_a_line(cases, capsys, flags, message):
    assert evaluate(*flags) == 2
    assert message in re.sub(r"\s+", " ", capsys.readouterr().err)


def test_replies_for_other_roles_only(cases, capsys):
    put(cases, "cart", "replies/security.json", EMPTY)
    assert evaluate("--from", "replies") == 2
    assert "has no reply for architecture" in capsys.readouterr().err

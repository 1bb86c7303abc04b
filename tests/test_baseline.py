"""Accepting findings, and what later runs say about them; through the real commands."""

import json
from dataclasses import replace
from typing import Any

import pytest

from reviewer.cli import main
from reviewer.findings.baseline import Accepted, Baseline
from reviewer.findings.identity import Known
from reviewer.prompting.contract import Severity
from tests.support.repository import Builder

BAD = "def mean(items=[]):\n    return total(items) / len(items)\n"


@pytest.fixture
def shop(repo: Builder, monkeypatch):
    """A repository whose uncommitted change has findings that rules find."""
    repo.commit({"mean.py": "def mean(items):\n    return 0\n"}, "start")
    repo.write("mean.py", BAD)
    monkeypatch.chdir(repo.root)
    return repo


def run(shop: Builder, name: str, *flags: str) -> Any:
    main(["run", "--no-config", "--model", "builtin", "-q", "-o", name, *flags])
    return json.loads((shop.root / name).read_text())


def accept(*flags: str) -> int:
    return main(["baseline", "--no-config", *flags])


def test_accepted_findings_are_set_aside_and_new_ones_stand_out(shop, capsys):
    first = run(shop, "1.json", "--fail-on", "critical")
    assert first["gate"]["reached"]
    assert first["comparison"]["name"] == ""
    assert accept("1.json", "--reason", "old code", "--expires", "2999-12-31") == 0
    assert ".reviewer/baseline.json: " in capsys.readouterr().out
    # Moved, reformatted, and one more.
    shop.write("mean.py", "import os\n\n\n" + BAD.replace(" / ", "/") + "\n\ndef f():\n    return nowhere\n")
    second = run(shop, "2.json", "--fail-on", "critical")
    assert [item["why"] for item in second["set_aside"]] == ["accepted"] * len(first["findings"])
    assert second["set_aside"][0]["reason"] == "in the baseline until 2999-12-31: old code"
    new = [item["title"] for item in second["findings"] if item["id"] in second["comparison"]["new"]]
    assert len(new) == len(second["findings"])
    assert any("nowhere" in title for title in new)
    assert len(second["comparison"]["persisting"]) == len(first["findings"])
    page = shop.root / "2.md"
    assert main(["report", "2.json", "-o", str(page)]) in {0, 1, 3}
    assert "**Accepted** in the baseline until 2999-12-31: old code" in page.read_text()
    assert "still there" in page.read_text()


def test_what_is_gone_is_resolved_and_can_be_pruned(shop, capsys):
    run(shop, "1.json")
    accept("1.json")
    shop.write("mean.py", "def mean(items):\n    return 1\n")
    later = run(shop, "2.json")
    assert len(later["comparison"]["resolved"]) > 0
    main(["report", "2.json", "-o", "2.md"])
    assert "## Resolved" in (shop.root / "2.md").read_text()
    capsys.readouterr()
    assert accept("2.json", "--prune") == 0
    assert "0 in all" in capsys.readouterr().out


def test_an_expired_acceptance_counts_again(shop, capsys):
    run(shop, "1.json")
    accept("1.json", "--expires", "2020-01-01")
    second = run(shop, "2.json", "--fail-on", "critical")
    assert second["set_aside"] == []
    assert second["gate"]["reached"]
    capsys.readouterr()
    assert accept("--list") == 0
    assert "(expired: counts again)" in capsys.readouterr().out


def test_single_findings_by_id(shop, capsys):
    first = run(shop, "1.json")
    one, *rest = [item["id"] for item in first["findings"]]
    assert accept("1.json", "--only", one[:8], "--reason", "known") == 0
    assert [item["id"] for item in run(shop, "2.json")["findings"]] == rest
    assert accept("1.json", "--only", "zzz") == 2
    assert "'zzz' is the id of no finding in this report" in capsys.readouterr().err


WRONG = {
    "no report": (("--reason", "x"), "there is no report in"),
    "no such file": (("nowhere.json",), "nowhere.json: cannot be read"),
    "no day": (("1.json", "--expires", "soon"), "'soon' is no day"),
}


@pytest.mark.parametrize(("flags", "said"), WRONG.values(), ids=WRONG)
def test_wrong_flags(shop, capsys, flags, said):
    run(shop, "1.json")
    assert accept(*flags) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", '{"version": 9}', '{"accepted": [{"finding": 1}]}'])
def test_a_broken_baseline_is_an_error_before_anything_is_asked(shop, capsys, text):
    shop.write(".reviewer/baseline.json", text)
    assert main(["run", "--no-config", "--model", "builtin"]) == 2
    assert "baseline.json: " in capsys.readouterr().err


def test_a_comment_in_the_code_suppresses(shop):
    shop.write(
        "mean.py", BAD.replace("items=[]):", "items=[]):  # reviewer: ignore[bug] never called without")
    )
    made = run(shop, "1.json")
    reasons = [item["reason"] for item in made["set_aside"] if item["why"] == "suppressed"]
    assert reasons
    assert all("line 1, which this change adds: never called without" in reason for reason in reasons)


def test_two_reports_side_by_side(shop, capsys):
    run(shop, "1.json")
    shop.write("mean.py", BAD.replace("total(items)", "sum(items)") + "\n\ndef f():\n    return nowhere\n")
    run(shop, "2.json")
    capsys.readouterr()
    assert main(["compare", "1.json", "2.json"]) == 0
    said = capsys.readouterr().out
    assert "New: " in said
    assert "nowhere" in said.partition("Persisting")[0]
    assert "total" in said.partition("Resolved")[2]
    assert main(["compare", "1.json", "2.json", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["new"]) == len(data["resolved"]) == 1
    assert main(["compare", "1.json", "nowhere.json"]) == 2


def test_pruning_accepts_nothing(shop, capsys):
    run(shop, "1.json")
    assert accept("1.json", "--prune") == 0
    assert "0 findings accepted, 0 findings forgotten, 0 in all" in capsys.readouterr().out


def test_each_of_two_findings_on_a_line_keeps_its_own_entry(shop, capsys):
    shop.write("mean.py", "import subprocess\n\n\ndef f(c):\n    subprocess.call(eval(c), shell=True)\n")
    first = run(shop, "1.json")
    ids = [item["id"] for item in first["findings"]]
    assert len(ids) >= 2
    accept("1.json", "--only", ids[0], "--reason", "known")
    run(shop, "2.json")
    accept("2.json", "--reason", "the rest")
    third = run(shop, "3.json")
    assert third["findings"] == []
    reasons = {item["finding"]["id"]: item["reason"] for item in third["set_aside"]}
    assert reasons[ids[0]] == "in the baseline: known"
    assert all(reasons[other] == "in the baseline: the rest" for other in ids[1:])


def test_a_day_that_is_over_does_not_stay(shop, capsys):
    run(shop, "1.json")
    accept("1.json", "--expires", "2001-01-01")
    accept("1.json")
    assert run(shop, "2.json")["findings"] == []


def test_what_is_worse_or_of_another_category_is_not_accepted():
    line = Known("a1", "a.py", "style", ("11111111",), Severity.MINOR, "Long line", 3)
    accepted = Baseline((Accepted(line, "fine"),))
    hole = replace(line, id="b2", category="security", severity=Severity.CRITICAL)
    worse = replace(line, id="c3", severity=Severity.CRITICAL)
    same = replace(line, id="d4", severity=Severity.MINOR)
    assert accepted.match([hole]) == {}
    assert accepted.match([worse]) == {}
    assert list(accepted.match([same])) == ["d4"]

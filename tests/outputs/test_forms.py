"""The report in the forms of other programs: clean, findings and incomplete differ in each."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from reviewer.changes.changeset import Side
from reviewer.findings.finding import Fix
from reviewer.outputs.registry import FORMS, form_of_file
from reviewer.prompting.contract import Severity
from tests.support.reports import FAILED, MISSED, REVIEWS, finding, nothing, report

PATCH = """\
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -13,3 +13,3 @@
         count = len(items)
-        return total / count
+        return total / count if count else 0
     def clear(self):
"""
FINDINGS = (
    finding(patch=PATCH),
    finding(
        severity=Severity.CRITICAL,
        category="security",
        title="Query from user input",
        path="shop/größe & mehr: 100%.py",
        line=7,
        end_line=9,
        code="a = 1\nb = 2\nquery(f'{a}')",
        explanation="See [the docs](https://example.invalid) and @somebody, #12.",
        fixes=(Fix("fixes", "lab/big", "Binds the value.", PATCH.replace("shop/cart.py", "b.py")),),
    ),
    finding(severity=Severity.MINOR, category="a word of its own", side=Side.OLD, line=3, end_line=3),
)
REPORTS = {
    "clean": report(),
    "nothing": nothing(),
    "findings": report(FINDINGS),
    "incomplete": report(FINDINGS[:1], reviews=(REVIEWS[0], FAILED), missed=(MISSED,)),
    "incomplete without findings": report(reviews=(REVIEWS[0], FAILED)),
}
MACHINE = ("sarif", "github", "gitlab", "rdjson", "junit")


@pytest.mark.parametrize("form", MACHINE)
@pytest.mark.parametrize("name", REPORTS)
def test_whole(form, name, snapshot):
    assert FORMS[form].render(REPORTS[name]) == snapshot


@pytest.mark.parametrize("form", MACHINE)
def test_clean_is_never_like_incomplete(form):
    made = {name: FORMS[form].render(one) for name, one in REPORTS.items()}
    assert made["clean"] != made["incomplete without findings"]
    assert (
        "ncomplete" in made["incomplete without findings"]
        or '"executionSuccessful": false' in made["incomplete"]
    )
    assert "ncomplete" not in made["clean"]
    assert '"executionSuccessful": false' not in made["clean"]


def test_names_of_files_ask_for_forms():
    assert {
        name: form_of_file(name) for name in ("a.md", "a.SARIF", "a.junit.xml", "a.xml", "a.json", "a.txt")
    } == {
        "a.md": "md",
        "a.SARIF": "sarif",
        "a.junit.xml": "junit",
        "a.xml": "junit",
        "a.json": "json",
        "a.txt": "md",
    }
    assert form_of_file("x/review.codequality.json") == "gitlab"
    assert form_of_file("md") is None


@pytest.mark.parametrize(
    "title", ["a\n::error::owned", "a,file=x::b", "100%0Aof", "\x1b[31mred\x00", "a\r\nb"]
)
def test_an_annotation_is_one_command(title):
    made = FORMS["github"].render(report([finding(title=title, explanation=title, path=title)]))
    assert made.count("\n") == 1
    assert re.match(r"::warning file=[^:,]*,line=14,endLine=14,title=[^:,]*::", made)
    assert "\x1b" not in made


def test_more_annotations_than_github_keeps_are_counted():
    many = [finding(line=number, end_line=number, code=f"line {number}") for number in range(1, 13)]
    lines = FORMS["github"].render(report(many, reviews=(REVIEWS[0], FAILED))).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", *["::warning"] * 10, "::notice"]
    assert lines[-2] == "::warning title=More findings::3 more findings are in the report."


@pytest.mark.parametrize("text", ["\x00\x01\ufffe", "]]>", "<!-- -->", "&amp;", "\ud800"])
def test_any_text_is_sound_xml(text):
    made = FORMS["junit"].render(report([finding(title=f"a{text}", explanation=text)]))
    case = ET.fromstring(made).find(".//failure/..")
    assert case is not None
    assert case.find("failure") is not None


def test_results_beyond_what_github_keeps_are_left_out_whole_and_counted():
    many = report([finding(line=n, end_line=n, code=f"line {n}") for n in range(1, 5101)])
    run = json.loads(FORMS["sarif"].render(many))["runs"][0]
    assert len(run["results"]) == 5000
    said = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert said == ["100 more findings, the least severe, left out here for the size."]


def test_an_upload_that_would_be_too_large_is_cut_by_whole_findings(monkeypatch):
    monkeypatch.setattr("reviewer.outputs.sarif.MOST_BYTES", 20_000)
    many = report([finding(line=n, end_line=n, code=f"line {n}") for n in range(1, 2001)])
    text = FORMS["sarif"].render(many)
    run = json.loads(text)["runs"][0]
    assert 0 < len(run["results"]) < 2000
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert f"{2000 - len(run['results']):,} more findings" in notes[0]["message"]["text"]


def test_fingerprints_do_not_move_with_lines():
    def prints(line: int) -> object:
        run = json.loads(FORMS["sarif"].render(report([finding(line=line, end_line=line)])))["runs"][0]
        return run["results"][0]["partialFingerprints"]

    assert prints(14) == prints(99)

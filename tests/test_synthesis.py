"""The fourth voice: a summary that says nothing but what findings say."""

import json
from typing import Any

import pytest

from reviewer.errors import InvalidReplyError, ModelMissingError
from reviewer.findings.finding import Action, Cited
from reviewer.findings.synthesis import read_synthesis
from reviewer.models.model import ModelRef, Reply
from reviewer.outputs.markdown import render
from reviewer.prompting.contract import Horizon
from tests.support.person import Person
from tests.support.values import finding
from tests.support.values import review as reply
from tests.test_verification import run, wraps

LABELS = {"M1": "aaa", "N1": "bbb"}
GOOD: dict[str, Any] = {
    "summary": [
        {"text": "An empty cart fails.", "findings": ["M1"]},
        {"text": "Both are about numbers.", "findings": ["M1", "N1"]},
    ],
    "actions": [{"text": "Guard the division.", "findings": ["M1"], "horizon": "immediate"}],
}


def test_read():
    read = read_synthesis(Reply(json.dumps(GOOD)), LABELS)
    assert read.sentences == (
        Cited("An empty cart fails.", ("aaa",)),
        Cited("Both are about numbers.", ("aaa", "bbb")),
    )
    assert read.actions == (Action("Guard the division.", ("aaa",), Horizon.IMMEDIATE),)


READABLE = {
    "fence": f"Sure:\n```json\n{json.dumps(GOOD)}\n```",
    "thoughts": f"<think>{{}}</think>{json.dumps(GOOD)}",
    "labels as a text": json.dumps(GOOD | {"summary": [{"text": "Fails.", "findings": "m1"}]}),
    "labels in brackets": json.dumps(GOOD | {"summary": [{"text": "Fails.", "findings": ["[M1]", "`N1`"]}]}),
    "no actions": json.dumps(GOOD | {"actions": []}),
}


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE)
def test_readable(text):
    assert read_synthesis(Reply(text), LABELS).sentences


REFUSED = {
    "a sentence without a finding": (
        GOOD | {"summary": [*GOOD["summary"], {"text": "Well done.", "findings": []}]},
        "this names no finding: Well done.",
    ),
    "a finding that there is not": (
        GOOD | {"summary": [{"text": "Leaks.", "findings": ["C1"]}]},
        "there is no finding C1: Leaks.",
    ),
    "an action without one": (
        GOOD | {"actions": [{"text": "Write tests."}]},
        "this names no finding: Write tests.",
    ),
    "a plain text": (GOOD | {"summary": ["All is fine."]}, "this names no finding: All is fine."),
    "no summary": ({"actions": []}, 'there is no JSON object with a list named "summary"'),
    "an empty one": (GOOD | {"summary": []}, 'there is no JSON object with a list named "summary"'),
}


@pytest.mark.parametrize(("value", "problem"), REFUSED.values(), ids=REFUSED)
def test_refused(value, problem):
    with pytest.raises(InvalidReplyError) as caught:
        read_synthesis(Reply(json.dumps(value)), LABELS)
    assert problem in caught.value.problems


EMPTY = reply(files_reviewed=["shop/cart.py", "shop/util.go"])


def summed_up(*answers: str | Exception):
    dan = Person(*answers)
    outcome = run(
        {"writers": (ModelRef("dan", "m"),)},
        ann=Person(reply(finding(), wraps())),
        bob=Person(EMPTY),
        cid=Person(EMPTY),
        dan=dan,
    )
    return outcome.report, dan


def test_a_model_writes_the_summary_from_the_findings(snapshot):
    said = {
        "summary": [{"text": "Numbers are not checked.", "findings": ["M1", "M2"]}],
        "actions": [{"text": "Check them where they come in.", "findings": ["M1", "M2"], "horizon": "short"}],
    }
    report, dan = summed_up(json.dumps(said))
    (prompt,) = dan.asked
    assert prompt.messages[1].text == snapshot(name="prompt")
    assert report.synthesis is not None
    assert report.synthesis.model == "dan/m"
    page = render(report)
    assert "Numbers are not checked. (M1, M2)\n\nWritten by dan/m from the findings below." in page
    assert "**Short term**\n\n1. **M1, M2** Check them where they come in.\n" in page
    assert report.usage.prompts == 4


def test_one_sentence_without_a_finding_and_all_of_it_is_computed():
    bad = json.dumps(GOOD | {"summary": [{"text": "Splendid.", "findings": []}]})
    report, dan = summed_up(bad)
    assert len(dan.asked) > 1
    assert "this names no finding: Splendid." in dan.asked[1].messages[-1].text
    page = render(report)
    assert "Splendid" not in page
    assert "What follows is computed: " in page
    assert "**M1** Division by zero for an empty cart. Return 0" in page


def test_a_model_that_fails_leaves_the_computed_summary():
    report, _ = summed_up(ModelMissingError("gone"))
    assert report.synthesis is not None
    assert report.synthesis.problem == "gone"
    assert "What follows is computed: gone." in render(report)


def test_of_nothing_there_is_no_summary():
    dan = Person("")
    outcome = run(
        {"writers": (ModelRef("dan", "m"),)}, ann=Person(EMPTY), bob=Person(EMPTY), cid=Person(EMPTY), dan=dan
    )
    assert dan.asked == []
    assert outcome.report.synthesis is None

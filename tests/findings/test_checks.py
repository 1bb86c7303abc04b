"""Verdicts of second readers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.errors import InvalidReplyError
from reviewer.findings.checks import Check, Need, read_checks, verdict_of
from reviewer.findings.finding import Verdict
from reviewer.models.model import Reply
from reviewer.prompting.contract import Severity

ONE = {"claim": 1, "reason": "line 4 checks it", "verdict": "refuted", "severity": "minor"}
TWO = {"claim": 2, "reason": "no guard", "verdict": "confirmed", "severity": "major"}
BOTH = json.dumps({"checks": [ONE, TWO], "needs": []})


def verdicts(text: str) -> dict[int, str]:
    return {check.claim: str(check.verdict) for check in read_checks(Reply(text)).checks}


READABLE = {
    "as asked": (BOTH, {1: "refuted", 2: "confirmed"}),
    "in a fence": (f"Here:\n```json\n{BOTH}\n```\nDone.", {1: "refuted", 2: "confirmed"}),
    "behind thoughts": (f"<think>claim 1 confirmed?</think>{BOTH}", {1: "refuted", 2: "confirmed"}),
    "a draft first": (json.dumps({"checks": [ONE]}) + "\nFinally:\n" + BOTH, {1: "refuted", 2: "confirmed"}),
    "a list alone": (json.dumps([ONE, TWO]), {1: "refuted", 2: "confirmed"}),
    "one alone": (json.dumps(TWO), {2: "confirmed"}),
    "other names": (
        json.dumps({"verdicts": [{"id": "c2", "decision": "Valid", "explanation": "x"}]}),
        {2: "confirmed"},
    ),
    "by number": (json.dumps({"results": {"1": {"verdict": "false positive"}}}), {1: "refuted"}),
    "trailing comma": (
        BOTH.replace('"needs"', '"needs"').replace("]}", "],}"),
        {1: "refuted", 2: "confirmed"},
    ),
    "said twice the same": (json.dumps({"checks": [ONE, ONE]}), {1: "refuted"}),
    "said twice and differently": (
        json.dumps({"checks": [ONE, ONE | {"verdict": "confirmed"}, TWO]}),
        {2: "confirmed"},
    ),
    "an entry without a verdict": (
        json.dumps({"checks": [{"claim": 1, "reason": "hm"}, TWO]}),
        {2: "confirmed"},
    ),
    "an entry that is none": (json.dumps({"checks": [None, "x", 3, TWO]}), {2: "confirmed"}),
    "cut off": (BOTH[:-30], {1: "refuted"}),
}


@pytest.mark.parametrize(("text", "expected"), READABLE.values(), ids=READABLE)
def test_readable(text, expected):
    assert verdicts(text) == expected


UNREADABLE = [
    "",
    "All claims are right.",
    "{}",
    '{"checks": []}',
    '{"checks": [{"claim": 1}]}',
    '{"findings": [{"file": "a"}]}',
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_unreadable(text):
    with pytest.raises(InvalidReplyError) as caught:
        read_checks(Reply(text))
    assert caught.value.text == text


def test_all_fields():
    read = read_checks(
        Reply(json.dumps({"checks": [ONE], "needs": [{"claim": 2, "name": "Cart.total"}, "shop/util.go"]}))
    )
    assert read.checks == (Check(1, Verdict.REFUTED, "line 4 checks it", Severity.MINOR),)
    assert read.needs == (Need(2, "Cart.total"), Need(0, "shop/util.go"))
    no_list = read_checks(Reply('{"needs": [{"claim": 1, "name": "x"}]}'))
    assert no_list.needs == (Need(1, "x"),)
    only_needs = read_checks(Reply('{"checks": [], "needs": [{"claim": 1, "name": "x"}]}'))
    assert only_needs.needs == (Need(1, "x"),)


WORDS = {
    Verdict.CONFIRMED: [
        "Confirmed: line 3 is wrong and cannot work",
        "confirmed",
        "CONFIRMED.",
        "valid",
        "true positive",
        "real issue",
    ],
    Verdict.REFUTED: [
        "refuted",
        "invalid",
        "false positive",
        "not a bug",
        "not confirmed",
        "incorrect",
        "no issue",
        "disagree",
        "untrue",
        "not upheld",
        "unrealistic",
        "no",
    ],
    Verdict.UNVERIFIABLE: [
        "unverifiable",
        "unclear",
        "cannot be confirmed",
        "not verifiable",
        "needs more context",
        "partially confirmed",
        "unconfirmed",
    ],
    None: ["", "maybe", "5"],
}


@pytest.mark.parametrize(("verdict", "text"), [(v, text) for v, texts in WORDS.items() for text in texts])
def test_words(verdict, text):
    assert verdict_of(text) is verdict


@given(
    st.text(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["checks", "claim", "verdict", "needs", "name"]), inner, max_size=4
            )
        ),
    ).map(json.dumps)
)
def test_anything_is_read_or_refused(text):
    try:
        read = read_checks(Reply(text))
    except InvalidReplyError as error:
        assert error.text == text
    else:
        assert read.checks or read.needs


@pytest.mark.parametrize("text", ["not refuted", "Not a false positive", "not invalid", "not wrong at all"])
def test_what_is_not_refuted_is_not_refuted(text):
    assert verdict_of(text) is Verdict.UNVERIFIABLE


def test_a_no_that_denies_a_doubt():
    assert verdict_of("No doubt: confirmed") is Verdict.CONFIRMED
    assert verdict_of("No.") is Verdict.REFUTED
    assert verdict_of("no") is Verdict.REFUTED

"""Answers that will never end, told from long ones that are fine."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.models.watch import Watch
from tests.support.values import finding, review


def stopped(text: str, most: int = 1_000_000, step: int = 7) -> str:
    watch = Watch(most)
    for at in range(0, len(text), step):
        if problem := watch.add(text[at : at + step]):
            return problem
    return ""


FINDING = json.dumps(finding())
ENDLESS = {
    "one word": "the " * 2000,
    "white space inside JSON": '{"findings": [' + "\n " * 800,
    "line feeds": '{"a": 1,' + "\n" * 900,
    "the same finding": '{"findings": [' + f"{FINDING}, " * 12,
    "a long sentence": "This change looks fine to me, and there is nothing to say about it at all. " * 60,
    "one letter": "x" * 3000,
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_repetition_is_seen_long_before_the_end(text):
    assert "repeats itself" in stopped(text) or "white space" in stopped(text)
    assert stopped(text, step=10_000)


def test_length_has_a_limit():
    assert "longer than 100 characters" in stopped(review(finding()), most=100)


FINE = {
    "a review": review(*[finding(line=n, title=f"Thing {n}", quote=f"x{n} = {n * 7919}") for n in range(80)]),
    "indented": json.dumps(json.loads(review(*[finding(line=n * 37) for n in range(2)])), indent=8),
    "a table": "\n".join(f"| {n} | {n * n} | row {n * 31 % 97} |" for n in range(300)),
    "rulers": "\n".join(f"# {'-' * 76}\ndef step_{n}(): return {n * 13}\n" for n in range(40)),
    "zeros in data": "data = [" + "0, " * 60 + "]",
}


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_long_answers_are_left_alone(text):
    assert stopped(text) == ""


@given(st.text(max_size=400), st.integers(1, 50))
def test_short_answers_are_never_stopped(text, step):
    assert stopped(text, step=step) == ""


@given(st.text(min_size=1, max_size=300).filter(str.strip))
def test_whatever_is_said_for_ever_is_stopped(piece):
    assert stopped(piece * (30_000 // len(piece) + 1))

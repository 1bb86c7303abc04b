"""Which finding is which known problem."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.errors import InvalidReplyError
from reviewer.evaluation.cases import Case, Expected
from reviewer.evaluation.judging import by_judge, judge_prompt, read_matches
from reviewer.evaluation.matching import Mark, Said, by_rule, distance, marked, missed, same_file
from reviewer.models.model import Reply
from reviewer.prompting.prompt import Wording
from reviewer.prompting.role import built_in_folder, load_partials
from reviewer.prompting.template import Templates

ZERO = "Division by zero when the cart is empty"
LEAK = "The socket is never closed after an error"


def said(text: str, line: int | None = 14, path: str = "shop/cart.py", end: int | None = None) -> Said:
    return Said(path, line, end, text, text)


def marks(
    findings: list[Said], *expected: Expected, forbidden: tuple[Expected, ...] = (), complete: bool = True
):
    case = Case("c", Path(), b"", expected, forbidden, complete)
    return marked(findings, case, by_rule(findings, expected, 3), by_rule(findings, forbidden, 3))


PROBLEM = Expected("shop/cart.py", ZERO, 14, 14)

CASES = {
    "the same": (said(ZERO), Mark.RIGHT),
    "in other words": (said("An empty cart leads to a zero division"), Mark.RIGHT),
    "three lines away": (said(ZERO, 17), Mark.RIGHT),
    "four lines away": (said(ZERO, 18), Mark.WRONG),
    "around it": (said(ZERO, 2, end=30), Mark.RIGHT),
    "another file": (said(ZERO, path="shop/util.go"), Mark.WRONG),
    "a longer path": (said(ZERO, path="/home/me/shop/cart.py"), Mark.RIGHT),
    "a name only": (said(ZERO, path="cart.py"), Mark.RIGHT),
    "something else at the same place": (said(LEAK), Mark.WRONG),
    "without a line": (said(ZERO, None), Mark.RIGHT),
    "something else without a line": (said(LEAK, None), Mark.WRONG),
}


@pytest.mark.parametrize(("finding", "mark"), CASES.values(), ids=CASES)
def test_rule(finding, mark):
    # Another problem makes the words of this one tell something.
    (found,) = marks([finding], PROBLEM, Expected("other.py", LEAK, 1, 1))
    assert found.mark is mark


def test_a_problem_is_found_once_and_the_best_one_counts():
    near, exact = said("zero division in the cart", 16), said(ZERO)
    first, second = marks([near, exact], PROBLEM)
    assert (first.mark, second.mark) == (Mark.REPEAT, Mark.RIGHT)
    assert (first.exact, second.exact) == (False, True)


def test_two_problems_at_one_place():
    found = marks([said(LEAK), said(ZERO)], PROBLEM, Expected("shop/cart.py", LEAK, 14, 14))
    assert [(one.mark, one.problem) for one in found] == [(Mark.RIGHT, 1), (Mark.RIGHT, 0)]


def test_what_must_not_be_said():
    (found,) = marks([said(LEAK)], forbidden=(Expected("shop/cart.py", LEAK),))
    assert found.mark is Mark.FORBIDDEN


def test_beside_problems_that_are_not_all_known_nothing_is_wrong():
    (found,) = marks([said(LEAK)], PROBLEM, complete=False)
    assert found.mark is Mark.UNKNOWN


def test_a_place_alone_is_enough_where_no_words_are_given():
    (found,) = marks([said(LEAK, 15)], Expected("shop/cart.py", "", 14, 14))
    assert (found.mark, found.exact) == (Mark.RIGHT, False)


def test_as_many_problems_as_can_be_are_found():
    """The first finding fits both problems; it leaves the one to the second finding that fits nothing else."""
    wide, narrow = said("a", 1, end=40), said("b", 5)
    found = marks([wide, narrow], Expected("shop/cart.py", "", 5, 5), Expected("shop/cart.py", "", 30, 30))
    assert [(one.mark, one.problem) for one in found] == [(Mark.RIGHT, 1), (Mark.RIGHT, 0)]


def test_what_fits_something_forbidden_better_is_forbidden():
    finding = said("The name of the query is too long and unclear")
    (found,) = marks(
        [finding],
        Expected("shop/cart.py", "The query is open to injection", 14, 14),
        forbidden=(Expected("shop/cart.py", "The name of the query is unclear", 14, 14),),
    )
    assert found.mark is Mark.FORBIDDEN


def test_a_finding_without_a_line_is_not_at_every_line():
    (found,) = marks([said("anything", None)], Expected("shop/cart.py", "", 40, 40))
    assert found.mark is Mark.WRONG


def test_a_root_file_is_not_its_namesake():
    problem = Expected("tests/config.py", "", 12, 12)
    finding = said("x", 12, path="config.py")
    assert by_rule([finding], [problem], 0)(0, 0) > 0
    assert by_rule([finding], [problem], 0, {"config.py", "tests/config.py"})(0, 0) == 0


def test_missed():
    case = Case("c", Path(), b"", (PROBLEM, Expected("a.py", LEAK)))
    assert list(missed(case, marks([said(ZERO)], *case.expected))) == [1]


@given(st.integers(1, 30), st.integers(0, 5), st.integers(1, 30), st.integers(0, 5))
def test_distance_is_that_of_the_nearest_lines(start, length, other, span):
    gap = distance(said("x", start, end=start + length), Expected("f", "", other, other + span))
    lines = range(start, start + length + 1)
    others = range(other, other + span + 1)
    assert gap == min(abs(one - two) for one in lines for two in others)


def test_paths():
    assert same_file("a/b.py", "./a/b.py")
    assert same_file("a\\b.py", "a/b.py")
    assert not same_file("ab.py", "b.py")


WORDING = Wording(Templates(load_partials([built_in_folder()])))


def test_what_a_judge_is_asked(snapshot):
    case = Case("c", Path(), b"", (PROBLEM,), (Expected("a.py", "Missing tests"),))
    prompt = judge_prompt(case, [said(ZERO, 12, end=14), said(LEAK, None)], WORDING)
    assert prompt.messages[0].text + prompt.messages[1].text == snapshot


def test_what_a_judge_says():
    text = """```json
{"matches": [{"finding": 1, "reason": "same", "problem": 1}, {"finding": 2, "reason": "none", "problem": null},
{"finding": "3", "reason": "", "problem": "2"}]}
```"""
    matches = read_matches(Reply(text), findings=3, problems=2)
    assert matches == {0: 0, 1: None, 2: 1}
    expected, forbidden = (PROBLEM,), (Expected("a.py", "Missing tests"),)
    findings = [said("a"), said("b"), said("c")]
    case = Case("c", Path(), b"", expected, forbidden)
    found = marked(findings, case, by_judge(matches, expected), by_judge(matches, forbidden, 1))
    assert [one.mark for one in found] == [Mark.RIGHT, Mark.WRONG, Mark.FORBIDDEN]


@pytest.mark.parametrize(
    ("said_by_judge", "problem"),
    [
        (1, 0),
        ("2", 1),
        ("Problem 2", 1),
        (None, None),
        (-1, None),
        (0, None),
        ("none", None),
        ("none (1 is closest)", None),
        ("n/a", None),
        ("no problem", None),
        ("", None),
    ],
)
def test_how_a_judge_says_that_it_is_none(said_by_judge, problem):
    text = json.dumps({"matches": [{"finding": 1, "problem": said_by_judge}]})
    assert read_matches(Reply(text), findings=1, problems=2) == {0: problem}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"matches": []}',
        '{"matches": [{"finding": 1}]}',
        '{"matches": [{"finding": 1, "problem": 9}]}',
        '{"matches": [{"finding": 7, "problem": 1}]}',
    ],
)
def test_half_a_judgement_is_none(text):
    with pytest.raises(InvalidReplyError, match="the judgement could not be read"):
        read_matches(Reply(text), findings=1, problems=2)

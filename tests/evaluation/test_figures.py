"""Figures, their intervals, and whether one evaluation is better than another."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reviewer.errors import OutputError
from reviewer.evaluation.figures import Evaluation, Result, compared, figures, totals
from reviewer.evaluation.matching import Mark, Marked, Said
from reviewer.evaluation.rendering import as_json, as_text, load

SAID = Said("shop/cart.py", 14, 14, "Division by zero", "Division by zero for an empty cart")


def result(name: str, marks: str, expected: int = 0, **fields) -> Result:
    """A result whose findings are given by letters: right, repeated, wrong, forbidden, unknown."""
    kinds = {"r": Mark.RIGHT, "p": Mark.REPEAT, "w": Mark.WRONG, "f": Mark.FORBIDDEN, "u": Mark.UNKNOWN}
    found = tuple(Marked(SAID, kinds[letter], exact=True if letter == "r" else None) for letter in marks)
    missed = expected - marks.count("r")
    return Result(name, found, ("a.py:3: a leak",) * missed, expected, expected == 0, answers=1, **fields)


def by_name(results: list[Result]) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in figures(results)}


def evaluation(*results: Result, **fields) -> Evaluation:
    usual = Evaluation(
        "reviewer 0.1.0",
        datetime(2026, 1, 2, tzinfo=UTC),
        "live",
        ("architecture (lab/big)",),
        3,
        "",
        results,
    )
    return replace(usual, **fields)


def test_every_figure_by_hand():
    results = [
        result("one", "rrw", expected=3),  # 2 right, 1 wrong, 1 missed
        result("two", "rpfu", expected=1),  # 1 right, 1 repeated, 1 forbidden, 1 that nobody can tell
        result("clean", ""),
        result("noisy", "w"),
    ]
    assert by_name(results) == {
        "precision": pytest.approx(3 / 6),
        "recall": pytest.approx(3 / 4),
        "F1": pytest.approx(2 * 3 / (6 + 4)),
        "line accuracy": 1.0,
        "noise per change": pytest.approx(3 / 4),
        "clean changes without findings": 0.5,
        "answers understood": 1.0,
    }
    assert totals(results) == {"right": 3, "repeat": 1, "wrong": 2, "forbidden": 1, "unknown": 1, "missed": 1}


def test_a_clean_change_that_was_not_reviewed_is_not_quiet():
    assert by_name([replace(result("clean", ""), complete=False)])["clean changes without findings"] == 0.0


def test_nothing_to_count():
    assert by_name([result("clean", "")])["precision"] is None
    assert by_name([])["F1"] is None


def test_intervals_hold_the_value_and_shrink_with_more_cases():
    mixed = [result(str(n), "r" if n % 2 else "w", expected=1) for n in range(10)]
    many = [result(str(n), "r" if n % 2 else "w", expected=1) for n in range(200)]
    low, high = interval(mixed)
    lower, upper = interval(many)
    assert low < lower < 0.5 < upper < high
    # The standard error of a share of one half in 200 is .035, so that 95 % are about .07 to either side.
    assert upper - 0.5 == pytest.approx(0.07, abs=0.02)


def interval(results: list[Result]) -> tuple[float, float]:
    """That of the recall."""
    (found,) = [figure for figure in figures(results) if figure.name == "recall"]
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_the_same_results_give_the_same_intervals():
    results = [result(str(n), "rw", expected=2) for n in range(7)]
    assert figures(results) == figures(results)


def verdicts(before: Evaluation, after: Evaluation) -> dict[str, str]:
    return {one.name: one.verdict for one in compared(before, after)}


def test_better_worse_and_neither():
    before = evaluation(*(result(str(n), "rw", expected=2) for n in range(20)))
    after = evaluation(*(result(str(n), "rr", expected=2) for n in range(20)))
    assert verdicts(before, after)["F1"] == "better"
    assert verdicts(after, before)["F1"] == "worse"
    assert verdicts(before, after)["noise per change"] == "better"
    assert verdicts(before, before)["F1"] == "cannot be told apart"
    few = evaluation(*(result(str(n), "rw", expected=2) for n in range(3)))
    assert verdicts(few, evaluation(*(result(str(n), "rr", expected=2) for n in range(3))))["F1"] == (
        "cannot be told apart"
    )
    one_luckier = evaluation(
        *(result(str(n), "rw", expected=2) for n in range(19)), result("19", "rr", expected=2)
    )
    assert verdicts(before, one_luckier)["F1"] == "cannot be told apart"


def test_only_shared_cases_are_compared():
    before = evaluation(result("a", "r", expected=1), result("b", "w", expected=1))
    after = evaluation(result("a", "r", expected=1), result("c", "", expected=1))
    (f1,) = [one for one in compared(before, after) if one.name == "F1"]
    assert (f1.before, f1.after, f1.value) == (1.0, 1.0, 0.0)


def test_cases_that_differ_or_were_not_reviewed_are_not_compared():
    before = evaluation(
        result("a", "r", expected=1), result("b", "r", expected=1, digest="1"), result("c", "", expected=1)
    )
    after = evaluation(
        replace(result("a", "", expected=1), complete=False),
        result("b", "w", expected=2, digest="2"),
        result("c", "r", expected=1),
    )
    text = as_text(after, before=before)
    assert "Not compared, as they differ or one of the two is incomplete: a, b." in text
    assert "on 1 case that both have" in text


def test_another_version_of_the_form_is_refused(tmp_path):
    text = as_json(evaluation(result("a", ""))).replace('"schema_version": 1', '"schema_version": 99')
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(OutputError, match="has version 99 of its form; this program reads 1"):
        load(str(tmp_path / "e.json"))


def test_for_people(snapshot):
    results = (
        result("cart", "rpw", expected=2),
        result("clean", ""),
        replace(result("broken", "", expected=1), complete=False, answers=0, unreadable=1),
    )
    before = evaluation(result("cart", "w", expected=2), result("clean", ""), tolerance=5)
    assert as_text(evaluation(*results), before=before) == snapshot
    assert as_text(evaluation(*results[:1], judge="lab/judge"), every=True) == snapshot(name="every finding")
    assert "The other one has none of these cases" not in as_text(evaluation(*results), before=before)


def test_nothing_in_common(snapshot):
    text = as_text(evaluation(result("a", "")), before=evaluation(result("b", "")))
    assert "The other evaluation has none of these cases." in text


def test_there_and_back(tmp_path):
    made = evaluation(result("cart", "rwf", expected=2), result("clean", ""))
    (tmp_path / "e.json").write_text(as_json(made))
    assert load(str(tmp_path / "e.json")) == made


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not an evaluation"), ("[]", "not an evaluation"), ("{}", "tool")]
)
def test_what_is_no_evaluation(tmp_path, text, message):
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(OutputError, match=message):
        load(str(tmp_path / "e.json"))
    with pytest.raises(OutputError, match="cannot be read"):
        load(str(tmp_path / "none.json"))

"""Figures of an evaluation, how uncertain they are, and whether one is better than another."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reviewer.evaluation.matching import Mark, Marked

_SAMPLES = 1000
_LOW, _HIGH = 0.025, 0.975
_SELDOM, _HALF, _TINY = 0.05, 0.5, 1e-12


@dataclass(frozen=True, slots=True)
class Result:
    """What a review made of one case.

    Attributes:
        case: its name.
        found: the findings, each with what it is.
        missed: the problems that were not found, in words.
        expected: how many problems there are.
        clean: there is nothing to find.
        answers: prompts whose answer was understood.
        unreadable: answers that were not.
        complete: everything planned was reviewed.
        judge_problem: why the judge could not decide, so that the rule has; or empty.
    """

    case: str
    found: tuple[Marked, ...]
    missed: tuple[str, ...]
    expected: int
    clean: bool
    answers: int = 0
    unreadable: int = 0
    complete: bool = True
    judge_problem: str = ""

    def count(self, mark: Mark) -> int:
        """How many findings are of a kind."""
        return sum(one.mark is mark for one in self.found)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of all cases, and how they came about.

    Attributes:
        tool: name and version of the program.
        created: when, with time zone.
        source: where the findings came from: `live`, `recording`, `replies` or a file's name.
        reviewers: roles and models.
        tolerance: lines that a finding may be away from a problem.
        judge: the model that decided what is the same, or empty for the rule.
        results: by the name of the case.
    """

    tool: str
    created: datetime
    source: str
    reviewers: tuple[str, ...]
    tolerance: int
    judge: str
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % interval, which is None where nothing varies.

    Attributes:
        name: what it is.
        value: None if there is nothing to divide by.
        low, high: the interval: of 1,000 samples of the cases, with repetition, 95 % lie within it.
        share: it is a share, to be shown as a percentage.
        less_is_better: as for noise.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    share: bool = True
    less_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """How a figure has changed between two evaluations of the same cases, second less first.

    Attributes:
        name: of the figure.
        before, after: on the cases that both have.
        value: the difference.
        low, high: its 95 % interval over samples of pairs of cases.
        chance: how often a difference as large comes about if chance decides which of the two results of a
            case belongs to which evaluation.
        verdict: `better` or `worse` if that is seldom, else `cannot be told apart`.
    """

    name: str
    before: float | None
    after: float | None
    value: float | None
    low: float | None
    high: float | None
    chance: float | None
    verdict: str


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _precision(results: Sequence[Result]) -> float | None:
    right = sum(one.count(Mark.RIGHT) for one in results)
    return _ratio(right, right + _noise_of(results))


def _noise_of(results: Iterable[Result]) -> int:
    return sum(one.count(Mark.WRONG) + one.count(Mark.FORBIDDEN) for one in results)


def _recall(results: Sequence[Result]) -> float | None:
    return _ratio(sum(one.count(Mark.RIGHT) for one in results), sum(one.expected for one in results))


def _f1(results: Sequence[Result]) -> float | None:
    right = sum(one.count(Mark.RIGHT) for one in results)
    expected = sum(one.expected for one in results)
    return _ratio(2 * right, right + _noise_of(results) + expected)


def _lines(results: Sequence[Result]) -> float | None:
    placed = [m.exact for one in results for m in one.found if m.mark is Mark.RIGHT and m.exact is not None]
    return _ratio(sum(placed), len(placed))


def _noise(results: Sequence[Result]) -> float | None:
    return _ratio(_noise_of(results), len(results))


def _quiet(results: Sequence[Result]) -> float | None:
    clean = [one for one in results if one.clean]
    return _ratio(sum(not one.found and one.complete for one in clean), len(clean))


def _parsed(results: Sequence[Result]) -> float | None:
    understood = sum(one.answers for one in results)
    return _ratio(understood, understood + sum(one.unreadable for one in results))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A figure before it is computed."""

    name: str
    of: Callable[[Sequence[Result]], float | None]
    share: bool = True
    less_is_better: bool = False


_KINDS = (
    _Kind("precision", _precision),
    _Kind("recall", _recall),
    _Kind("F1", _f1),
    _Kind("line accuracy", _lines),
    _Kind("noise per change", _noise, share=False, less_is_better=True),
    _Kind("clean changes without findings", _quiet),
    _Kind("answers understood", _parsed),
)


def figures(results: Sequence[Result]) -> tuple[Figure, ...]:
    """All figures, with intervals by bootstrap over the cases (percentile method, Efron 1979)."""
    samples = list(_samples(len(results)))
    made = []
    for kind in _KINDS:
        low, high = _interval([kind.of([results[n] for n in sample]) for sample in samples])
        made.append(Figure(kind.name, kind.of(results), low, high, kind.share, kind.less_is_better))
    return tuple(made)


def compared(before: Evaluation, after: Evaluation) -> tuple[Difference, ...]:
    """How figures have changed on the cases that two evaluations share.

    The interval is a paired bootstrap. Whether the difference is more than chance is told by a paired
    randomization test (Fisher 1935; for F1 Yeh 2000, "More accurate tests for the statistical significance of
    result differences"), which also holds for few cases: of fewer than six it never says so.
    """
    second = {one.case: one for one in after.results}
    pairs = [(one, second[one.case]) for one in before.results if one.case in second]
    return tuple(_difference(kind, pairs) for kind in _KINDS)


_Pairs = Sequence[tuple[Result, Result]]


def _difference(kind: _Kind, pairs: _Pairs) -> Difference:
    one, two = (kind.of([pair[side] for pair in pairs]) for side in (0, 1))
    value = _less(kind, pairs)
    low, high = _interval(_less(kind, [pairs[n] for n in sample]) for sample in _samples(len(pairs)))
    chance = None if value is None else _by_chance(kind, pairs, value)
    verdict = "cannot be told apart"
    if value and chance is not None and chance < _SELDOM:
        verdict = "better" if (value > 0) is not kind.less_is_better else "worse"
    return Difference(kind.name, one, two, value, low, high, chance, verdict)


def _less(kind: _Kind, pairs: _Pairs) -> float | None:
    """The figure of the second results less that of the first."""
    one, two = (kind.of([pair[side] for pair in pairs]) for side in (0, 1))
    return None if one is None or two is None else two - one


def _by_chance(kind: _Kind, pairs: _Pairs, value: float) -> float:
    """The share of random assignments in which the difference is as large, with the one that was found."""
    dice = random.Random(0)  # noqa: S311  # the same every time; nothing is secret
    as_large = 1
    for _ in range(_SAMPLES):
        mixed = [(two, one) if dice.random() < _HALF else (one, two) for one, two in pairs]
        found = _less(kind, mixed)
        as_large += found is not None and abs(found) >= abs(value) - _TINY
    return as_large / (_SAMPLES + 1)


def _samples(count: int) -> Iterable[Sequence[int]]:
    """Cases drawn with repetition, the same ones for the same number of cases."""
    chance = random.Random(0)  # noqa: S311  # an interval that is the same every time; nothing is secret
    return ([chance.randrange(count) for _ in range(count)] for _ in range(_SAMPLES if count else 0))


def _interval(values: Iterable[float | None]) -> tuple[float | None, float | None]:
    known = sorted(value for value in values if value is not None)
    if not known:
        return None, None
    return known[int(_LOW * (len(known) - 1))], known[round(_HIGH * (len(known) - 1))]


def totals(results: Sequence[Result]) -> Mapping[str, int]:
    """How many findings of each kind, and how many problems were missed."""
    counts = Counter(one.mark.value for result in results for one in result.found)
    return {mark.value: counts[mark.value] for mark in Mark} | {
        "missed": sum(len(result.missed) for result in results)
    }

"""Figures of an evaluation, how uncertain they are, and whether one is better than another."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from reviewer.evaluation.matching import Mark, Marked

SCHEMA_VERSION = 1
"""Grows when a field of the JSON form changes its meaning or goes away."""
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
        digest: names the change and what is known about it.
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
    digest: str = ""

    @property
    def noise(self) -> int:
        """Findings that should not be there."""
        return self.count(Mark.WRONG) + self.count(Mark.FORBIDDEN)

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
        schema_version: of the JSON form.
    """

    tool: str
    created: datetime
    source: str
    reviewers: tuple[str, ...]
    tolerance: int
    judge: str
    results: tuple[Result, ...]
    schema_version: int = SCHEMA_VERSION


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


class _Counts(NamedTuple):
    """What the figures are made of, for one case or summed up over many."""

    cases: int = 0
    right: int = 0
    noise: int = 0
    expected: int = 0
    exact: int = 0
    placed: int = 0
    clean: int = 0
    quiet: int = 0
    answers: int = 0
    unreadable: int = 0


def _counted(result: Result) -> _Counts:
    exact = [one.exact for one in result.found if one.mark is Mark.RIGHT and one.exact is not None]
    return _Counts(
        cases=1,
        right=result.count(Mark.RIGHT),
        noise=result.noise,
        expected=result.expected,
        exact=sum(exact),
        placed=len(exact),
        clean=int(result.clean),
        quiet=int(result.clean and not result.found and result.complete),
        answers=result.answers,
        unreadable=result.unreadable,
    )


def _sum(counts: Iterable[_Counts]) -> _Counts:
    return _Counts(*map(sum, zip(*counts, strict=True)))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class _Kind:
    """A figure before it is computed."""

    name: str
    of: Callable[[_Counts], float | None]
    share: bool = True
    less_is_better: bool = False


_F1 = _Kind("F1", lambda n: _ratio(2 * n.right, n.right + n.noise + n.expected))
_KINDS = (
    _Kind("precision", lambda n: _ratio(n.right, n.right + n.noise)),
    _Kind("recall", lambda n: _ratio(n.right, n.expected)),
    _F1,
    _Kind("line accuracy", lambda n: _ratio(n.exact, n.placed)),
    _Kind("noise per change", lambda n: _ratio(n.noise, n.cases), share=False, less_is_better=True),
    _Kind("clean changes without findings", lambda n: _ratio(n.quiet, n.clean)),
    _Kind("answers understood", lambda n: _ratio(n.answers, n.answers + n.unreadable)),
)


def f1(results: Sequence[Result]) -> float | None:
    """F1 of all cases together; None if there is nothing to find and nothing was said."""
    return _F1.of(_sum(map(_counted, results)))


def figures(results: Sequence[Result]) -> tuple[Figure, ...]:
    """All figures, with intervals by bootstrap over the cases (percentile method, Efron 1979)."""
    counts = [_counted(result) for result in results]
    drawn = [_sum(counts[n] for n in sample) for sample in _samples(len(counts))]
    made = []
    for kind in _KINDS:
        low, high = _interval(map(kind.of, drawn))
        made.append(Figure(kind.name, kind.of(_sum(counts)), low, high, kind.share, kind.less_is_better))
    return tuple(made)


_Pair = tuple[_Counts, _Counts]


def comparable(
    before: Evaluation, after: Evaluation
) -> tuple[tuple[tuple[Result, Result], ...], tuple[str, ...]]:
    """The results of the same cases in two evaluations, and the names of cases that cannot be compared.

    A case that is another one now, or that one of the two has not reviewed completely, tells nothing.
    """
    second = {one.case: one for one in after.results}
    both = [(one, second[one.case]) for one in before.results if one.case in second]
    fine = [(one, two) for one, two in both if one.digest == two.digest and one.complete and two.complete]
    left = [one.case for one, two in both if (one, two) not in fine]
    return tuple(fine), tuple(left)


def compared(before: Evaluation, after: Evaluation) -> tuple[Difference, ...]:
    """How figures have changed on the cases that two evaluations share.

    The interval is a paired bootstrap. Whether the difference is more than chance is told by a paired
    randomization test (Fisher 1935; for F1 Yeh 2000, "More accurate tests for the statistical significance of
    result differences"), which also holds for few cases: of fewer than six it never says so.
    """
    shared, _ = comparable(before, after)
    pairs = [(_counted(one), _counted(two)) for one, two in shared]
    drawn = [_sides([pairs[n] for n in sample]) for sample in _samples(len(pairs))]
    dice = random.Random(0)  # noqa: S311  # the same every time; nothing is secret
    swapped = [
        _sides([(two, one) if dice.random() < _HALF else (one, two) for one, two in pairs])
        for _ in range(_SAMPLES if pairs else 0)
    ]
    return tuple(_difference(kind, _sides(pairs), drawn, swapped) for kind in _KINDS)


def _sides(pairs: Iterable[_Pair]) -> _Pair:
    """The sums of both evaluations."""
    first, second = [], []
    for one, two in pairs:
        first.append(one)
        second.append(two)
    return _sum(first), _sum(second)


def _difference(kind: _Kind, sides: _Pair, drawn: Sequence[_Pair], swapped: Sequence[_Pair]) -> Difference:
    before, after = map(kind.of, sides)
    value = _less(kind, sides)
    low, high = _interval(_less(kind, pair) for pair in drawn)
    chance, verdict = None, "cannot be told apart"
    if value is not None:
        differences = [one for pair in swapped if (one := _less(kind, pair)) is not None]
        as_large = sum(abs(one) >= abs(value) - _TINY for one in differences)
        # The assignment that was found is one of the possible ones.
        chance = (as_large + 1) / (len(differences) + 1)
        if value and chance < _SELDOM:
            verdict = "better" if (value > 0) is not kind.less_is_better else "worse"
    return Difference(kind.name, before, after, value, low, high, chance, verdict)


def _less(kind: _Kind, sides: _Pair) -> float | None:
    """The figure of the second side less that of the first."""
    one, two = map(kind.of, sides)
    return None if one is None or two is None else two - one


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

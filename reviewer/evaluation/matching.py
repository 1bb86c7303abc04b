"""Which finding is which of the known problems: by file, lines and words, in place of a judge."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reviewer.evaluation.cases import Case, Expected
from reviewer.findings.likeness import Likeness

_ALIKE_IN_PLACE, _ALIKE = 0.10, 0.26
"""How alike in words (0 to 1) a finding and a problem have to be: at the same lines, and without lines.

The second one is where agreement with a judge model is best on findings of many tools (docs/quality.md).
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A finding, as far as it matters for whether it is right.

    Attributes:
        path: its file.
        line, end_line: 1-based; None if it has no place.
        title: for people.
        text: all that it says.
    """

    path: str
    line: int | None
    end_line: int | None
    title: str
    text: str


class Mark(StrEnum):
    """What a finding is."""

    RIGHT = "right"
    REPEAT = "repeat"  # another finding says the same, and counts
    WRONG = "wrong"
    FORBIDDEN = "forbidden"  # it says what must not be said
    UNKNOWN = "unknown"  # not all problems of the case are known, and this is none of the known ones


@dataclass(frozen=True, slots=True)
class Marked:
    """A finding with what it is.

    Attributes:
        said: the finding.
        mark: what it is.
        problem: the number of the expected or forbidden problem that it is about, from 0; or None.
        exact: it has a line in common with that problem; None if one of them has no lines.
    """

    said: Said
    mark: Mark
    problem: int | None = None
    exact: bool | None = None


Same = Callable[[int, int], float]
"""How sure it is that a finding is about a problem, by their numbers; 0 if it is not."""


def marked(findings: Sequence[Said], case: Case, same: Same, forbidden: Same) -> tuple[Marked, ...]:
    """What each finding is: every problem is found by one finding at most, the one that fits best.

    Args:
        findings: what was found.
        case: what should be.
        same: whether a finding is about an expected problem.
        forbidden: whether it is about a forbidden one.
    """
    pairs = sorted(
        (-sureness, number, problem)
        for number in range(len(findings))
        for problem in range(len(case.expected))
        if (sureness := same(number, problem)) > 0
    )
    taken: dict[int, int] = {}
    for _, number, problem in pairs:
        if number not in taken and problem not in taken.values():
            taken[number] = problem
    about: dict[int, int] = {}
    for _, number, problem in pairs:
        about.setdefault(number, problem)
    return tuple(
        _mark(number, said, case, taken.get(number), about.get(number), forbidden)
        for number, said in enumerate(findings)
    )


def _mark(  # noqa: PLR0913, PLR0917  # all of it decides
    number: int, said: Said, case: Case, taken: int | None, about: int | None, forbidden: Same
) -> Marked:
    if taken is not None:
        return Marked(said, Mark.RIGHT, taken, _exact(said, case.expected[taken]))
    if about is not None:
        return Marked(said, Mark.REPEAT, about, _exact(said, case.expected[about]))
    bad = [problem for problem in range(len(case.forbidden)) if forbidden(number, problem) > 0]
    if bad:
        return Marked(said, Mark.FORBIDDEN, bad[0])
    return Marked(said, Mark.WRONG if case.complete else Mark.UNKNOWN)


def _exact(said: Said, problem: Expected) -> bool | None:
    gap = distance(said, problem)
    return None if gap is None else gap == 0


def by_rule(findings: Sequence[Said], problems: Sequence[Expected], tolerance: int) -> Same:
    """The rule in place of a judge: the same file, lines no further apart than the tolerance, like words.

    Args:
        findings: what was found.
        problems: what is known.
        tolerance: lines between a finding and a problem.
    """
    likeness = Likeness([*(said.text for said in findings), *(problem.text for problem in problems)])

    def same(number: int, index: int) -> float:
        said, problem = findings[number], problems[index]
        gap = distance(said, problem)
        if not same_file(said.path, problem.file) or (gap is not None and gap > tolerance):
            return 0.0
        if not problem.text:
            return 1.0 / (1 + (gap or 0))
        alike = likeness.in_words(said.text, problem.text)
        return alike if alike >= (_ALIKE if gap is None else _ALIKE_IN_PLACE) else 0.0

    return same


def same_file(one: str, two: str) -> bool:
    """Whether two paths mean one file: the same, or one is the end of the other."""
    left, right = (f"/{path.replace(chr(92), '/').removeprefix('./').lstrip('/')}" for path in (one, two))
    return left.endswith(right) or right.endswith(left)


def distance(said: Said, problem: Expected) -> int | None:
    """Lines between a finding and a problem, 0 if they share one; None if one of them has no lines."""
    if said.line is None or problem.line is None:
        return None
    first, last = said.line, max(said.line, said.end_line or said.line)
    start, end = problem.line, max(problem.line, problem.end_line or problem.line)
    return max(0, start - last, first - end)


def missed(case: Case, found: Sequence[Marked]) -> Iterator[int]:
    """The numbers of the problems that no finding is about."""
    known = {one.problem for one in found if one.mark is Mark.RIGHT}
    return (number for number in range(len(case.expected)) if number not in known)

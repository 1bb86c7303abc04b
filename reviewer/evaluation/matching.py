"""Which finding is which of the known problems: by file, lines and words, in place of a judge."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
    """What each finding is: every problem is found by one finding at most, and as many are as can be.

    What fits something forbidden better than anything expected is forbidden.

    Args:
        findings: what was found.
        case: what should be.
        same: whether a finding is about an expected problem.
        forbidden: whether it is about a forbidden one.
    """
    bad = [_fits(forbidden, number, len(case.forbidden)) for number in range(len(findings))]
    least = [max(fits.values(), default=0.0) for fits in bad]
    good = [
        {
            problem: sure
            for problem, sure in _fits(same, number, len(case.expected)).items()
            if sure >= least[number]
        }
        for number in range(len(findings))
    ]
    taken = _assigned(good)
    made = []
    for number, said in enumerate(findings):
        if good[number]:
            problem = taken.get(number, next(iter(good[number])))
            mark = Mark.RIGHT if number in taken else Mark.REPEAT
            made.append(Marked(said, mark, problem, _exact(said, case.expected[problem])))
        elif bad[number]:
            made.append(Marked(said, Mark.FORBIDDEN, next(iter(bad[number]))))
        else:
            made.append(Marked(said, Mark.WRONG if case.complete else Mark.UNKNOWN))
    return tuple(made)


def _fits(same: Same, number: int, count: int) -> dict[int, float]:
    """The problems that a finding fits and how sure that is, the surest first."""
    found = [(problem, same(number, problem)) for problem in range(count)]
    return dict(sorted((pair for pair in found if pair[1] > 0), key=lambda pair: (-pair[1], pair[0])))


def _assigned(fits: Sequence[Mapping[int, float]]) -> dict[int, int]:
    """As many findings as possible, each with a problem of its own; those that fit best choose first.

    Who has chosen gives way to another one if there is a problem left for it (augmenting paths, Kuhn 1955).

    Args:
        fits: the problems that each finding fits, the surest first.
    """
    owner: dict[int, int] = {}

    def choose(number: int, tried: set[int]) -> bool:
        for problem in fits[number]:
            if problem not in tried:
                tried.add(problem)
                if problem not in owner or choose(owner[problem], tried):
                    owner[problem] = number
                    return True
        return False

    for number in sorted(range(len(fits)), key=lambda one: (-max(fits[one].values(), default=0.0), one)):
        choose(number, set())
    return {number: problem for problem, number in owner.items()}


def _exact(said: Said, problem: Expected) -> bool | None:
    gap = distance(said, problem)
    return None if gap is None else gap == 0


def by_rule(
    findings: Sequence[Said], problems: Sequence[Expected], tolerance: int, paths: Collection[str] = ()
) -> Same:
    """The rule in place of a judge: the same file, lines no further apart than the tolerance, like words.

    Args:
        findings: what was found.
        problems: what is known.
        tolerance: lines between a finding and a problem.
        paths: of all files of the change; of these, a shorter one never means a longer one.
    """
    likeness = Likeness([*(said.text for said in findings), *(problem.text for problem in problems)])

    def same(number: int, index: int) -> float:
        said, problem = findings[number], problems[index]
        gap = distance(said, problem)
        both = said.path in paths and problem.file in paths
        if both and said.path != problem.file:
            return 0.0
        if not same_file(said.path, problem.file) or (gap is not None and gap > tolerance):
            return 0.0
        if not problem.text:
            # Less than any likeness in words that counts: where both are there, words decide.
            return 0.0 if gap is None else _ALIKE_IN_PLACE / (2 + gap)
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

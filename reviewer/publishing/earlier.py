"""What became of findings that readers of a pull request were told of before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from reviewer.changes.changeset import Side
from reviewer.findings.finding import Finding
from reviewer.findings.identity import Known, known, pair, slug
from reviewer.hosts.host import Thread
from reviewer.outputs.report import Outcome, Report, Status, wholly_read
from reviewer.publishing.anchors import Anchors
from reviewer.publishing.marks import Told, read_finding, role_name


@dataclass(frozen=True, slots=True)
class Beside:
    """A thread of this program's and the finding that it is about, under the name that its file has now."""

    thread: Thread
    told: Told


def threads_of(threads: Sequence[Thread], anchors: Anchors, name: str) -> tuple[Beside, ...]:
    """The threads of one review: of several about one place, the visible and the worst first."""
    found = []
    for thread in threads:
        told = read_finding(thread.body, thread.path, name) if thread.mine else None
        if told is not None:
            found.append(Beside(thread, _moved(told, anchors)))
    return tuple(
        sorted(
            found, key=lambda one: (one.thread.hidden, one.told.finding.severity.rank, one.thread.outdated)
        )
    )


def lately(before: Sequence[Told], anchors: Anchors) -> tuple[Told, ...]:
    """What the summary before was about, under the names that files have now."""
    return tuple(_moved(told, anchors) for told in before)


def _moved(told: Told, anchors: Anchors) -> Told:
    return replace(told, finding=anchors.moved(told.finding))


class Cover(StrEnum):
    """What a thread is to a finding of this run."""

    SAYS = "says"
    """Readers see it there: nothing more is to be said."""
    NEAR = "near"
    """It stands at the same code, but says something else, or is folded."""
    SETTLED = "settled"
    """Somebody has settled just this."""
    NONE = "none"
    """It does not tell readers of the finding, which needs a comment of its own."""


def cover(beside: Beside, finding: Known) -> Cover:
    """What a thread at the code of a finding is to it.

    Who settles a minor matter has not settled a critical one at the same place, and not another one either.
    What is folded as out of date tells nobody anything, and is not asked for here.
    """
    thread, was = beside.thread, beside.told.finding
    same_kind = slug(finding.category) == slug(was.category)
    worse = finding.severity.rank < was.severity.rank
    if thread.resolved:
        return Cover.SETTLED if same_kind and not worse else Cover.NONE
    if worse and not same_kind:
        return Cover.NONE
    return Cover.SAYS if same_kind and not worse and not thread.outdated else Cover.NEAR


class Became(StrEnum):
    """What became of an earlier finding that this run does not report."""

    FIXED = "fixed"
    """Who found it has read the file again, which has not its code any more."""
    UNSAID = "unsaid"
    """Who found it has read the file again and does not report it, though the code may be the same."""
    UNCHECKED = "unchecked"
    """Nobody has looked."""


def became(
    report: Report, earlier: Sequence[Told], anchors: Anchors, whole: Mapping[str, frozenset[str]]
) -> Iterator[tuple[int, Became]]:
    """What became of earlier findings, by their positions; those that this run reports are left out.

    Args:
        report: of this run.
        earlier: what readers were told of.
        anchors: the change as the host shows it.
        whole: short hashes of all lines that files have now, by path.
    """
    doubted = _among(earlier, [*(item.finding for item in report.set_aside), *report.unverified])
    looked = list(_looked_for(report, earlier, anchors))
    for number in looked:
        code = True if number in doubted else anchors.holds_code(earlier[number], whole)
        yield number, Became.FIXED if code is False else Became.UNSAID
    known_now = {*looked, *_among(earlier, report.findings)}
    yield from ((number, Became.UNCHECKED) for number in range(len(earlier)) if number not in known_now)


def to_read(report: Report, earlier: Sequence[Told], anchors: Anchors) -> frozenset[str]:
    """Files that have to be looked at to know what became of earlier findings."""
    looked = (earlier[number] for number in _looked_for(report, earlier, anchors))
    return frozenset(
        one.finding.path
        for one in looked
        if one.side is Side.NEW and one.finding.lines and not anchors.left(one.finding.path)
    )


def _looked_for(report: Report, earlier: Sequence[Told], anchors: Anchors) -> Iterator[int]:
    """Which earlier findings this run would have reported again, by their positions, and did not."""
    if report.status is Status.INCOMPLETE:
        return
    spoken = _among(earlier, report.findings)
    ran = {role_name(review.role) for review in report.reviews if review.status is Outcome.COMPLETED}
    read = wholly_read(report.coverage)
    readers = {
        file.path: ran & set(map(role_name, file.roles))
        for file in report.coverage.reviewed
        if file.path in read
    }
    for number, one in enumerate(earlier):
        path = one.finding.path
        # A file that the change does not touch any more has none of its problems either.
        looked = anchors.left(path) or (path in readers and set(one.roles) <= readers[path])
        if looked and number not in spoken:
            yield number


def _among(earlier: Sequence[Told], findings: Sequence[Finding]) -> set[int]:
    """The positions of those earlier findings that are among some of this run."""
    return set(pair([one.finding for one in earlier], [known(finding) for finding in findings]).values())

"""What became of findings that readers of a pull request were told of before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from reviewer.findings.identity import Known, known, pair
from reviewer.hosts.host import Thread
from reviewer.outputs.report import Outcome, Report, Status, wholly_read
from reviewer.publishing.anchors import Anchors
from reviewer.publishing.marks import Told, read_finding, role_name, slug


@dataclass(frozen=True, slots=True)
class Beside:
    """A thread of this program's and the finding that it is about, under the name that its file has now."""

    thread: Thread
    told: Told


def threads_of(threads: Sequence[Thread], anchors: Anchors, name: str) -> tuple[Beside, ...]:
    """The threads of one review: of several about one place, the worst and the visible first."""
    found = []
    for thread in threads:
        told = read_finding(thread.body, thread.path, name) if thread.mine else None
        if told is not None:
            found.append(Beside(thread, _moved(told, anchors)))
    return tuple(
        sorted(
            found, key=lambda one: (one.told.finding.severity.rank, one.thread.hidden, one.thread.outdated)
        )
    )


def lately(before: Sequence[Told], anchors: Anchors) -> tuple[Told, ...]:
    """What the summary before was about, under the names that files have now."""
    return tuple(_moved(told, anchors) for told in before)


def _moved(told: Told, anchors: Anchors) -> Told:
    return replace(told, finding=anchors.moved(told.finding, told.side))


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
    """
    thread, was = beside.thread, beside.told.finding
    same_kind = slug(finding.category) == slug(was.category)
    worse = finding.severity.rank < was.severity.rank
    if thread.hidden:
        return Cover.NONE  # it was out of date, and is not any more
    if thread.resolved:
        return Cover.SETTLED if same_kind and not worse else Cover.NONE
    if worse and not same_kind:
        return Cover.NONE
    return Cover.SAYS if same_kind and not worse and not thread.outdated else Cover.NEAR


class Became(StrEnum):
    """What became of an earlier finding that this run does not report."""

    FIXED = "fixed"
    """Who found it has read the file again, and its code is not there any more."""
    UNSAID = "unsaid"
    """Who found it has read the file again and does not report it, though the code may be the same."""
    UNCHECKED = "unchecked"
    """Nobody has looked."""


def became(report: Report, earlier: Sequence[Told], anchors: Anchors) -> Iterator[tuple[int, Became]]:
    """What became of earlier findings, by their positions; those that this run speaks of are left out.

    What is set aside or could not be verified this time is spoken of.
    """
    aside = [item.finding for item in report.set_aside]
    now = [known(finding) for finding in (*report.findings, *aside, *report.unverified)]
    spoken = set(pair([one.finding for one in earlier], now).values())
    ran = {role_name(review.role) for review in report.reviews if review.status is Outcome.COMPLETED}
    read = wholly_read(report.coverage)
    readers = {
        file.path: ran & set(map(role_name, file.roles))
        for file in report.coverage.reviewed
        if file.path in read
    }
    for number, one in enumerate(earlier):
        if number in spoken:
            continue
        path = one.finding.path
        # A file that the change does not touch any more has none of its problems either.
        looked = anchors.left(path) or (path in readers and set(one.roles) <= readers[path])
        if report.status is Status.INCOMPLETE or not looked:
            yield number, Became.UNCHECKED
        else:
            gone = anchors.holds_code(one.finding, one.side) is False
            yield number, Became.FIXED if gone else Became.UNSAID

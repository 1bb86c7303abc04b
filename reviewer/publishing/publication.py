"""What is to be written for a report, given what is there: a value, before anything is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reviewer.findings.finding import Finding
from reviewer.findings.identity import Known, known, pair
from reviewer.hosts.host import Conclusion, Inline, Note, Thread
from reviewer.outputs.report import Report, Status, wholly_read
from reviewer.publishing.anchors import Anchors, Place
from reviewer.publishing.bodies import State, inline_body, summary_body, unchanged_summary
from reviewer.publishing.marks import SUMMARY, read_finding, read_known

MOST_INLINE = 20
"""Comments beside lines in one review; the rest is in the summary."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be written.

    Attributes:
        comments: beside lines, with the ids of their findings.
        summary: the comment on the whole.
        note: the one that it replaces, or None if there is none yet.
        hide: comments whose findings are gone.
        conclusion: of the check.
    """

    comments: tuple[tuple[str, Inline], ...]
    summary: str
    note: Note | None
    hide: tuple[str, ...]
    conclusion: Conclusion


@dataclass(frozen=True, slots=True)
class _Beside:
    """A thread of this program's and the finding that it is about."""

    thread: Thread
    finding: Known


def publication(
    report: Report,
    anchors: Anchors,
    threads: Sequence[Thread],
    notes: Sequence[Note],
    *,
    certain: bool = False,
) -> Publication:
    """What to write: nothing twice, nothing that was settled, and nothing taken away by a run that failed.

    Args:
        report: what was found.
        anchors: the lines that take comments.
        threads: all comments beside lines.
        notes: all comments on the whole.
        certain: only comments that no host refuses, each beside one added line.
    """
    ours = [
        _Beside(thread, about)
        for thread in threads
        if thread.mine and (about := read_finding(thread.body, thread.path)) is not None
    ]
    note = next((one for one in notes if one.mine and one.body.startswith(SUMMARY) and not one.hidden), None)
    now = [known(finding) for finding in report.findings]
    found = pair([one.finding for one in ours], now)
    comments = list(_comments(report, anchors, set(found), certain=certain))
    beside = {now[later].id for later in found} | {id_ for id_, _ in comments}
    before = read_known(note.body) if note is not None else ()
    earlier = {now[later].id for later in (*found, *pair(before, now))}
    settled = {now[later].id for later, first in found.items() if ours[first].thread.resolved}
    gone = _gone(report, [one.finding for one in ours])
    fixed = [ours[number] for number in gone if not ours[number].thread.hidden]
    state = State(
        beside=frozenset(beside),
        earlier=frozenset(earlier),
        settled=frozenset(settled),
        fixed=tuple(_named([one.finding for one in fixed], [before[n] for n in _gone(report, before)])),
    )
    nothing_read = report.status is Status.INCOMPLETE and not report.coverage.reviewed
    if nothing_read and note is not None:
        summary = unchanged_summary(report, note.body)
    else:
        summary = summary_body(report, state)
    hide = tuple(one.thread.id for one in fixed if not one.thread.answered and not one.thread.resolved)
    return Publication(tuple(comments), summary, note, hide, _conclusion(report))


def _comments(
    report: Report, anchors: Anchors, there: set[int], *, certain: bool
) -> Iterator[tuple[str, Inline]]:
    """New comments beside lines, worst first, at most as many as a host takes without complaint."""
    left = MOST_INLINE
    for number, finding in enumerate(report.findings):
        place = anchors.place_of(finding) if number not in there else None
        if place is None or not left:
            continue
        if certain:
            place = replace(place, start=place.end, replacement=None)
            if not anchors.is_certain(place):
                continue
        left -= 1
        yield finding.id, _inline(finding, place)


def _inline(finding: Finding, place: Place) -> Inline:
    start = place.start if place.start < place.end else None
    return Inline(place.path, place.end, place.side, start, inline_body(finding, place))


def _gone(report: Report, earlier: Sequence[Known]) -> list[int]:
    """Which of some earlier findings are gone: a complete run has read their file, and they are not there.

    What is set aside or could not be verified this time is not gone, and neither is what is below the
    severity that is shown.
    """
    if report.status is Status.INCOMPLETE or report.hidden:
        return []
    aside = [item.finding for item in report.set_aside]
    now = [known(finding) for finding in (*report.findings, *aside, *report.unverified)]
    matched = set(pair(earlier, now).values())
    read = wholly_read(report.coverage)
    skipped = {part.path for part in report.coverage.skipped}
    return [
        number
        for number, item in enumerate(earlier)
        # A file that the change does not touch any more has none of its problems either.
        if number not in matched and (item.path in read or item.path not in skipped)
    ]


def _named(ours: Sequence[Known], before: Sequence[Known]) -> Iterator[Known]:
    """What is gone, each once, with its title where that is known."""
    titles = {item.id: item for item in before}
    listed = {item.id for item in ours}
    yield from (titles.get(item.id, item) for item in ours)
    yield from (item for item in before if item.id not in listed)


def _conclusion(report: Report) -> Conclusion:
    if report.gate.reached:
        return Conclusion.FAILURE
    return Conclusion.NEUTRAL if report.status is Status.INCOMPLETE else Conclusion.SUCCESS

"""What is to be written for a report, given what is there: a value, before anything is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewer.findings.finding import Finding
from reviewer.findings.identity import Known, known, pair
from reviewer.hosts.host import Conclusion, Inline, Note, Thread
from reviewer.outputs.report import Report, Status
from reviewer.publishing.anchors import Anchors, Place
from reviewer.publishing.bodies import State, inline_body, summary_body, unchanged_summary
from reviewer.publishing.earlier import Became, Beside, Cover, became, cover, lately, threads_of, to_read
from reviewer.publishing.marks import NAME, Told, is_summary, read_known

MOST_INLINE = 20
"""Comments beside lines in one review; the rest is in the summary."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be written.

    Attributes:
        comments: beside lines, with the ids of their findings.
        summary: the comment on the whole.
        note: the one that it replaces, or None if there is none yet.
        hide: comments whose findings are gone, and summaries of which there is a newer one.
        conclusion: of the check.
    """

    comments: tuple[tuple[str, Inline], ...]
    summary: str
    note: Note | None
    hide: tuple[str, ...]
    conclusion: Conclusion


@dataclass(frozen=True, slots=True)
class There:
    """What is on the host.

    Attributes:
        anchors: the lines that take comments.
        threads: all comments beside lines.
        notes: all comments on the whole.
        whole: short hashes of all lines of files at the head, by path, as far as somebody has asked for them.
    """

    anchors: Anchors
    threads: Sequence[Thread] = ()
    notes: Sequence[Note] = ()
    whole: Mapping[str, frozenset[str]] = field(default_factory=dict)


def publication(report: Report, there: There, name: str = NAME, *, certain: bool = False) -> Publication:
    """What to write: nothing twice, nothing that was settled, and nothing taken away by a run that failed.

    Args:
        report: what was found.
        there: what is there already.
        name: of this review, if the pull request has several.
        certain: only comments that no host refuses, each beside one added line.
    """
    anchors = there.anchors
    ours = threads_of(there.threads, anchors, name)
    summaries = _summaries(there, name)
    note = summaries[0] if summaries else None
    before = lately(read_known(note.body) if note is not None else (), anchors)
    standing = _Standing.of(report, [one for one in ours if not one.thread.hidden], before)
    comments = tuple(_comments(report, anchors, standing.covered, name, certain=certain))
    thread_fates = list(became(report, [one.told for one in ours], anchors, there.whole))
    # Of what a person has settled or answered, the list of the run before knows whether it is news.
    gone = [ours[number] for number, fate in thread_fates if fate is Became.FIXED]
    hide = [one for one in gone if not (one.thread.hidden or one.thread.answered or one.thread.resolved)]
    fates = [(before[number], fate) for number, fate in became(report, before, anchors, there.whole)]
    state = State(
        beside=standing.beside | {id_ for id_, _ in comments},
        earlier=standing.earlier,
        settled=standing.settled,
        fixed=tuple(
            _each_once([one.told for one in hide], [one for one, fate in fates if fate is Became.FIXED])
        ),
        unsaid=tuple(
            one for one, fate in fates if fate is Became.UNSAID and one.finding.id not in _settled(ours)
        ),
        unchecked=tuple(one for one, fate in fates if fate is Became.UNCHECKED),
    )
    nothing_read = report.status is Status.INCOMPLETE and not report.coverage.reviewed
    if nothing_read and note is not None:
        summary = unchanged_summary(report, note.body, name)
    else:
        summary = summary_body(report, state, name)
    gone_ids = (*(one.thread.id for one in hide), *(one.node for one in summaries[1:] if one.node))
    return Publication(comments, summary, note, gone_ids, conclusion_of(report))


def paths_to_read(report: Report, there: There, name: str) -> frozenset[str]:
    """Files of which `There.whole` has to know the lines, for what is to be said about earlier findings."""
    notes = _summaries(there, name)[:1]
    before = lately([told for note in notes for told in read_known(note.body)], there.anchors)
    ours = [one.told for one in threads_of(there.threads, there.anchors, name)]
    # Each for itself: most findings are in both, and each is paired once.
    return to_read(report, ours, there.anchors) | to_read(report, before, there.anchors)


def _summaries(there: There, name: str) -> list[Note]:
    """Our summaries that readers see; more than one if two runs have posted at once."""
    return [note for note in there.notes if note.mine and not note.hidden and is_summary(note.body, name)]


def _settled(ours: Sequence[Beside]) -> frozenset[str]:
    return frozenset(one.told.finding.id for one in ours if one.thread.resolved)


@dataclass(frozen=True, slots=True)
class _Standing:
    """How the findings of this run stand to what readers know, by their ids."""

    covered: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()
    earlier: frozenset[str] = frozenset()

    @classmethod
    def of(cls, report: Report, ours: Sequence[Beside], before: Sequence[Told]) -> "_Standing":
        now = [known(finding) for finding in report.findings]
        found = pair([one.told.finding for one in ours], now)
        covers = {now[later].id: cover(ours[first], now[later]) for later, first in found.items()}
        by: Mapping[Cover, frozenset[str]] = {
            kind: frozenset(id_ for id_, is_ in covers.items() if is_ is kind) for kind in Cover
        }
        covered = frozenset(covers) - by[Cover.NONE]
        lately_ = {now[later].id for later in pair([one.finding for one in before], now)}
        return cls(covered, by[Cover.SAYS] | by[Cover.SETTLED], by[Cover.SETTLED], covered | lately_)


def _comments(
    report: Report, anchors: Anchors, covered: frozenset[str], name: str, *, certain: bool
) -> Iterator[tuple[str, Inline]]:
    """New comments beside lines, worst first, at most as many as a host takes without complaint."""
    left = MOST_INLINE
    for finding in report.findings:
        place = anchors.place_of(finding) if finding.id not in covered else None
        if place is None or not left:
            continue
        if certain:
            place = replace(place, start=place.end, replacement=None)
            if not anchors.is_certain(place):
                continue
        left -= 1
        yield finding.id, _inline(finding, place, name)


def _inline(finding: Finding, place: Place, name: str) -> Inline:
    start = place.start if place.start < place.end else None
    return Inline(place.path, place.end, place.side, start, inline_body(finding, place, name))


def _each_once(ours: Sequence[Told], before: Sequence[Told]) -> Iterator[Known]:
    """What is gone, each once, with its title where that is known."""
    titles = {one.finding.id: one.finding for one in before}
    listed = {one.finding.id for one in ours}
    yield from (titles.get(one.finding.id, one.finding) for one in ours)
    yield from (one.finding for one in before if one.finding.id not in listed)


def conclusion_of(report: Report) -> Conclusion:
    """What a check says: the gate decides, and an incomplete run that did not reach it is neutral."""
    if report.gate.reached:
        return Conclusion.FAILURE
    return Conclusion.NEUTRAL if report.status is Status.INCOMPLETE else Conclusion.SUCCESS

"""What the roles produced to a report: pure, and the same for a finished and for a stopped run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from reviewer import __version__
from reviewer.accounting import Ledger, account
from reviewer.appraise import Grounded, role_review
from reviewer.changes.text import encodable
from reviewer.coverage import coverage_of, unseen_by, whole_readers
from reviewer.examining import Examination
from reviewer.fates import Rereading, carried, seen_files
from reviewer.fates import beside as beside_run
from reviewer.findings.finding import Claim, Finding, Grounding
from reviewer.findings.merge import Statement, ground_claims, merge
from reviewer.findings.patching import with_patches
from reviewer.findings.verdicts import with_rulings
from reviewer.mending import review_of, with_fixes
from reviewer.outputs.report import (
    SCHEMA_VERSION,
    Comparison,
    Coverage,
    Earlier,
    Report,
    RoleReview,
    SeenFile,
    SetAside,
    TargetInfo,
)
from reviewer.outputs.summary import combine_advice, decide_status, gate_of, verdict_of
from reviewer.outputs.wording import counted
from reviewer.plan import Plan
from reviewer.policy import RunPolicy
from reviewer.prompting.batch import Batch
from reviewer.prompting.role import Task
from reviewer.record import Record, Unanswered, reading_position
from reviewer.standing import aside, compared, verification
from reviewer.synthesis import Writing


@dataclass(frozen=True, slots=True)
class Frame:
    """The circumstances of a run.

    Attributes:
        policy: its bounds and wishes.
        seconds: how long it took.
        ledger: what the models cost, and how they are.
        stopped: why it was stopped before its end, or empty.
    """

    policy: RunPolicy
    seconds: float
    ledger: Ledger = field(default_factory=Ledger)
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """What was asked beside the roles' own prompts: verdicts, a summary, and what is still there."""

    examination: Examination = field(default_factory=Examination)
    writing: Writing = field(default_factory=Writing)
    rereading: Examination = field(default_factory=Examination)

    @property
    def reread(self) -> Rereading:
        """What those who looked again at earlier findings have said."""
        return Rereading(self.rereading.rulings, self.rereading.left)


def findings_of(plan: Plan, records: Sequence[Record], reread: Rereading) -> tuple[Finding, ...]:
    """What the roles have found so far, with what is left of an earlier run, grounded and merged."""
    return merge(_statements(plan, records, reread))


def _statements(plan: Plan, records: Sequence[Record], reread: Rereading) -> tuple[Statement, ...]:
    earlier = [] if plan.since is None else carried(plan.since, reread)
    names = [record.plan.role.name for record in records]
    names += [name for name in (plan.since.roles if plan.since else ()) if name not in names]
    return ground_claims([*_claims(records), *earlier], plan.code, names)


def assemble(plan: Plan, records: Sequence[Record], frame: Frame, beside: Beside | None = None) -> Report:
    """Ground and merge all claims, settle what became of each role, and decide the status.

    Args:
        plan: what was to be asked.
        records: what came of it.
        frame: the circumstances.
        beside: what was asked beside the roles' own prompts.
    """
    beside = beside or Beside()
    for record in records:
        _settle(record, record.stopped or frame.stopped)
    statements = _statements(plan, records, beside.reread)
    grounded = {id(s.claim) for s in statements if s.anchor.grounding is not Grounding.UNVERIFIED}
    idle = f"nothing that it reviews has changed since {plan.since.name}" if plan.since else ""
    coverage = coverage_of(plan, records)
    every = _judged(plan, records, statements, beside, coverage)
    reviews = tuple(
        role_review(record, plan.calibration, grounded, idle)
        if record.plan.role.task is Task.REVIEW
        else review_of(record.plan.role, record.plan.chain, record.mending, every, _unmended(record, frame))
        for record in records
    )
    sorted_ = _sorted(every, plan, frame)
    # Findings that are only hidden count too: what was found is not clean.
    read_before = plan.since is not None and bool(plan.since.same)
    status = decide_status(every, reviews, coverage, read_before=read_before)
    earlier, comparison = _comparison(every, plan, frame, beside, coverage)
    changes = plan.changes
    report = Report(
        schema_version=SCHEMA_VERSION,
        tool=f"reviewer {__version__}",
        created=frame.policy.created,
        target=TargetInfo(
            encodable(changes.title),
            changes.base,
            changes.head,
            changes.snapshot,
            changes.notes,
            changes.address,
        ),
        status=status,
        summary="",
        findings=sorted_.findings,
        unverified=sorted_.unverified,
        hidden=sorted_.hidden,
        reviews=reviews,
        recommendations=combine_advice(
            [review for review in reviews if not _all_invented(review, statements)]
        ),
        coverage=coverage,
        usage=account(
            plan,
            records,
            frame.ledger,
            frame.seconds,
            [beside.examination, beside.writing, beside.rereading, *(record.mending for record in records)],
        ),
        gate=gate_of(sorted_.counting, frame.policy.fail_on),
        language_model=_asked_a_model(records),
        notes=tuple(_notes(frame)),
        set_aside=sorted_.aside,
        verification=verification(every, frame.policy.examiners, beside.examination, _why_not(frame)),
        synthesis=beside.writing.synthesis,
        comparison=comparison,
        earlier=earlier,
        seen=_seen(plan, records, grounded, sorted_),
    )
    return replace(report, summary=verdict_of(report))


def _notes(frame: Frame) -> Iterator[str]:
    """What a reader should know first."""
    if frame.stopped:
        yield f"The run was stopped: {frame.stopped}."
    sent = frame.policy.redactor.sent if frame.policy.redactor is not None else {}
    if sent:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ').lower()}" for kind, count in sent.items())
        said = counted(sum(sent.values()), "secret was", "secrets were")
        yield f"{said} taken out of what was sent to models: {kinds}."
    shown = frame.policy.unhider.shown if frame.policy.unhider is not None else {}
    if shown:
        # How often depends on how often it was sent.
        yield f"characters that hide or turn text around were made visible to models: {', '.join(shown)}."


def _seen(
    plan: Plan, records: Sequence[Record], grounded: Grounded, sorted_: "_Sorted"
) -> tuple[SeenFile, ...]:
    """What a later run need not read again: no file with findings of which only the number is kept."""
    shown = {finding.id for finding in (*sorted_.findings, *sorted_.unverified)}
    hidden = {finding.path for finding in sorted_.found if finding.id not in shown}
    files = seen_files(plan.code, plan.since, whole_readers(plan, records, grounded))
    return tuple(file for file in files if file.path not in hidden)


def _judged(
    plan: Plan, records: Sequence[Record], statements: Sequence[Statement], beside: Beside, coverage: Coverage
) -> list[Finding]:
    """All findings with the verdicts on them, their patches, and who has not looked."""
    judged = with_rulings(merge(statements), beside.examination.rulings)
    before = plan.since.report.seen if plan.since else ()
    mendings = {record.plan.role.name: record.mending for record in records if record.mending.wanted}
    return [
        replace(finding, unseen_by=unseen_by(finding, coverage, records, before))
        for finding in with_fixes(with_patches(judged, plan.code), mendings, plan.code)
    ]


def _unmended(record: Record, frame: Frame) -> str:
    """Why a role that fixes was not asked, or not to the end; or an empty text."""
    if record.skipped:
        return record.skipped
    left = len(record.mending.wanted) > len(record.mending.proposed) + len(record.mending.left)
    stopped = record.stopped or frame.stopped
    return f"stopped: {stopped}" if stopped and (left or not record.mending.wanted) else ""


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Findings by what is done with them.

    Attributes:
        aside: those that do not count.
        findings, unverified: those that are shown.
        found: all that count, shown or not.
    """

    aside: tuple[SetAside, ...]
    findings: tuple[Finding, ...]
    unverified: tuple[Finding, ...]
    found: tuple[Finding, ...]

    @property
    def counting(self) -> tuple[Finding, ...]:
        """Those that the gate looks at."""
        return tuple(finding for finding in self.found if finding.grounding is not Grounding.UNVERIFIED)

    @property
    def hidden(self) -> int:
        """How many are not shown."""
        return len(self.found) - len(self.findings) - len(self.unverified)


def _sorted(every: Sequence[Finding], plan: Plan, frame: Frame) -> _Sorted:
    set_aside = tuple(aside(every, plan.code, frame.policy))
    left = {item.finding.id for item in set_aside}
    found = [finding for finding in every if finding.id not in left]
    shown = [finding for finding in found if finding.severity.rank <= frame.policy.min_severity.rank]
    return _Sorted(
        set_aside,
        tuple(finding for finding in shown if finding.grounding is not Grounding.UNVERIFIED),
        tuple(finding for finding in shown if finding.grounding is Grounding.UNVERIFIED),
        tuple(found),
    )


def _comparison(
    every: Sequence[Finding], plan: Plan, frame: Frame, beside: Beside, coverage: Coverage
) -> tuple[tuple[Earlier, ...], Comparison]:
    """What is new: beside the run that this one goes on from, or else beside the baseline."""
    if plan.since is not None:
        return beside_run(every, plan.since, beside.reread)
    return (), compared(every, frame.policy.baseline, frame.policy.baseline_name, coverage)


def _why_not(frame: Frame) -> str:
    """Why findings were not checked: there is nobody, or the run was stopped before."""
    return frame.policy.no_examiners if frame.policy.examiners is None else frame.stopped


def _all_invented(review: RoleReview, statements: Sequence[Statement]) -> bool:
    """Whether a reviewer claimed something, and nothing of it quotes code that is there."""
    own = [s.anchor.grounding for s in statements if s.role == review.role]
    return bool(own) and all(grounding is Grounding.UNVERIFIED for grounding in own)


def _settle(record: Record, stopped: str) -> None:
    """Put the parts in order, and name every prompt that a stopped run never got an answer to."""
    record.answered.sort(key=lambda item: reading_position(item.batch))
    record.unanswered.sort(key=lambda left: reading_position(left.batch))
    if not stopped or record.skipped:
        return
    settled: Counter[int] = Counter()
    for known in record.answered:
        settled[known.batch.index] += _weight(known.batch)
    for left in record.unanswered:
        if not left.paths:
            settled[left.batch.index] += _weight(left.batch)
    for _, batch in record.plan.asked:
        if settled[batch.index] < _weight(batch):
            record.unanswered.append(Unanswered(batch, f"stopped: {stopped}"))
    record.unanswered.sort(key=lambda left: reading_position(left.batch))
    if len(record.answered) > 1 and record.verdict is None and not record.verdict_problem:
        record.verdict_problem = f"stopped: {stopped}"


def _weight(batch: Batch) -> int:
    """How much there is to review in a part; a file that is only renamed counts too."""
    return sum(section.change.added + section.change.removed or 1 for section in batch.sections)


def _claims(records: Sequence[Record]) -> Iterable[tuple[str, str, Claim]]:
    for record in records:
        for item in record.answered:
            for claim in item.answer.value.claims:
                yield record.plan.role.name, str(item.answer.model), claim


def _asked_a_model(records: Sequence[Record]) -> bool:
    """Whether anything but the built-in reviewer was to answer."""
    return not records or any(not model.is_rules for record in records for model in record.plan.chain)

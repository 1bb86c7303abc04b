"""What a report comes to: its status, its gate, its verdict in words; all computed, nothing a model said."""

from collections.abc import Sequence

from reviewer.findings.finding import Advice, Finding
from reviewer.outputs.report import (
    Comparison,
    Coverage,
    Gate,
    Outcome,
    Report,
    RoleReview,
    Status,
    Verification,
)
from reviewer.outputs.wording import counted
from reviewer.prompting.contract import Horizon, Severity


def decide_status(
    findings: Sequence[Finding],
    reviews: Sequence[RoleReview],
    coverage: Coverage,
    *,
    read_before: bool = False,
) -> Status:
    """The outcome: clean only if every planned part was reviewed and understood, and nothing was found.

    Args:
        findings: all that was found, shown or not.
        reviews: what became of the roles.
        coverage: what was read.
        read_before: an earlier run has read something that counts here.
    """
    complete = all(review.status in {Outcome.COMPLETED, Outcome.SKIPPED} for review in reviews)
    complete = complete and all(part.expected for part in coverage.skipped)
    if not complete:
        return Status.INCOMPLETE
    if not coverage.reviewed and not read_before:
        return Status.NOTHING
    return Status.FINDINGS if findings else Status.CLEAN


def gate_of(findings: Sequence[Finding], fail_on: Severity | None) -> Gate:
    """Whether a finding is at least as severe as the gate; only findings in the change count."""
    reached = fail_on is not None and any(
        finding.severity.rank <= fail_on.rank and finding.in_change for finding in findings
    )
    return Gate(fail_on, reached)


def gate_in_words(gate: Gate) -> str:
    """Whether the gate makes the run fail."""
    what = "critical findings" if gate.fail_on is Severity.CRITICAL else f"findings from {gate.fail_on} on"
    return f"The gate for {what} was {'reached: the run fails' if gate.reached else 'not reached'}."


def combine_advice(reviews: Sequence[RoleReview]) -> tuple[Advice, ...]:
    """The recommendations of all reviewers, nearest horizon first, each text once."""
    seen: dict[str, Advice] = {}
    for review in reviews:
        for advice in review.recommendations:
            seen.setdefault(" ".join(advice.text.lower().split()).rstrip("."), advice)
    order = list(Horizon)
    return tuple(sorted(seen.values(), key=lambda advice: order.index(advice.horizon)))


def _not_shown(report: Report) -> str:
    """What else there is, in words that go on behind a count of findings."""
    more = f" shown and {report.hidden:,} below the severity that was asked for" if report.hidden else ""
    if report.set_aside:
        more += f"; {counted(len(report.set_aside), 'more was', 'more were')} set aside"
    return more


def verdict_of(report: Report) -> str:
    """The verdict in one or two sentences, from facts only; the report's own summary is not read."""
    findings, unverified = report.findings, report.unverified
    counts = [(sum(f.severity is severity for f in findings), severity) for severity in Severity]
    named = ", ".join(f"{count} {severity}" for count, severity in counts if count)
    found = f"{counted(len(findings), 'finding')} ({named})" if findings else "no findings"
    if unverified:
        found += f" and {counted(len(unverified), 'claim')} that could not be verified"
    found += _not_shown(report)
    rules = "" if report.language_model else " Nothing has read the change for its meaning."
    match report.status:
        case Status.NOTHING:
            return "Nothing was reviewed: there is nothing to review in this change."
        case Status.CLEAN if report.language_model and (report.earlier or not report.coverage.reviewed):
            new = "and found nothing new" if report.coverage.reviewed else "before"
            unknown = len(report.comparison.unknown)
            left = (
                f"of {counted(unknown, 'earlier finding')} nobody can tell what became"
                if unknown
                else "nothing found earlier is left"
            )
            return f"Every reviewer has read the whole change {new}, and {left}."
        case Status.CLEAN if not report.language_model:
            return f"No mechanical rule applies to the change.{rules}"
        case Status.CLEAN:
            out = sum(part.expected for part in report.coverage.skipped)
            if out:
                left = f"{counted(out, 'file')} {'was' if out == 1 else 'were'} left out, see Coverage."
                return f"Every reviewer read all that was to be reviewed and found nothing to report. {left}"
            return "Every reviewer read the whole change and found nothing to report."
        case Status.FINDINGS:
            return (
                f"{'The review' if report.language_model else 'The check'} is complete, with {found}.{rules}"
            )
        case Status.INCOMPLETE:
            missing = [r.title for r in report.reviews if r.status in {Outcome.FAILED, Outcome.PARTIAL}]
            who = f" ({', '.join(missing)} not completed)" if missing else ""
            if not report.coverage.reviewed:
                return f"The review is incomplete{who}: nothing was reviewed."
            return f"The review is incomplete{who}. What was reviewed has {found}."


def verification_in_words(verification: Verification) -> str:
    """What the second pass came to, in a sentence or two."""
    said = []
    if verification.models:
        counts = [
            (verification.confirmed, "confirmed"),
            (verification.refuted, "refuted"),
            (verification.unverifiable, "cannot be told from the code"),
            # The notes say how many these are, and why.
            (0 if verification.notes else verification.unchecked, "not checked"),
        ]
        named = ", ".join(f"{count} {what}" for count, what in counts if count)
        if named:
            said.append(f"Checked by a second model: {named}.")
    said += [f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in verification.notes]
    return " ".join(said)


def comparison_in_words(comparison: Comparison) -> str:
    """What is new beside an earlier state, in a sentence; empty if nothing was compared."""
    if not comparison.name:
        return ""
    counts = [
        f"{len(comparison.new)} new",
        f"{len(comparison.persisting)} still there",
        f"{len(comparison.resolved)} resolved",
    ]
    if comparison.unknown:
        counts.append(f"{len(comparison.unknown)} that cannot be told")
    return f"Beside {comparison.name}: {', '.join(counts)}."


_LETTERS = {Severity.CRITICAL: "C", Severity.MAJOR: "M", Severity.MINOR: "N"}
"""First letters of labels; minor is N, as M is taken."""


def labels_of(findings: Sequence[Finding]) -> dict[str, str]:
    """Short names of findings in one report, such as `M2`, by their ids."""
    numbers = dict.fromkeys(Severity, 0)
    made = {}
    for finding in findings:
        numbers[finding.severity] += 1
        made[finding.id] = f"{_LETTERS[finding.severity]}{numbers[finding.severity]}"
    return made

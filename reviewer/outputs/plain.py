"""Findings, and what is missing, as plain text for forms that other programs show."""

from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.changes.changeset import Side
from reviewer.findings.finding import Finding, Verdict
from reviewer.outputs.neutral import visible
from reviewer.outputs.report import Outcome, Report, Status
from reviewer.outputs.summary import verdict_of
from reviewer.outputs.wording import counted


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was to be reviewed and was not.

    Attributes:
        path: the file; empty if it is about more than one.
        text: what is missing and why.
    """

    path: str
    text: str


def gaps(report: Report) -> tuple[Gap, ...]:
    """Why a report is incomplete; nothing if it is not."""
    return tuple(_gaps(report)) if report.status is Status.INCOMPLETE else ()


def _gaps(report: Report) -> Iterator[Gap]:
    titles = {review.role: review.title for review in report.reviews}
    for review in report.reviews:
        if review.status in {Outcome.FAILED, Outcome.PARTIAL}:
            why = "; ".join(review.reasons) or "no reason is known"
            model = review.model or review.planned_model
            yield Gap("", line(f"{review.title} ({model}): {review.status}: {why}"))
    by_file: dict[tuple[str, str], list[str]] = {}
    for part in report.coverage.skipped:
        if not part.expected:
            by_file.setdefault((part.path, part.reason), []).append(titles.get(part.role, part.role))
    for (path, reason), roles in by_file.items():
        who = ", ".join(role for role in roles if role)
        yield Gap(path, line(f"not reviewed{f' by {who}' if who else ''}: {reason}"))


def line(text: str) -> str:
    """A text in one line, with nothing in it that hides or controls."""
    return " ".join(visible(text).split())


def title(finding: Finding) -> str:
    """What a finding is, in one line without a full stop."""
    return line(finding.title).rstrip(".")


def paragraphs(finding: Finding) -> tuple[str, ...]:
    """What there is to say about a finding, its title left out; the last one says who says so."""
    said = [finding.explanation if finding.explanation != finding.title else ""]
    if finding.failure_scenario:
        said.append(f"When it fails: {finding.failure_scenario}")
    if finding.recommendation:
        said.append(f"Recommendation: {finding.recommendation}")
    return tuple(visible(text).strip() for text in (*said, standing(finding)) if text.strip())


def standing(finding: Finding) -> str:
    """Who says so, and what a second model made of it: how far a finding can be relied on."""
    models = finding.votes or tuple(dict.fromkeys(voice.model for voice in finding.voices))
    said = f"Found by {', '.join(models)}"
    if finding.ruling is not None:
        words = {
            Verdict.CONFIRMED: "confirmed",
            Verdict.REFUTED: "refuted",
            Verdict.UNVERIFIABLE: "not to be told from the code",
            Verdict.UNCHECKED: "not checked",
        }
        said += f"; {words[finding.verdict]} by {finding.ruling.model}"
    if finding.side is Side.OLD:
        said += f"; about line {finding.line} before the change"
    if not finding.in_change:
        said += "; on lines that the change did not touch"
    return f"{said}."


def text(finding: Finding) -> str:
    """All of a finding as paragraphs, its title first."""
    return "\n\n".join((f"{title(finding)}.", *paragraphs(finding)))


def remarks(report: Report) -> tuple[str, ...]:
    """What a reader of the findings alone would not know, one sentence each."""
    made = [*report.notes]
    if report.status in {Status.NOTHING, Status.INCOMPLETE} or not report.language_model:
        made.append(verdict_of(report))
    if report.hidden:
        hidden = counted(report.hidden, "finding is", "findings are")
        made.append(f"{hidden} below the severity that was asked for and not shown.")
    if report.unverified:
        claims = counted(len(report.unverified), "claim")
        made.append(f"{claims} could not be found in the code and are in the whole report only.")
    if report.set_aside:
        aside = counted(len(report.set_aside), "finding is", "findings are")
        made.append(f"{aside} set aside, with the reasons in the whole report.")
    return tuple(line(text) for text in made)

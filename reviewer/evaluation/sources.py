"""What was found in a case: in a report of this program, or in what somebody has written down."""

import json
from dataclasses import dataclass, replace

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.collect import collect
from reviewer.changes.target import Patch, Place, Selection
from reviewer.errors import ConfigError, InvalidReplyError
from reviewer.evaluation.cases import CHANGE, Case
from reviewer.evaluation.matching import Said
from reviewer.findings.finding import Claim, Finding
from reviewer.findings.ground import ground
from reviewer.findings.lookup import Lookup
from reviewer.findings.reply import read_review
from reviewer.models.model import Reply
from reviewer.outputs.json_report import parse as parse_report
from reviewer.outputs.report import Report, Status


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was found in one case.

    Attributes:
        said: the findings that count.
        reviewers: roles and models.
        answers, unreadable: prompts whose answer was understood, and answers that were not.
        complete: everything planned was reviewed.
        stopped: why it was stopped, or empty.
    """

    said: tuple[Said, ...]
    reviewers: tuple[str, ...] = ()
    answers: int = 0
    unreadable: int = 0
    complete: bool = True
    stopped: str = ""


def change_of(case: Case) -> ChangeSet:
    """The change of a case, nothing left out.

    Raises:
        SourceError: it is no diff.
        ConfigError: there is nothing to review in it.
    """
    everything = Selection(include=("*",))
    changes = collect(Patch(case.patch, case.name), everything, Place(case.folder))
    if not changes.files:
        raise ConfigError(f"{case.folder / CHANGE}: there is nothing to review in it.")
    return changes


def of_report(report: Report) -> Reviewed:
    """What counts in a report: neither what is set aside nor what could not be verified."""
    unreadable = sum(
        failure.count
        for model in report.usage.models
        for failure in model.failures
        if failure.kind == "unreadable"
    )
    return Reviewed(
        tuple(_said(finding) for finding in report.findings),
        tuple(f"{review.role} ({review.model})" for review in report.reviews),
        answers=sum(model.answers for model in report.usage.models),
        unreadable=unreadable,
        complete=report.status not in {Status.INCOMPLETE, Status.NOTHING},
    )


def _said(finding: Finding) -> Said:
    words = [
        text for voice in finding.voices for text in (voice.title, voice.explanation, voice.failure_scenario)
    ]
    return Said(finding.path, finding.line, finding.end_line, finding.title, "\n".join(dict.fromkeys(words)))


def given(case: Case, name: str) -> Reviewed:
    """Findings that somebody has written down: in the form of a reply, or of a report of this program.

    Each is where its quote is, or where it says if it has none.

    Raises:
        ConfigError: there is no such file.
    """
    file = case.folder / name
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "they are not text in UTF-8"
        raise ConfigError(f"{file}: the findings of this case cannot be read: {why}.") from error
    if _is_report(text):
        return replace(of_report(parse_report(text, name=str(file))), answers=1, unreadable=0)
    try:
        claims = read_review(Reply(text)).claims
    except InvalidReplyError:
        return Reviewed((), unreadable=1, complete=False)
    lookup = Lookup(change_of(case))
    return Reviewed(tuple(_placed(claim, lookup) for claim in claims), answers=1)


def _is_report(text: str) -> bool:
    """Whether a text is a report of this program, of whatever version."""
    try:
        data = json.loads(text)
    except ValueError:
        return False
    return isinstance(data, dict) and {"schema_version", "findings", "reviews"} <= data.keys()


def _placed(claim: Claim, lookup: Lookup) -> Said:
    anchor = ground(claim, lookup) if claim.quote.strip() else None
    text = f"{claim.title}\n{claim.explanation}\n{claim.failure_scenario}"
    if anchor is not None and anchor.line is not None:
        return Said(anchor.path, anchor.line, anchor.end_line, claim.title, text)
    return Said(claim.file, claim.line, claim.end_line, claim.title, text)

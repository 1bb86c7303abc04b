"""The second pass: every finding is checked by a model that did not make it, against the code around it."""

from collections.abc import Iterable

from reviewer.changes.changeset import ChangeSet
from reviewer.crew import Crew
from reviewer.examining import Case, Examination, Examiners, ask_about
from reviewer.findings.finding import Finding, Grounding
from reviewer.prompting.checking import ROLE


async def examine(
    findings: Iterable[Finding], changes: ChangeSet, crew: Crew, examiners: Examiners, record: Examination
) -> None:
    """Have findings checked that are not checked yet; everything that comes of it goes into the record."""
    await ask_about(list(_cases(findings, examiners, record)), changes, crew, examiners, record, name=ROLE)


def _cases(findings: Iterable[Finding], examiners: Examiners, record: Examination) -> Iterable[Case]:
    for finding in findings:
        if finding.id in record.rulings or finding.grounding is Grounding.UNVERIFIED:
            continue
        if finding.severity.rank > examiners.least.rank:
            record.left[finding.id] = f"only findings from {examiners.least} on are checked"
            continue
        authors = {voice.model for voice in finding.voices}
        if finding.by_rules:
            record.left[finding.id] = "found by a mechanical rule, which needs no second opinion"
            continue
        others = tuple(model for model in examiners.models if str(model) not in authors)
        if others:
            yield Case(finding, others)
        else:
            record.left[finding.id] = "every model that could check it has found it itself"

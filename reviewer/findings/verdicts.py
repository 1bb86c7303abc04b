"""Verdicts of second readers, applied to findings."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reviewer.findings.finding import Finding, Ruling, Verdict
from reviewer.findings.ranking import ranked
from reviewer.prompting.contract import Severity


def with_rulings(findings: Iterable[Finding], rulings: Mapping[str, Ruling]) -> tuple[Finding, ...]:
    """The findings with the verdicts on them, ranked anew; those that nobody has ruled on stay unchecked.

    Args:
        findings: merged ones.
        rulings: by the id of the finding.
    """
    return ranked(_ruled(finding, rulings.get(finding.id)) for finding in findings)


def _ruled(finding: Finding, ruling: Ruling | None) -> Finding:
    if ruling is None:
        return finding
    return replace(finding, verdict=ruling.verdict, ruling=ruling, severity=_severity(finding, ruling))


def _severity(finding: Finding, ruling: Ruling) -> Severity:
    """The severity after a confirmation: a second reader that sees the code can take it down, never up.

    It stands against one reviewer; where two models gave the higher severity, that stays.
    """
    if ruling.verdict is not Verdict.CONFIRMED or ruling.severity is None:
        return finding.severity
    behind = {voice.model for voice in finding.voices if voice.severity.rank <= finding.severity.rank}
    if ruling.severity.rank <= finding.severity.rank or len(behind) > 1:
        return finding.severity
    return ruling.severity

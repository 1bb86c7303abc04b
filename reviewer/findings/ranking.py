"""Which finding to read first: one number from what is known about it, never from how sure its author is."""

from collections.abc import Iterable
from dataclasses import replace

from reviewer.findings.finding import RULES, Finding, Grounding, Verdict
from reviewer.prompting.contract import Severity

_SEVERITY = {Severity.CRITICAL: 50, Severity.MAJOR: 25, Severity.MINOR: 5}
_GROUNDING = {Grounding.VERIFIED: 10, Grounding.RELOCATED: 7, Grounding.UNVERIFIED: 0}
_VERDICT = {
    Verdict.CONFIRMED: 15,
    Verdict.UNCHECKED: 0,
    Verdict.UNVERIFIABLE: -5,
    Verdict.REFUTED: -40,
}
_VOTE, _MOST_VOTES = 5, 3
_ANALYSER = 5
_IN_CHANGE = 5
_OUTSIDE_WORLD = -15


def score(finding: Finding) -> int:
    """How much a finding deserves to be read, from 0 to 100.

    Severity counts up to 50 points, a second model's verdict up to 15, other models that say the same 5 each
    and 15 at most, a quote that is in the code 10, a mechanical rule that agrees 5, lines that the change
    touches 5. What cannot be known from the code costs 15.
    """
    models = [name for name in finding.votes if not name.startswith(RULES)]
    points = _SEVERITY[finding.severity] + _GROUNDING[finding.grounding] + _VERDICT[finding.verdict]
    points += _VOTE * min(_MOST_VOTES, max(0, len(models) - 1))
    points += _ANALYSER * any(voice.model.startswith(RULES) for voice in finding.voices)
    points += _IN_CHANGE * finding.in_change
    points += _OUTSIDE_WORLD * bool(finding.outside_world)
    return min(100, max(0, points))


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings with their scores, by severity and then by score; confidence only breaks ties."""
    scored = [replace(finding, score=score(finding)) for finding in findings]
    return tuple(sorted(scored, key=_reading_order))


def _reading_order(finding: Finding) -> tuple[object, ...]:
    certainty = [grade.value for grade in type(finding.confidence)].index(finding.confidence)
    return (
        finding.severity.rank,
        not finding.in_change,
        -finding.score,
        certainty,
        finding.path,
        finding.line or 0,
        finding.title,
        finding.explanation,
    )

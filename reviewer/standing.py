"""Which findings count: what is set aside and why, what is new, and what the second pass came to."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.secret import STAND_IN
from reviewer.examining import Examination, Examiners
from reviewer.findings.baseline import Baseline
from reviewer.findings.finding import RULES, Finding, Grounding, Verdict
from reviewer.findings.identity import known
from reviewer.findings.suppression import suppressed
from reviewer.outputs.report import Aside, Comparison, Coverage, SetAside, Verification, wholly_read
from reviewer.outputs.wording import counted
from reviewer.policy import RunPolicy


def aside(findings: Sequence[Finding], changes: ChangeSet, policy: RunPolicy) -> Iterable[SetAside]:
    """Findings that do not count: suppressed by a comment, accepted, refuted, or said by too few models."""
    baseline, today = policy.baseline, policy.created.date()
    accepted = baseline.match([known(finding) for finding in findings]) if baseline else {}
    comments = suppressed(findings, changes)
    for finding in findings:
        entry, comment = accepted.get(finding.id), comments.get(finding.id)
        if comment is not None and comment.added and not policy.may_excuse_itself:
            comment = None
        if comment is not None:
            new = ", which this change adds" if comment.added else ""
            why = f": {comment.reason}" if comment.reason else ""
            yield SetAside(finding, Aside.SUPPRESSED, f"by a comment on line {comment.line}{new}{why}")
        elif entry is not None and entry.holds(today):
            until = f" until {entry.expires}" if entry.expires else ""
            reason = entry.reason or "no reason given"
            yield SetAside(finding, Aside.ACCEPTED, f"in the baseline{until}: {reason}")
        elif _is_about_a_stand_in(finding, policy):
            yield SetAside(finding, Aside.STAND_IN, "the real code has the secret there that was not sent")
        elif finding.verdict is Verdict.REFUTED and finding.ruling is not None:
            yield SetAside(finding, Aside.REFUTED, f"{finding.ruling.model}: {finding.ruling.reason}")
        elif _votes(finding) < policy.min_votes and not finding.by_rules:
            said = counted(_votes(finding), "model says or confirms it", "models say or confirm it")
            yield SetAside(finding, Aside.OUTVOTED, f"{said}; {policy.min_votes} are asked for")


_ABOUT_STAND_INS = re.compile(
    r"\b(?:place-?holders?|redact\w*|stand-?ins?|dummy|sanitized|masked|obfuscated)\b", re.IGNORECASE
)
_DOUBT = re.compile(
    r"\b(?:undefined|not defined|unresolved|NameError|not (?:a )?(?:valid|real)|invalid)\b", re.IGNORECASE
)
"""What is said of a stand-in by who takes it for code."""
_WORD = re.compile(rf"{STAND_IN}\w*")


def _is_about_a_stand_in(finding: Finding, policy: RunPolicy) -> bool:
    """Whether a finding is about code with a secret in it, and about what the model saw in its place."""
    if policy.redactor is None or not policy.redactor.knows(finding.code or finding.quote):
        return False
    said = f"{finding.title}\n{finding.explanation}\n{finding.failure_scenario}"
    named = policy.redactor.knows(said) or _WORD.search(said) is not None
    # That a secret stands in the code is a finding, whatever word is used for it.
    return bool(_ABOUT_STAND_INS.search(_WORD.sub("", said)) or (named and _DOUBT.search(said)))


def _votes(finding: Finding) -> int:
    """How many models stand behind a finding: those that say it, and one that has confirmed it."""
    models = {name for name in finding.votes if not name.startswith(RULES)}
    if finding.verdict is Verdict.CONFIRMED and finding.ruling is not None:
        models.add(finding.ruling.model)
    return len(models)


def compared(
    findings: Sequence[Finding], baseline: Baseline | None, name: str, coverage: Coverage
) -> Comparison:
    """What is new beside the baseline, what is still there, and what is gone."""
    if baseline is None:
        return Comparison()
    now = [known(finding) for finding in findings]
    matched = baseline.match(now)
    return Comparison(
        name=name,
        new=tuple(item.id for item in now if item.id not in matched),
        persisting=tuple(item.id for item in now if item.id in matched),
        resolved=baseline.gone(now, wholly_read(coverage)),
    )


def verification(
    findings: Sequence[Finding], examiners: Examiners | None, examination: Examination, why_not: str
) -> Verification:
    """The second pass in numbers, and why findings are unchecked.

    Args:
        findings: all of them.
        examiners: who checked; None if there was no second pass.
        examination: what came of it.
        why_not: why there was none, or why it was stopped; or empty.
    """
    grounded = [finding for finding in findings if finding.grounding is not Grounding.UNVERIFIED]
    if examiners is None:
        return Verification(notes=(why_not,) if why_not and grounded else ())
    counts = Counter(finding.verdict for finding in grounded)
    reasons = Counter(
        examination.left.get(finding.id, f"stopped: {why_not}" if why_not else "not asked")
        for finding in grounded
        if finding.verdict is Verdict.UNCHECKED
    )
    return Verification(
        models=tuple(map(str, examiners.models)),
        confirmed=counts[Verdict.CONFIRMED],
        refuted=counts[Verdict.REFUTED],
        unverifiable=counts[Verdict.UNVERIFIABLE],
        unchecked=counts[Verdict.UNCHECKED],
        notes=tuple(f"{counted(count, 'finding')} not checked: {why}" for why, count in reasons.items()),
    )

"""Roles that build on others: when they run, and what they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reviewer.crew import Crew
from reviewer.findings.finding import Finding, Grounding, Verdict
from reviewer.outputs.wording import counted
from reviewer.prompting.prompt import review_prompt
from reviewer.prompting.tokens import estimate_tokens
from reviewer.record import Record


def waves(records: Sequence[Record]) -> list[list[Record]]:
    """Roles that can run at once, in turn: each wave builds only on those before it."""
    level: dict[str, int] = {}
    for record in records:  # those that a role builds on stand before it
        role = record.plan.role
        level[role.name] = 1 + max((level[name] for name in role.after if name in level), default=-1)
    made: list[list[Record]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for record in records:
        made[level[record.plan.role.name]].append(record)
    return made


def prepared(record: Record, records: Sequence[Record], findings: Sequence[Finding], crew: Crew) -> Crew:
    """The crew for a role, which is told what the roles have found that it builds on.

    If one of these has failed or does not run, the role is marked as skipped: without it, its review would be
    another one than was asked for.

    Args:
        record: of the role; its prompts are made anew.
        records: of all roles.
        findings: what was found so far, with the verdicts on it.
        crew: who is asked.
    """
    role = record.plan.role
    if not role.after:
        return crew
    by_name = {other.plan.role.name: other for other in records}
    for name in role.after:
        why = _missing(by_name.get(name))
        if why:
            record.skipped = f"it builds on {name}, which {why}"
            return crew
    partial = [name for name in role.after if by_name[name].unanswered or by_name[name].verdict_problem]
    record.shaky += [f"it builds on the review of {name}, which is incomplete" for name in partial]
    wording = replace(crew.wording, earlier=_told(findings, role.after, record.plan.budget_for_earlier))
    prompts = tuple(
        replace(review_prompt(role, batch, wording), room=prompt.room) for prompt, batch in record.plan.asked
    )
    record.plan = replace(record.plan, prompts=prompts)
    return replace(crew, wording=wording)


def _missing(record: Record | None) -> str:
    """Why nothing can be built on a role, or an empty text."""
    if record is None:
        return "does not run"
    if record.skipped:
        return "was skipped"
    # One that has no file to read has found nothing, or what an earlier run has left of it.
    return "" if record.answered or not record.plan.prompts else "failed"


def _told(findings: Sequence[Finding], names: Sequence[str], budget: int) -> str:
    """Findings as text, the weightiest first, as many as fit."""
    own = [finding for finding in findings if set(finding.reviewers) & set(names) and _stands(finding)]
    rows = [f"What {', '.join(names)} found ({counted(len(own), 'finding')}):", ""]
    left = budget
    for number, finding in enumerate(own):
        row = _row(finding)
        left -= estimate_tokens(row)
        if left < 0:
            rows.append(f"- and {counted(len(own) - number, 'finding')} more of less weight")
            break
        rows.append(row)
    return "\n".join(rows if own else [*rows, "Nothing."])


def _stands(finding: Finding) -> bool:
    """Whether a finding is about code that is there, and nobody has refuted it."""
    return finding.grounding is not Grounding.UNVERIFIED and finding.verdict is not Verdict.REFUTED


_CHECKED: Mapping[Verdict, str] = {
    Verdict.CONFIRMED: "confirmed",
    Verdict.UNVERIFIABLE: "cannot be told from the code",
}


def _row(finding: Finding) -> str:
    checked = f", {_CHECKED[finding.verdict]}" if finding.verdict in _CHECKED else ""
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    said = finding.failure_scenario or finding.explanation
    return f"- [{finding.id}] {place}, {finding.severity}{checked}: {finding.title}. {said}"

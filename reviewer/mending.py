"""Asking a role for changes that settle confirmed findings, and what came of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import anyio

from reviewer.asking import answer_of, made
from reviewer.changes.changeset import ChangeSet
from reviewer.crew import Crew
from reviewer.errors import PromptTooLongError
from reviewer.events import RoleFinished, RoleStarted
from reviewer.excerpts import excerpts_of
from reviewer.findings.finding import Finding, Fix, Grounding, Verdict
from reviewer.findings.fixes import Proposed, fix_of, read_fixes
from reviewer.findings.identity import known, pair
from reviewer.findings.lookup import Lookup
from reviewer.models.answer import Journal
from reviewer.models.model import ModelRef
from reviewer.outputs.report import Outcome, RoleReview
from reviewer.outputs.wording import counted
from reviewer.prompting.fixing import Problem, fix_prompt
from reviewer.prompting.prompt import Prompt
from reviewer.prompting.role import Role

_TOGETHER = 3
"""Findings in one prompt."""


@dataclass(slots=True)
class Mending:
    """What came of asking a role for changes; filled while it runs, so that stopping loses nothing.

    Attributes:
        wanted: the findings that changes were wanted for.
        proposed: what was proposed for each, by its id, and by which model.
        left: why nothing was, by id.
        journals: what happened to every prompt.
        bugs: errors that nobody expected.
        prompts, tokens: how many prompts were made, and what they were estimated to have.
    """

    wanted: tuple[Finding, ...] = ()
    proposed: dict[str, tuple[ModelRef, Proposed]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    journals: list[Journal] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)
    prompts: int = 0
    tokens: int = 0


async def mend(  # noqa: PLR0913, PLR0917  # what is asked, of whom, and where it goes
    role: Role,
    chain: Sequence[ModelRef],
    findings: Iterable[Finding],
    changes: ChangeSet,
    crew: Crew,
    record: Mending,
) -> None:
    """Ask a role for changes to the confirmed findings of the roles that it builds on.

    Args:
        role: who is asked.
        chain: its models, best first.
        findings: what was found so far, with the verdicts on it.
        changes: the code.
        crew: who asks and who is asked.
        record: everything that comes of it goes in here.
    """
    wanted = [finding for finding in findings if _is_wanted(finding, role)]
    wanted.sort(key=lambda finding: (finding.path, finding.line or 0, finding.id))
    record.wanted = tuple(wanted)
    if not wanted:
        return
    groups = [wanted[start : start + _TOGETHER] for start in range(0, len(wanted), _TOGETHER)]
    crew.asker.listener(RoleStarted(role.name, str(chain[0]), len(groups)))
    desk = _Desk(role, tuple(chain), changes, crew, record)
    async with anyio.create_task_group() as group:
        for number, some in enumerate(groups, 1):
            label = role.name if len(groups) == 1 else f"{role.name} {number}/{len(groups)}"
            group.start_soon(desk.ask, some, label)
    crew.asker.listener(RoleFinished(role.name, _outcome(record).value))


def _outcome(record: Mending) -> Outcome:
    """What became of asking: whether every finding was answered, not whether a patch came of it."""
    if not record.wanted:
        return Outcome.SKIPPED
    if not record.proposed:
        return Outcome.FAILED
    return Outcome.COMPLETED if len(record.proposed) == len(record.wanted) else Outcome.PARTIAL


def _is_wanted(finding: Finding, role: Role) -> bool:
    """Whether a finding is confirmed, has a place, and comes from a role that this one builds on."""
    return (
        finding.verdict is Verdict.CONFIRMED
        and finding.grounding is not Grounding.UNVERIFIED
        and bool(set(finding.reviewers) & set(role.after))
    )


@dataclass(frozen=True, slots=True)
class _Desk:
    """Asks one role.

    Attributes:
        role: who is asked.
        chain: its models, best first.
        changes: the code.
        crew: who asks and who is asked.
        record: where everything goes that comes of it.
    """

    role: Role
    chain: tuple[ModelRef, ...]
    changes: ChangeSet
    crew: Crew
    record: Mending

    async def ask(self, findings: Sequence[Finding], label: str) -> None:
        """Ask about some findings; about fewer at once if they do not fit."""
        record = self.record
        prompt = made(partial(self._prompt, findings, label), record.bugs)
        if isinstance(prompt, str):
            record.left.update({finding.id: prompt for finding in findings})
            return
        journal = Journal()
        record.journals.append(journal)
        record.prompts += 1
        record.tokens += prompt.tokens
        candidates = self.crew.candidates(self.chain)
        try:
            answer = await answer_of(self.crew, prompt, candidates, journal, read_fixes, bugs=record.bugs)
        except PromptTooLongError as error:
            if len(findings) > 1:
                record.prompts -= 1
                record.tokens -= prompt.tokens
                middle = len(findings) // 2
                await self.ask(findings[:middle], f"{label} part 1")
                await self.ask(findings[middle:], f"{label} part 2")
                return
            answer = str(error)
        if isinstance(answer, str):
            record.left.update({finding.id: answer for finding in findings})
            return
        said = {proposed.number: proposed for proposed in answer.value}
        for number, finding in enumerate(findings, 1):
            if number in said:
                record.proposed[finding.id] = (answer.model, said[number])
            else:
                record.left[finding.id] = f"{answer.model} said nothing about it"

    def _prompt(self, findings: Sequence[Finding], label: str) -> Prompt:
        problems = [_problem(number, finding) for number, finding in enumerate(findings, 1)]
        excerpts = excerpts_of(findings, self.changes)
        wording, snapshot = self.crew.wording, self.changes.snapshot
        return fix_prompt(self.role, problems, excerpts, wording, label=label, snapshot=snapshot)


def _problem(number: int, finding: Finding) -> Problem:
    said = " ".join(filter(None, (finding.explanation, finding.failure_scenario)))
    place = f"{finding.path}, line {finding.line}"
    return Problem(number, finding.title, said, finding.recommendation, place)


def with_fixes(
    findings: Sequence[Finding], mendings: Mapping[str, Mending], changes: ChangeSet
) -> tuple[Finding, ...]:
    """The findings with the changes that roles propose for them.

    Args:
        findings: all of them, as they are at the end.
        mendings: what came of asking, by the name of the role.
        changes: the code.
    """
    lookup = Lookup(changes)
    fixes: dict[int, list[Fix]] = {}
    for role, mending in mendings.items():
        pairs = pair([known(item) for item in mending.wanted], [known(item) for item in findings])
        for later, earlier in pairs.items():
            proposal = mending.proposed.get(mending.wanted[earlier].id)
            if proposal is not None:
                model, proposed = proposal
                fix = fix_of(proposed, findings[later], lookup, role=role, model=str(model))
                fixes.setdefault(later, []).append(fix)
    return tuple(
        replace(finding, fixes=tuple(fixes[number])) if number in fixes else finding
        for number, finding in enumerate(findings)
    )


def review_of(
    role: Role, chain: Sequence[ModelRef], mending: Mending, findings: Sequence[Finding], why_not: str
) -> RoleReview:
    """What became of a role that fixes.

    Args:
        role: the role.
        chain: its models, best first.
        mending: what came of asking it.
        findings: all of them, with what was proposed.
        why_not: why it was not asked or not to the end, or empty.
    """
    fixes = [fix for finding in findings for fix in finding.fixes if fix.role == role.name]
    models = list(dict.fromkeys(fix.model for fix in fixes))
    patches = sum(bool(fix.patch) for fix in fixes)
    reasons = list(dict.fromkeys(mending.left.values())) + [why_not] * bool(why_not)
    outcome = _outcome(mending)
    if outcome is Outcome.SKIPPED:
        reasons = reasons or ["no finding is confirmed by a second model"]
    elif outcome is Outcome.COMPLETED and reasons:
        outcome = Outcome.PARTIAL
    summary = ""
    if mending.wanted:
        what = counted(len(mending.wanted), "confirmed finding")
        summary = f"{counted(patches, 'patch', 'patches')} for {what}, at the findings."
    return RoleReview(
        role=role.name,
        model=", ".join(models) or str(chain[0]),
        status=outcome,
        rating=None,
        summary=summary,
        strengths=(),
        recommendations=(),
        title=role.title,
        focus=role.focus,
        planned_model=str(chain[0]),
        reasons=tuple(reasons),
        computed=True,
        notes=(*_notes(findings, role), *_lost(mending, findings)),
    )


def _notes(findings: Iterable[Finding], role: Role) -> Iterator[str]:
    """Why there is no patch for some findings."""
    for finding in findings:
        for fix in finding.fixes:
            if fix.role == role.name and not fix.patch:
                yield f"no patch for {finding.title!r}: {fix.problem}"
                if fix.note:
                    yield f"{fix.model} says about {finding.title!r}: {fix.note}"


def _lost(mending: Mending, findings: Iterable[Finding]) -> Iterator[str]:
    """Findings that changes were proposed for and that are no longer there at the end, or as another one."""
    ends = [known(finding) for finding in findings]
    kept = set(pair([known(finding) for finding in mending.wanted], ends).values())
    for number, finding in enumerate(mending.wanted):
        if number not in kept and finding.id in mending.proposed:
            yield f"a change for {finding.title!r} is not shown: the finding has become one with another"

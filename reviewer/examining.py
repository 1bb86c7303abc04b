"""Having claims checked by models that did not make them: prompts, answers, and one look at more code."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import anyio
from anyio import to_thread

from reviewer.asking import answer_of, made
from reviewer.changes.changeset import ChangeSet
from reviewer.changes.surroundings import PLACES_APART, Surroundings
from reviewer.crew import Crew
from reviewer.errors import PromptTooLongError, ReviewerError
from reviewer.events import RoleFinished, RoleStarted
from reviewer.excerpts import excerpts_of
from reviewer.findings.checks import Check, Need, ReadChecks, read_checks
from reviewer.findings.finding import Finding, Ruling, Verdict
from reviewer.models.answer import Journal
from reviewer.models.model import ModelRef
from reviewer.prompting.checking import Question, Shown, check_prompt
from reviewer.prompting.contract import Severity
from reviewer.prompting.prompt import Prompt

_TOGETHER = 5
"""Claims in one prompt."""


@dataclass(frozen=True, slots=True)
class Examiners:
    """Who checks findings, and which.

    Attributes:
        models: in the order of preference; a finding goes to the first that has no part in it.
        least: findings of less severity are not checked.
        surroundings: where code that is asked for comes from; None if nothing can be asked for.
        local: providers whose models share this machine's memory, so that they are asked one after another.
    """

    models: tuple[ModelRef, ...]
    least: Severity = Severity.MINOR
    surroundings: Surroundings | None = None
    local: frozenset[str] = frozenset()


@dataclass(slots=True)
class Examination:
    """What has been decided so far; filled while it runs, so that stopping loses nothing.

    Attributes:
        rulings: by the id of the finding.
        left: why findings are unchecked, by id.
        journals: what happened to every prompt.
        bugs: errors that nobody expected.
        prompts, tokens: how many prompts were made, and what they were estimated to have.
    """

    rulings: dict[str, Ruling] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    journals: list[Journal] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)
    prompts: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be checked.

    Attributes:
        finding: with the place that is shown.
        models: who may check it, best first.
        before: how the place read when it was found; empty where that has not changed.
        gone: nothing like that is in the file any more; what is shown stands where it was.
    """

    finding: Finding
    models: tuple[ModelRef, ...]
    before: str = ""
    gone: bool = False


async def ask_about(  # noqa: PLR0913  # what is asked, of whom, and where it goes
    cases: Sequence[Case],
    changes: ChangeSet,
    crew: Crew,
    examiners: Examiners,
    record: Examination,
    *,
    name: str,
) -> None:
    """Have cases checked; everything that comes of it goes into the record.

    Args:
        cases: what is to be checked, by whom.
        changes: the code.
        crew: who asks and who is asked.
        examiners: where code that is asked for comes from, and which servers are asked one after another.
        record: of what is decided.
        name: what this is called where roles have their names.
    """
    if not cases:
        return
    batches = _batches(cases, name)
    crew.asker.listener(RoleStarted(name, str(batches[0].models[0]), len(batches)))
    before = len(record.rulings)
    examination = _Examination(changes, crew, examiners, record)
    lanes: dict[str, list[_Batch]] = defaultdict(list)
    for number, batch in enumerate(batches):
        provider = batch.models[0].provider
        # A server on this machine often holds one model at a time: its batches wait for each other.
        lanes[provider if provider in examiners.local else f"{provider} {number}"].append(batch)
    async with anyio.create_task_group() as group:
        for lane in lanes.values():
            group.start_soon(examination.work, sorted(lane, key=lambda batch: str(batch.models[0])))
    done = len(record.rulings) - before
    outcome = "completed" if done == len(cases) else "partial" if done else "failed"
    crew.asker.listener(RoleFinished(name, outcome))


@dataclass(frozen=True, slots=True)
class _Batch:
    """Cases that go into one prompt, to the same models."""

    cases: tuple[Case, ...]
    models: tuple[ModelRef, ...]
    label: str


def _batches(cases: Sequence[Case], name: str) -> list[_Batch]:
    """Cases for the same models together, those about one file next to each other."""
    by_models: dict[tuple[ModelRef, ...], list[Case]] = defaultdict(list)
    for case in sorted(cases, key=lambda case: (case.finding.path, case.finding.line or 0, case.finding.id)):
        by_models[case.models].append(case)
    groups = [
        (models, tuple(same[start : start + _TOGETHER]))
        for models, same in by_models.items()
        for start in range(0, len(same), _TOGETHER)
    ]
    return [
        _Batch(group, models, name if len(groups) == 1 else f"{name} {number}/{len(groups)}")
        for number, (models, group) in enumerate(groups, 1)
    ]


@dataclass(frozen=True, slots=True)
class _Examination:
    """Asks second readers.

    Attributes:
        changes: the code.
        crew: who asks and who is asked.
        examiners: who checks.
        record: where everything goes that comes of it.
    """

    changes: ChangeSet
    crew: Crew
    examiners: Examiners
    record: Examination

    async def work(self, lane: Sequence[_Batch]) -> None:
        """One batch after the other."""
        for batch in lane:
            await self._check(batch)

    async def _check(self, batch: _Batch) -> None:
        """Ask about a batch, and once more about claims for which something has to be seen first."""
        found = await self._ask(batch, shown=None)
        if found is None:
            return
        model, read = found
        decided = {check.claim: check for check in read.checks}
        wanting = self._wanting(batch, read, decided)
        self._rule(
            batch, decided, model, only=[n for n in range(1, len(batch.cases) + 1) if n not in wanting]
        )
        if not wanting:
            return
        shown = await to_thread.run_sync(
            self._look_up,
            [(name, batch.cases[n - 1].finding.path) for n, names in wanting.items() for name in names],
        )
        again = replace(
            batch,
            cases=tuple(batch.cases[number - 1] for number in sorted(wanting)),
            models=(model, *(other for other in batch.models if other != model)),
            label=f"{batch.label} again",
        )
        second = await self._ask(again, shown=shown)
        if second is not None:
            self._rule(again, {check.claim: check for check in second[1].checks}, second[0])
        # What it said before it asked still stands where it says nothing new.
        open_ = [n for n in sorted(wanting) if batch.cases[n - 1].finding.id not in self.record.rulings]
        if open_:
            self._rule(batch, {n: decided[n] for n in open_ if n in decided}, model, only=open_)

    def _wanting(
        self, batch: _Batch, read: ReadChecks, decided: Mapping[int, Check]
    ) -> Mapping[int, Sequence[str]]:
        """Names to look up, by the number of the claim; only for claims that are not decided without them."""
        open_ = [
            number
            for number in range(1, len(batch.cases) + 1)
            if number not in decided or decided[number].verdict is Verdict.UNVERIFIABLE
        ]
        if self.examiners.surroundings is None or not open_:
            return {}
        wanted: dict[int, list[str]] = defaultdict(list)
        for need in read.needs:
            number = need.claim if need.claim in open_ else _only(open_, need)
            if number is not None:
                wanted[number].append(need.name)
        return wanted

    def _look_up(self, names: Sequence[tuple[str, str]]) -> list[Shown]:
        """What names mean, each seen from the file of its claim; no place twice."""
        around = self.examiners.surroundings
        if around is None:
            return []
        made: list[Shown] = []
        known: set[str] = set()
        for name, path in dict.fromkeys(names):
            places = _found_by(around, name, path).split(PLACES_APART)
            fresh = [place for place in places if place not in known]
            known |= set(fresh)
            made.append(Shown(name, PLACES_APART.join(fresh) if fresh else "It is shown above."))
        return made

    async def _ask(self, batch: _Batch, shown: Sequence[Shown] | None) -> tuple[ModelRef, ReadChecks] | None:
        """The verdicts and who gave them; None where there are none, with the reason in the record."""
        prompt = made(partial(self._prompt, batch, shown), self.record.bugs)
        if isinstance(prompt, str):
            self._leave(batch, prompt)
            return None
        journal = Journal()
        self.record.journals.append(journal)
        self.record.prompts += 1
        self.record.tokens += prompt.tokens
        try:
            answer = await answer_of(
                self.crew,
                prompt,
                self.crew.candidates(batch.models),
                journal,
                read_checks,
                bugs=self.record.bugs,
            )
        except PromptTooLongError as error:
            await self._halve(batch, shown, error)
            return None
        if isinstance(answer, str):
            self._leave(batch, answer)
            return None
        return answer.model, answer.value

    async def _halve(self, batch: _Batch, shown: Sequence[Shown] | None, error: PromptTooLongError) -> None:
        """Ask about fewer claims at once; about one alone, without what it asked for."""
        if len(batch.cases) == 1:
            self._leave(batch, str(error))
            return
        middle = len(batch.cases) // 2
        for part, cases in enumerate((batch.cases[:middle], batch.cases[middle:]), 1):
            smaller = replace(batch, cases=cases, label=f"{batch.label} part {part}")
            if shown is None:
                await self._check(smaller)
                continue
            found = await self._ask(smaller, shown)
            if found is not None:
                self._rule(smaller, {check.claim: check for check in found[1].checks}, found[0])

    def _prompt(self, batch: _Batch, shown: Sequence[Shown] | None) -> Prompt:
        questions = [_question(number, case) for number, case in enumerate(batch.cases, 1)]
        excerpts = excerpts_of([case.finding for case in batch.cases], self.changes)
        return check_prompt(
            questions,
            excerpts,
            self.crew.wording,
            label=batch.label,
            snapshot=self.changes.snapshot,
            shown=shown,
        )

    def _rule(
        self,
        batch: _Batch,
        checks: Mapping[int, Check],
        model: ModelRef,
        only: Collection[int] | None = None,
    ) -> None:
        """Keep verdicts; of all claims of a batch, or only of some, by their numbers."""
        for number, case in enumerate(batch.cases, 1):
            if only is not None and number not in only:
                continue
            check = checks.get(number)
            if check is None:
                self.record.left.setdefault(case.finding.id, f"{model} gave no verdict on it")
                continue
            self.record.left.pop(case.finding.id, None)
            self.record.rulings[case.finding.id] = Ruling(
                check.verdict, str(model), check.reason, check.severity
            )

    def _leave(self, batch: _Batch, reason: str) -> None:
        for case in batch.cases:
            if case.finding.id not in self.record.rulings:
                self.record.left[case.finding.id] = reason


def _question(number: int, case: Case) -> Question:
    finding = case.finding
    start, end = finding.line or 1, finding.end_line or finding.line or 1
    lines = f"line {start}" if start == end else f"lines {start} to {end}"
    return Question(number, _bare(finding), finding.path, lines, case.before, case.gone)


def _found_by(around: Surroundings, name: str, near: str) -> str:
    """What a name means; a lookup that fails is an answer too, and costs no other check."""
    try:
        return around.find(name, near)
    except (ReviewerError, OSError) as error:
        return f"This could not be looked up: {error}"


def _only(open_: Sequence[int], need: Need) -> int | None:
    """The claim that a need without a number is about, if there is only one."""
    return open_[0] if len(open_) == 1 and not need.claim else None


def _bare(finding: Finding) -> str:
    """What is claimed, without severity, advice, or the weight that its author gave it."""
    title = finding.title.rstrip(".")
    case = finding.failure_scenario or finding.explanation
    return case if case.startswith(title) else f"{title}. {case}".strip()

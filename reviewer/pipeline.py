"""Plan to report: the chain, and the task group that asks all roles."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import anyio

from reviewer.accounting import Ledger
from reviewer.assemble import Beside, Frame, assemble, findings_of
from reviewer.crew import Crew
from reviewer.events import Interrupted
from reviewer.examining import Examination, Examiners
from reviewer.fates import Rereading, remembered
from reviewer.findings.finding import Finding
from reviewer.findings.verdicts import with_rulings
from reviewer.following import prepared, waves
from reviewer.interview import interview
from reviewer.mending import mend
from reviewer.outputs.report import Report
from reviewer.plan import Plan
from reviewer.policy import RunPolicy
from reviewer.prompting.role import Task
from reviewer.record import Record
from reviewer.rereading import look_again
from reviewer.synthesis import Writing, write
from reviewer.verification import examine

Stop = Callable[[], Awaitable[str]]
"""Returns, with the reason, when the run is to be stopped; else never."""


async def never() -> str:
    """Nobody stops the run."""
    await anyio.sleep_forever()
    return ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        report: always there, also when the run was stopped or ran out of time; it then says what is missing.
        bugs: errors of this program that cost a part of the review, for its log.
        stopped: why the run was stopped before its end, or empty.
    """

    report: Report
    bugs: tuple[Exception, ...] = ()
    stopped: str = ""


async def review(plan: Plan, crew: Crew, policy: RunPolicy, stop: Stop = never) -> Outcome:
    """Ask every role, have the findings checked and summed up, and put the report together."""
    run = _Run(plan, crew, policy, crew.asker.clock.now(), [Record(role) for role in plan.roles])

    async def expire() -> str:
        await _pass(policy.timeout, crew)
        return f"the time limit of {policy.timeout:g} s was reached"

    stopped = await until(run.ask, stop, expire)
    if stopped:
        crew.asker.listener(Interrupted(stopped))
    return Outcome(run.report(stopped), run.bugs, stopped)


@dataclass(frozen=True, slots=True)
class _Run:
    """One review while it runs: what is asked, and where it goes that comes of it.

    Attributes:
        plan: what is asked.
        crew: who asks and who is asked.
        policy: bounds and wishes.
        started: when it began, by the clock of the run.
        records: of the roles, in running order.
        examination: of the findings.
        writing: of the summary.
        rereading: of what an earlier run has found.
    """

    plan: Plan
    crew: Crew
    policy: RunPolicy
    started: float
    records: Sequence[Record]
    examination: Examination = field(default_factory=Examination)
    writing: Writing = field(default_factory=Writing)
    rereading: Examination = field(default_factory=Examination)

    async def ask(self) -> None:
        """Ask the roles wave by wave, have what they found checked after each, and have it summed up.

        What an earlier run has found comes first: what of it is settled is no part of the review.
        """
        if self.plan.since is not None:
            await look_again(self.plan.since, self.crew, self._readers(), self.rereading)
        findings: tuple[Finding, ...] = ()
        for wave in waves(self.records):
            crews = {id(record): prepared(record, self.records, findings, self.crew) for record in wave}
            going = [record for record in wave if not record.skipped]
            async with anyio.create_task_group() as group:
                for lane in lanes(going, self.policy.local):
                    group.start_soon(_run_lane, lane, crews, self.policy.role_timeout)
            for record in going:
                if record.plan.role.task is Task.FIX:
                    work = partial(self._mend, record, findings)
                    record.stopped = await _within(work, self.policy.role_timeout, self.crew)
            findings = await self._checked()
        if self.policy.writers:
            await write(self.report(""), self.crew, self.policy.writers, self.writing)

    async def _checked(self) -> tuple[Finding, ...]:
        """What was found so far, with the verdicts on it."""
        reread = Rereading(self.rereading.rulings, self.rereading.left)
        found = findings_of(self.plan, self.records, reread)
        if self.plan.since is not None:
            self.examination.rulings.update(remembered(found, self.plan.since, reread))
        if self.policy.examiners is not None:
            await examine(found, self.plan.code, self.crew, self.policy.examiners, self.examination)
        return with_rulings(found, self.examination.rulings)

    async def _mend(self, record: Record, findings: Sequence[Finding]) -> None:
        """Ask a role for changes that settle what has been found."""
        plan = record.plan
        chain = [model for model in plan.chain if not model.is_rules]
        if not chain:
            record.skipped = "mechanical rules write no patches"
            return
        await mend(plan.role, chain, findings, self.plan.code, self.crew, record.mending)

    def _readers(self) -> Examiners:
        """Who can say whether an earlier finding is still there: who checks findings, or else who reviews."""
        if self.policy.examiners is not None:
            return self.policy.examiners
        models = dict.fromkeys(model for record in self.records for model in record.plan.chain)
        able = tuple(model for model in models if not model.is_rules)
        return Examiners(able, surroundings=self.policy.surroundings, local=self.policy.local)

    @property
    def bugs(self) -> tuple[Exception, ...]:
        """Errors that nobody expected."""
        of_roles = (bug for record in self.records for bug in (*record.bugs, *record.mending.bugs))
        return (*of_roles, *self.rereading.bugs, *self.examination.bugs, *self.writing.bugs)

    def report(self, stopped: str) -> Report:
        """The report of what there is."""
        policy, clock = self.policy, self.crew.asker.clock
        beside = Beside(self.examination, self.writing, self.rereading)
        ledger = Ledger(policy.prices, self.crew.asker.health.breakers)
        frame = Frame(policy, clock.now() - self.started, ledger, stopped)
        return assemble(self.plan, self.records, frame, beside)


async def _pass(seconds: float, crew: Crew) -> None:
    """Let time pass on the clock of the run."""
    if math.isinf(seconds):
        await anyio.sleep_forever()
    await crew.asker.clock.sleep(seconds)


async def until(work: Callable[[], Awaitable[None]], *ends: Stop) -> str:
    """Do something until it is done or one of the ends has come; returns the reason of that, or nothing."""
    reasons: list[str] = []
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as watch:

            async def wait_for(end: Stop) -> None:
                reason = await end()
                if not scope.cancel_called:
                    reasons.append(reason)
                    scope.cancel()

            for end in ends:
                watch.start_soon(wait_for, end)
            await work()
            watch.cancel_scope.cancel()
    return "".join(reasons[:1]) if scope.cancelled_caught else ""


async def _run_lane(lane: Iterable[Sequence[Record]], crews: Mapping[int, Crew], limit: float) -> None:
    """Groups of roles one after the other; the roles of a group at once, each with its own crew."""
    for together in lane:
        async with anyio.create_task_group() as group:
            for record in together:
                group.start_soon(_limited, record, crews[id(record)], limit)


async def _limited(record: Record, crew: Crew, limit: float) -> None:
    """Ask a role within its time; what is not answered then is missing."""
    record.stopped = await _within(partial(interview, record, crew), limit, crew)


async def _within(work: Callable[[], Awaitable[None]], limit: float, crew: Crew) -> str:
    """Do something for a role within its time; returns why it was stopped, or nothing."""

    async def expire() -> str:
        await _pass(limit, crew)
        return f"the time limit of {limit:g} s for a role was reached"

    return await until(work, expire)


def lanes(records: Sequence[Record], local: frozenset[str]) -> list[list[list[Record]]]:
    """Which roles run at once and which wait.

    A server on this machine often holds one model at a time, and changing it takes minutes: roles with the
    same model go together, different models one after the other. Roles on other servers all run at once.
    """
    asked = [record for record in records if record.plan.prompts]
    remote = [[[record]] for record in asked if record.plan.chain[0].provider not in local]
    waiting = [record for record in asked if record.plan.chain[0].provider in local]
    order = list(dict.fromkeys(record.plan.chain[0] for record in waiting))
    waiting.sort(key=lambda record: (record.plan.chain[0].provider, order.index(record.plan.chain[0])))
    lanes_by_server = [
        [list(same) for _, same in groupby(records_of_server, key=lambda record: record.plan.chain[0])]
        for _, records_of_server in groupby(waiting, key=lambda record: record.plan.chain[0].provider)
    ]
    return [*remote, *lanes_by_server]

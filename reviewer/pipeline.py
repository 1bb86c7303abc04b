"""Plan to report: the chain, and the task group that asks all roles."""

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby

import anyio

from reviewer.accounting import Ledger
from reviewer.assemble import Frame, assemble, findings_of
from reviewer.crew import Crew
from reviewer.events import Interrupted
from reviewer.findings.baseline import Baseline
from reviewer.interview import interview
from reviewer.models.model import ModelRef, Price
from reviewer.outputs.report import Report
from reviewer.plan import Plan
from reviewer.prompting.contract import Severity
from reviewer.record import Record
from reviewer.verification import Examination, Examiners, examine

Stop = Callable[[], Awaitable[str]]
"""Returns, with the reason, when the run is to be stopped; else never."""


async def never() -> str:
    """Nobody stops the run."""
    await anyio.sleep_forever()
    return ""


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """Bounds and wishes of one run.

    Attributes:
        timeout: seconds for asking all models; what is not answered then is reported as missing.
        role_timeout: seconds for asking one role.
        fail_on: the least severity that makes the run fail, or None.
        min_severity: findings below it are counted, not shown.
        local: providers whose models share this machine's memory, so that roles of one model go together.
        created: when the run began, for the report.
        prices: what the tokens of models cost, where known.
        examiners: who checks the findings; None for no second pass.
        no_examiners: why there is no second pass although it was asked for, or empty.
        baseline: findings that are accepted; None if there is no such file.
        baseline_name: where it is, for people.
    """

    created: datetime
    timeout: float = math.inf
    role_timeout: float = math.inf
    fail_on: Severity | None = None
    min_severity: Severity = Severity.MINOR
    local: frozenset[str] = frozenset()
    prices: Mapping[ModelRef, Price] = field(default_factory=dict)
    examiners: Examiners | None = None
    no_examiners: str = ""
    baseline: Baseline | None = None
    baseline_name: str = ""


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
    """Ask every role, check what comes back, and put the report together."""
    started = crew.asker.clock.now()
    records = [Record(role) for role in plan.roles]
    examination = Examination()
    stopped = await _ask_all(_Asked(plan, records, examination), crew, policy, stop)
    frame = Frame(
        created=policy.created,
        seconds=crew.asker.clock.now() - started,
        ledger=Ledger(policy.prices, crew.asker.health.breakers),
        stopped=stopped,
        fail_on=policy.fail_on,
        min_severity=policy.min_severity,
        examiners=policy.examiners,
        no_examiners=policy.no_examiners,
        baseline=policy.baseline,
        baseline_name=policy.baseline_name,
    )
    bugs = (*(bug for record in records for bug in record.bugs), *examination.bugs)
    return Outcome(assemble(plan, records, frame, examination), bugs, stopped)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked, and where it goes that comes of it."""

    plan: Plan
    records: Sequence[Record]
    examination: Examination


async def _ask_all(asked: _Asked, crew: Crew, policy: RunPolicy, stop: Stop) -> str:
    """Run all interviews, then have the findings checked; returns why that was stopped, or an empty text."""
    plan, records = asked.plan, asked.records

    async def ask() -> None:
        async with anyio.create_task_group() as group:
            for lane in lanes(records, policy.local):
                group.start_soon(_run_lane, lane, crew, policy.role_timeout)
        if policy.examiners is not None:
            findings = findings_of(plan, records)
            await examine(findings, plan.changes, crew, policy.examiners, asked.examination)

    async def expire() -> str:
        await _pass(policy.timeout, crew)
        return f"the time limit of {policy.timeout:g} s was reached"

    reason = await _until(ask, stop, expire)
    if reason:
        crew.asker.listener(Interrupted(reason))
    return reason


async def _pass(seconds: float, crew: Crew) -> None:
    """Let time pass on the clock of the run."""
    if math.isinf(seconds):
        await anyio.sleep_forever()
    await crew.asker.clock.sleep(seconds)


async def _until(work: Callable[[], Awaitable[None]], *ends: Stop) -> str:
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


async def _run_lane(lane: Iterable[Sequence[Record]], crew: Crew, limit: float) -> None:
    """Groups of roles one after the other; the roles of a group at once."""
    for together in lane:
        async with anyio.create_task_group() as group:
            for record in together:
                group.start_soon(_limited, record, crew, limit)


async def _limited(record: Record, crew: Crew, limit: float) -> None:
    """Ask a role within its time; what is not answered then is missing."""

    async def expire() -> str:
        await _pass(limit, crew)
        return f"the time limit of {limit:g} s for a role was reached"

    record.stopped = await _until(partial(interview, record, crew), expire)


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

"""Plan to report: the chain, and the task group that asks all roles."""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import anyio

from reviewer.assemble import Frame, assemble
from reviewer.events import Interrupted
from reviewer.interview import Crew, Record, interview
from reviewer.outputs.report import Report
from reviewer.plan import Plan
from reviewer.prompting.contract import Severity

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
        fail_on: the least severity that makes the run fail, or None.
        min_severity: findings below it are counted, not shown.
        local: providers whose models share this machine's memory, so that roles of one model go together.
        created: when the run began, for the report.
    """

    created: datetime
    timeout: float = math.inf
    fail_on: Severity | None = None
    min_severity: Severity = Severity.MINOR
    local: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        report: always there, also when the run was stopped or ran out of time; it then says what is missing.
        bugs: errors of this program that cost a part of the review, for its log.
    """

    report: Report
    bugs: tuple[Exception, ...] = ()


async def review(plan: Plan, crew: Crew, policy: RunPolicy, stop: Stop = never) -> Outcome:
    """Ask every role, check what comes back, and put the report together."""
    started = crew.asker.clock.now()
    records = [Record(role) for role in plan.roles]
    stopped = await _ask_all(records, crew, policy, stop)
    frame = Frame(
        created=policy.created,
        seconds=crew.asker.clock.now() - started,
        stopped=stopped,
        fail_on=policy.fail_on,
        min_severity=policy.min_severity,
    )
    bugs = tuple(bug for record in records for bug in record.bugs)
    return Outcome(assemble(plan, records, frame), bugs)


async def _ask_all(records: Sequence[Record], crew: Crew, policy: RunPolicy, stop: Stop) -> str:
    """Run all interviews; returns why they were stopped, or an empty text."""
    reasons: list[str] = []
    with anyio.move_on_after(policy.timeout) as limit:
        async with anyio.create_task_group() as watch:

            async def watch_for_stop() -> None:
                reasons.append(await stop())
                limit.cancel()

            watch.start_soon(watch_for_stop)
            async with anyio.create_task_group() as group:
                for lane in lanes(records, policy.local):
                    group.start_soon(_run_lane, lane, crew)
            watch.cancel_scope.cancel()
    if limit.cancelled_caught and not reasons:
        reasons.append(f"the time limit of {policy.timeout:g} s was reached")
    if reasons:
        crew.asker.listener(Interrupted(reasons[0]))
    return "".join(reasons[:1])


async def _run_lane(lane: Iterable[Sequence[Record]], crew: Crew) -> None:
    """Groups of roles one after the other; the roles of a group at once."""
    for together in lane:
        async with anyio.create_task_group() as group:
            for record in together:
                group.start_soon(interview, record, crew)


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

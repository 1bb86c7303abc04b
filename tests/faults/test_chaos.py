"""Whole reviews with seeded random faults: whatever the servers do, the laws hold."""

import os
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

import pytest

from reviewer.assignment import Assignment
from reviewer.changes.changeset import ChangeSet
from reviewer.changes.patch import parse_patch
from reviewer.crew import Crew
from reviewer.errors import ModelError
from reviewer.events import BreakerChanged, Event, FailedOver, PromptSent, RequestEnded
from reviewer.models.ask import Asker
from reviewer.models.health import Health
from reviewer.models.http_backend import HttpBackend
from reviewer.models.model import ModelRef
from reviewer.models.providers import PROTOCOLS
from reviewer.models.repeats import RetryPolicy
from reviewer.outputs import json_report, markdown
from reviewer.outputs.report import Report, Status
from reviewer.pipeline import review
from reviewer.plan import Plan, make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.prompt import Wording
from reviewer.prompting.role import built_in_folder, load_partials
from reviewer.prompting.template import Templates
from reviewer.prompting.tokens import Calibration
from tests.faults.chaos import FAULTS, KINDS, SECRET, World
from tests.support.roles import reviewing_roles

E = TypeVar("E")
REVIEWS = 200
SEEDS = [int(seed) for seed in os.environ.get("CHAOS_SEEDS", "1,2,3").split(",")]
ROLES = reviewing_roles()
WORDING = Wording(Templates(load_partials([built_in_folder()])))
PATHS = [f"shop/part_{n}.py" for n in range(4)]
PATCH = "".join(
    f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,10 @@\n+def total(items):\n"
    + "".join(f"+    total = total + step_{n}(items)\n" for n in range(1, 9))
    + "+    return total\n"
    for path in PATHS
)
CHANGES = ChangeSet("a change", parse_patch(PATCH.encode(), name="chaos"))
NAMES = list(KINDS)
POLICY = RetryPolicy()
LIMIT = 2400.0


@cache
def planned(name: str) -> Plan:
    """One role with several parts; the model is put in later."""
    role = replace(ROLES[name], limits=replace(ROLES[name].limits, prompt_tokens=2700))
    nobody = (ModelRef("nobody", "m"),)
    return make_plan(CHANGES, [Assignment(role, nobody)], WORDING, windows={}, calibration=Calibration())


def plan_for(world: World) -> Plan:
    """Two roles, each with one to three models, and several parts."""
    roles = []
    for name in world.random.sample(list(ROLES), 2):
        chain = world.random.sample(NAMES, world.random.randint(1, 3))
        models = tuple(ModelRef(one, KINDS[one][1]) for one in chain)
        roles.append(replace(planned(name).roles[0], chain=models))
    return Plan(CHANGES, tuple(roles), WORDING)


class Ran:
    """One review, and everything that can be seen of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.plan = plan_for(world)
        self.events: list[tuple[float, Event]] = []
        self.health = Health(limits=dict.fromkeys(NAMES, 3))
        listener = lambda event: self.events.append((world.time.now(), event))  # noqa: E731
        asker = Asker(POLICY, world.time.clock, listener, self.health)
        backends = {}
        for name in NAMES:
            endpoint = world.endpoint(name)
            backends[name] = HttpBackend(endpoint, PROTOCOLS[endpoint.kind], world.wire(endpoint))
        policy = RunPolicy(created=datetime(2026, 1, 1, tzinfo=UTC), timeout=LIMIT)
        outcome = world.time.go(review, self.plan, Crew(asker, backends, WORDING), policy)
        assert outcome.bugs == (), outcome.bugs
        self.report: Report = outcome.report
        self.text = json_report.render(outcome.report)
        self.outcome = outcome

    @property
    def page(self) -> str:
        return markdown.render(self.report)

    @property
    def sent(self) -> list[tuple[str, float]]:
        """When a prompt went to which model; one that is rephrased is still the same."""
        return [(event.model, at) for at, event in self.events if isinstance(event, PromptSent)]

    def happened(self, kind: type[E]) -> list[tuple[float, E]]:
        return [(at, event) for at, event in self.events if isinstance(event, kind)]


def check_time(ran: Ran) -> None:
    assert ran.world.time.now() <= LIMIT + 1


def check_nothing_lost(ran: Ran) -> None:
    """Every mark that came over a wire can be read in the report."""
    for text in ran.world.delivered:
        for mark in re.findall(r"MARK-\d+-\d+-", text):
            assert mark in ran.text, (mark, text[:200])


def check_never_falsely_clean(ran: Ran) -> None:
    if ran.report.status in {Status.CLEAN, Status.FINDINGS}:
        for assignment in ran.plan.roles:
            assert ran.world.honest.get(assignment.role.title) == set(PATHS), ran.page
    if ran.report.status is Status.CLEAN:
        assert "MARK-" not in "".join(ran.world.delivered)


def check_no_secret(ran: Ran) -> None:
    assert SECRET not in ran.text
    if ran.world.seed % 10 == 0:
        assert SECRET not in ran.page


def check_breakers(ran: Ran) -> None:
    """None opens again before its cool-down is over."""
    opened: dict[str, float] = {}
    for at, event in ran.happened(BreakerChanged):
        if event.state == "open":
            assert at - opened.get(event.model, -100.0) >= 30.0
            opened[event.model] = at
    for breaker in ran.health.breakers.values():
        assert breaker.opened <= 2 + ran.world.time.now() / 30


def check_open_breakers_hold(ran: Ran) -> None:
    """While a breaker is open, no request to its model begins."""
    for at, event in ran.happened(BreakerChanged):
        if event.state == "open":
            early = [sent for model, sent in ran.sent if model == event.model and at < sent < at + 29.9]
            assert early == []


def check_health_is_sustained(ran: Ran) -> None:
    """A breaker closes only after three answers one after the other."""
    answers: Counter[str] = Counter()
    for _, event in ran.events:
        if isinstance(event, RequestEnded):
            answers[event.model] = (
                0 if event.problem in UNAVAILABLE else answers[event.model] + (not event.problem)
            )
        elif isinstance(event, BreakerChanged):
            assert event.state == "open" or answers[event.model] >= 3
            answers[event.model] = 0


UNAVAILABLE = {
    "ConnectionFailedError",
    "ServerBrokenError",
    "RunnerCrashedError",
    "StalledError",
    "IncompleteStreamError",
    "ProtocolError",
}


def check_dead_models_are_left_alone(ran: Ran) -> None:
    """At the third failure in a row the breaker of a model opens, if it is not open already."""
    row: Counter[str] = Counter()
    left_alone: set[str] = set()
    opened = {(at, event.model) for at, event in ran.happened(BreakerChanged) if event.state == "open"}
    for at, event in ran.events:
        if isinstance(event, BreakerChanged):
            row[event.model] = 0
            (left_alone.add if event.state == "open" else left_alone.discard)(event.model)
        elif isinstance(event, RequestEnded) and event.model not in left_alone:
            if event.problem in UNAVAILABLE:
                row[event.model] += 1
            elif not event.problem:
                row[event.model] = 0
            assert row[event.model] < 3 or (at, event.model) in opened


def check_waits(ran: Ran) -> None:
    """After a named wait, nothing is sent to the provider until it is over; a short one is no reason to leave."""
    for provider, at, wait in ran.world.waits:
        early = [
            began for name, began in ran.world.begun if name == provider and at < began < at + wait - 0.01
        ]
        assert early == [], (provider, at, wait)


def check_bounds(ran: Ran) -> None:
    """No more requests than the budgets allow."""
    parts = sum(role.count for role in ran.plan.roles)
    most = parts * 3 * POLICY.requests
    assert len(ran.world.begun) <= most


LAWS = [
    check_time,
    check_nothing_lost,
    check_never_falsely_clean,
    check_no_secret,
    check_breakers,
    check_open_breakers_hold,
    check_dead_models_are_left_alone,
    check_health_is_sustained,
    check_waits,
    check_bounds,
]


@pytest.mark.parametrize("seed", SEEDS)
def test_two_hundred_reviews(seed):
    statuses: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for number in range(REVIEWS):
        world = World(seed * 100_000 + number, share=[0.0, 0.1, 0.3, 0.6][number % 4])
        ran = Ran(world)
        for law in LAWS:
            law(ran)
        statuses[ran.report.status] += 1
        faults.update(call.fate for call in world.calls)
    print(dict(statuses), dict(faults))
    assert statuses["incomplete"] > 20, "faults that do no harm test nothing"
    assert statuses["findings"] + statuses["clean"] > 20, "a review that never succeeds tests nothing"
    assert len(faults) > 20


@pytest.mark.parametrize("seed", SEEDS)
def test_storms_of_429(seed):
    """Nothing but short waits: every review is complete in the end, and nobody is asked instead."""
    for number in range(20):
        ran = Ran(World(seed * 100_000 + number, share=0.5, only=("limited",)))
        assert ran.report.status in {Status.CLEAN, Status.FINDINGS}, ran.page
        assert ran.happened(FailedOver) == []
        check_waits(ran)


@pytest.mark.parametrize("fault", FAULTS)
def test_one_kind_of_fault(fault):
    """Each fault alone, so that no other hides what it does."""
    for seed in SEEDS:
        for number in range(3):
            ran = Ran(World(seed * 1000 + number, share=0.4, only=(fault,)))
            for law in LAWS:
                law(ran)


def test_the_same_seed_is_the_same_review():
    first, second = (Ran(World(7, share=0.3)) for _ in range(2))
    assert first.text == second.text
    assert first.events == second.events
    assert issubclass(ModelError, Exception)

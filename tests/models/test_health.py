"""Breakers and paces: when a model is left alone, and how many requests it gets."""

import random
from itertools import count

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.errors import ModelMissingError, OutOfQuotaError, RateLimitedError, ServerBrokenError
from reviewer.models.breaker import Breaker, BreakerPolicy, State
from reviewer.models.health import Health
from reviewer.models.model import ModelRef
from reviewer.models.pace import Pace
from tests.support.clock import VirtualTime

POLICY = BreakerPolicy()


def played(script: str) -> Breaker:
    """A breaker after some results: `f` failed, `s` succeeded, digits let ten seconds pass each."""
    breaker, now = Breaker(POLICY), 0.0
    for letter in script:
        if letter == "f":
            breaker.failed(now, "down")
        elif letter == "s":
            breaker.succeeded()
        else:
            now += 10.0 * int(letter)
            breaker.wait(now)
    return breaker


STATES = {
    "": State.CLOSED,
    "ff": State.CLOSED,
    "fff": State.OPEN,
    "ffsff": State.CLOSED,
    "fsfsfs": State.CLOSED,
    "fsfsfsf": State.OPEN,  # half of the last six
    "sfsfsf": State.OPEN,
    "sssssf": State.CLOSED,
    "ssssff": State.CLOSED,
    "fff2": State.OPEN,
    "fff3": State.HALF_OPEN,
    "fff3s": State.HALF_OPEN,
    "fff3ss": State.HALF_OPEN,
    "fff3sss": State.CLOSED,
    "fff3ssf": State.OPEN,
    "fff3f5": State.OPEN,  # the second cool-down is twice as long
    "fff3f6": State.HALF_OPEN,
    "fff3sssff": State.CLOSED,  # what was before is forgotten
    "fffs": State.OPEN,  # sent before it opened
    "ffff3": State.HALF_OPEN,  # a late failure does not prolong it
}


@pytest.mark.parametrize(("script", "expected"), STATES.items())
def test_states_of_a_breaker(script, expected):
    assert played(script).state is expected


def test_cool_downs_grow_to_a_limit_and_begin_anew_after_health():
    breaker = played("fff")
    seen, now = [breaker.cooldown], 0.0
    for _ in range(5):
        now += 1000.0
        assert breaker.wait(now) == 0
        breaker.failed(now, "down")
        seen.append(breaker.cooldown)
    assert seen == [30, 60, 120, 240, 300, 300]
    breaker.wait(now + 1000)
    for _ in range(3):
        breaker.succeeded()
    for _ in range(3):
        breaker.failed(now + 1000, "down")
    assert breaker.cooldown == 30


def test_one_probe_at_a_time():
    breaker = played("fff3")
    assert breaker.wait(30) == 0
    assert breaker.begin()
    assert breaker.wait(31) is None
    breaker.end_probe()
    assert breaker.wait(31) == 0


@given(st.lists(st.sampled_from("fs369"), max_size=60))
def test_a_breaker_never_forgets_to_cool_down(script):
    """Whatever happens: it opens only after a failure, and is open for at least its first cool-down."""
    breaker, now, opened_at = Breaker(POLICY), 0.0, None
    for letter in script:
        before = breaker.state
        if letter == "f":
            breaker.failed(now, "down")
        elif letter == "s":
            breaker.succeeded()
        else:
            now += 10.0 * int(letter)
            wait = breaker.wait(now)
            assert wait is None or wait >= 0
        if breaker.state is State.OPEN and before is not State.OPEN:
            assert letter == "f"
            opened_at = now
        if before is State.OPEN and breaker.state is not State.OPEN:
            assert opened_at is not None
            assert now - opened_at >= POLICY.cooldown


MODEL, OTHER = ModelRef("lab", "big"), ModelRef("lab", "small")


def test_who_is_out():
    health = Health()
    health.note_failure(MODEL, ModelMissingError("gone"), 0)
    assert (str(health.why_out(MODEL, 0)), health.why_out(OTHER, 0)) == ("gone", None)
    health.note_failure(OTHER, OutOfQuotaError("no money"), 0)
    assert str(health.why_out(OTHER, 0)) == "no money", "the account is the same for all models"
    assert health.why_out(ModelRef("far", "big"), 0) is None


def test_only_availability_counts():
    health = Health()
    for _ in range(9):
        health.note_failure(MODEL, RateLimitedError("slow"), 0)
    assert health.breaker(MODEL).state is State.CLOSED
    for _ in range(3):
        health.note_failure(MODEL, ServerBrokenError("down"), 0)
    assert health.breaker(MODEL).state is State.OPEN
    assert health.breaker(OTHER).state is State.CLOSED


class Shared:
    def __init__(self) -> None:
        self.open: dict[ModelRef, tuple[float, str]] = {}

    def cooldown_of(self, model: ModelRef) -> tuple[float, str] | None:
        return self.open.get(model)

    def opened(self, model: ModelRef, seconds: float, reason: str, kind: str) -> None:
        self.open[model] = (seconds, f"{kind}: {reason}")

    def closed(self, model: ModelRef) -> None:
        self.open.pop(model, None)


def test_what_one_run_finds_out_the_others_know():
    shared = Shared()
    one, two = Health(shared=shared), Health(shared=shared)
    for _ in range(3):
        one.note_failure(MODEL, ServerBrokenError("down"), 0)
    two.join(MODEL, 5)
    assert two.breaker(MODEL).wait(5) == 30
    assert "down" in str(two.open_error(MODEL))
    one.breaker(MODEL).wait(40)
    for _ in range(3):
        one.note_success(MODEL)
    assert shared.open == {}
    three = Health(shared=shared)
    three.note_success(MODEL)
    shared.opened(MODEL, 30, "down", "X")
    three.join(MODEL, 5)
    assert three.breaker(MODEL).state is State.CLOSED, "it has answered this run"


def through(
    pace: Pace, count: int, seconds: float = 1.0, time: VirtualTime | None = None
) -> tuple[float, int]:
    """How long so many requests take, and how many were under way at most."""
    time = time or VirtualTime()
    most = 0

    async def one():
        nonlocal most
        async with pace.turn(time.now, time.sleep):
            most = max(most, pace.under_way)
            await time.sleep(seconds)

    async def every():
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(one)

    time.go(every)
    assert pace.under_way == 0
    return time.seconds, most


def test_a_pace_bounds_what_is_under_way():
    assert through(Pace(3), 10) == (4.0, 3)
    assert through(Pace(), 10) == (1.0, 10)


def test_a_pace_slows_down_once_for_what_was_under_way_together():
    pace = Pace(8)
    pace.under_way = 8
    assert pace.slow_down(10.0, 9.0, 0.0)
    assert not pace.slow_down(10.5, 9.0, 0.0), "sent before the first refusal"
    assert pace.limit == 4
    pace.under_way = 4
    assert pace.slow_down(12.0, 11.0, 0.0)
    assert pace.limit == 2
    for _ in range(10):
        pace.slow_down(100.0 + _, 99.5 + _, 0.0)
    assert pace.limit == 1


def test_a_pace_recovers_slowly_up_to_where_it_began():
    pace = Pace(4)
    pace.under_way = 4
    pace.slow_down(1.0, 0.5, 0.0)
    steps = 0
    while pace.limit < 4:
        pace.answered()
        steps += 1
    assert steps in range(4, 8)
    pace.answered()
    assert pace.limit == 4


def test_a_pace_holds_everything_back_until_the_named_time():
    pace, time = Pace(2), VirtualTime()
    pace.under_way = 2
    pace.slow_down(0.0, 0.0, 7.0)
    pace.under_way = 0
    assert through(pace, 2, 1.0, time)[0] == 9.0, "seven seconds, then one at a time"


def test_a_pace_waits_no_negative_time():
    """The clock goes on between two looks at it, and the real one refuses to wait for what has passed."""
    pace = Pace(spacing=0.0055)
    seconds = iter(count(0.0, 0.001))
    waits = []

    async def sleep(wanted: float):
        waits.append(wanted)

    async def three():
        for _ in range(3):
            async with pace.turn(lambda: next(seconds), sleep):
                pass

    anyio.run(three)
    assert all(wanted >= 0 for wanted in waits), waits


@given(st.integers(0, 2**32))
def test_no_turn_is_lost_when_those_who_wait_give_up(seed):
    chance = random.Random(seed)
    pace, time = Pace(2), VirtualTime()

    async def one(patience: float):
        with anyio.CancelScope() as scope:

            async def give_up():
                await time.sleep(patience)
                scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(give_up)
                async with pace.turn(time.now, time.sleep):
                    await time.sleep(chance.uniform(0, 3))
                    if chance.random() < 0.3:
                        pace.slow_down(time.now(), time.now() - 0.1, chance.uniform(0, 2))
                    else:
                        pace.answered()
                group.cancel_scope.cancel()

    async def every():
        async with anyio.create_task_group() as group:
            for _ in range(12):
                group.start_soon(one, chance.uniform(0, 6))

    time.go(every)
    assert pace.under_way == 0
    assert not pace._waiting

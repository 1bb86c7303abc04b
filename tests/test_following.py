"""Roles that build on others: what they are told, and when they are skipped."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio

from reviewer.assignment import Assignment
from reviewer.crew import Crew
from reviewer.errors import ModelMissingError
from reviewer.examining import Examiners
from reviewer.models.answer import Clock
from reviewer.models.ask import Asker
from reviewer.models.model import Backend, ModelRef
from reviewer.models.repeats import RetryPolicy
from reviewer.outputs.report import Report, Status
from reviewer.pipeline import review
from reviewer.plan import make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.prompt import Wording
from reviewer.prompting.role import built_in_folder, load_partials
from reviewer.prompting.template import Templates
from reviewer.prompting.tokens import Calibration
from tests.support.person import Person
from tests.support.roles import reviewing_roles
from tests.support.values import changes, finding
from tests.support.values import review as reply
from tests.test_verification import says, wraps

ROLES = reviewing_roles()
WORDING = Wording(Templates(load_partials([built_in_folder()])))
FIRST = ROLES["architecture"]
SECOND = replace(ROLES["code_quality"], after=("architecture",))
EMPTY = reply(files_reviewed=["shop/cart.py", "shop/util.go"])


def run(ann: Backend, bob: Backend, **policy: Any) -> Report:
    """Ann plays the first role, Bob the one that builds on it."""

    async def nothing(seconds: float) -> None:
        del seconds

    assignments = [Assignment(FIRST, (ModelRef("ann", "m"),)), Assignment(SECOND, (ModelRef("bob", "m"),))]
    plan = make_plan(changes(), assignments, WORDING, windows={}, calibration=Calibration())
    asker = Asker(RetryPolicy(), Clock(now=lambda: 0.0, sleep=nothing))
    rules = RunPolicy(created=datetime(2024, 1, 1, tzinfo=UTC), **policy)
    return anyio.run(review, plan, Crew(asker, {"ann": ann, "bob": bob}, WORDING), rules).report


def test_a_role_gets_what_the_one_before_it_found():
    bob = Person(EMPTY)
    run(Person(reply(finding(), finding(quote="invented()", title="Invented"))), bob)
    (prompt,) = bob.asked
    text = prompt.messages[1].text
    assert "What architecture found (1 finding):" in text
    assert "shop/cart.py:14, major: Division by zero for an empty cart. An empty cart: count is 0" in text
    assert "Invented" not in text
    assert text.index("--- BEGIN") < text.index("What architecture found") < text.index("shop/cart.py (")
    assert "What architecture found" not in prompt.messages[0].text


def test_it_sees_what_a_second_model_made_of_it():
    empty = Person(says("confirmed", "refuted"), EMPTY)
    run(Person(reply(finding(), wraps())), empty, examiners=Examiners((ModelRef("bob", "m"),)))
    text = empty.asked[1].messages[1].text
    assert "shop/cart.py:14, major, confirmed: Division by zero" in text
    assert "Integers wrap around" not in text


def test_it_is_told_that_there_was_nothing():
    bob = Person(EMPTY)
    report = run(Person(EMPTY), bob)
    assert "What architecture found (0 findings):\n\nNothing." in bob.asked[0].messages[1].text
    assert report.status is Status.CLEAN


def test_without_the_one_before_it_is_skipped_and_nothing_looks_clean():
    bob = Person(EMPTY)
    report = run(Person(ModelMissingError("gone")), bob)
    assert bob.asked == []
    assert [one.status for one in report.reviews] == ["failed", "skipped"]
    assert report.reviews[1].reasons == ("it builds on architecture, which failed",)
    assert report.status is Status.INCOMPLETE


def test_a_role_without_others_is_told_nothing():
    ann = Person(EMPTY)
    run(ann, Person(EMPTY))
    assert "other reviewers have found" not in ann.asked[0].messages[1].text

"""The second pass: who checks what, what is asked twice, and what stays unchecked."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import anyio

from reviewer.assignment import Assignment
from reviewer.crew import Crew
from reviewer.errors import ModelMissingError, PromptTooLongError
from reviewer.examining import Examination, Examiners
from reviewer.findings.finding import Claim, Finding, Verdict
from reviewer.findings.merge import ground_claims, merge
from reviewer.findings.verdicts import with_rulings
from reviewer.models.answer import Clock
from reviewer.models.ask import Asker
from reviewer.models.model import USUAL, Backend, Manner, ModelRef, Reply
from reviewer.models.repeats import RetryPolicy
from reviewer.outputs.markdown import render
from reviewer.outputs.report import Aside, Status
from reviewer.pipeline import Outcome, review
from reviewer.plan import make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.contract import Severity
from reviewer.prompting.prompt import Prompt, Purpose, Wording
from reviewer.prompting.role import built_in_folder, load_partials
from reviewer.prompting.template import Templates
from reviewer.prompting.tokens import Calibration
from reviewer.verification import examine
from tests.support.person import Person
from tests.support.roles import reviewing_roles
from tests.support.values import changes, finding
from tests.support.values import review as reply

WORDING = Wording(Templates(load_partials([built_in_folder()])))
ANN, BOB, CID = (ModelRef(name, "m") for name in ("ann", "bob", "cid"))
LINES = [
    "        total = sum(items)",
    "        count = len(items)",
    "        return total / count",
    "\treturn n * 2",
]


def claim(number: int, **fields) -> Claim:
    words = ["overflow of money", "wrong currency shown", "division by nothing", "integers wrap around"]
    text = words[number % 4]
    usual = Claim(
        "shop/util.go" if number % 4 == 3 else "shop/cart.py",
        text,
        f"{text} here",
        Severity.MAJOR,
        category=["bug", "design", "security", "performance"][number % 4],
        quote=LINES[number % 4],
        failure_scenario=f"case of {text}",
    )
    return replace(usual, **fields)


def found(*said: tuple[str, Claim]) -> tuple[Finding, ...]:
    roles = list(dict.fromkeys(name for name, _ in said))
    return merge(ground_claims([(name, f"{name}/m", one) for name, one in said], changes(), roles))


@dataclass
class Library:
    """Knows some names, and remembers who asked."""

    known: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def find(self, name: str, near: str = "") -> str:
        self.asked.append(name)
        return self.known.get(name, "There is no such file.")


def says(*verdicts: str, needs: tuple[tuple[int, str], ...] = (), severity: str = "major") -> str:
    checks = [
        {"claim": number, "reason": f"line {number} says so", "verdict": verdict, "severity": severity}
        for number, verdict in enumerate(verdicts, 1)
        if verdict
    ]
    return json.dumps({"checks": checks, "needs": [{"claim": n, "name": name} for n, name in needs]})


def examined(
    findings, models=(ANN, BOB), around=None, least=Severity.MINOR, local=frozenset(), **people: Backend
) -> Examination:
    async def nothing(seconds: float) -> None:
        del seconds

    record = Examination()
    asker = Asker(RetryPolicy(), Clock(now=lambda: 0.0, sleep=nothing))
    examiners = Examiners(tuple(models), least, around, local)
    anyio.run(examine, findings, changes(), Crew(asker, people, WORDING), examiners, record)
    return record


def test_a_finding_goes_to_a_model_that_did_not_make_it():
    ann, bob = Person(says("refuted")), Person(says("confirmed"))
    findings = found(("ann", claim(0)), ("bob", claim(2)))
    record = examined(findings, ann=ann, bob=bob)
    by_author = {finding.voices[0].model: record.rulings[finding.id] for finding in findings}
    assert (by_author["ann/m"].verdict, by_author["ann/m"].model) == (Verdict.CONFIRMED, "bob/m")
    assert (by_author["bob/m"].verdict, by_author["bob/m"].model) == (Verdict.REFUTED, "ann/m")
    assert (len(ann.asked), len(bob.asked), record.left, record.prompts) == (1, 1, {}, 2)


def test_what_all_models_found_nobody_checks():
    findings = found(("ann", claim(0)), ("bob", claim(0)))
    record = examined(findings, ann=Person(says("refuted")), bob=Person(says("refuted")))
    assert (record.rulings, list(record.left.values())) == (
        {},
        ["every model that could check it has found it itself"],
    )


def test_the_claim_comes_without_its_authors_weight():
    bob = Person(says("confirmed"))
    loud = claim(
        0, severity=Severity.CRITICAL, explanation="CRITICAL!!! I am 100% sure.", recommendation="Rewrite."
    )
    examined(found(("ann", loud)), ann=Person(""), bob=bob)
    text = bob.asked[0].messages[1].text
    assert "overflow of money. case of overflow of money" in text
    assert not any(word in text for word in ("CRITICAL", "critical", "sure", "Rewrite", "ann"))


def test_five_together_and_a_file_at_a_time():
    bob = Person(says(*["confirmed"] * 5))
    words = ["alpha", "bravo", "delta", "gamma", "kappa", "sigma", "theta", "omega"]
    many = [
        ("ann", claim(n, title=word, explanation=word, failure_scenario="")) for n, word in enumerate(words)
    ]
    findings = found(*many)
    assert len(findings) > 5
    record = examined(findings, ann=Person(""), bob=bob)
    assert [prompt.messages[1].text.count("## Claim ") for prompt in bob.asked] == [5, len(findings) - 5]
    assert len(record.rulings) == len(findings)


def test_low_severities_can_be_left_out():
    bob = Person(says("confirmed"))
    findings = found(("ann", claim(0)), ("ann", claim(2, severity=Severity.MINOR)))
    record = examined(findings, least=Severity.MAJOR, ann=Person(""), bob=bob)
    assert len(record.rulings) == 1
    assert list(record.left.values()) == ["only findings from major on are checked"]


def test_rules_need_no_second_opinion():
    findings = merge(ground_claims([("a", "builtin/rules", claim(0))], changes(), ["a"]))
    record = examined(findings, ann=Person(says("refuted")), bob=Person(""))
    assert list(record.left.values()) == ["found by a mechanical rule, which needs no second opinion"]


def test_code_that_is_asked_for_is_shown_once():
    library = Library({"Cart": "cart.py, lines 1 to 1 of 1:\n\n     1  | class Cart:"})
    bob = Person(says("confirmed", "unverifiable", needs=((2, "Cart"), (1, "useless"))), says("refuted"))
    findings = found(("ann", claim(0)), ("ann", claim(2)))
    record = examined(findings, around=library, ann=Person(""), bob=bob)
    first, second = bob.asked
    assert (first.purpose, second.purpose) == (Purpose.CHECK, Purpose.FINAL_CHECK)
    assert library.asked == ["Cart"]
    assert "class Cart:" in second.messages[1].text
    assert second.messages[1].text.count("## Claim ") == 1
    assert sorted(ruling.verdict for ruling in record.rulings.values()) == ["confirmed", "refuted"]


def test_what_several_claims_ask_for_is_shown_once():
    library = Library({"Cart": "cart.py, line 1\n\n\nbase.py, line 1", "Base": "base.py, line 1"})
    bob = Person(
        says("unverifiable", "unverifiable", needs=((1, "Cart"), (2, "Base"), (2, "Cart"))),
        says("confirmed", "confirmed"),
    )
    examined(found(("ann", claim(0)), ("ann", claim(2))), around=library, ann=Person(""), bob=bob)
    text = bob.asked[1].messages[1].text
    assert text.count("base.py, line 1") == 1
    assert "## You asked for: Base\n\nIt is shown above." in text


def test_if_the_second_round_fails_the_first_word_stands():
    bob = Person(says("unverifiable", needs=((1, "Cart"),)), ModelMissingError("down"))
    record = examined(found(("ann", claim(0))), models=(BOB,), around=Library(), bob=bob)
    (ruling,) = record.rulings.values()
    assert ruling.verdict is Verdict.UNVERIFIABLE
    assert record.left == {}


def test_a_second_word_about_one_of_two_keeps_the_first_about_the_other():
    needs = ((1, "Cart"), (2, "Cart"))
    bob = Person(says("unverifiable", "unverifiable", needs=needs), says("", "refuted"))
    record = examined(found(("ann", claim(0)), ("ann", claim(2))), models=(BOB,), around=Library(), bob=bob)
    assert sorted(ruling.verdict for ruling in record.rulings.values()) == ["refuted", "unverifiable"]
    assert record.left == {}


def test_a_second_round_that_is_halved_is_not_overwritten():
    needs = ((1, "Cart"), (2, "Cart"))
    bob = Person(
        says("unverifiable", "unverifiable", needs=needs),
        PromptTooLongError("long"),
        says("confirmed"),
        says("refuted"),
    )
    record = examined(found(("ann", claim(0)), ("ann", claim(2))), models=(BOB,), around=Library(), bob=bob)
    assert sorted(ruling.verdict for ruling in record.rulings.values()) == ["confirmed", "refuted"]


def test_halves_may_ask_too():
    bob = Person(
        PromptTooLongError("long"),
        says("unverifiable", needs=((1, "Cart"),)),
        says("confirmed"),
        says("refuted"),
    )
    library = Library()
    record = examined(found(("ann", claim(0)), ("ann", claim(2))), models=(BOB,), around=library, bob=bob)
    assert library.asked == ["Cart"]
    assert sorted(ruling.verdict for ruling in record.rulings.values()) == ["confirmed", "refuted"]


class Locked:
    """Cannot be read."""

    def find(self, name: str, near: str = "") -> str:
        raise PermissionError(13, "Permission denied", name)


def test_a_lookup_that_fails_costs_nothing_else():
    bob = Person(says("unverifiable", needs=((1, "Cart"),)), says("confirmed"))
    record = examined(found(("ann", claim(0))), models=(BOB,), around=Locked(), bob=bob)
    assert "This could not be looked up: " in bob.asked[1].messages[1].text
    assert [ruling.verdict for ruling in record.rulings.values()] == ["confirmed"]


def test_a_failed_verifier_drops_nothing():
    findings = found(("ann", claim(0)), ("ann", claim(2)))
    for broken in (Person(ModelMissingError("down")), Person("no verdicts"), Person(ZeroDivisionError("oh"))):
        record = examined(findings, models=(BOB,), bob=broken)
        assert record.rulings == {}
        assert set(record.left) == {one.id for one in findings}
        assert with_rulings(findings, record.rulings) == findings


def test_another_model_steps_in():
    record = examined(
        found(("ann", claim(0))),
        models=(ANN, BOB, CID),
        ann=Person(says("refuted")),
        bob=Person(ModelMissingError("down")),
        cid=Person(says("confirmed")),
    )
    (ruling,) = record.rulings.values()
    assert (ruling.model, ruling.verdict) == ("cid/m", Verdict.CONFIRMED)


def test_a_prompt_that_is_too_long_is_halved():
    bob = Person(PromptTooLongError("too long"), says("confirmed"))
    findings = found(("ann", claim(0)), ("ann", claim(2)))
    record = examined(findings, models=(BOB,), bob=bob)
    assert len(record.rulings) == 2
    alone = Person(PromptTooLongError("too long"))
    record = examined(findings, models=(BOB,), bob=alone)
    assert set(record.left.values()) == {"too long"}


def test_a_missing_verdict_is_named():
    record = examined(
        found(("ann", claim(0)), ("ann", claim(2))), models=(BOB,), bob=Person(says("", "confirmed"))
    )
    assert len(record.rulings) == 1
    assert list(record.left.values()) == ["bob/m gave no verdict on it"]


def test_a_confirmation_can_take_one_reviewers_severity_down_but_not_two():
    down = says("confirmed", severity="minor")
    (one,) = found(("ann", claim(0)))
    record = examined((one,), models=(BOB,), bob=Person(down))
    assert with_rulings((one,), record.rulings)[0].severity is Severity.MINOR
    (two,) = found(("ann", claim(0)), ("cid", claim(0)))
    record = examined((two,), models=(BOB,), bob=Person(down))
    assert with_rulings((two,), record.rulings)[0].severity is Severity.MAJOR
    record = examined((one,), models=(BOB,), bob=Person(says("confirmed", severity="critical")))
    assert with_rulings((one,), record.rulings)[0].severity is Severity.MAJOR


def test_verdicts_order_findings():
    findings = found(("ann", claim(0)), ("ann", claim(1)), ("ann", claim(2)))
    record = examined(findings, models=(BOB,), bob=Person(says("refuted", "unverifiable", "confirmed")))
    assert [one.verdict for one in with_rulings(findings, record.rulings)] == [
        "confirmed",
        "unverifiable",
        "refuted",
    ]


# the whole pipeline

ROLES = reviewing_roles()


def run(policy: dict[str, Any], **people: Backend) -> Outcome:
    async def nothing(seconds: float) -> None:
        del seconds

    names = list(people)
    assignments = [
        Assignment(role, (ModelRef(names[number % len(names)], "m"),))
        for number, role in enumerate(ROLES.values())
    ]
    plan = make_plan(changes(), assignments, WORDING, windows={}, calibration=Calibration())
    asker = Asker(RetryPolicy(), Clock(now=lambda: 0.0, sleep=nothing))
    rules = RunPolicy(created=datetime(2024, 1, 1, tzinfo=UTC), fail_on=Severity.MAJOR, **policy)
    return anyio.run(review, plan, Crew(asker, people, WORDING), rules)


def wraps(**fields: Any) -> dict[str, Any]:
    return finding(
        file="shop/util.go",
        line=4,
        quote="\treturn n * 2",
        title="Integers wrap around",
        category="performance",
        explanation="Large numbers overflow.",
        failure_scenario="n is huge.",
        recommendation="Check n.",
        **fields,
    )


def test_refuted_findings_leave_the_gate_and_stay_readable(snapshot):
    """One model finds two problems, another one confirms the first and refutes the second."""
    empty = reply(files_reviewed=["shop/cart.py", "shop/util.go"])
    outcome = run(
        {"examiners": Examiners((ANN, BOB))},
        ann=Person(reply(finding(severity="minor"), wraps())),
        bob=Person(empty, says("confirmed", "refuted", severity="minor")),
        cid=Person(empty),
    )
    report = outcome.report
    assert report.status is Status.FINDINGS
    assert [(one.title, one.verdict) for one in report.findings] == [
        ("Division by zero for an empty cart", "confirmed")
    ]
    assert [(item.why, item.finding.title) for item in report.set_aside] == [
        (Aside.REFUTED, "Integers wrap around")
    ]
    assert not report.gate.reached
    assert (report.verification.confirmed, report.verification.refuted) == (1, 1)
    assert report.usage.prompts == 4
    assert render(report) == snapshot


def test_only_refuted_findings_are_no_clean_review():
    empty = reply(files_reviewed=["shop/cart.py", "shop/util.go"])
    outcome = run(
        {"examiners": Examiners((ANN, BOB))},
        ann=Person(reply(wraps())),
        bob=Person(empty, says("refuted")),
        cid=Person(empty),
    )
    assert outcome.report.status is Status.FINDINGS
    assert outcome.report.findings == ()


def test_why_nothing_was_checked_is_said():
    outcome = run({"no_examiners": "there is one model only"}, ann=Person(reply(wraps())))
    assert outcome.report.verification.notes == ("there is one model only",)
    outcome = run(
        {"examiners": Examiners((ANN, BOB))},
        ann=Person(reply(wraps())),
        bob=Person(reply(), ModelMissingError("down")),
    )
    (note,) = outcome.report.verification.notes
    assert note.startswith("1 finding not checked: ")
    assert outcome.report.gate.reached


class Silent(Person):
    """Never answers, and says when it was asked."""

    def __init__(self, asked: anyio.Event) -> None:
        super().__init__("")
        self.event = asked

    async def ask(self, model: str, prompt: Prompt, manner: Manner = USUAL) -> Reply:
        self.event.set()
        await anyio.sleep_forever()
        return await super().ask(model, prompt, manner)


def test_a_stopped_run_without_a_second_pass_does_not_speak_of_one():
    async def stopped_while_bob_thinks() -> Outcome:
        asked = anyio.Event()

        async def stop() -> str:
            await asked.wait()
            return "interrupted by SIGINT"

        roles = list(ROLES.values())[:2]
        assignments = [Assignment(role, (model,)) for role, model in zip(roles, (ANN, BOB), strict=True)]
        plan = make_plan(changes(), assignments, WORDING, windows={}, calibration=Calibration())
        crew = Crew(Asker(), {"ann": Person(reply(finding())), "bob": Silent(asked)}, WORDING)
        return await review(plan, crew, RunPolicy(created=datetime(2024, 1, 1, tzinfo=UTC)), stop)

    made = anyio.run(stopped_while_bob_thinks).report
    assert len(made.findings) == 1
    assert made.notes == ("The run was stopped: interrupted by SIGINT.",)
    assert made.verification.notes == ()


def voted(votes: int, checks: str, **fields: Any) -> Outcome:
    """Ann and Bob say one thing, Ann alone another one, which Cid checks."""
    return run(
        {"examiners": Examiners((CID,)), "min_votes": votes},
        ann=Person(reply(finding(**fields), wraps())),
        bob=Person(reply(finding(**fields))),
        cid=Person(reply(files_reviewed=["shop/cart.py", "shop/util.go"]), checks),
    )


def test_what_too_few_models_say_is_set_aside():
    report = voted(2, says("unverifiable", "unverifiable")).report
    assert [item.title for item in report.findings] == ["Division by zero for an empty cart"]
    assert [(item.why, item.reason) for item in report.set_aside] == [
        (Aside.OUTVOTED, "1 model says or confirms it; 2 are asked for")
    ]
    assert report.status is Status.FINDINGS
    assert "**Outvoted** 1 model says or confirms it; 2 are asked for" in render(report)


def test_a_confirmation_is_a_vote():
    report = voted(2, says("confirmed", "confirmed")).report
    assert len(report.findings) == 2
    assert report.set_aside == ()
    assert len(voted(3, says("confirmed", "confirmed")).report.findings) == 1


def test_one_vote_is_enough_unless_more_are_asked_for():
    assert len(voted(1, says("unverifiable", "unverifiable")).report.findings) == 2

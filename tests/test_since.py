"""Going on from an earlier run: what is read again, and what becomes of earlier findings."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from reviewer.changes.changeset import ChangeSet
from reviewer.cli import main
from reviewer.crew import Crew
from reviewer.errors import ModelMissingError
from reviewer.examining import Examiners
from reviewer.findings.finding import Verdict
from reviewer.models.answer import Clock
from reviewer.models.ask import Asker
from reviewer.models.model import Backend, ModelRef
from reviewer.models.repeats import RetryPolicy
from reviewer.outputs.markdown import render
from reviewer.outputs.report import Aside, Fate, Outcome, Report, Status
from reviewer.pipeline import review
from reviewer.plan import Assignment, make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.prompt import Wording
from reviewer.prompting.role import built_in_folder, load_partials
from reviewer.prompting.template import Templates
from reviewer.prompting.tokens import Calibration
from reviewer.since import narrow
from tests.support.person import Person
from tests.support.repository import Builder
from tests.support.roles import reviewing_roles
from tests.support.values import PATCH, changes, finding
from tests.support.values import review as reply
from tests.test_verification import says, wraps

ROLES = reviewing_roles()
WORDING = Wording(Templates(load_partials([built_in_folder()])))
ARCHITECTURE, QUALITY = ROLES["architecture"], ROLES["code_quality"]
ANN, BOB = ModelRef("ann", "m"), ModelRef("bob", "m")
GUARDED = PATCH.replace(b"+        return total / count", b"+        return total / count if count else 0")
REWRITTEN = PATCH.replace(b"+        return total / count", b"+        return average(items, total)")
SILENT = Person(ModelMissingError("nobody should ask"))


def run(
    change: ChangeSet,
    ann: Backend,
    bob: Backend = SILENT,
    since: Report | None = None,
    roles: Sequence[Any] = (ARCHITECTURE,),
    **policy: Any,
) -> Report:
    """Ann plays all roles; Bob can check findings."""

    async def nothing(seconds: float) -> None:
        del seconds

    left, known = (change, None) if since is None else narrow(change, since, "run.json", roles)
    assignments = [Assignment(role, (ANN,)) for role in roles]
    plan = make_plan(left, assignments, WORDING, windows={}, calibration=Calibration())
    asker = Asker(RetryPolicy(), Clock(now=lambda: 0.0, sleep=nothing))
    rules = RunPolicy(created=datetime(2024, 1, 1, tzinfo=UTC), **policy)
    crew = Crew(asker, {"ann": ann, "bob": bob}, WORDING)
    return anyio.run(review, replace(plan, since=known), crew, rules).report


def text_of(person: Person) -> str:
    return "\n".join(message.text for prompt in person.asked for message in prompt.messages)


def told(report: Report) -> list[tuple[str, Fate]]:
    return [(entry.finding.title, entry.fate) for entry in report.earlier]


ZERO = "Division by zero for an empty cart"
EMPTY = reply(files_reviewed=["shop/cart.py", "shop/util.go"])
CART = reply(files_reviewed=["shop/cart.py"])


def first(*findings: dict[str, Any], **policy: Any) -> Report:
    return run(changes(), Person(reply(*findings)), **policy)


def test_nothing_changed_asks_nobody_and_keeps_what_was_found():
    before = first(finding(), wraps())
    ann = Person(EMPTY)
    after = run(changes(), ann, since=before)
    assert ann.asked == []
    assert [item.title for item in after.findings] == [item.title for item in before.findings]
    assert [item.id for item in after.findings] == [item.id for item in before.findings]
    assert after.status is Status.FINDINGS
    assert told(after) == [(ZERO, Fate.PERSISTS), ("Integers wrap around", Fate.PERSISTS)]
    assert (after.reviews[0].status, after.reviews[0].reasons) == (
        Outcome.SKIPPED,
        ("nothing that it reviews has changed since run.json",),
    )
    assert (len(after.comparison.new), len(after.comparison.persisting)) == (0, 2)
    assert after.seen == before.seen


def test_a_clean_run_that_nothing_has_changed_since_is_clean():
    after = run(changes(), Person(EMPTY), since=first())
    assert after.status is Status.CLEAN
    assert (
        after.summary == "Every reviewer has read the whole change before, and nothing found earlier is left."
    )


def test_only_what_has_changed_is_read_and_a_guard_settles_the_finding(snapshot):
    before = first(finding(), wraps())
    ann = Person(says("refuted"), CART)
    after = run(changes(GUARDED), ann, since=before)
    assert told(after) == [(ZERO, Fate.FIXED), ("Integers wrap around", Fate.PERSISTS)]
    assert [item.title for item in after.findings] == ["Integers wrap around"]
    question, prompt = ann.asked
    assert "return total / count if count else 0" in question.messages[1].text
    assert (
        "read like this when the claim was made:\n\n                return total / count\n"
        in question.messages[1].text
    )
    assert "refuted` if it is there no longer" in question.messages[0].text
    assert "shop/util.go (" not in prompt.messages[1].text
    assert [item.title for item in after.comparison.resolved] == [ZERO]
    assert [part.path for part in after.coverage.skipped] == ["shop/util.go"]
    assert {file.path: file.roles for file in after.seen} == {
        "shop/cart.py": ("architecture",),
        "shop/util.go": ("architecture",),
    }
    assert render(after) == snapshot


def test_what_is_still_there_in_other_words_stays_with_its_new_lines():
    other = PATCH.replace(b"+        return total / count", b"+        return float(total) / count")
    after = run(changes(other), Person(says("confirmed"), CART), since=first(finding()))
    (left,) = after.findings
    assert (left.title, left.code, left.line) == (ZERO, "        return float(total) / count", 14)
    assert told(after) == [(ZERO, Fate.PERSISTS)]
    assert after.comparison.persisting == (left.id,)
    assert left.verdict is Verdict.UNCHECKED  # its author said so


def test_another_models_word_is_a_verdict():
    other = PATCH.replace(b"+        return total / count", b"+        return float(total) / count")
    bob = Person(says("confirmed"))
    after = run(changes(other), Person(CART), bob, since=first(finding()), examiners=Examiners((ANN, BOB)))
    (left,) = after.findings
    assert left.ruling is not None
    assert (left.ruling.model, left.verdict) == ("bob/m", Verdict.CONFIRMED)
    assert len(bob.asked) == 1


def test_nobody_who_can_tell_keeps_the_finding():
    """Its code has changed and no answer came: it is no longer verified, and the run is not clean."""
    broken = Person(ModelMissingError("gone"))
    after = run(changes(REWRITTEN), broken, since=first(finding()))
    assert told(after) == [(ZERO, Fate.UNKNOWN)]
    assert "its code has changed; it was not checked again: gone" in after.earlier[0].reason
    assert [item.title for item in after.unverified] == [ZERO]
    assert after.status is Status.INCOMPLETE
    assert [item.title for item in after.comparison.unknown] == [ZERO]


def test_cannot_tell_is_not_clean_either():
    after = run(changes(GUARDED), Person(says("unverifiable"), CART), since=first(finding()))
    assert (told(after), after.status) == ([(ZERO, Fate.UNKNOWN)], Status.FINDINGS)


def test_a_file_that_was_not_read_then_is_read_now():
    before = run(changes(), Person(CART))
    assert before.status is Status.INCOMPLETE
    assert before.seen == ()
    ann = Person(EMPTY)
    after = run(changes(), ann, since=before)
    assert "shop/cart.py (" in text_of(ann)
    assert after.status is Status.CLEAN


def test_a_role_that_did_not_run_then_has_the_whole_file_read():
    ann = Person(EMPTY)
    after = run(changes(), ann, since=first(), roles=(ARCHITECTURE, QUALITY))
    assert len(ann.asked) == 2
    assert {file.path: file.roles for file in after.seen}["shop/cart.py"] == ("architecture", "code_quality")


def test_a_second_run_goes_on_from_one_that_went_on():
    one = first(finding())
    two = run(changes(GUARDED), Person(says("refuted"), CART), since=one)
    ann = Person(EMPTY)
    three = run(changes(GUARDED), ann, since=two)
    assert ann.asked == []
    assert (three.status, three.earlier) == (Status.CLEAN, ())


def test_a_file_that_left_the_change_cannot_be_told():
    only_cart = PATCH[: PATCH.index(b"diff --git a/shop/util.go")]
    after = run(changes(only_cart), Person(CART), since=first(finding(), wraps()))
    assert told(after) == [(ZERO, Fate.PERSISTS), ("Integers wrap around", Fate.UNKNOWN)]
    assert "not part of this change" in after.earlier[1].reason
    assert [item.title for item in after.findings] == [ZERO]


def test_what_a_second_model_had_refuted_stays_refuted():
    bob = Person(says("confirmed", "refuted"))
    before = first(finding(), wraps(), bob=bob, examiners=Examiners((ANN, BOB)))
    assert [item.why for item in before.set_aside] == [Aside.REFUTED]
    after = run(changes(), Person(EMPTY), since=before, examiners=Examiners((ANN, BOB)))
    assert [item.why for item in after.set_aside] == [Aside.REFUTED]
    assert [(item.title, item.verdict) for item in after.findings] == [(ZERO, Verdict.CONFIRMED)]
    assert told(after) == [(ZERO, Fate.PERSISTS)]


def test_what_is_said_again_is_one_finding_with_both_voices():
    other = PATCH.replace(b"+        total = sum(items)", b"+        total = math.fsum(items)")
    ann = Person(says("confirmed"), reply(finding(explanation="No guard."), files_reviewed=["shop/cart.py"]))
    after = run(changes(other), ann, since=first(finding()))
    (left,) = after.findings
    assert len(left.voices) == 2
    assert after.comparison.persisting == (left.id,)
    assert after.comparison.new == ()


def test_a_claim_about_nothing_goes_when_its_file_is_read_again():
    before = first(finding(quote="invented()", title="Invented"))
    assert [item.title for item in run(changes(), Person(EMPTY), since=before).unverified] == ["Invented"]
    after = run(changes(GUARDED), Person(CART), since=before)
    assert (after.unverified, told(after)) == ((), [("Invented", Fate.UNKNOWN)])


@pytest.fixture
def shop(repo: Builder, monkeypatch) -> Builder:
    repo.commit({"mean.py": "def mean(items):\n    return 0\n", "other.py": "x = 1\n"}, "start")
    repo.write("mean.py", "def mean(items=[]):\n    return total(items) / len(items)\n")
    repo.write("other.py", "x = undefined_name\n")
    monkeypatch.chdir(repo.root)
    return repo


def command(*flags: str) -> int:
    return main(["run", "--no-config", "--model", "builtin", *flags])


def test_the_command_goes_on_from_the_newest_report(shop: Builder, capsys):
    command("-q")
    capsys.readouterr()
    shop.write("mean.py", "def mean(items):\n    return sum(items) / len(items)\n")
    assert command("--since", "last", "-f", "json", "-o", "later.json") in {0, 1}
    assert "Going on from reports/review-" in capsys.readouterr().err
    later = json.loads((shop.root / "later.json").read_text())
    fates = {(entry["finding"]["path"], entry["fate"]) for entry in later["earlier"]}
    assert fates == {("mean.py", "fixed"), ("other.py", "still there")}
    assert [item["path"] for item in later["findings"]] == ["other.py"]
    main(["report", "later.json", "-o", "later.md"])
    page = (shop.root / "later.md").read_text()
    assert "## Earlier findings" in page
    assert "**Fixed (" in page


def test_without_an_earlier_report_everything_is_read(shop: Builder, capsys):
    assert command("--since", "last", "-o", "one.json") in {0, 1}
    assert "There is no earlier report to go on from" in capsys.readouterr().err


def test_a_report_that_is_none_is_an_error_for_people(shop: Builder, capsys):
    shop.write("bad.json", "{}")
    assert command("--since", "bad.json") == 2
    assert "bad.json: not a report in JSON" in capsys.readouterr().err
    assert command("--since", "") == 2
    assert "--since is empty" in capsys.readouterr().err


def test_a_dry_run_says_how_much_is_left(shop: Builder, capsys):
    command("-q", "-o", "one.json")
    command("--since", "one.json", "--dry-run")
    out = capsys.readouterr().out
    assert "nothing has changed since one.json" in out
    assert "earlier findings: 0 of " in out

"""Going on from an earlier run: what is read again, and what becomes of earlier findings."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from reviewer.assignment import Assignment
from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus, Hunk, Line, LineKind
from reviewer.cli import main
from reviewer.crew import Crew
from reviewer.errors import ModelMissingError
from reviewer.examining import Examiners
from reviewer.findings.finding import Grounding, Verdict
from reviewer.models.answer import Clock
from reviewer.models.ask import Asker
from reviewer.models.model import Backend, ModelRef
from reviewer.models.repeats import RetryPolicy
from reviewer.outputs.markdown import render
from reviewer.outputs.report import Aside, Fate, Outcome, Report, Status
from reviewer.pipeline import review
from reviewer.plan import make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.contract import Severity
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
REWRITTEN = PATCH.replace(b"+        return total / count", b"+        return total / number_of(count)")
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

    assignments = [Assignment(role, (ANN,)) for role in roles]
    left, known = (change, None) if since is None else narrow(change, since, "run.json", assignments, WORDING)
    plan = make_plan(left, assignments, WORDING, windows={}, calibration=Calibration())
    asker = Asker(RetryPolicy(), Clock(now=lambda: 0.0, sleep=nothing))
    rules = RunPolicy(created=datetime(2024, 1, 1, tzinfo=UTC), **policy)
    crew = Crew(asker, {"ann": ann, "bob": bob}, WORDING)
    return anyio.run(review, replace(plan, since=known), crew, rules).report


def text_of(person: Person) -> str:
    return "\n".join(message.text for prompt in person.asked for message in prompt.messages)


def told(report: Report) -> list[tuple[str, Fate]]:
    return [(entry.finding.title, entry.fate) for entry in report.earlier]


def readers(report: Report) -> dict[str, list[str]]:
    return {file.path: [reader.role for reader in file.roles] for file in report.seen}


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
    ann = Person(says("refuted", "confirmed"), CART)
    after = run(changes(GUARDED), ann, since=before)
    assert told(after) == [(ZERO, Fate.FIXED), ("Integers wrap around", Fate.PERSISTS)]
    assert [item.title for item in after.findings] == ["Integers wrap around"]
    question, prompt = ann.asked
    assert "return total / count if count else 0" in question.messages[1].text
    assert (
        "read like this when the claim was made:\n\n                return total / count\n"
        in question.messages[1].text
    )
    assert "you can see that it is there no" in question.messages[0].text
    assert "shop/util.go (" not in prompt.messages[1].text
    assert [item.title for item in after.comparison.resolved] == [ZERO]
    assert [part.path for part in after.coverage.skipped] == ["shop/util.go"]
    assert readers(after) == {"shop/cart.py": ["architecture"], "shop/util.go": ["architecture"]}
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
    assert readers(after)["shop/cart.py"] == ["architecture", "code_quality"]


def test_a_second_run_goes_on_from_one_that_went_on():
    one = first(finding())
    two = run(changes(GUARDED), Person(says("refuted"), CART), since=one)
    ann = Person(EMPTY)
    three = run(changes(GUARDED), ann, since=two)
    assert ann.asked == []
    assert (three.status, three.earlier) == (Status.CLEAN, ())


def test_a_file_that_left_the_change_cannot_be_told():
    only_cart = PATCH[: PATCH.index(b"diff --git a/shop/util.go")]
    after = run(changes(only_cart), Person(says("confirmed")), since=first(finding(), wraps()))
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


def snapshot_of(*files: tuple[str, list[str]]) -> ChangeSet:
    """Whole files under review."""
    made = []
    for path, lines in files:
        rows = tuple(Line(LineKind.ADDED, text, None, number) for number, text in enumerate(lines, 1))
        hunk = Hunk(0, 0, 1, len(rows), "", rows)
        made.append(FileChange(path, FileStatus.PRESENT, (hunk,), old_lines=(), new_lines=tuple(lines)))
    return ChangeSet("files", tuple(made), snapshot=True)


FILLER = [f"value_{number} = {number}" for number in range(120)]
MEAN = ["def mean(items):", "    total = sum(items)", "    return total / len(items)"]


def claimed(path: str = "cart.py", quote: str = MEAN[2], **fields: Any) -> dict[str, Any]:
    return finding(file=path, quote=quote, line=None, **fields)


def over(
    before: ChangeSet, after: ChangeSet, verdict: str, *findings: dict[str, Any]
) -> tuple[Report, Person]:
    """A run over one state of some files, and one that goes on from it over another."""
    paths = [file.path for file in (*before.files, *after.files)]
    empty = reply(files_reviewed=paths)
    earlier = run(before, Person(reply(*findings or [claimed()], files_reviewed=paths)))
    ann = Person(says(verdict), empty)
    return run(after, ann, since=earlier), ann


def test_code_that_has_moved_is_found_again_and_told_so():
    report, _ = over(snapshot_of(("cart.py", MEAN)), snapshot_of(("cart.py", [*FILLER, *MEAN])), "confirmed")
    (left,) = report.findings
    assert (left.line, left.grounding, left.named) == (123, Grounding.RELOCATED, "cart.py:3")
    assert "the quoted code is at line 123" in render(report)


def test_code_in_a_file_of_another_name_is_found():
    report, _ = over(snapshot_of(("cart.py", MEAN)), snapshot_of(("shop.py", MEAN)), "confirmed")
    assert [(item.path, item.line) for item in report.findings] == [("shop.py", 3)]
    assert told(report) == [(ZERO, Fate.PERSISTS)]


def test_rewritten_code_far_away_is_what_the_model_is_shown():
    now = [*FILLER, "def mean(items):", "    total = sum(items)", "    return float(total) / len(items)"]
    report, ann = over(snapshot_of(("cart.py", MEAN)), snapshot_of(("cart.py", now)), "confirmed")
    question = text_of(ann)
    assert ">  123 +|     return float(total) / len(items)" in question
    assert [item.line for item in report.findings] == [123]


def test_code_that_nothing_is_like_is_said_to_be_gone():
    report, ann = over(snapshot_of(("cart.py", MEAN)), snapshot_of(("cart.py", FILLER)), "refuted")
    assert "Nothing like the lines that the claim was about is left in the file" in text_of(ann)
    assert (told(report), report.status) == ([(ZERO, Fate.FIXED)], Status.CLEAN)


def test_a_change_in_another_file_may_have_settled_it():
    before = snapshot_of(("cart.py", MEAN), ("page.py", ["mean(cart)"]))
    after = snapshot_of(("cart.py", MEAN), ("page.py", ["mean(cart or [0])"]))
    report, ann = over(before, after, "refuted")
    assert "cart.py" in text_of(ann)
    assert told(report) == [(ZERO, Fate.FIXED)]


def test_a_claim_whose_advice_was_followed_is_asked_about():
    """What could not be verified quoted what should be there; now it is there."""
    guard = "    return total / len(items) if items else 0"
    report, ann = over(
        snapshot_of(("cart.py", MEAN)),
        snapshot_of(("cart.py", [*MEAN[:2], guard])),
        "refuted",
        claimed(quote=guard),
    )
    assert "Claim 1" in text_of(ann)
    assert told(report) == [(ZERO, Fate.FIXED)]


def test_other_instructions_have_everything_read_again():
    before = first()
    ann = Person(EMPTY)
    other = replace(ARCHITECTURE, body=ARCHITECTURE.body + "\n- Look for paths that leave their folder.\n")
    run(changes(), ann, since=before, roles=(other,))
    assert "shop/cart.py (" in text_of(ann)


def test_what_rules_or_another_model_have_read_is_read_again():
    before = run(changes(), Person(EMPTY))
    assert before.seen[0].roles[0].models == ("ann/m",)
    for other in ("builtin/rules", "zoe/m"):
        seen = [
            replace(file, roles=tuple(replace(r, models=(other,)) for r in file.roles))
            for file in before.seen
        ]
        ann = Person(EMPTY)
        after = run(changes(), ann, since=replace(before, seen=tuple(seen)))
        assert len(ann.asked) == 1
        assert [part.path for part in after.coverage.skipped] == []


def test_findings_that_were_not_shown_are_looked_for_again():
    before = first(finding(), min_severity=Severity.CRITICAL)
    assert (before.findings, before.hidden) == ((), 1)
    ann = Person(reply(finding()))
    after = run(changes(), ann, since=before, fail_on=Severity.MAJOR)
    assert len(ann.asked) == 1
    assert after.gate.reached


def test_a_role_whose_forerunner_has_nothing_to_read_reads_all_the_same():
    """What has changed is of no concern to the first role, and of some to the one that builds on it."""
    go = replace(ARCHITECTURE, globs=("*.go",))
    deeper = replace(QUALITY, after=("architecture",))
    both = (go, deeper)
    before = run(changes(), Person(reply(files_reviewed=["shop/util.go"]), EMPTY), roles=both)
    assert before.status is Status.CLEAN
    ann = Person(reply(finding(), files_reviewed=["shop/cart.py"]))
    after = run(changes(GUARDED), ann, since=before, roles=both)
    assert len(ann.asked) == 1
    assert len(after.findings) == 1


def test_who_refuted_it_and_now_says_it_is_no_reason_to_set_it_aside():
    other = PATCH.replace(b"+        total = sum(items)", b"+        total = math.fsum(items)")
    before = first(finding(), bob=Person(says("refuted")), examiners=Examiners((ANN, BOB)))
    assert [item.why for item in before.set_aside] == [Aside.REFUTED]
    assignments = [Assignment(ARCHITECTURE, (BOB,))]
    left, known = narrow(changes(other), before, "run.json", assignments, WORDING)

    async def nothing(seconds: float) -> None:
        del seconds

    plan = make_plan(left, assignments, WORDING, windows={}, calibration=Calibration())
    bob = Person(says("confirmed"), reply(finding(explanation="Really.")))
    crew = Crew(Asker(RetryPolicy(), Clock(now=lambda: 0.0, sleep=nothing)), {"bob": bob}, WORDING)
    rules = RunPolicy(created=datetime(2024, 1, 1, tzinfo=UTC), examiners=Examiners((BOB,)))
    after = anyio.run(review, replace(plan, since=known), crew, rules).report
    assert [item.title for item in after.findings] == [ZERO]
    assert after.set_aside == ()


def test_nobody_can_tell_is_not_nothing_left():
    only_util = PATCH[PATCH.index(b"diff --git a/shop/util.go") :]
    after = run(changes(only_util), Person(EMPTY), since=first(finding()))
    assert after.status is Status.CLEAN
    assert after.summary.endswith("of 1 earlier finding nobody can tell what became.")


def test_what_was_outvoted_is_asked_about_like_others():
    before = first(finding(), min_votes=2)
    assert [item.why for item in before.set_aside] == [Aside.OUTVOTED]
    other = PATCH.replace(b"+        return total / count", b"+        return (total / count)")
    after = run(changes(other), Person(says("confirmed"), CART), since=before)
    assert told(after) == [(ZERO, Fate.PERSISTS)]
    assert [item.title for item in after.findings] == [ZERO]


def test_what_one_voice_quoted_may_be_gone_while_another_s_is_there():
    lines = ["def mean(items):", "    return sum(items) / len(items)", "    # never empty"]
    two = [claimed(quote=lines[1]), claimed(quote=lines[2], explanation="Says who?")]
    earlier = run(
        snapshot_of(("cart.py", lines)),
        Person(reply(two[0], files_reviewed=["cart.py"]), reply(two[1], files_reviewed=["cart.py"])),
        roles=(ARCHITECTURE, QUALITY),
    )
    assert [len(item.voices) for item in earlier.findings] == [2]
    after = run(
        snapshot_of(("cart.py", lines[:2])),
        Person(says("confirmed"), reply(files_reviewed=["cart.py"])),
        since=earlier,
        roles=(ARCHITECTURE, QUALITY),
    )
    assert [len(item.voices) for item in after.findings] == [2]
    assert after.unverified == ()


def test_of_two_places_that_are_alike_the_nearer_one_is_shown():
    block = ["def f(items):", "    total = float(sum(items))", "    return total / len(items)"]
    before = snapshot_of(
        (
            "cart.py",
            [*FILLER[:100], "def f(items):", "    total = sum(items)", "    return total / len(items)"],
        )
    )
    now = snapshot_of(("cart.py", [*FILLER[:60], *block, *FILLER[60:96], *block]))
    report, _ = over(before, now, "confirmed", claimed(quote="    total = sum(items)"))
    assert [item.line for item in report.findings] == [101]


def test_rules_whose_lines_are_out_of_sight_are_not_fixed():
    """A patch shows hunks only; one that does not show a line any more tells nothing about it."""
    secret = b"--- a/a.py\n+++ b/a.py\n@@ -30,1 +30,2 @@\n x = 1\n+key = secret\n"
    other = b"--- a/a.py\n+++ b/a.py\n@@ -300,1 +300,2 @@\n y = 1\n+z = 2\n"
    claim = finding(file="a.py", line=31, quote="key = secret")
    before = run(changes(secret), Person(reply(claim, files_reviewed=["a.py"])))
    rules = [
        replace(one, voices=tuple(replace(v, model="builtin/rules") for v in one.voices))
        for one in before.findings
    ]
    after = run(
        changes(other), Person(reply(files_reviewed=["a.py"])), since=replace(before, findings=tuple(rules))
    )
    assert told(after) == [(ZERO, Fate.UNKNOWN)]


def test_what_is_said_again_is_not_resolved_whatever_was_said_before():
    other = PATCH.replace(b"+        total = sum(items)", b"+        total = math.fsum(items)")
    ann = Person(says("refuted"), reply(finding(), files_reviewed=["shop/cart.py"]))
    after = run(changes(other), ann, since=first(finding()))
    assert len(after.findings) == 1
    assert (len(after.comparison.persisting), after.comparison.resolved) == (1, ())


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
    assert "earlier findings: 0 of " in out


def test_rules_are_asked_again_not_their_quotes(shop: Builder):
    """The line that was quoted is as it was, and what was wrong with it is not."""
    command("-q", "-o", "one.json")
    shop.write("other.py", "undefined_name = 1\nx = undefined_name\n")
    shop.write("mean.py", "def mean(items=[1]):\n    return total(items) / len(items)\n")
    command("-q", "--since", "one.json", "-o", "two.json")
    two = json.loads((shop.root / "two.json").read_text())
    fates = [(entry["finding"]["path"], entry["fate"]) for entry in two["earlier"]]
    assert ("other.py", "fixed") in fates
    assert {item["path"] for item in two["findings"]} == {"mean.py"}
    # The default value is another line now, and still a list; what is left is found again.
    assert "still there" in {fate for path, fate in fates if path == "mean.py"}


def test_a_folder_named_like_the_newest_report_is_reviewed(shop: Builder, capsys):
    shop.write("last/b.py", "x = undefined_name\n")
    command("--since", "last", "--dry-run")
    assert "last/b.py  +1 -0" in capsys.readouterr().out

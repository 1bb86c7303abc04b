"""A role that proposes patches for confirmed findings: what it is asked, and what becomes of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
import pytest

from reviewer.assignment import Assignment
from reviewer.changes.changeset import ChangeSet
from reviewer.changes.collect import collect
from reviewer.changes.target import Place, Selection, Worktree
from reviewer.cli import main
from reviewer.crew import Crew
from reviewer.errors import ModelMissingError, PromptTooLongError, RoleError
from reviewer.examining import Examiners
from reviewer.models.answer import Clock
from reviewer.models.ask import Asker
from reviewer.models.model import USUAL, Backend, ModelRef
from reviewer.models.repeats import RetryPolicy
from reviewer.models.virtual_time import VirtualTime
from reviewer.outputs.markdown import render
from reviewer.outputs.report import Outcome, Report, Status
from reviewer.pipeline import review
from reviewer.plan import make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.prompt import Wording
from reviewer.prompting.role import built_in_folder, load_partials, load_roles, parse_role
from reviewer.prompting.template import Templates
from reviewer.prompting.tokens import Calibration
from reviewer.since import narrow
from tests.support.person import Person
from tests.support.repository import Builder
from tests.support.values import finding
from tests.support.values import review as reply
from tests.test_verification import says

FOLDER = built_in_folder()
ROLES = load_roles([FOLDER])
WORDING = Wording(Templates(load_partials([FOLDER])))
ANN, BOB, CID = (ModelRef(name, "m") for name in ("ann", "bob", "cid"))

CART = """\
def mean(items):
    total = sum(items)
    return total / len(items)


def top(items):
    return sorted(items)[0]


def low(items):
    return sorted(items)[-1]


def all_of(items):
    return list(item for item in items if item)
"""


@pytest.fixture
def cart(repo: Builder) -> ChangeSet:
    repo.commit({"cart.py": "\n"})
    repo.write("cart.py", CART)
    return collect(Worktree(), Selection(), Place(repo.root))


def said(quote: str, title: str, **fields: Any) -> dict[str, Any]:
    return finding(file="cart.py", quote=quote, title=title, explanation=f"{title} here.", **fields)


ZERO = said("    return total / len(items)", "Division by zero", line=3)
FIRST = said("    return sorted(items)[0]", "Smallest instead of largest", line=7, category="design")
LAST = said("    return sorted(items)[-1]", "Largest instead of smallest", line=11, category="testing")
DROPS = said("    return list(item for item in items if item)", "Zeros are lost", line=15, category="style")


def proposes(*edits: tuple[int, str, str], notes: dict[int, str] | None = None) -> str:
    numbers = {number for number, _, _ in edits} | set(notes or {})
    return json.dumps(
        {
            "fixes": [
                {"finding": n, "note": (notes or {}).get(n, f"Change {n}."), "certain": True} for n in numbers
            ],
            "edits": [{"finding": n, "file": "cart.py", "old": old, "new": new} for n, old, new in edits],
        }
    )


def run(changes: ChangeSet, ann: Backend, bob: Backend, cid: Backend, **policy: Any) -> Report:
    """Ann reviews, Bob checks, and Cid writes patches."""

    virtual = VirtualTime()
    since, slow = policy.pop("since", None), policy.pop("sleep", False)

    async def nothing(seconds: float) -> None:
        del seconds

    first = ROLES["architecture"]
    assignments = [Assignment(first, (ANN,)), Assignment(FIXES, (CID,))]
    plan = make_plan(changes, assignments, WORDING, windows={}, calibration=Calibration())
    clock = Clock(virtual.now, virtual.sleep) if slow else Clock(now=lambda: 0.0, sleep=nothing)
    asker = Asker(RetryPolicy(), clock)
    rules = RunPolicy(created=datetime(2024, 1, 1, tzinfo=UTC), **({"examiners": Examiners((BOB,))} | policy))
    crew = Crew(asker, {"ann": ann, "bob": bob, "cid": cid}, WORDING)
    work = partial(review, replace(plan, since=since), crew, rules)
    return (anyio.run(virtual.run, work) if slow else anyio.run(work)).report


FIXES = parse_role(
    (FOLDER / "fixes.md.j2")
    .read_text("utf-8")
    .replace('"architecture", "code_quality", "deep_analysis"', '"architecture"'),
    name="fixes",
    source="fixes.md.j2",
)
GUARD = (1, "    return total / len(items)", "    return total / len(items) if items else 0")
READ = {"files_reviewed": ["cart.py"]}


def test_confirmed_findings_get_patches_that_are_applied_and_parsed(cart, repo, snapshot):
    cid = Person(proposes(GUARD, (2, "nowhere()", "x"), notes={2: "Takes the last one."}))
    report = run(
        cart, Person(reply(ZERO, FIRST, LAST, **READ)), Person(says("confirmed", "confirmed", "refuted")), cid
    )
    by_title = {item.title: item for item in report.findings}
    (zero,), (other,) = by_title["Division by zero"].fixes, by_title["Smallest instead of largest"].fixes
    assert (zero.model, zero.note, zero.problem) == ("cid/m", "Change 1.", "")
    repo.git("apply", "--check", "-", stdin=zero.patch.encode())
    assert (other.patch, other.problem.partition(":")[0]) == ("", "an edit is about code that is not there")
    fixes = report.reviews[1]
    assert (fixes.status, fixes.summary) == (
        Outcome.COMPLETED,
        "1 patch for 2 confirmed findings, at the findings.",
    )
    assert fixes.notes[0].startswith("no patch for 'Smallest instead of largest': an edit is about")
    (prompt,) = cid.asked
    text = prompt.messages[1].text
    assert "## Finding 1: Division by zero" in text
    assert ">    3 +|     return total / len(items)" in text
    assert "Largest instead of smallest" not in text
    assert report.usage.prompts == 3
    page = render(report)
    assert "Patch by cid/m (applies, and what it changes still parses; not tested): Change 1." in page
    assert page == snapshot
    assert prompt.messages[0].text == snapshot


def test_more_findings_than_fit_are_asked_about_in_parts(cart):
    cid = Person(proposes(GUARD), proposes(notes={1: "Not without the callers."}))
    bob = Person(says(*["confirmed"] * 4))
    report = run(cart, Person(reply(ZERO, FIRST, LAST, DROPS, **READ)), bob, cid)
    assert len(cid.asked) == 2
    assert (report.reviews[1].status, len(report.reviews[1].reasons)) == (Outcome.PARTIAL, 1)
    assert report.reviews[1].reasons == ("cid/m said nothing about it",)
    assert report.reviews[1].notes == (
        "no patch for 'Zeros are lost': no change was proposed",
        "cid/m says about 'Zeros are lost': Not without the callers.",
    )
    assert report.status is Status.INCOMPLETE


def test_a_prompt_that_is_too_long_is_divided(cart):
    cid = Person(PromptTooLongError("too long"), proposes(GUARD), proposes(notes={1: "No."}))
    report = run(cart, Person(reply(ZERO, FIRST, **READ)), Person(says("confirmed", "confirmed")), cid)
    assert len(cid.asked) == 3
    assert report.reviews[1].summary.startswith("1 patch for 2 confirmed findings")


def test_a_single_finding_that_does_not_fit_is_said(cart):
    report = run(
        cart, Person(reply(ZERO, **READ)), Person(says("confirmed")), Person(PromptTooLongError("too long"))
    )
    assert (report.reviews[1].status, report.reviews[1].reasons) == (Outcome.FAILED, ("too long",))


def test_nothing_confirmed_asks_nobody(cart):
    cid = Person(ModelMissingError("nobody should ask"))
    report = run(cart, Person(reply(ZERO, **READ)), Person(says("unverifiable")), cid)
    assert cid.asked == []
    assert (report.reviews[1].status, report.reviews[1].reasons) == (
        Outcome.SKIPPED,
        ("no finding is confirmed by a second model",),
    )
    assert report.status is Status.FINDINGS


def test_a_model_that_fails_makes_the_run_incomplete(cart):
    report = run(
        cart, Person(reply(ZERO, **READ)), Person(says("confirmed")), Person(ModelMissingError("gone"))
    )
    assert (report.reviews[1].status, report.status) == (Outcome.FAILED, Status.INCOMPLETE)


def test_without_the_review_it_is_skipped(cart):
    report = run(cart, Person(ModelMissingError("gone")), Person(says("confirmed")), Person(proposes(GUARD)))
    assert report.reviews[1].reasons == ("it builds on architecture, which failed",)


def test_what_failed_is_asked_for_again_when_nothing_has_changed(cart, repo):
    ann, bob = Person(reply(ZERO, **READ)), Person(says("confirmed"))
    before = run(cart, ann, bob, Person(ModelMissingError("gone")))
    assignments = [Assignment(ROLES["architecture"], (ANN,)), Assignment(FIXES, (CID,))]
    left, known = narrow(cart, before, "run.json", assignments, WORDING)
    silent = Person(ModelMissingError("nobody should ask"))
    cid = Person(proposes(GUARD))
    after = run(left, silent, silent, cid, since=known)
    assert (len(cid.asked), silent.asked) == (1, [])
    assert [bool(fix.patch) for fix in after.findings[0].fixes] == [True]
    assert after.status is Status.FINDINGS


def test_its_time_is_limited_too(cart):
    class Slow(Person):
        async def ask(self, model, prompt, manner=USUAL):
            await anyio.sleep_forever()
            raise AssertionError

    report = run(
        cart, Person(reply(ZERO, **READ)), Person(says("confirmed")), Slow(""), role_timeout=5.0, sleep=True
    )
    assert (report.reviews[1].status, report.reviews[1].reasons) == (
        Outcome.FAILED,
        ("stopped: the time limit of 5 s for a role was reached",),
    )


def test_it_is_off_until_it_is_named(repo: Builder, monkeypatch, capsys):
    repo.commit({"a.py": "x = 1\n"})
    monkeypatch.chdir(repo.root)
    main(["roles", "--no-config"])
    out = capsys.readouterr().out
    assert "fixes (switched off): Fixes" in out
    assert "after   architecture, code_quality, deep_analysis" in out
    main(["run", "--no-config", "--model", "builtin", "--commit", "HEAD", "--dry-run"])
    assert "fixes" not in capsys.readouterr().out
    main(["run", "--no-config", "--model", "builtin", "--commit", "HEAD", "--role", "fixes", "--dry-run"])
    assert "fixes: builtin/rules: asked for patches of confirmed findings" in capsys.readouterr().out
    assert main(["prompt", "fixes", "--no-config"]) == 2
    assert "is asked about confirmed findings" in capsys.readouterr().err


def test_rules_write_no_patches(repo: Builder, monkeypatch):
    repo.commit({"a.py": "x = 1\n"})
    monkeypatch.chdir(repo.root)
    main(
        [
            "run",
            "--no-config",
            "--model",
            "builtin",
            "--commit",
            "HEAD",
            "--role",
            "fixes",
            "-q",
            "-o",
            "../r.json",
        ]
    )
    report = json.loads((repo.root.parent / "r.json").read_text())
    (fixes,) = [one for one in report["reviews"] if one["role"] == "fixes"]
    assert (fixes["status"], fixes["reasons"]) == ("skipped", ["mechanical rules write no patches"])
    assert report["status"] == "clean"


def test_a_role_that_fixes_has_to_say_what():
    text = '+++\ntitle = "t"\nfocus = "f"\ntask = "fix"\n+++\nBody.\n'
    with pytest.raises(RoleError, match=r"r\.md\.j2:4: a role that fixes names in `after`"):
        parse_role(text, name="r", source="r.md.j2")

"""What becomes of findings that readers of a pull request were told of before."""

from dataclasses import replace
from typing import Any

import pytest

from reviewer.changes.changeset import Side
from reviewer.changes.patch import parse_patch
from reviewer.findings.finding import Finding
from reviewer.findings.identity import line_prints, with_ids
from reviewer.hosts.host import Note, Thread
from reviewer.outputs.report import Aside, Coverage, Report, ReviewedFile, SetAside
from reviewer.prompting.contract import Severity
from reviewer.publishing.anchors import Anchors
from reviewer.publishing.marks import NAME, finding_mark, read_known, told
from reviewer.publishing.publication import Publication, There, publication
from tests.support.reports import FAILED, MISSED, REVIEWS, finding, report

DIFF = b"""\
diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -10,4 +10,4 @@ class Cart:
     def mean(self):
         items = self.items
-        return sum(items) / max(1, len(items))
+        return sum(items) / len(items)
     pass
diff --git a/shop/basket.py b/shop/trolley.py
similarity index 90%
rename from shop/basket.py
rename to shop/trolley.py
--- a/shop/basket.py
+++ b/shop/trolley.py
@@ -1,2 +1,3 @@
 one = 1
+two = one + one
 three = 3
"""
CHANGES = parse_patch(DIFF, name="test")
ANCHORS = Anchors.of(CHANGES)
ADDED = b"""\
diff --git a/shop/one.py b/shop/one.py
new file mode 100644
--- /dev/null
+++ b/shop/one.py
@@ -0,0 +1,2 @@
+def count(items):
+    return len(items)
"""
OUTSIDE = "    never_shown_in_a_hunk(items)"
WHOLE = {
    file.path: frozenset(line_prints([*file.hunk_lines(Side.NEW).values(), OUTSIDE])) for file in CHANGES
}
HERE = finding(line=12, end_line=12, code="        return sum(items) / len(items)", severity=Severity.MINOR)
GONE = replace(HERE, code="        return sum(items) / count", title="Gone by now")
WORDS = {
    "**Fixed since the last review**": "fixed",
    "**Not reported this time**": "unsaid",
    "**Found before, not looked at this time**": "unchecked",
}


def thread(about: Finding, **fields: Any) -> Thread:
    (named,) = with_ids([about])
    body = f"words\n\n{finding_mark(told(named), fields.pop('name', NAME))}"
    return Thread(**{"id": f"T{named.id}", "path": about.path, "body": body, "mine": True, **fields})


def note(*about: Finding, name: str = NAME) -> Note:
    """The summary of an earlier run that had these findings."""
    return Note("1", publication(report(about), There(ANCHORS), name).summary, mine=True)


def said(made: Publication) -> dict[str, str]:
    """What the summary says of earlier findings: the kind of list, by their titles."""
    found, kind = {}, ""
    for row in made.summary.split("\n"):
        if row.startswith("**"):
            kind = next((kind for words, kind in WORDS.items() if row.startswith(words)), "")
        elif row.startswith("- ") and kind:
            found[row.rpartition(": ")[2].replace("\\", "")] = kind
    return found


def again(made: Report, *, threads=(), notes=(), anchors=ANCHORS, name=NAME, whole=WHOLE) -> Publication:
    return publication(made, There(anchors, threads, notes, whole), name)


STANDING = {
    "a thread": (HERE, {}, HERE, 0),
    "one that somebody has answered": (HERE, {"answered": True}, HERE, 0),
    "one on a line that has moved": (HERE, {"outdated": True}, HERE, 0),
    "one in other words": (HERE, {}, replace(HERE, title="Other words", explanation="Quite."), 0),
    "one that said less": (HERE, {}, replace(HERE, severity=Severity.CRITICAL), 0),
    "one that said something else": (HERE, {}, replace(HERE, category="design"), 0),
    "one that said less of something else": (
        HERE,
        {},
        replace(HERE, category="design", severity=Severity.CRITICAL),
        1,
    ),
    "one that is settled": (HERE, {"resolved": True}, HERE, 0),
    "one that was settled when it was less severe": (
        HERE,
        {"resolved": True},
        replace(HERE, severity=Severity.MAJOR),
        1,
    ),
    "one that is settled about something else": (
        HERE,
        {"resolved": True},
        replace(HERE, category="design"),
        1,
    ),
    "one that was hidden as out of date": (HERE, {"hidden": True}, HERE, 1),
    "one of the file's earlier name": (
        replace(HERE, path="shop/basket.py", code="three = 3"),
        {},
        replace(HERE, path="shop/trolley.py", line=3, code="three = 3"),
        0,
    ),
    "one of another name with the same code": (
        replace(HERE, path="shop/never_heard_of.py"),
        {},
        HERE,
        1,
    ),
    "one of the same kind, in words of two": (
        replace(HERE, category="error handling", code="three = 3\n" + HERE.code),
        {},
        replace(HERE, category="error handling"),
        0,
    ),
    "one of another file": (replace(HERE, path="other.py", code="another = line"), {}, HERE, 1),
}


@pytest.mark.parametrize(("was", "state", "now", "comments"), STANDING.values(), ids=STANDING)
def test_what_a_thread_is_to_a_finding(was, state, now, comments):
    made = again(report([now]), threads=[thread(was, **state)])
    assert len(made.comments) == comments
    assert plain_title(now) in made.summary


def plain_title(about: Finding) -> str:
    return about.title.replace("_", "\\_")


def test_words_of_a_finding_that_its_thread_does_not_say_are_in_the_summary():
    worse = replace(HERE, severity=Severity.MAJOR, explanation="It fails for every empty cart.")
    words = worse.explanation
    assert words in again(report([worse]), threads=[thread(HERE)]).summary
    assert words not in again(report([worse]), threads=[thread(worse)]).summary


def test_a_thread_that_is_folded_does_not_stand_before_one_that_is_seen():
    worse = thread(replace(HERE, severity=Severity.CRITICAL), hidden=True)
    assert len(again(report([HERE]), threads=[worse]).comments) == 1
    for state in ({}, {"resolved": True}):
        threads = [worse, thread(HERE, **state)]
        assert again(report([HERE]), threads=threads).comments == ()


def test_of_two_threads_the_one_that_is_not_hidden_counts():
    for pair in ([{"hidden": True}, {}], [{}, {"hidden": True}]):
        assert again(report([HERE]), threads=[thread(HERE, **state) for state in pair]).comments == ()


def only(*roles: str) -> Coverage:
    return Coverage((ReviewedFile("shop/cart.py", 3, 1, roles),))


BECAME = {
    "its code is gone": (GONE, report(), ANCHORS, "fixed"),
    "its code is there": (HERE, report(), ANCHORS, "unsaid"),
    "its code stands where the host shows nothing": (
        replace(HERE, code=OUTSIDE, line=99),
        report(),
        ANCHORS,
        "unsaid",
    ),
    "a part of its code stands where the host shows nothing": (
        replace(HERE, code=f"{HERE.code}\n{OUTSIDE}"),
        report(),
        ANCHORS,
        "unsaid",
    ),
    "its code has a secret": (
        replace(HERE, code='    key = "REDACTED_KEY_1"'),
        report(),
        ANCHORS,
        "unsaid",
    ),
    "it was refuted": (
        GONE,
        report(set_aside=(SetAside(with_ids([GONE])[0], Aside.REFUTED, "no"),)),
        ANCHORS,
        "unsaid",
    ),
    "it was not found in the code": (GONE, report(unverified=with_ids([GONE])), ANCHORS, "unsaid"),
    "its file was new and has another name now": (
        replace(HERE, path="shop/old_name.py", code="def count(items):\n    return len(items)"),
        report(),
        Anchors.of(parse_patch(ADDED, name="test")),
        "unchecked",
    ),
    "its line stands in two new files": (
        replace(HERE, path="shop/old_name.py", code="    return len(items)"),
        report(),
        Anchors.of(parse_patch(ADDED + ADDED.replace(b"one.py", b"two.py"), name="test")),
        "unsaid",
    ),
    "its code is nowhere known": (replace(GONE, code="x", quote="x"), report(), ANCHORS, "unsaid"),
    "its file has left the change": (replace(GONE, path="reverted.py"), report(), ANCHORS, "fixed"),
    "its file is not shown": (
        replace(GONE, path="huge.py"),
        report(),
        Anchors.of(parse_patch(DIFF, name="test"), frozenset({"huge.py"})),
        "unchecked",
    ),
    "no diff is shown": (GONE, report(), Anchors.none(), "fixed"),
    "nobody read the file": (GONE, report(coverage=Coverage()), ANCHORS, "unchecked"),
    "a part was not read": (GONE, report(missed=(replace(MISSED, path=HERE.path),)), ANCHORS, "unchecked"),
    "a part was not to be read": (
        GONE,
        report(missed=(replace(MISSED, path=HERE.path, expected=True),)),
        ANCHORS,
        "fixed",
    ),
    "a role failed": (GONE, report(reviews=(REVIEWS[0], FAILED)), ANCHORS, "unchecked"),
    "its role did not run": (GONE, report(reviews=REVIEWS[1:]), ANCHORS, "unchecked"),
    "its role did not get the file": (GONE, report(coverage=only("code_quality")), ANCHORS, "unchecked"),
    "its role alone ran": (
        GONE,
        report(reviews=REVIEWS[:1], coverage=only("architecture")),
        ANCHORS,
        "fixed",
    ),
    "its removed line is still removed": (
        replace(HERE, code="        return sum(items) / max(1, len(items))", side=Side.OLD),
        report(),
        ANCHORS,
        "unsaid",
    ),
    "its removed line is not removed any more": (
        replace(HERE, code="        print(items)", side=Side.OLD),
        report(),
        ANCHORS,
        "fixed",
    ),
}


@pytest.mark.parametrize(("was", "now", "anchors", "fate"), BECAME.values(), ids=BECAME)
def test_what_became_of_a_finding(was, now, anchors, fate):
    before = note(was)
    made = again(now, threads=[thread(was)], notes=[before], anchors=anchors)
    assert said(made) == {plain_title(was): fate}
    assert bool(made.hide) == (fate == "fixed")
    blind = again(now, threads=[thread(was)], notes=[before], anchors=anchors, whole={})
    assert said(blind) in ({plain_title(was): fate}, {plain_title(was): "unsaid"}), "nobody has read the file"
    assert not blind.hide or anchors.left(was.path) or was.side is Side.OLD
    # Without a thread of its own, the hidden list knows it as well.
    assert said(again(now, notes=[before], anchors=anchors)) == {plain_title(was): fate}
    # What was not looked at is not forgotten; the rest is said once.
    after = Note("1", made.summary, mine=True)
    kept = [plain_title(was)] if fate == "unchecked" else []
    assert [one.finding.title for one in read_known(after.body)] == kept
    assert list(said(again(now, notes=[after], anchors=anchors))) == kept


def test_what_somebody_has_settled_is_not_said_to_be_missing():
    before = note(HERE)
    assert said(again(report(), threads=[thread(HERE, resolved=True)], notes=[before])) == {}
    assert said(again(report(), threads=[thread(HERE)], notes=[before])) == {HERE.title: "unsaid"}


def test_what_is_answered_or_hidden_stays_so_and_is_fixed_once():
    before = note(GONE)
    for state in ({"answered": True}, {"resolved": True}, {"hidden": True}):
        made = again(report(), threads=[thread(GONE, **state)], notes=[before])
        assert made.hide == ()
        assert said(made) == {GONE.title: "fixed"}
        assert said(again(report(), threads=[thread(GONE, **state)])) == {}


def test_reviews_of_several_names_leave_each_other_alone():
    theirs = [thread(GONE, name="security"), thread(HERE, name="security")]
    notes = [note(GONE, name="security")]
    made = again(report([HERE]), threads=theirs, notes=notes)
    assert (len(made.comments), made.hide, made.note) == (1, (), None)
    assert said(made) == {}
    own = again(report([HERE]), threads=theirs, notes=notes, name="security")
    assert (own.comments, own.hide, own.note) == ((), (theirs[0].id,), notes[0])
    assert own.summary.startswith("<!-- reviewer:summary security -->\n\n## Code review: security")


@pytest.mark.parametrize("form", ["words above\n\n{}", "{}\n\nwords below", "above\n{}\nbelow"])
def test_a_summary_that_a_person_has_written_in_is_known_again(form):
    edited = replace(note(GONE), body=form.format(note(GONE).body))
    made = again(report(), notes=[edited])
    assert made.note == edited
    assert said(made) == {GONE.title: "fixed"}
    failed = again(report(reviews=(FAILED,), coverage=Coverage()), notes=[edited]).summary
    assert read_known(failed) == read_known(edited.body)
    assert "below" in failed or "below" not in form


def test_of_two_summaries_one_is_kept():
    two = [replace(note(GONE), id="1", node="N1"), replace(note(HERE), id="2", node="N2")]
    made = again(report(), notes=two)
    assert (made.note, made.hide) == (two[0], ("N2",))


def test_a_hidden_summary_is_somebodys_wish_and_a_new_one_is_made():
    assert again(report(), notes=[replace(note(HERE), hidden=True)]).note is None


@pytest.mark.parametrize("paths", [1, 400])
def test_summaries_stay_within_the_hosts_limit_whatever_names_files_have(paths):
    from reviewer.publishing.bodies import MOST

    monsters = [
        replace(HERE, path=f"{'d/' * 2000}{number}\u200b.py", code=f"line = {number}", title="t" * 3000)
        for number in range(paths)
    ]
    missed = tuple(replace(MISSED, path=item.path, reason="r" * 9000) for item in monsters)
    first = again(report(monsters, missed=missed)).summary
    assert len(first) <= MOST
    assert "Not reviewed" in first
    second = again(report(monsters[:1], missed=missed), notes=[Note("1", first, mine=True)])
    assert len(second.summary) <= MOST
    nothing_read = report(monsters, reviews=(FAILED,), missed=missed, coverage=Coverage((), missed))
    third = again(nothing_read, notes=[Note("1", second.summary, mine=True)])
    assert len(third.summary) <= MOST
    assert read_known(third.summary) == read_known(second.summary)
    assert set(third.summary.split("\n")) - set(second.summary.split("\n")) == {third.summary.split("\n")[2]}


def test_a_summary_that_was_edited_in_a_browser_is_known_again():
    first = note(HERE).body
    edited = Note("1", first.replace("\n", "\r\n"), mine=True)
    assert said(again(report(), notes=[edited])) == {HERE.title: "unsaid"}
    failed = report(reviews=(FAILED,), coverage=Coverage())
    twice = again(failed, notes=[Note("1", again(failed, notes=[edited]).summary, mine=True)]).summary
    assert twice.count("> The newest run") == 1
    assert "\r" not in twice

"""What is written for a report, beside what is there: nothing twice, nothing lost, nothing active."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.changes.changeset import Side
from reviewer.changes.patch import parse_patch
from reviewer.findings.finding import Finding
from reviewer.findings.identity import line_prints, with_ids
from reviewer.hosts.host import Conclusion, Note, Thread
from reviewer.outputs.report import Aside, Gate, Report, SetAside
from reviewer.prompting.contract import Severity
from reviewer.publishing.anchors import Anchors
from reviewer.publishing.bodies import MOST
from reviewer.publishing.marks import (
    NAME,
    finding_mark,
    known_mark,
    read_finding,
    read_known,
    review_mark,
    summary_mark,
    told,
)
from reviewer.publishing.publication import MOST_INLINE, Publication, There, publication
from tests.support.reports import FAILED, MISSED, REVIEWS, finding, nothing, report

DIFF = b"""\
diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -10,6 +10,6 @@ class Cart:
     def mean(self):
         items = self.items
-        total = sum(items) or 1
+        total = sum(items)
         count = len(items)
-        return total / max(1, count)
+        return total / count
     pass
@@ -40,3 +40,4 @@ class Cart:
     def clear(self):
         self.items = []
+        self.count = 0
 
"""  # noqa: W293  # blank context lines
SUMMARY = summary_mark(NAME)
CHANGES = parse_patch(DIFF, name="test")
ANCHORS = Anchors.of(CHANGES)
WHOLE = {file.path: frozenset(line_prints(file.hunk_lines(Side.NEW).values())) for file in CHANGES}
AT = finding(line=14, end_line=14, code="        return total / count")
GONE = finding(line=14, end_line=14, code="        return total / max(1, count)")
"""Its line was changed since."""


def planned(made: Report, threads=(), notes=(), **options) -> Publication:
    return publication(made, There(ANCHORS, threads, notes, WHOLE), **options)


def thread(about: Finding, **fields) -> Thread:
    (named,) = with_ids([about])
    body = f"words\n\n{finding_mark(told(named), NAME)}"
    return Thread(**{"id": f"T{named.id}", "path": about.path, "body": body, "mine": True, **fields})


PLACES = [
    ((14, 14, Side.NEW), (None, 14)),
    ((12, 14, Side.NEW), (12, 14)),
    ((10, 12, Side.NEW), (10, 12)),
    ((14, 41, Side.NEW), (40, 41)),
    ((1, 12, Side.NEW), (10, 12)),
    ((12, 12, Side.OLD), (None, 12)),
    ((20, 30, Side.NEW), None),
    ((10, 10, Side.OLD), None),
]


@pytest.mark.parametrize(("lines", "place"), PLACES)
def test_a_comment_stands_on_lines_of_one_hunk_or_nowhere(lines, place):
    start, end, side = lines
    made = planned(report([finding(line=start, end_line=end, side=side)]))
    found = [(comment.start, comment.line) for _, comment in made.comments]
    assert found == ([place] if place else [])
    assert "Division by zero" in made.summary


def test_other_files_have_no_place():
    assert planned(report([finding(path="other.py")])).comments == ()


PATCH = """\
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -12,4 +12,4 @@
         total = sum(items)
         count = len(items)
-        return total / count
+        return total / count if count else 0
     pass
"""


def test_a_suggestion_that_fits_can_be_applied(snapshot):
    ((_, comment),) = planned(report([replace(AT, patch=PATCH)])).comments
    assert comment.body == snapshot
    assert "```suggestion\n        return total / count if count else 0\n```" in comment.body


def test_a_suggestion_with_fences_in_it_ends_where_it_should():
    patch = PATCH.replace("if count else 0", "```suggestion")
    ((_, comment),) = planned(report([replace(AT, patch=patch)])).comments
    assert "````suggestion\n        return total / count ```suggestion\n````" in comment.body


def test_a_suggestion_with_a_stand_in_is_never_offered():
    patch = PATCH.replace("if count else 0", 'if "REDACTED_PASSWORD_1" else 0')
    ((_, comment),) = planned(report([replace(AT, patch=patch)])).comments
    assert "```suggestion" not in comment.body


def test_what_a_click_would_apply_is_what_is_seen():
    for hidden in ("\u202e", "\u200b", "\x1b[8m"):
        patch = PATCH.replace("if count else 0", f"if count else 0  # {hidden}")
        ((_, comment),) = planned(report([replace(AT, patch=patch)])).comments
        assert "```suggestion" not in comment.body
        assert hidden not in comment.body
    tabs = PATCH.replace("        return total / count if", "\t\treturn total / count if")
    ((_, comment),) = planned(report([replace(AT, patch=tabs)])).comments
    assert "```suggestion\n\t\treturn" in comment.body


def test_a_suggestion_elsewhere_is_shown_not_offered():
    patch = PATCH.replace("@@ -12,4 +12,4 @@", "@@ -62,4 +62,4 @@")
    ((_, comment),) = planned(report([replace(AT, patch=patch)])).comments
    assert "```suggestion" not in comment.body
    assert "```diff" in comment.body


def test_nothing_twice():
    made = report([AT])
    assert len(planned(made).comments) == 1
    for state in ({}, {"outdated": True}, {"resolved": True}, {"answered": True}):
        assert planned(made, [thread(AT, **state)]).comments == ()


def test_the_same_code_on_other_lines_in_other_words_is_the_same():
    moved = replace(
        AT, line=41, end_line=41, title="Another title", explanation="Other words.", category="design"
    )
    assert planned(report([moved]), [thread(AT)]).comments == ()


def test_somebody_elses_mark_is_words():
    assert len(planned(report([AT]), [thread(AT, mine=False)]).comments) == 1
    note = Note("1", f"{SUMMARY}\nx", mine=False)
    assert planned(report([AT]), notes=[note]).note is None


def test_a_mark_in_the_middle_of_a_comment_is_words():
    fake = finding_mark(told(with_ids([AT])[0]), NAME)
    (elsewhere,) = with_ids([finding(line=1, code="other = 1")])
    body = f"```\n{fake}\n```\n\n{finding_mark(told(elsewhere), NAME)}"
    other = Thread("T", AT.path, body, mine=True)
    assert len(planned(report([AT]), [other]).comments) == 1
    assert read_finding(f"{fake}\n words", "a", NAME) is None


def test_at_most_twenty_worst_first_the_rest_in_the_summary():
    many = [
        finding(line=n % 3 + 12, end_line=n % 3 + 12, code=f"line {n}", title=f"Problem {n}")
        for n in range(30)
    ]
    many.append(finding(severity=Severity.CRITICAL, title="The worst", code="worst"))
    made = planned(report(many))
    assert len(made.comments) == MOST_INLINE
    assert "The worst" in made.comments[0][1].body
    assert all(f"Problem {n}." in made.summary for n in range(30))


def test_what_is_gone_is_fixed_and_hidden():
    made = planned(report(), [thread(GONE)])
    assert made.hide == (thread(GONE).id,)
    assert "**Fixed since the last review** (1)" in made.summary


KEPT = {
    "answered": ({"answered": True}, report()),
    "resolved": ({"resolved": True}, report()),
    "already hidden": ({"hidden": True}, report()),
    "an incomplete run": ({}, report(reviews=(REVIEWS[0], FAILED))),
    "a file that was not read": ({}, report(missed=(replace(MISSED, path=GONE.path),))),
    "a run by others": ({}, report(reviews=REVIEWS[1:])),
    "refuted": ({}, report(set_aside=(SetAside(with_ids([GONE])[0], Aside.REFUTED, "no"),))),
    "unverified": ({}, report(unverified=(with_ids([GONE])[0],))),
    "somebody else's": ({"mine": False}, report()),
}


@pytest.mark.parametrize(("state", "made"), KEPT.values(), ids=KEPT)
def test_what_is_not_hidden(state, made):
    assert planned(report(), [thread(GONE)]).hide != ()
    assert planned(made, [thread(GONE, **state)]).hide == ()


def test_a_file_that_is_no_longer_in_the_change_has_no_problems():
    gone = thread(finding(path="reverted.py", code="was = there"))
    assert planned(report(), [gone]).hide == (gone.id,)


def test_a_run_that_read_nothing_keeps_the_summary_before():
    before = planned(report([AT])).summary
    failed = report(reviews=(FAILED,), coverage=replace(report().coverage, reviewed=()))
    made = planned(failed, notes=[Note("1", before, mine=True)])
    assert made.summary.startswith(
        f"{SUMMARY}\n\n> The newest run of aaaaaaaaaaaa could not review anything:"
    )
    assert "Division by zero" in made.summary
    again = planned(failed, notes=[Note("1", made.summary, mine=True)])
    assert again.summary == made.summary, "the line does not pile up"
    assert planned(failed).summary.count("Not reviewed") == 1


def test_the_summary_says_what_is_new_still_there_and_fixed(snapshot):
    fixed = finding(path="shop/old.py", title="Was there before", code="old = 1")
    first = report([AT, fixed])
    note = Note("1", planned(first).summary, mine=True)
    again = report([AT, finding(line=42, code="self.count = 0", title="New one", severity=Severity.CRITICAL)])
    made = planned(again, [thread(AT, resolved=True)], [note])
    assert made.note == note
    assert made.summary == snapshot


@pytest.mark.parametrize(
    ("made", "conclusion"),
    [
        (report(), Conclusion.SUCCESS),
        (nothing(), Conclusion.SUCCESS),
        (report([AT]), Conclusion.SUCCESS),
        (report([AT], gate=Gate(Severity.MAJOR, reached=True)), Conclusion.FAILURE),
        (report(reviews=(REVIEWS[0], FAILED)), Conclusion.NEUTRAL),
        (report([AT], reviews=(FAILED,), gate=Gate(Severity.MAJOR, reached=True)), Conclusion.FAILURE),
    ],
)
def test_what_the_check_comes_to(made, conclusion):
    assert planned(made).conclusion is conclusion


def test_a_summary_fits_by_whole_findings():
    many = [
        finding(line=99, code=f"line {n}", title=f"Problem {n}", explanation="word " * 60)
        for n in range(1000)
    ]
    made = planned(report(many)).summary
    assert len(made) <= MOST
    assert re.search(r"^\d+ more findings in the whole report\.$", made, re.MULTILINE)
    rows = [row for row in made.split("\n") if row.startswith("- **")]
    assert len(rows) > 100
    assert all(
        row.endswith(f": Problem {number}. {' '.join(['word'] * 60)}") for number, row in enumerate(rows)
    )
    assert len(read_known(made)) > 50


def test_no_line_is_a_command_to_a_bot():
    hostile = replace(AT, title="/close", explanation="/approve\n/lgtm cancel", recommendation="- /merge")
    made = planned(report([hostile]))
    for body in (made.summary, made.comments[0][1].body):
        assert not re.search(r"^\W*/[a-z]", body.replace("\\/", ""), re.MULTILINE)


def test_a_long_comment_is_short_and_says_so():
    ((_, comment),) = planned(report([replace(AT, explanation="word " * 20_000)])).comments
    assert len(comment.body) < 3000
    assert "The whole text is in the report." in comment.body


ACTIVE = [
    "@somebody", "@org/team", "#12", "GH-12", "acme/widget#3", "fixes #7", "Closes https://github.com/a/b/issues/1",
    "![x](https://evil.example/?s=1)", "[x](https://evil.example)", "<img src=https://evil.example>", "<!-- x -->",
    "https://evil.example", "www.evil.example", "<details>", "\x1b[31mred", "\u202ertl", "# heading", "| a | b |",
    "```\n# out\n```", "&#64;somebody", "<!-- reviewer:summary -->", "/close", "javascript:alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("text", ACTIVE)
def test_nothing_that_others_wrote_is_active(text):
    from markdown_it import MarkdownIt

    hostile = replace(
        AT,
        title=text,
        explanation=text,
        failure_scenario=text,
        recommendation=text,
        category=text,
        suggestion=text,
    )
    made = planned(report([hostile]))
    for body in (made.summary, made.comments[0][1].body):
        html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).disable("linkify").render(body)
        outside = re.sub(r"<code[^>]*>.*?</code>", "", html, flags=re.DOTALL)
        own = outside.replace(SUMMARY, "")
        own = re.sub(r"<!-- reviewer:(?:finding|known) [^>]*-->", "", own)
        for forbidden in (
            "<img",
            "<a ",
            "<details",
            "<!--",
            "@somebody",
            "@org",
            "#12",
            "#7",
            "#3",
            "evil.example",
            "\x1b",
            "\u202e",
        ):
            assert forbidden not in own, (forbidden, body)
        assert html.count("<h1") == 0


NAMES = st.text(st.characters(codec="utf-8"), max_size=40)


@given(NAMES, NAMES, st.lists(NAMES, max_size=4))
def test_marks_come_back_whatever_is_in_them(title, category, lines):
    made = told(with_ids([finding(title=title, category=category, code="\n".join(lines) or "x")])[0])
    back = read_finding(f"{title}\n{finding_mark(made, NAME)}", made.finding.path, NAME)
    assert back is not None
    assert (back.finding.id, back.finding.lines) == (made.finding.id, made.finding.lines[:20])
    assert (back.finding.severity, back.roles, back.side) == (made.finding.severity, made.roles, made.side)
    assert read_known(f"{title}\n{known_mark([made])}") == (made,)


@given(st.text())
def test_any_text_has_at_most_no_marks(text):
    read_finding(text, "a", NAME)
    assert read_known(text) == ()


@pytest.mark.parametrize("body", ["<!-- reviewer:known AAAA -->", "<!-- reviewer:known eJwDAAAAAAE= -->", ""])
def test_damaged_lists_are_empty(body):
    assert read_known(body) == ()


def test_each_attempt_at_a_review_has_a_mark_of_its_own():
    assert review_mark("one", "a1") != review_mark("two", "a1")
    assert review_mark("one", "a1") != review_mark("one", "a2")


def test_certain_comments_are_single_added_lines():
    many = report(
        [replace(AT, line=12, end_line=14, patch=PATCH), finding(line=13, end_line=13, code="count")]
    )
    made = planned(many, certain=True)
    assert [(comment.start, comment.line) for _, comment in made.comments] == [(None, 14)]
    assert "suggestion\n" not in made.comments[0][1].body

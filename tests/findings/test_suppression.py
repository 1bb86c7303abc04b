"""Comments that suppress findings."""

import time

import pytest

from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus, Hunk, Line, LineKind
from reviewer.findings.finding import Claim
from reviewer.findings.merge import ground_claims, merge
from reviewer.findings.suppression import suppressed
from reviewer.prompting.contract import Severity


def reason_of(*lines: str, quote: str = "danger()", category: str = "security") -> str | None:
    """The reason of the comment that suppresses a finding about a line, or None."""
    rows = tuple(Line(LineKind.ADDED, text, None, number) for number, text in enumerate(lines, 1))
    change = FileChange(
        "a.x", FileStatus.ADDED, (Hunk(0, 0, 1, len(lines), "", rows),), old_lines=(), new_lines=lines
    )
    changes = ChangeSet("t", (change,))
    claim = Claim("a.x", "t", "e", Severity.MAJOR, category=category, quote=quote)
    (finding,) = merge(ground_claims([("a", "m", claim)], changes, ["a"]))
    comment = suppressed([finding], changes).get(finding.id)
    return None if comment is None else comment.reason


SUPPRESSED = {
    "python": ("danger()  # reviewer: ignore[security] only run by hand", "only run by hand"),
    "c": ("danger();  // reviewer: ignore[security]: fine here", "fine here"),
    "block": ("danger(); /* reviewer: ignore[security] why */", "why"),
    "sql": ("danger() -- reviewer: ignore[security] why", "why"),
    "html": ("<p>danger()</p> <!-- reviewer: ignore[security] why -->", "why"),
    "lisp": ("(danger()) ; reviewer: ignore[security] why", "why"),
    "tex": ("danger() % reviewer: ignore[security] why", "why"),
    "basic": ("danger() ' reviewer: ignore[security] why", "why"),
    "jinja": ("{{ danger() }} {# reviewer: ignore[security] why #}", "why"),
    "everything": ("danger()  # reviewer: ignore", ""),
    "several": ("danger()  # reviewer: ignore[bug, Security] why", "why"),
    "behind another remark": ("danger()  # noqa: S1  reviewer: ignore[security] why", "why"),
    "no blank": ("danger()  # reviewer:ignore[security]", ""),
}


@pytest.mark.parametrize(("line", "reason"), SUPPRESSED.values(), ids=SUPPRESSED)
def test_suppressed(line, reason):
    assert reason_of("first", line) == reason


def test_on_the_line_before_and_on_any_line_of_the_place():
    assert reason_of("# reviewer: ignore[security] why", "danger()") == "why"
    assert (
        reason_of(
            "danger(",
            "  # reviewer: ignore[security] why",
            ")",
            quote="danger(\n  # reviewer: ignore[security] why\n)",
        )
        == "why"
    )


NOT = {
    "brackets that are not closed": "danger()  # reviewer: ignore[security why",
    "brackets that never end": f"danger()  # reviewer: ignore[{'x' * 300}] why",
    "a blank before other brackets": "danger()  # reviewer: ignore [style] long line",
    "another word": "danger()  # reviewer: ignored this once",
    "a sentence": "danger()  # ask the reviewer: ignore this or mend it",
    "another category": ("danger()  # reviewer: ignore[design]",),
    "no comment": ("danger() reviewer: ignore[security]",),
    "behind other code on the line before": ("other()  # reviewer: ignore[security]", "danger()"),
    "two lines before": ("# reviewer: ignore[security]", "", "danger()"),
    "on the line behind": ("danger()", "# reviewer: ignore[security]"),
    "somebody else's": ("danger()  # code-reviewers: ignored",),
}


@pytest.mark.parametrize("lines", NOT.values(), ids=NOT)
def test_not_suppressed(lines):
    assert reason_of(*lines) is None


def test_code_that_begins_like_a_comment_is_code():
    """A pointer is no comment: the directive behind it is about its own line."""
    assert reason_of("*p = 0; // reviewer: ignore[security] checked", "danger();") is None


def test_a_blank_before_the_brackets_still_limits_it():
    assert reason_of("first", "danger()  # reviewer: ignore [security] why") == "why"


def test_a_line_without_end_takes_no_time():
    """Looked for from every sign of a comment, this took half a minute."""
    started = time.process_time()
    assert reason_of("first", "danger()  " + "#" * 50_000) is None
    assert reason_of("first", "danger()  " + "a('b');" * 10_000) is None
    assert time.process_time() - started < 10

"""Where a quote really is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus, Side
from reviewer.changes.patch import parse_patch
from reviewer.findings.finding import Claim, Grounding
from reviewer.findings.ground import find_versions, ground
from reviewer.prompting.contract import Severity
from tests.support.shared import require, rows
from tests.support.values import changes


def claim(
    quote: str, *, file: str = "shop/cart.py", line: int | None = None, end_line: int | None = None
) -> Claim:
    return Claim(file, "t", "e", Severity.MAJOR, line=line, end_line=end_line or line, quote=quote)


FOUND = {
    "exact": ("        count = len(items)", 13, Grounding.VERIFIED, 13),
    "line not stated": ("        count = len(items)", None, Grounding.VERIFIED, 13),
    "line off": ("        count = len(items)", 99, Grounding.RELOCATED, 13),
    "indentation lost": ("count = len(items)", 13, Grounding.VERIFIED, 13),
    "part of a line": ("len(items)", 13, Grounding.VERIFIED, 13),
    "two lines": ("        count = len(items)\n        return total / count", 13, Grounding.VERIFIED, 13),
    "last line named": ("        count = len(items)\n        return total / count", 14, Grounding.VERIFIED, 13),
    "two lines re-indented": ("count = len(items)\n  return total / count", 13, Grounding.VERIFIED, 13),
    "beginning and end lost": ("len(items)\n        return total", 13, Grounding.VERIFIED, 13),
    "marks of a diff": ("+        count = len(items)\n+        return total / count", 13, Grounding.VERIFIED, 13),
    "margin of the prompt": ("13 +|        count = len(items)\n14 +|        return total / count", 13, Grounding.VERIFIED, 13),
    "carriage return": ("        count = len(items)\r", 13, Grounding.VERIFIED, 13),
    "one letter wrong": ("        count = len(item)  ", 13, Grounding.VERIFIED, 13),
    "blank line left out": ("return total / count\ndef clear(self):", 14, Grounding.VERIFIED, 14),
}  # fmt: skip


@pytest.mark.parametrize(("quote", "line", "grounding", "true_line"), FOUND.values(), ids=FOUND)
def test_quote_is_found(quote, line, grounding, true_line):
    anchor = ground(claim(quote, line=line), changes())
    assert (anchor.grounding, anchor.line, anchor.side) == (grounding, true_line, Side.NEW)
    assert anchor.in_change
    assert anchor.path == "shop/cart.py"


def test_quote_of_whole_lines_is_given_back_as_the_file_has_it():
    assert ground(claim("count =   len(items)"), changes()).quote == "        count = len(items)"
    assert ground(claim("len(items)", line=13), changes()).quote == "len(items)"


def test_removed_line_is_found_on_the_old_side():
    anchor = ground(claim("return total / max(1, len(items))", line=13), changes())
    assert (anchor.grounding, anchor.side, anchor.line) == (Grounding.VERIFIED, Side.OLD, 13)
    assert anchor.in_change


def test_line_that_the_change_did_not_touch_is_marked():
    anchor = ground(claim("        self.items = []", line=17), changes())
    assert (anchor.grounding, anchor.line, anchor.in_change) == (Grounding.VERIFIED, 17, False)


NOT_FOUND = {
    "invented": ("        cursor.execute(query)", "the quoted code is in neither version of the file"),
    "no quote": ("  ", "no code was quoted"),
    "brace at another line": ("}", "the quoted code is in neither version of the file"),
}


@pytest.mark.parametrize(("quote", "reason"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_quote_is_not_found(quote, reason):
    anchor = ground(claim(quote, line=12), changes())
    assert (anchor.grounding, anchor.line, anchor.note) == (Grounding.UNVERIFIED, None, reason)
    assert anchor.quote == quote


def test_short_quote_counts_at_the_stated_line_only():
    assert ground(claim("}", file="shop/util.go", line=5), changes()).grounding is Grounding.VERIFIED
    assert ground(claim("}", file="shop/util.go", line=4), changes()).grounding is Grounding.UNVERIFIED
    assert ground(claim("}", file="shop/util.go"), changes()).grounding is Grounding.UNVERIFIED


def test_quote_in_another_file_is_relocated_if_it_is_only_there():
    anchor = ground(claim("func Twice(n int) int {", file="nope.go"), changes())
    assert (anchor.grounding, anchor.path, anchor.line) == (Grounding.RELOCATED, "shop/util.go", 3)
    assert anchor.note == "the reviewer named nope.go; the quoted code is in shop/util.go"
    anchor = ground(claim("return n", file=""), changes())
    assert anchor.note == "no file was named, and the quoted code is not in the change"
    anchor = ground(claim("return x", file="nope.go"), changes())
    assert "nope.go is not among the reviewed files" in anchor.note


def test_several_places_go_to_the_stated_line_then_the_change_then_the_nearest():
    text = "--- a/a\n+++ b/a\n@@ -1,5 +1,6 @@\n same = 1\n x\n same = 1\n+same = 1\n y\n same = 1\n"
    both = ChangeSet("t", parse_patch(text.encode(), name="t"))
    assert ground(claim("same = 1", file="a", line=6), both).line == 6
    assert ground(claim("same = 1", file="a"), both).line == 4
    assert ground(claim("same = 1", file="a", line=2), both).line == 4


DRESSES = [
    "shop/cart.py",
    "a/shop/cart.py",
    "b/shop/cart.py",
    "./shop/cart.py",
    "shop\\cart.py",
    "/shop/cart.py",
    "cart.py",
    "`shop/cart.py`",
    "/home/me/project/shop/cart.py",
]


@pytest.mark.parametrize("path", DRESSES)
def test_paths_in_any_dress(path):
    assert [change.path for change in find_versions(path, changes())] == ["shop/cart.py"]


@pytest.mark.parametrize("path", ["", "art.py", "shop", "other/cart.py"])
def test_paths_that_mean_nothing(path):
    assert find_versions(path, changes()) == ()


def test_bare_name_must_be_unique():
    two = ChangeSet("t", (FileChange("a/x.py", FileStatus.ADDED), FileChange("b/x.py", FileStatus.ADDED)))
    assert find_versions("x.py", two) == ()
    assert len(find_versions("a/x.py", two)) == 1


@given(line=st.integers(1, 5), stated=st.none() | st.integers(-3, 99))
def test_every_line_is_found_where_it_is(line, stated):
    texts = {1: "package shop", 3: "func Twice(n int) int {", 4: "\treturn n * 2"}
    if line not in texts:
        return
    anchor = ground(claim(texts[line], file="shop/util.go", line=stated), changes())
    assert (anchor.line, anchor.quote) == (line, texts[line])


def test_comments_of_people_on_their_own_diff_are_found():
    """Quoting the lines that a person commented on finds these lines, however wrong the stated number is."""
    found = total = 0
    diffs: dict[str, ChangeSet] = {}
    for comment in rows("cases", "aacr", "comments.jsonl"):
        name = comment["pr_id"]
        if name not in diffs:
            data = require("cases", "aacr", "diffs", f"{name}.diff").read_bytes()
            diffs[name] = ChangeSet(name, parse_patch(data, name=name))
        if not comment["whole_range_in_hunks"] or comment["side"] != "right":
            continue
        quote = "\n".join(comment["anchored_text"][:3])
        stated = comment["from_line"] + 10
        anchor = ground(claim(quote, file=comment["path"], line=stated), diffs[name])
        total += 1
        found += anchor.line is not None and comment["from_line"] <= anchor.line <= comment["to_line"]
    print(f"aacr: {found} of {total} quoted comments found, with the stated line off by 10")
    assert found >= 0.9 * total

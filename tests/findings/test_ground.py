"""Where a quote really is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus, Side
from reviewer.changes.patch import parse_patch
from reviewer.findings.finding import Claim, Grounding
from reviewer.findings.ground import find_versions, ground
from reviewer.findings.lookup import Lookup
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
    "one letter wrong": ("        count = len(item)  ", 13, Grounding.RELOCATED, 13),
    "blank line left out": ("return total / count\ndef clear(self):", 14, Grounding.VERIFIED, 14),
}  # fmt: skip


@pytest.mark.parametrize(("quote", "line", "grounding", "true_line"), FOUND.values(), ids=FOUND)
def test_quote_is_found(quote, line, grounding, true_line):
    anchor = ground(claim(quote, line=line), Lookup(changes()))
    assert (anchor.grounding, anchor.line, anchor.side) == (grounding, true_line, Side.NEW)
    assert anchor.in_change
    assert anchor.path == "shop/cart.py"


def test_quote_of_whole_lines_is_given_back_as_the_file_has_it():
    assert ground(claim("count =   len(items)"), Lookup(changes())).quote == "        count = len(items)"
    assert ground(claim("len(items)", line=13), Lookup(changes())).quote == "len(items)"


def test_removed_line_is_found_on_the_old_side():
    anchor = ground(claim("return total / max(1, len(items))", line=13), Lookup(changes()))
    assert (anchor.grounding, anchor.side, anchor.line) == (Grounding.VERIFIED, Side.OLD, 13)
    assert anchor.in_change


def test_line_that_the_change_did_not_touch_is_marked():
    anchor = ground(claim("        self.items = []", line=17), Lookup(changes()))
    assert (anchor.grounding, anchor.line, anchor.in_change) == (Grounding.VERIFIED, 17, False)


NOT_FOUND = {
    "invented": ("        cursor.execute(query)", "the quoted code is in neither version of the file"),
    "no quote": ("  ", "no code was quoted"),
    "brace at another line": ("}", "the quoted code is in neither version of the file"),
}


@pytest.mark.parametrize(("quote", "reason"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_quote_is_not_found(quote, reason):
    anchor = ground(claim(quote, line=12), Lookup(changes()))
    assert (anchor.grounding, anchor.line, anchor.note) == (Grounding.UNVERIFIED, None, reason)
    assert anchor.quote == quote


def test_short_quote_counts_at_the_stated_line_only():
    assert ground(claim("}", file="shop/util.go", line=5), Lookup(changes())).grounding is Grounding.VERIFIED
    assert (
        ground(claim("}", file="shop/util.go", line=4), Lookup(changes())).grounding is Grounding.UNVERIFIED
    )
    assert ground(claim("}", file="shop/util.go"), Lookup(changes())).grounding is Grounding.UNVERIFIED


def test_quote_in_another_file_is_relocated_if_it_is_only_there():
    anchor = ground(claim("func Twice(n int) int {", file="nope.go"), Lookup(changes()))
    assert (anchor.grounding, anchor.path, anchor.line) == (Grounding.RELOCATED, "shop/util.go", 3)
    assert anchor.note == "the reviewer named nope.go; the quoted code is in shop/util.go"
    anchor = ground(claim("return n", file=""), Lookup(changes()))
    assert anchor.note == "no file was named, and the quoted code is not in the change"
    anchor = ground(claim("return x", file="nope.go"), Lookup(changes()))
    assert "nope.go is not among the reviewed files" in anchor.note


def test_several_places_go_to_the_stated_line_then_the_change_then_the_nearest():
    text = "--- a/a\n+++ b/a\n@@ -1,5 +1,6 @@\n same = 1\n x\n same = 1\n+same = 1\n y\n same = 1\n"
    both = ChangeSet("t", parse_patch(text.encode(), name="t"))
    assert ground(claim("same = 1", file="a", line=6), Lookup(both)).line == 6
    assert ground(claim("same = 1", file="a"), Lookup(both)).line == 4
    assert ground(claim("same = 1", file="a", line=2), Lookup(both)).line == 4


PROGRAM = """\
def check(token, count):
    if expired(token) and not revoked(token):
        return None
    connection.close()
    return None
    connection.close()  # a second time
    total = sum(items) or 1
"""
OTHER_PROGRAMS = [
    "if expired(token) or not revoked(token):",
    "if expired(token) and revoked(token):",
    "if expired(token) and not revoked(count):",
]


def whole_file() -> Lookup:
    lines = tuple(PROGRAM.splitlines())
    return Lookup(ChangeSet("t", (FileChange("a.py", FileStatus.PRESENT, old_lines=(), new_lines=lines),)))


@pytest.mark.parametrize("quote", OTHER_PROGRAMS)
def test_a_quote_that_says_something_else_is_not_found(quote):
    assert ground(claim(quote, file="a.py", line=2), whole_file()).grounding is Grounding.UNVERIFIED


def test_the_stated_line_counts_though_another_one_is_the_same_as_a_whole():
    anchor = ground(claim("connection.close()", file="a.py", line=6), whole_file())
    assert (anchor.line, anchor.grounding) == (6, Grounding.VERIFIED)
    assert ground(claim("connection.close()", file="a.py", line=99), whole_file()).line == 4


def test_a_short_line_that_stands_in_several_places_means_none_without_a_number():
    anchor = ground(claim("    return None", file="a.py"), whole_file())
    assert anchor.note == "the quoted code stands in several places, and the named line is none of them"
    assert ground(claim("    return None", file="a.py", line=5), whole_file()).line == 5


ACROSS = {
    "as in a diff": "-        total = sum(items) or 1\n+        total = sum(items)",
    "as in the prompt": "12 -|        total = sum(items) or 1\n12 +|        total = sum(items)",
    "bare": "        total = sum(items) or 1\n        total = sum(items)\n        count = len(items)",
}


@pytest.mark.parametrize("quote", ACROSS.values(), ids=ACROSS)
def test_a_quote_may_go_over_removed_and_added_lines(quote):
    anchor = ground(claim(quote, line=12), Lookup(changes()))
    assert (anchor.grounding, anchor.side, anchor.line) == (Grounding.VERIFIED, Side.NEW, 12)
    assert anchor.in_change


GAPPED = b"""--- a/a.py
+++ b/a.py
@@ -10,2 +10,2 @@
 first_line_of_it()
+
-x
@@ -500,2 +500,3 @@
+second_line_of_it()
 y
 z
"""


def test_a_quote_does_not_reach_across_lines_that_nobody_has_seen():
    lookup = Lookup(ChangeSet("t", parse_patch(GAPPED, name="t")))
    anchor = ground(claim("first_line_of_it()\nsecond_line_of_it()", file="a.py", line=10), lookup)
    assert anchor.grounding is Grounding.UNVERIFIED
    assert ground(claim("second_line_of_it()", file="a.py"), lookup).line == 500


def test_a_few_letters_in_several_lines_mean_none_of_them():
    lookup = Lookup(changes())
    assert ground(claim("items"), lookup).grounding is Grounding.UNVERIFIED
    assert ground(claim("items", line=99), lookup).grounding is Grounding.UNVERIFIED
    assert ground(claim("items", line=13), lookup).line == 13
    assert ground(claim("clear("), lookup).line == 16, "in one line only"


def test_a_quote_that_is_only_similar_says_so():
    anchor = ground(claim("        return total / counts", line=14), Lookup(changes()))
    assert (anchor.line, anchor.quote) == (14, "        return total / count")
    assert anchor.note == "the quote differs from the code in a few characters"


def test_in_a_series_the_step_that_fits_best_counts():
    steps = b"".join(
        b"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+%s\n" % text
        for text in (b"total = price * amount", b"total = prices * amount")
    )
    lookup = Lookup(ChangeSet("t", parse_patch(steps, name="t")))
    for quote in (b"total = price * amount", b"total = prices * amount"):
        anchor = ground(claim(quote.decode(), file="a.py"), lookup)
        assert (anchor.quote, anchor.note) == (quote.decode(), "")


def test_a_name_that_is_not_utf_8_is_found_as_it_is_shown():
    odd = ChangeSet("t", (FileChange("caf\\xe9.py", FileStatus.ADDED),))
    assert len(find_versions("caf\\xe9.py", odd)) == 1


def test_many_quotes_in_a_large_file_take_little_time():
    lines = tuple(f"value_{n} = compute({n}, option_{n % 7})  # {'word ' * 9}" for n in range(20_000))
    large = FileChange("a.py", FileStatus.PRESENT, old_lines=(), new_lines=lines)
    lookup = Lookup(ChangeSet("t", (large, FileChange("b.py", FileStatus.ADDED, new_lines=lines))))
    started = time.process_time()
    for number in range(0, 20_000, 200):
        assert ground(claim(f"  {lines[number]}", file="a.py"), lookup).line == number + 1
        assert ground(claim(lines[number].replace("word", "wurd", 1), file="a.py"), lookup).line == number + 1
        assert ground(claim("no such thing anywhere", file="a.py"), lookup).line is None
    assert time.process_time() - started < 10, "one way of looking through all lines takes minutes"


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
    anchor = ground(claim(texts[line], file="shop/util.go", line=stated), Lookup(changes()))
    assert (anchor.line, anchor.quote) == (line, texts[line])


def test_comments_of_people_on_their_own_diff_are_found():
    """Quoting the lines that a person commented on finds these lines, however wrong the stated number is."""
    found = total = 0
    diffs: dict[str, Lookup] = {}
    for comment in rows("cases", "aacr", "comments.jsonl"):
        name = comment["pr_id"]
        if name not in diffs:
            data = require("cases", "aacr", "diffs", f"{name}.diff").read_bytes()
            diffs[name] = Lookup(ChangeSet(name, parse_patch(data, name=name)))
        if not comment["whole_range_in_hunks"] or comment["side"] != "right":
            continue
        quote = "\n".join(comment["anchored_text"][:3])
        stated = comment["from_line"] + 10
        anchor = ground(claim(quote, file=comment["path"], line=stated), diffs[name])
        total += 1
        found += anchor.line is not None and comment["from_line"] <= anchor.line <= comment["to_line"]
    print(f"aacr: {found} of {total} quoted comments found, with the stated line off by 10")
    assert found >= 0.9 * total


ELIDED = """\
diff --git a/a.py b/a.py
new file mode 100644
--- /dev/null
+++ b/a.py
@@ -0,0 +1,9 @@
+def first(items):
+    total = 0
+    for item in items:
+        total += item.price
+    return total
+
+def second(items):
+    total = 0
+    return total
"""
ELISIONS = {
    "dots": ("def first(items):\n    ...\n    return total", (1, 5)),
    "dots in a comment": ("def first(items):\n    # ...\n    return total", (1, 5)),
    "one character": ("def first(items):\n    …\n        total += item.price", (1, 4)),
    "in brackets, twice": (
        "def first(items):\n[...]\n    for item in items:\n// ...\n    return total",
        (1, 5),
    ),
    "the nearest end": ("    total = 0\n    ...\n    return total", (2, 5)),
    "the end comes before the beginning": ("    return total\n    ...\ndef first(items):", None),
    "the end is nowhere": ("def first(items):\n    ...\n    return nothing", None),
    "nothing but dots": ("...\n...", None),
}


@pytest.mark.parametrize(("quote", "lines"), ELISIONS.values(), ids=ELISIONS)
def test_the_middle_of_a_quote_may_be_left_out(quote, lines):
    anchor = ground(claim(quote, file="a.py", line=1), Lookup(changes(ELIDED.encode())))
    assert (anchor.line and (anchor.line, anchor.end_line)) == lines
    if lines:
        assert anchor.code.count("\n") == lines[1] - lines[0]


def test_a_relocated_finding_keeps_where_it_was_said_to_be():
    anchor = ground(claim("        return total / count", file="shop/cart.py", line=40), Lookup(changes()))
    assert (anchor.grounding, anchor.named, anchor.line) == (Grounding.RELOCATED, "shop/cart.py:40", 14)
    anchor = ground(claim("        return total / count", file="shop/util.go", line=3), Lookup(changes()))
    assert (anchor.grounding, anchor.named, anchor.path) == (
        Grounding.RELOCATED,
        "shop/util.go:3",
        "shop/cart.py",
    )
    anchor = ground(claim("        return total / count", file="shop/cart.py", line=14), Lookup(changes()))
    assert (anchor.grounding, anchor.named) == (Grounding.VERIFIED, "")


def test_the_longest_path_that_fits_is_meant():
    two = ChangeSet(
        "t",
        (FileChange("x/y.py", FileStatus.ADDED), FileChange("y.py", FileStatus.ADDED)),
    )
    assert find_versions("/home/me/work/x/y.py", two)[0].path == "x/y.py"
    assert find_versions("/home/me/work/z/y.py", two)[0].path == "y.py"

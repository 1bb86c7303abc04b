"""A change in parts: everything is shown exactly once, and nothing is longer than allowed."""

import difflib
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus, LineKind, Side, SkipKind
from reviewer.changes.patch import parse_patch
from reviewer.changes.text import apply_hunks
from reviewer.prompting.batch import Batch, Division, divide, redivide, render_change
from reviewer.prompting.scope import enclosing_lines
from reviewer.prompting.tokens import Calibration, estimate_tokens
from tests.support.shared import require
from tests.support.values import changes


def changed_lines(
    source: ChangeSet | Division | Batch,
) -> Counter[tuple[str, str, int | None, int | None, str]]:
    if isinstance(source, ChangeSet):
        files = list(source.files)
    else:
        batches = source.batches if isinstance(source, Division) else (source,)
        files = [section.change for batch in batches for section in batch.sections]
    return Counter(
        (f.path, line.kind.value, line.old, line.new, line.text)
        for f in files
        for h in f.hunks
        for line in h.changed()
    )


def test_small_change_is_one_batch():
    (batch,) = divide(changes(), globs=(), budget=1000).batches
    assert (batch.index, batch.count, batch.paths, batch.others) == (
        1,
        1,
        ("shop/cart.py", "shop/util.go"),
        (),
    )


def test_change_is_divided_at_files_then_hunks_then_lines():
    assert [b.paths for b in divide(changes(), globs=(), budget=130).batches] == [
        ("shop/cart.py",),
        ("shop/util.go",),
    ]
    division = divide(changes(), globs=(), budget=60)
    assert len(division.batches) > 2
    assert changed_lines(division) == changed_lines(changes())


@given(
    old=st.lists(st.sampled_from("abcdef"), max_size=30),
    new=st.lists(st.sampled_from("abcdef"), max_size=30),
    context=st.integers(0, 3),
)
def test_context_has_the_numbers_of_both_sides(old, new, context):
    """Also where a hunk has no line of one side, as in patches without context."""
    patch = "".join(
        line if line.endswith("\n") else f"{line}\n"
        for line in difflib.unified_diff(
            [f"{x}\n" for x in old], [f"{x}\n" for x in new], "a/x.txt", "b/x.txt", n=context
        )
    )
    if not patch:
        return
    (change,) = parse_patch(patch.encode(), name="t")
    if change.status is not FileStatus.MODIFIED:
        change = replace(change, status=FileStatus.MODIFIED)
    whole = replace(change, old_lines=tuple(old), new_lines=tuple(new))
    for batch in divide(ChangeSet("t", (whole,)), globs=(), budget=60).batches:
        for section in batch.sections:
            for hunk in section.change.hunks:
                for line in hunk.lines:
                    assert line.old is None or old[line.old - 1] == line.text
                    assert line.new is None or new[line.new - 1] == line.text


def test_line_that_fits_no_prompt_is_named():
    text = "--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1,2 @@\n+short\n+" + "word " * 400 + "\n"
    division = divide(ChangeSet("t", parse_patch(text.encode(), name="t")), globs=(), budget=100)
    (part,) = division.skipped
    assert (part.path, part.kind) == ("a.txt", SkipKind.IMPOSSIBLE)
    assert part.reason == "line 2 alone has more than the 100 tokens of a prompt"
    assert [line[4] for line in changed_lines(division)] == ["short"]


def test_globs_choose_files():
    division = divide(changes(), globs=("*.go",), budget=1000)
    assert [b.paths for b in division.batches] == [("shop/util.go",)]
    assert divide(changes(), globs=("*.rs",), budget=1000) == Division(())


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    budget=st.integers(40, 400),
    kept=st.integers(0, 3),
)
def test_every_changed_line_is_in_exactly_one_batch(sizes, budget, kept):
    files: list[FileChange] = []
    for number, size in enumerate(sizes):
        old = [f"old {n}" for n in range(kept)]
        body = [f" {line}" for line in old] + [f"+new_{n} = call({n})" for n in range(size)]
        text = (
            f"--- a/f{number}.py\n+++ b/f{number}.py\n@@ -1,{kept} +1,{kept + size} @@\n"
            + "\n".join(body)
            + "\n"
        )
        if not kept:
            text = text.replace("@@ -1,0", "@@ -0,0")
        files += parse_patch(text.encode(), name="t")
    whole = ChangeSet("t", tuple(files))
    division = divide(whole, globs=(), budget=budget)
    assert changed_lines(division) == changed_lines(whole)
    assert all(batch.tokens <= budget for batch in division.batches)
    assert [batch.index for batch in division.batches] == list(range(1, len(division.batches) + 1))


def with_text(old: str, hunk: str) -> FileChange:
    from dataclasses import replace

    (change,) = parse_patch(f"--- a/f.py\n+++ b/f.py\n{hunk}".encode(), name="t")
    lines = tuple(old.splitlines())
    return replace(change, old_lines=lines, new_lines=apply_hunks(lines, change.hunks))


OLD = "".join(f"line {n}\n" for n in range(1, 41))
HUNK = "@@ -20 +20,2 @@\n-line 20\n+LINE 20\n+more\n"


def test_context_is_added_from_the_whole_text(snapshot):
    change = with_text(OLD, HUNK)
    (batch,) = divide(ChangeSet("t", (change,)), globs=(), budget=1000).batches
    assert batch.sections[0].text == snapshot
    shown = batch.sections[0].change
    assert apply_hunks(change.old_lines or (), shown.hunks) == change.new_lines, "wider hunks say the same"


def test_context_of_neighbours_does_not_overlap():
    change = with_text(OLD, HUNK + "@@ -24 +25 @@\n-line 24\n+LINE 24\n@@ -39,2 +40 @@\n-line 39\n line 40\n")
    (batch,) = divide(ChangeSet("t", (change,)), globs=(), budget=2000).batches
    numbers = [line.new for h in batch.sections[0].change.hunks for line in h.lines if line.new]
    assert numbers == sorted(set(numbers))
    assert apply_hunks(change.old_lines or (), batch.sections[0].change.hunks) == change.new_lines


def test_divided_hunks_show_no_changed_line_as_context():
    old = "".join(f"a{n}\n" for n in range(60))
    body = "".join(f"-a{n}\n+b{n} = value({n})\n" for n in range(10, 50))
    change = with_text(old, f"@@ -11,40 +11,40 @@\n{body}")
    division = divide(ChangeSet("t", (change,)), globs=(), budget=150)
    assert len(division.batches) > 3
    for batch in division.batches:
        for section in batch.sections:
            for hunk in section.change.hunks:
                for line in hunk.lines:
                    if line.kind is LineKind.CONTEXT:
                        assert line.text == change.text_at(Side.OLD, line.old or 0)


def test_redivide_keeps_every_line():
    (batch,) = divide(changes(), globs=(), budget=1000).batches
    smaller = redivide(batch, budget=60)
    assert len(smaller.batches) > 1
    assert changed_lines(smaller) == changed_lines(batch)
    assert {(b.index, b.count) for b in smaller.batches} == {(1, 1)}


def test_removed_file_and_missing_line_feed(snapshot):
    text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n"
    rendered = "\n".join(render_change(c) for c in parse_patch(text.encode(), name="t"))
    assert rendered == snapshot


CODE = """\
class Cart:
    def __init__(self):
        self.items = []

    # a comment
    def mean(self):
        if self.items:
            for item in self.items:
                total = item
        else:
            total = 0
        return total
""".splitlines()

SCOPES = [(9, (1, 6, 7, 8)), (11, (1, 6)), (12, (1, 6)), (3, (1, 2)), (1, ()), (6, (1,))]


@pytest.mark.parametrize(("line", "expected"), SCOPES)
def test_enclosing_blocks_by_indentation(line, expected):
    assert enclosing_lines(CODE, line) == expected


def test_enclosing_blocks_in_braces():
    code = "func (c *Client) Connect() error {\n\tif x {\n\t\tcall()\n\t} else {\n\t\tother()\n\t}\n}\n".splitlines()
    assert enclosing_lines(code, 5) == (1,)
    assert enclosing_lines(code, 3) == (1, 2)
    assert enclosing_lines(["", ""], 2) == ()


ESTIMATES = [("", 0), ("hello world", 3), ("x" * 1000, 115), ("1234567890", 15), ("日本", 1), ("a\n\n  b", 3)]


@pytest.mark.parametrize(("text", "tokens"), ESTIMATES)
def test_estimate(text, tokens):
    assert estimate_tokens(text) == tokens


def test_calibration_learns_within_bounds():
    none = Calibration()
    assert none.factor("m") == 1.0
    assert none.observe("m", estimated=0, counted=10) == none
    one = none.observe("m", estimated=100, counted=140)
    assert one.factor("m") == pytest.approx(1.4)
    assert one.observe("m", estimated=100, counted=100).factor("m") == pytest.approx(1.28)
    assert none.observe("m", estimated=100, counted=100_000).factor("m") == 2.5
    assert none.observe("m", estimated=100, counted=1).factor("m") == 0.7


def test_large_diff_is_divided_quickly_and_wholly():
    data = require("cases", "aacr", "diffs", "cline__cline__5524.diff").read_bytes()
    whole = ChangeSet("t", parse_patch(data, name="t"))
    division = divide(whole, globs=(), budget=1500)
    assert changed_lines(division) == changed_lines(whole)
    assert division.skipped == ()
    assert {f.path for f in whole.files if f.status is not FileStatus.DELETED or f.hunks} == {
        path for batch in division.batches for path in batch.paths
    }


@given(st.text(max_size=200))
def test_tokens_are_counted_as_the_fit_defines(text):
    """The fit in words of regular expressions; what is measured must not change when counting gets faster."""
    text = text.encode("utf-8", "replace").decode()
    words = re.findall(r"[A-Za-z]+", text)
    foreign = sum(len(character.encode()) for character in text if ord(character) > 127)
    expected = (
        0.114 * sum(map(len, words))
        + 0.73 * len(words)
        + 1.5 * len(re.findall(r"[0-9]", text))
        + 0.59 * len(re.findall(r"[!-/:-@\[-`{-~]", text))
        + 0.64 * len(re.findall(r"[ \t]{2,}|\n+", text))
        + 0.22 * foreign
    )
    assert estimate_tokens(text) == round(expected)

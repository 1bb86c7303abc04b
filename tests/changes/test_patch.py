"""Diff text to changes: what is read, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.changes.changeset import FileStatus, Line, LineKind, Side
from reviewer.changes.patch import parse_patch
from reviewer.changes.text import apply_hunks
from reviewer.errors import PatchError

SIMPLE = """\
diff --git a/app.py b/app.py
index 1111111..2222222 100644
--- a/app.py
+++ b/app.py
@@ -1,3 +1,3 @@ def first():
 one
-two
+TWO
 three
"""


def parse(text: str | bytes):
    return parse_patch(text.encode() if isinstance(text, str) else text, name="fix.patch")


def test_lines_know_their_number_on_both_sides():
    (change,) = parse(SIMPLE)
    assert change.status is FileStatus.MODIFIED
    assert change.hunks[0].section == "def first():"
    assert change.hunks[0].lines == (
        Line(LineKind.CONTEXT, "one", 1, 1),
        Line(LineKind.REMOVED, "two", 2, None),
        Line(LineKind.ADDED, "TWO", None, 2),
        Line(LineKind.CONTEXT, "three", 3, 3),
    )
    assert (change.added, change.removed) == (1, 1)
    assert change.changed_numbers(Side.NEW) == {2}
    assert change.changed_numbers(Side.OLD) == {2}
    assert (change.old_id, change.new_id, change.new_mode) == ("1111111", "2222222", "100644")


HEADERS = {
    "new file": (
        "diff --git a/n.py b/n.py\nnew file mode 100755\nindex 0000000..2222222\n"
        "--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+x\n",
        ("n.py", None, FileStatus.ADDED),
    ),
    "deleted file": (
        "diff --git a/d.py b/d.py\ndeleted file mode 100644\nindex 1111111..0000000\n"
        "--- a/d.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
        ("d.py", None, FileStatus.DELETED),
    ),
    "empty new file": (
        "diff --git a/e f.py b/e f.py\nnew file mode 100644\nindex 0000000..e69de29\n",
        ("e f.py", None, FileStatus.ADDED),
    ),
    "rename without change": (
        "diff --git a/a b.py b/c d.py\nsimilarity index 100%\nrename from a b.py\nrename to c d.py\n",
        ("c d.py", "a b.py", FileStatus.RENAMED),
    ),
    "copy": (
        "diff --git a/a.py b/b.py\nsimilarity index 100%\ncopy from a.py\ncopy to b.py\n",
        ("b.py", "a.py", FileStatus.COPIED),
    ),
    "mode change of a name with blanks": (
        "diff --git a/my tool b/my tool\nold mode 100644\nnew mode 100755\n",
        ("my tool", None, FileStatus.MODIFIED),
    ),
    "quoted name": (
        'diff --git "a/t\\303\\274r\\t\\"x\\".py" "b/t\\303\\274r\\t\\"x\\".py"\n'
        '--- "a/t\\303\\274r\\t\\"x\\".py"\n+++ "b/t\\303\\274r\\t\\"x\\".py"\n@@ -1 +1 @@\n-x\n+y\n',
        ('tür\t"x".py', None, FileStatus.MODIFIED),
    ),
    "quoted name that is not UTF-8": (
        'diff --git "a/\\377.py" "b/\\377.py"\nold mode 100644\nnew mode 100755\n',
        ("\\xff.py", None, FileStatus.MODIFIED),
    ),
    "only the second name is quoted": (
        'diff --git a/x.py "b/x.py"\nold mode 100644\nnew mode 100755\n',
        ("x.py", None, FileStatus.MODIFIED),
    ),
    "no prefix": (
        "diff --git src/x.py src/x.py\n--- src/x.py\n+++ src/x.py\n@@ -1 +1 @@\n-x\n+y\n",
        ("src/x.py", None, FileStatus.MODIFIED),
    ),
    "no prefix in a folder named b": (
        "diff --git b/x.py b/x.py\nnew file mode 100644\n--- /dev/null\n+++ b/x.py\n@@ -0,0 +1 @@\n+y\n",
        ("b/x.py", None, FileStatus.ADDED),
    ),
    "mnemonic prefixes": (
        "diff --git i/x.py w/x.py\n--- i/x.py\n+++ w/x.py\n@@ -1 +1 @@\n-x\n+y\n",
        ("x.py", None, FileStatus.MODIFIED),
    ),
    "plain diff with time stamps": (
        "--- a/x.c\t2026-01-01 00:00:00\n+++ b/x.c\t2026-01-02 00:00:00\n@@ -1 +1 @@\n-x\n+y\n",
        ("x.c", None, FileStatus.MODIFIED),
    ),
    "plain diff of a new file": (
        "--- /dev/null\n+++ b/x.c\n@@ -0,0 +1 @@\n+y\n",
        ("x.c", None, FileStatus.ADDED),
    ),
    "plain diff of a removed file": (
        "--- a/x.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\n",
        ("x.c", None, FileStatus.DELETED),
    ),
    "name with a trailing tab": (
        "diff --git a/a b.c b/a b.c\n--- a/a b.c\t\n+++ b/a b.c\t\n@@ -1 +1 @@\n-x\n+y\n",
        ("a b.c", None, FileStatus.MODIFIED),
    ),
    "subversion": (
        "Index: x.c\n=====\n--- x.c\t(revision 1)\n+++ x.c\t(working copy)\n@@ -1 +1 @@\n-x\n+y\n",
        ("x.c", None, FileStatus.MODIFIED),
    ),
}


@pytest.mark.parametrize(("text", "expected"), HEADERS.values(), ids=HEADERS)
def test_header(text, expected):
    (change,) = parse(text)
    assert (change.path, change.old_path, change.status) == expected


MALFORMED = {
    "hunk ends too early": (SIMPLE.replace(" three\n", ""), 8),
    "patch ends inside a hunk": (SIMPLE.rsplit("+TWO", 1)[0], 7),
    "next file inside a hunk": (SIMPLE.replace(" three\n", "") + SIMPLE, 9),
    "next plain file where a line is missing": (
        SIMPLE.replace(" three\n", "") + "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-x\n+y\n",
        11,
    ),
    "broken hunk header": (SIMPLE.replace("@@ -1,3", "@@ -1,x"), 5),
    "a number as long as a book": (SIMPLE.replace("@@ -1,3", "@@ -1," + "9" * 5000), 5),
    "hunk without a file": ("@@ -1 +1 @@\n-x\n+y\n", 1),
    "names without a hunk": ("--- a/x\n+++ b/x\n", 2),
    "names without a hunk, then a file": ("--- a/x\n+++ b/x\n" + SIMPLE, 3),
    "hunks out of order": (SIMPLE + "@@ -2 +2 @@\n-x\n+y\n", 10),
    "combined diff": ("diff --cc a.py\nindex 1,2..3\n--- a/a.py\n+++ b/a.py\n@@@ -1 -1 +1 @@@\n", 1),
    "binary data cut off": (
        "diff --git a/i b/i\nindex 1..2 100644\nGIT binary patch\nliteral 9\nQc$abc\n",
        5,
    ),
    "prose": ("Hello,\nplease review.\n", 1),
    "no name": ("diff --git\n", 1),
    "no name at all": ("diff --git x\nold mode 100644\nnew mode 100755\n", 1),
}


SURPLUS = {
    "context": (" four\n", (4, 4), 1),
    "removed": ("-four\n", (4, 3), 2),
    "added": ("+four\n+five\n", (3, 5), 3),
}


@pytest.mark.parametrize(("more", "counts", "changed"), SURPLUS.values(), ids=SURPLUS)
def test_more_lines_than_announced_are_read_and_counted(more, counts, changed):
    following = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-x\n+y\n"
    for rest in ("", following, "-- \n2.39.5\n"):
        first, *others = parse(SIMPLE + more + rest)
        (hunk,) = first.hunks
        assert hunk.recounted
        assert (hunk.old_count, hunk.new_count) == counts
        assert len(list(hunk.changed())) == changed + 1
        assert [change.path for change in others] == (["x.py"] if rest == following else [])
    assert not parse(SIMPLE)[0].hunks[0].recounted


@pytest.mark.parametrize(("text", "line"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_patch_is_refused_with_its_line(text, line):
    with pytest.raises(PatchError, match=rf"^fix\.patch:{line}: malformed patch: ") as caught:
        parse(text)
    assert caught.value.line == line


def test_format_patch_series_with_signatures_and_messages():
    mail = (
        "From {id} Mon Sep 17 00:00:00 2001\nFrom: A <a@example.com>\nSubject: [PATCH] change\n\n"
        "The message may hold anything:\n@@ -1 +1 @@\n+ like this\n---\n app.py | 2 +-\n\n"
        + SIMPLE
        + "-- \n2.39.5\n\n"
    )
    changes = parse(mail.format(id="1" * 40) + mail.format(id="2" * 40))
    assert [change.path for change in changes] == ["app.py", "app.py"]
    assert [change.added for change in changes] == [1, 1]


def test_binary_changes_have_no_lines():
    changes = parse(
        "diff --git a/i.png b/i.png\nindex 1..2 100644\nBinary files a/i.png and b/i.png differ\n"
        "diff --git a/j.png b/j.png\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmb\n\nliteral 2\nJcm\n\n"
        + SIMPLE
    )
    assert [(c.path, c.binary, bool(c.hunks)) for c in changes] == [
        ("i.png", True, False),
        ("j.png", True, False),
        ("app.py", False, True),
    ]


def test_missing_line_feed_at_the_end_is_kept_by_side():
    (change,) = parse(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n\\ No newline at end of file\n"
    )
    assert change.hunks[0].no_newline == (Side.OLD, Side.NEW)
    (change,) = parse("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-y\n+x\n z\n\\ No newline at end of file\n")
    assert change.hunks[0].no_newline == (Side.OLD, Side.NEW)
    (change,) = parse("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n")
    assert change.hunks[0].no_newline == (Side.OLD,)


def test_carriage_returns_belong_to_the_line_unless_the_whole_patch_was_converted():
    (change,) = parse(SIMPLE.replace("+TWO\n", "+TWO\r\n"))
    assert change.hunks[0].lines[2].text == "TWO\r"
    (change,) = parse(SIMPLE.replace("\n", "\r\n"))
    assert change.hunks[0].lines[2].text == "TWO"
    assert change.path == "app.py"


def test_blank_context_line_without_its_blank():
    (change,) = parse("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n")
    assert change.hunks[0].lines[1] == Line(LineKind.CONTEXT, "", 2, 2)


def test_lines_are_split_at_line_feeds_only():
    (change,) = parse("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+a\x0cb\u2028c\x85d\n")
    assert change.hunks[0].lines[1].text == "a\x0cb\u2028c\x85d"


def test_bytes_that_are_not_utf8_are_read_line_by_line():
    (change,) = parse(SIMPLE.replace("TWO", "gr\u00fcn").encode("latin-1") + SIMPLE.encode()[:0])
    assert change.hunks[0].lines[2].text == "grün"


def test_nothing_is_no_patch():
    assert parse("") == ()
    assert parse(" \n\n") == ()


words = st.lists(st.sampled_from(["a", "b", "c", "", "-", "+x", "@@", "--- a", "\\", " "]), max_size=8)


@given(old=words, new=words)
def test_any_diff_reads_back_to_the_text_it_was_made_from(tmp_path_factory, old, new):
    folder = tmp_path_factory.mktemp("diff")
    text = unified(folder, old, new)
    if not text:
        assert old == new
        return
    (change,) = parse(text)
    assert apply_hunks(old, change.hunks) == tuple(new)


def unified(folder: Path, old: list[str], new: list[str]) -> str:
    import subprocess  # only this helper starts a program

    for name, lines in (("old", old), ("new", new)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    command = ["git", "diff", "--no-index", "--no-color", "old", "new"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@given(data=st.binary(max_size=200), at=st.integers(0, len(SIMPLE)))
def test_any_bytes_are_read_or_refused(data, at):
    try:
        parse(SIMPLE.encode()[:at] + data + SIMPLE.encode()[at:])
    except PatchError as error:
        assert error.line >= 1

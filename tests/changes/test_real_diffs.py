"""Real diffs: every line is where git itself puts it."""

import subprocess

import pytest

from reviewer.changes.changeset import FileChange, FileStatus, LineKind, Side
from reviewer.changes.patch import parse_patch
from reviewer.changes.text import decode_lines
from tests.support.repository import Builder
from tests.support.shared import require, rows

MISCOUNTED = "synthetic__perf-progress-dialog-deleteall-01"
"""A diff that git takes only with --recount."""


def old_text(change: FileChange) -> bytes:
    """A text that has the old lines where the hunks say, and something else in between.

    It goes on behind the last hunk only if that has its full context: git takes less for the file's end.
    """
    shown = change.hunk_lines(Side.OLD)
    behind = 5 if all(line.kind is LineKind.CONTEXT for line in change.hunks[-1].lines[-3:]) else 0
    text = "\n".join(shown.get(n, f"filler {n}") for n in range(1, max(shown, default=0) + behind + 1))
    complete = any(Side.OLD in hunk.no_newline for hunk in change.hunks)
    return (text if complete or not text else f"{text}\n").encode()


def check(folder, patch: bytes, name: str) -> int:
    """Compare with `git apply`; returns how many lines were compared."""
    changes = parse_patch(patch, name=name)
    repo = Builder.create(folder)
    for change in changes:
        if change.status is not FileStatus.ADDED and change.hunks:
            repo.write(change.old_path or change.path, old_text(change))
    (folder / "the.patch").write_bytes(patch)
    done = subprocess.run(
        ["git", "apply", "--recount", "--whitespace=nowarn", "the.patch"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    compared = 0
    for change in changes:
        if change.status is FileStatus.DELETED:
            assert not (folder / change.path).exists()
            continue
        made = decode_lines((folder / change.path).read_bytes())
        shown = change.hunk_lines(Side.NEW)
        assert {number: made[number - 1] for number in shown} == shown
        compared += len(shown)
    return compared


def test_pull_requests(tmp_path):
    folder = require("cases", "aacr", "diffs")
    compared = sum(
        check(tmp_path / file.stem, file.read_bytes(), file.name) for file in sorted(folder.glob("*.diff"))
    )
    print(f"aacr: {compared} lines of {len(list(folder.glob('*.diff')))} diffs, all equal")
    assert compared > 2000


def test_lines_that_people_commented_on():
    """The text that the comment's author saw at (path, side, line) is the text that is read there."""
    compared = 0
    diffs = {}
    for comment in rows("cases", "aacr", "comments.jsonl"):
        name = comment["pr_id"]
        if name not in diffs:
            diffs[name] = parse_patch(
                require("cases", "aacr", "diffs", f"{name}.diff").read_bytes(), name=name
            )
        side = Side.NEW if comment["side"] == "right" else Side.OLD
        if not comment["whole_range_in_hunks"]:
            continue
        (change,) = [c for c in diffs[name] if comment["path"] in {c.path, c.old_path}]
        numbers = range(comment["from_line"], comment["to_line"] + 1)
        assert [change.text_at(side, number) for number in numbers] == comment["anchored_text"]
        compared += len(numbers)
    assert compared > 80


def test_a_miscounted_patch_is_counted_again():
    """The first hunk of one of the diffs has one line more than its header announces."""
    for row in rows("cases", "bcbench", "codereview.jsonl"):
        if row["instance_id"] == MISCOUNTED:
            first, *rest = parse_patch(row["patch"].encode(), name=MISCOUNTED)
            assert [hunk.recounted for hunk in first.hunks] == [True]
            assert first.hunks[0].old_count == 11
            assert not any(hunk.recounted for change in rest for hunk in change.hunks)


@pytest.mark.parametrize("part", range(4))
def test_small_diffs(tmp_path, part):
    for row in rows("cases", "bcbench", "codereview.jsonl")[part::4]:
        name, patch = row["instance_id"], row["patch"].encode()
        assert check(tmp_path / name, patch, name) > 0

"""Targets on real git: what is compared, and that every line is where the diff says."""

import os
import subprocess
from pathlib import Path

import pytest

from reviewer.changes.changeset import ChangeSet, FileStatus, Side, SkipKind
from reviewer.changes.collect import collect
from reviewer.changes.target import (
    Base,
    Commit,
    Place,
    Range,
    Selection,
    Snapshot,
    Staged,
    Target,
    Uncommitted,
    Worktree,
    parse_range,
)
from reviewer.changes.text import decode_lines
from reviewer.errors import SourceError, UsageError
from tests.support.repository import Builder


def look(repo: Builder, target: Target, *, below: str = "", **selection) -> ChangeSet:
    return collect(target, Selection(**selection), Place(repo.root / below))


def summary(changes: ChangeSet) -> list[str]:
    return [f"{c.status} {c.path} +{c.added} -{c.removed}" for c in changes.files]


@pytest.fixture
def branch(repo):
    """A branch one commit ahead of main, with staged, unstaged and untracked changes on top."""
    repo.commit({"app.py": "one\ntwo\n", "same.py": "same\n"}, "start")
    repo.branch("topic").commit({"committed.py": "c\n"}, "topic")
    repo.write("staged.py", "staged\n").git("add", "staged.py")
    repo.write("staged.py", "staged\nmore\n").write("app.py", "one\nTWO\n").write("new.py", "new\n")
    return repo


def test_without_a_target_all_that_the_branch_has_is_reviewed(branch):
    changes = look(branch, Worktree())
    assert changes.title == "changes over main"
    assert summary(changes) == [
        "modified app.py +1 -1",
        "added committed.py +1 -0",
        "added new.py +1 -0",
        "added staged.py +2 -0",
    ]
    assert changes.base == branch.git("rev-parse", "main")


def test_uncommitted(branch):
    changes = look(branch, Uncommitted())
    assert [c.path for c in changes.files] == ["app.py", "new.py", "staged.py"]


def test_staged_takes_the_index_and_not_the_working_tree(branch):
    changes = look(branch, Staged())
    assert summary(changes) == ["added staged.py +1 -0"]
    assert changes.files[0].new_lines == ("staged",)


def test_base(branch):
    assert look(branch, Base("HEAD")).files == look(branch, Uncommitted()).files
    assert "compared with commit" in look(branch, Base("main")).notes[0]


def test_nothing_of_the_repository_is_changed(branch):
    before = branch.git("status", "--porcelain=v2"), (branch.root / ".git/index").read_bytes()
    look(branch, Worktree())
    assert (branch.git("status", "--porcelain=v2"), (branch.root / ".git/index").read_bytes()) == before


def test_default_branch_with_a_clean_tree_has_nothing(repo):
    repo.commit({"a.py": "a\n"})
    changes = look(repo, Worktree())
    assert (changes.files, changes.notes) == ((), ("nothing is committed over main",))


def test_default_branch_with_unpushed_commits_is_compared_with_the_remote(repo, tmp_path):
    repo.commit({"a.py": "a\n"})
    clone = clone_of(repo, tmp_path)
    clone.commit({"b.py": "b\n"})
    assert summary(look(clone, Worktree())) == ["added b.py +1 -0"]


def test_branch_off_an_unpushed_default_branch_does_not_get_its_commits(repo, tmp_path):
    repo.commit({"a.py": "a\n"})
    clone = clone_of(repo, tmp_path)
    clone.commit({"b.py": "b\n"})
    clone.branch("topic").commit({"c.py": "c\n"})
    assert summary(look(clone, Worktree())) == ["added c.py +1 -0"]


def clone_of(repo: Builder, tmp_path, *options: str) -> Builder:
    target = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", *options, f"file://{repo.root}", str(target)], check=True)
    return Builder(target)


def test_ranges(branch):
    branch.git("stash", "-u")
    branch.git("checkout", "-q", "main")
    branch.commit({"main.py": "m\n"}, "main moves on")
    two = look(branch, Range("main", "topic", symmetric=False))
    three = look(branch, Range("main", "topic", symmetric=True))
    assert [c.path for c in two.files] == ["committed.py", "main.py"]
    assert [c.path for c in three.files] == ["committed.py"]
    assert (two.title, three.title) == ("main..topic", "main...topic")
    assert three.head == branch.git("rev-parse", "topic")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a..b", Range("a", "b", symmetric=False)),
        ("a...b", Range("a", "b", symmetric=True)),
        ("a..", Range("a", "HEAD", symmetric=False)),
        ("...b", Range("HEAD", "b", symmetric=True)),
    ],
)
def test_range_text(text, expected):
    assert parse_range(text) == expected


def test_a_word_is_no_range():
    with pytest.raises(UsageError, match="`--commit main`"):
        parse_range("main")


def test_commit(branch):
    changes = look(branch, Commit("HEAD"))
    assert summary(changes) == ["added committed.py +1 -0"]
    assert changes.title.endswith("(topic)")


def test_root_commit(branch):
    assert summary(look(branch, Commit("main"))) == ["added app.py +2 -0", "added same.py +1 -0"]


def test_merge_commit_is_compared_with_its_first_parent(branch):
    branch.git("stash", "-u")
    branch.git("checkout", "-q", "main")
    branch.commit({"main.py": "m\n"})
    branch.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
    changes = look(branch, Commit("HEAD"))
    assert summary(changes) == ["added committed.py +1 -0"]
    assert changes.notes == ("a merge commit, compared with its first parent",)


def test_unknown_revision(branch):
    with pytest.raises(SourceError, match="git knows no commit named 'nope'"):
        look(branch, Commit("nope"))
    with pytest.raises(SourceError, match="git knows no commit named '--output=x'"):
        look(branch, Commit("--output=x"))


def test_unknown_revision_with_a_remote_suggests_to_fetch(repo, tmp_path):
    repo.commit({"a.py": "a\n"})
    with pytest.raises(SourceError, match="run `git fetch origin` first"):
        look(clone_of(repo, tmp_path), Commit("nope"))


def test_repository_without_commits(repo):
    repo.write("a.py", "a\n")
    assert look(repo, Worktree()).title == "all files (no commits yet)"
    assert summary(look(repo, Uncommitted())) == ["added a.py +1 -0"]
    assert look(repo, Staged()).files == ()
    repo.git("add", "a.py")
    assert summary(look(repo, Staged())) == ["added a.py +1 -0"]
    with pytest.raises(SourceError, match="no commits yet"):
        look(repo, Commit("HEAD"))


def test_detached_head(branch):
    branch.git("stash", "-u")
    branch.git("checkout", "-q", "--detach")
    assert [c.path for c in look(branch, Worktree()).files] == ["committed.py"]


def test_shallow_clone_names_the_fetch_to_run(repo, tmp_path):
    repo.commit({"a.py": "a\n"})
    repo.commit({"a.py": "b\n"})
    repo.branch("topic").commit({"c.py": "c\n"})
    repo.git("checkout", "-q", "main")
    clone = clone_of(repo, tmp_path, "--depth=1", "--no-single-branch", "--branch=topic")
    with pytest.raises(SourceError, match="does not reach back.*`git fetch --unshallow`"):
        look(clone, Worktree())
    with pytest.raises(SourceError, match=r"not in this shallow clone\. Run `git fetch --deepen=1`"):
        look(clone, Commit("HEAD"))
    with pytest.raises(SourceError, match="This clone is shallow"):
        look(clone, Commit("HEAD~1"))


def test_clone_of_a_single_other_branch_asks_for_a_base(repo, tmp_path):
    repo.commit({"a.py": "a\n"})
    repo.branch("topic").commit({"c.py": "c\n"})
    clone = clone_of(repo, tmp_path, "--branch=topic", "--single-branch")
    clone.git("remote", "set-head", "origin", "--delete")  # as a CI check-out leaves it
    with pytest.raises(SourceError, match="no default branch was found.*--base REF"):
        look(clone, Worktree())


def test_unrelated_histories(repo):
    repo.commit({"a.py": "a\n"})
    repo.git("checkout", "-q", "--orphan", "other")
    repo.commit({"b.py": "b\n"})
    with pytest.raises(SourceError, match="no common ancestor"):
        look(repo, Worktree())


def test_linked_worktree_and_sub_folder(branch, tmp_path):
    branch.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "linked", "main")
    linked = Builder(tmp_path / "linked")
    linked.write("src/deep/x.py", "x\n")
    assert summary(look(linked, Worktree(), below="src/deep")) == ["added src/deep/x.py +1 -0"]


def test_bare_repository(branch, tmp_path):
    bare = clone_of(branch, tmp_path, "--bare")
    assert summary(look(bare, Commit("topic"))) == ["added committed.py +1 -0"]
    for target in (Worktree(), Snapshot()):
        with pytest.raises(SourceError, match="there is no working tree here"):
            look(bare, target)


def test_outside_a_repository(tmp_path):
    with pytest.raises(SourceError, match="is not in a git repository.*--patch FILE"):
        collect(Worktree(), Selection(), Place(tmp_path))


def test_owner_that_git_does_not_trust(branch, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(SourceError, match="git does not trust this repository's owner"):
        look(branch, Worktree())


def test_git_missing(branch, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match="git was not found"):
        look(branch, Worktree())


def test_renames_copies_and_modes(repo):
    body = "".join(f"line {n}\n" for n in range(30))
    repo.commit({"old.py": body, "kept.py": body.replace("line", "row"), "run.sh": "echo\n"})
    repo.git("mv", "old.py", "new name.py")
    repo.write("new name.py", body.replace("line 3\n", "LINE 3\n"))
    repo.write("kept.py", body.replace("line", "row") + "more\n")
    repo.write("copy.py", body.replace("line", "row"))
    (repo.root / "run.sh").chmod(0o755)
    repo.commit()
    changes = look(repo, Commit("HEAD"))
    assert {(c.status, c.path, c.old_path) for c in changes.files} == {
        (FileStatus.MODIFIED, "kept.py", None),
        (FileStatus.RENAMED, "new name.py", "old.py"),
    }
    assert {(s.path, s.kind, s.reason) for s in changes.skipped} == {
        ("copy.py", SkipKind.NO_LINES, "copied from kept.py without changed lines"),
        ("run.sh", SkipKind.NO_LINES, "only its mode changed, 100644 to 100755"),
    }
    renamed = changes.versions("old.py")[0]
    assert (renamed.text_at(Side.OLD, 4), renamed.text_at(Side.NEW, 4)) == ("line 3", "LINE 3")


def test_untracked_file_that_is_a_rename(repo):
    body = "".join(f"line {n}\n" for n in range(30))
    repo.commit({"old.py": body})
    (repo.root / "old.py").rename(repo.root / "moved.py")
    assert look(repo, Uncommitted()).skipped[0].reason == "renamed from old.py without changed lines"


def test_file_that_left_the_index_but_lies_in_the_tree(repo):
    repo.commit({"a.py": "one\n"})
    repo.git("rm", "-q", "--cached", "a.py")
    repo.write("a.py", "two\n")
    assert summary(look(repo, Uncommitted())) == ["modified a.py +1 -1"]


def test_binary_submodule_link_and_empty_files_are_named(repo, tmp_path):
    repo.commit({"a.py": "a\n"})
    inner = Builder.create(tmp_path / "inner")
    inner.commit({"x": "x\n"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "sub")
    (repo.root / "link").symlink_to("/etc/passwd")
    repo.write("image.png", b"\x89PNG\0\0").write("empty.py", "").commit()
    changes = look(repo, Commit("HEAD"))
    assert {(s.path, s.reason.split(",")[0]) for s in changes.skipped} == {
        ("image.png", "binary file"),
        ("empty.py", "empty file"),
        ("sub", "submodule"),
    }
    (link,) = changes.versions("link")
    assert link.new_lines == ("/etc/passwd",), "the link's own content, not what it leads to"


def test_nested_repository_is_not_part_of_the_change(repo, tmp_path):
    repo.commit({"a.py": "a\n"})
    Builder.create(repo.root / "nested").commit({"x": "x\n"})
    repo.write("b.py", "b\n")
    changes = look(repo, Uncommitted())
    assert summary(changes) == ["added b.py +1 -0"]
    (nested,) = changes.skipped
    assert (nested.path, nested.reason) == ("nested", "a repository of its own inside this one")
    (nested,) = look(repo, Snapshot(())).skipped
    assert (nested.path, nested.reason) == ("nested", "a repository of its own inside this one")


def test_source_that_git_takes_for_binary_is_not_left_out_in_silence(repo):
    repo.commit({".gitattributes": "hidden.py -diff\n"})
    repo.write("hidden.py", "eval(x)\n").write("nul.go", b"package x\0\n").write("image.png", b"\x89PNG\0")
    found = {part.path: part.kind for part in look(repo, Uncommitted()).skipped}
    assert found == {
        "hidden.py": SkipKind.IMPOSSIBLE,
        "nul.go": SkipKind.IMPOSSIBLE,
        "image.png": SkipKind.BY_RULE,
    }


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not stop this user")
def test_file_that_cannot_be_read_is_named(repo):
    repo.commit({"a.py": "a\n", "b.py": "b\n"})
    (repo.root / "b.py").chmod(0)
    (part,) = look(repo, Snapshot(())).skipped
    assert (part.path, part.kind, part.reason) == (
        "b.py",
        SkipKind.IMPOSSIBLE,
        "cannot be read: Permission denied",
    )


NAMES = [
    "with blank.py",
    'quo"te.py',
    "tab\there.py",
    "ünïcode/日本.py",
    "back\\slash.py",
    "-dash.py",
    ":(top)x.py",
]


@pytest.mark.parametrize("name", NAMES)
def test_names(repo, name):
    repo.commit({name: "old\n"})
    repo.write(name, "new\n").write(f"untracked {name}", "x\n")
    assert set(summary(look(repo, Uncommitted()))) == {
        f"modified {name} +1 -1",
        f"added untracked {name} +1 -0",
    }
    assert {c.path for c in look(repo, Snapshot()).files} == {name, f"untracked {name}"}


def test_name_that_is_not_utf8(repo):
    repo.commit({"a.py": "a\n"})
    place = os.fsencode(repo.root) + b"/b\xff.py"
    Path(os.fsdecode(place)).write_bytes(b"b\n")
    assert summary(look(repo, Uncommitted())) == ["added b\\xff.py +1 -0"]
    assert [c.path for c in look(repo, Snapshot()).files] == ["a.py", "b\\xff.py"]


CONTENTS = {
    "carriage returns": (b"a\r\nb\r\n", b"a\r\nB\r\n"),
    "mixed line ends": (b"a\r\nb\nc\r", b"a\r\nB\nc\r"),
    "no line feed at the end": (b"a\nb", b"a\nB"),
    "line feed added at the end": (b"a\nb", b"a\nb\n"),
    "latin-1": ("grün\nrot\n".encode("latin-1"), "grün\nblaß\n".encode("latin-1")),
    "from latin-1 to utf-8": ("grün\nx\n".encode("latin-1"), "grün\nx\n".encode()),
    "byte order mark": ("\ufeffa\nb\n".encode(), "\ufeffa\nc\n".encode()),
    "separators that are no line ends": ("a\x0c\u2028b\n".encode(), "a\x0c\u2028c\n".encode()),
    "lines that look like a diff": (
        b"--- a\n+++ b\n@@ -1 +1 @@\n",
        b"-- x\n+++ b\n@@ -1 +1 @@\ndiff --git a b\n",
    ),
}


@pytest.mark.parametrize(("old", "new"), CONTENTS.values(), ids=CONTENTS)
def test_text_equals_the_blob_on_both_sides(repo, old, new):
    base = repo.commit({"f.txt": old, "other.txt": "x\n"})
    repo.commit({"f.txt": new})
    changes = look(repo, Commit("HEAD"))
    (change,) = changes.files
    for side, revision in ((Side.OLD, base), (Side.NEW, "HEAD")):
        blob = decode_lines(repo.blob(revision, "f.txt"))
        assert list(change.lines(side) or ()) == blob
        assert all(blob[n - 1] == text for n, text in change.hunk_lines(side).items())


def test_working_tree_text_is_normalised_as_git_does(repo):
    repo.git("config", "core.autocrlf", "true")
    repo.commit({"a.txt": "one\ntwo\n"})
    repo.write("a.txt", "one\r\nTWO\r\n")
    (change,) = look(repo, Uncommitted()).files
    assert change.new_lines == ("one", "TWO")
    assert (change.added, change.removed) == (1, 1)


SETTINGS = [
    "diff.noprefix=true",
    "diff.mnemonicPrefix=true",
    "diff.external=false",
    "diff.renames=false",
    "diff.context=0",
    "diff.interHunkContext=9",
    "diff.suppressBlankEmpty=true",
    "diff.orderFile=/nonexistent",
    "diff.relative=true",
    "diff.submodule=log",
    "diff.algorithm=patience",
    "diff.wsErrorHighlight=all",
    "diff.colorMoved=zebra",
    "diff.wordRegex=.",
    "diff.srcPrefix=x/",
    "diff.indentHeuristic=false",
    "diff.ignoreSubmodules=all",
    "color.ui=always",
    "color.diff=always",
    "core.quotePath=false",
    "core.splitIndex=true",
    "core.pager=false",
    "core.fsmonitor=false",
    "core.abbrev=5",
    "diff.renameLimit=1",
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_the_user_do_not_change_what_is_read(branch, setting):
    plain = [look(branch, target) for target in (Worktree(), Staged(), Commit("HEAD"))]
    branch.git("config", *setting.split("=", 1))
    assert [look(branch, target) for target in (Worktree(), Staged(), Commit("HEAD"))] == plain


@pytest.mark.parametrize(
    ("name", "value"), [("GIT_EXTERNAL_DIFF", "false"), ("GIT_DIFF_OPTS", "-u0"), ("GIT_PAGER", "false")]
)
def test_environment_of_the_user_does_not_change_what_is_read(branch, monkeypatch, name, value):
    plain = look(branch, Worktree())
    monkeypatch.setenv(name, value)
    assert look(branch, Worktree()) == plain


def test_textconv_and_external_drivers_are_not_run(repo):
    repo.commit({".gitattributes": "*.x diff=evil\n", "a.x": "a\n"})
    repo.git("config", "diff.evil.textconv", "touch ran; cat")
    repo.git("config", "diff.evil.command", "touch ran")
    repo.write("a.x", "b\n")
    assert summary(look(repo, Uncommitted())) == ["modified a.x +1 -1"]
    assert not (repo.root / "ran").exists()


def test_index_of_a_partial_commit_is_honoured(branch, monkeypatch):
    """`git commit FILE` gives its hooks another index by GIT_INDEX_FILE."""
    other = branch.root / ".git/other-index"
    branch.git("read-tree", f"--index-output={other}", "HEAD")
    monkeypatch.setenv("GIT_INDEX_FILE", str(other))
    assert look(branch, Staged()).files == ()


def test_snapshot(branch):
    (branch.root / "gone.py").touch()
    branch.git("add", "gone.py")
    (branch.root / "gone.py").unlink()
    (branch.root / "link").symlink_to("app.py")
    branch.write(".gitignore", "ignored.py\n").write("ignored.py", "x\n").write("b.bin", b"\0")
    changes = look(branch, Snapshot())
    assert changes.snapshot
    assert [c.path for c in changes.files] == [
        ".gitignore",
        "app.py",
        "committed.py",
        "link",
        "new.py",
        "same.py",
        "staged.py",
    ]
    (link,) = changes.versions("link")
    assert link.new_lines == ("app.py",)
    assert [s.path for s in changes.skipped] == ["b.bin"]
    assert changes.files[1].changed_numbers(Side.NEW) == {1, 2}


def test_snapshot_of_a_folder_from_a_sub_folder(repo):
    repo.commit({"src/a/x.py": "x\n", "src/b/y.py": "y\n", "z.py": "z\n"})
    changes = look(repo, Snapshot(("a", "../z.py")), below="src")
    assert [c.path for c in changes.files] == ["src/a/x.py", "z.py"]
    assert changes.title == "snapshot of a, ../z.py"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nope", "nope: there is no such file"),
        ("../elsewhere", "outside the repository"),
        ("empty", "no files to review under empty"),
    ],
)
def test_snapshot_path_without_files(repo, path, message):
    repo.commit({"a.py": "a\n"})
    (repo.root / "empty").mkdir()
    (repo.root.parent / "elsewhere").mkdir()
    with pytest.raises(SourceError, match=message):
        look(repo, Snapshot((path,)))


def test_snapshot_does_not_open_special_files(repo):
    repo.commit({"pipe": "x\n"})
    (repo.root / "pipe").unlink()
    os.mkfifo(repo.root / "pipe")
    assert look(repo, Snapshot()).skipped[0].path == "pipe"

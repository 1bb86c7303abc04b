"""Targets that git can diff: branch, working tree, index, range and commit."""

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from reviewer.changes.changeset import FileChange, FileStatus
from reviewer.changes.git import Repository
from reviewer.changes.patch import parse_patch
from reviewer.changes.revision import (
    default_fork,
    empty_tree,
    first_parent,
    head_commit,
    merge_base,
    resolve,
)
from reviewer.changes.target import Base, Commit, Range, Staged, Uncommitted, Worktree
from reviewer.changes.text import apply_hunks, decode_lines
from reviewer.errors import SourceError

GitTarget = Worktree | Uncommitted | Staged | Base | Range | Commit
WORKTREE = "working tree"
INDEX = "index"


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared.

    Attributes:
        title: the comparison, for people.
        base: full id of the old side's commit, or of the empty tree.
        head: full id of the new side's commit, or `WORKTREE` or `INDEX`.
        notes: what a reader should know about the choice.
    """

    title: str
    base: str
    head: str
    notes: tuple[str, ...] = ()


def sides_of(repository: Repository, target: GitTarget) -> Sides:
    """What a target compares in this repository.

    Raises:
        SourceError: a name means no commit, or history is missing.
    """
    match target:
        case Commit(revision):
            return _commit(repository, revision)
        case Range():
            return _range(repository, target)
        case _ if repository.bare:
            raise SourceError(
                "there is no working tree here: this is a bare repository, or the inside of a .git folder. "
                "Review a range `A..B` or `--commit REV`, or go to the working tree."
            )
        case _:
            return _unfinished(repository, target)


def _unfinished(repository: Repository, target: Worktree | Uncommitted | Staged | Base) -> Sides:
    head = head_commit(repository)
    last = head or empty_tree(repository)
    match target:
        case Staged():
            return Sides("staged changes", last, INDEX)
        case Base(ref):
            base = merge_base(repository, resolve(repository, ref), "HEAD")
            return Sides(f"all changes since {ref}", base, WORKTREE, (f"compared with commit {base[:12]}",))
        case Uncommitted():
            return Sides("uncommitted changes", last, WORKTREE)
        case Worktree():
            if not head:
                return Sides("all files (no commits yet)", last, WORKTREE)
            fork = default_fork(repository, head)
            if fork.commit == head:
                note = f"nothing is committed over {fork.branch}"
                return Sides("uncommitted changes", head, WORKTREE, (note,))
            note = f"compared with commit {fork.commit[:12]}, where it left {fork.branch}"
            return Sides(f"changes over {fork.branch}", fork.commit, WORKTREE, (note,))


def _commit(repository: Repository, revision: str) -> Sides:
    commit = resolve(repository, revision)
    subject = repository.line("log", "-1", "--format=%s", commit)
    notes: tuple[str, ...] = ()
    if repository.line("rev-parse", "--verify", "--quiet", f"{commit}^2"):
        notes = ("a merge commit, compared with its first parent",)
    title = f"commit {commit[:12]}" + (f" ({subject})" if subject else "")
    return Sides(title, first_parent(repository, commit), commit, notes)


def _range(repository: Repository, target: Range) -> Sides:
    base, head = resolve(repository, target.base), resolve(repository, target.head)
    dots = "..." if target.symmetric else ".."
    title = f"{target.base}{dots}{target.head}"
    if target.symmetric:
        base = merge_base(repository, base, head)
    return Sides(title, base, head)


def read_changes(repository: Repository, sides: Sides) -> tuple[FileChange, ...]:
    """The files that differ between two sides, without whole texts of modified ones.

    Raises:
        SourceError: git failed.
    """
    nested: tuple[str, ...] = ()
    if sides.head == INDEX:
        patch = repository.diff("--cached", sides.base)
    elif sides.head == WORKTREE:
        with tempfile.TemporaryDirectory(prefix="reviewer-") as folder:
            env, nested = repository.index_with_untracked(Path(folder))
            patch = repository.diff(sides.base, env=env)
    else:
        patch = repository.diff(sides.base, sides.head)
    changes = parse_patch(patch, name="git diff")
    return (*changes, *(FileChange(path, FileStatus.ADDED, new_mode="160000") for path in nested))


def with_texts(repository: Repository, change: FileChange) -> FileChange:
    """The change with the whole text of both sides, where the repository has the old one.

    The new text is the old blob with the hunks applied, not what lies on the disk now: so it agrees with
    the diff even if somebody edits the file meanwhile, and it is normalised as git normalises.
    """
    if change.status not in {FileStatus.MODIFIED, FileStatus.RENAMED, FileStatus.COPIED}:
        return change
    # An id from a patch is somebody's text: anything else than an id could name any object.
    is_id = re.fullmatch(r"[0-9a-f]{4,64}", change.old_id) and change.old_id.strip("0")
    data = repository.blob(change.old_id) if is_id else None
    if data is None:
        return change
    old = tuple(decode_lines(data))
    try:
        new = apply_hunks(old, change.hunks)
    except ValueError:
        return change  # a patch made from another version; its hunks are still true
    return replace(change, old_lines=old, new_lines=new)

"""Target to ChangeSet: the entrance of the pipeline, and the only adapter it knows."""

from collections import Counter
from dataclasses import replace
from typing import assert_never

from reviewer.changes.address import address_of
from reviewer.changes.changeset import ChangeSet
from reviewer.changes.difference import INDEX, WORKTREE, GitTarget, read_changes, sides_of, with_texts
from reviewer.changes.git import Repository
from reviewer.changes.patch import parse_patch
from reviewer.changes.select import IGNORE_FILE, Rules, select
from reviewer.changes.snapshot import read_snapshot
from reviewer.changes.target import (
    Base,
    Commit,
    Patch,
    Place,
    Range,
    Selection,
    Snapshot,
    Staged,
    Target,
    Uncommitted,
    Worktree,
)
from reviewer.errors import SourceError


def collect(target: Target, selection: Selection, place: Place) -> ChangeSet:
    """Read a target from the disk and from git, and choose the files to review.

    Blocking: it runs git. Nothing in the repository is changed, executed or followed.

    Raises:
        SourceError: the target cannot be read; says what to do.
    """
    match target:
        case Patch():
            return _patch(target, selection, place)
        case Snapshot(paths):
            repository = Repository.open(place.directory)
            changes = read_snapshot(repository, paths)
            title = f"snapshot of {', '.join(paths)}" if paths else "snapshot of all files"
            head = repository.line("rev-parse", "--verify", "--quiet", "HEAD")
            collected = ChangeSet(title, changes, head=head, snapshot=True)
            return _selected(collected, selection, repository)
        case Worktree() | Uncommitted() | Staged() | Base() | Range() | Commit():
            return _difference(target, selection, place)
        case _:
            assert_never(target)


def _difference(target: GitTarget, selection: Selection, place: Place) -> ChangeSet:
    repository = Repository.open(place.directory)
    try:
        sides = sides_of(repository, target)
        collected = ChangeSet(
            title=sides.title,
            files=read_changes(repository, sides),
            base=sides.base,
            head="" if sides.head in {WORKTREE, INDEX} else sides.head,
            notes=sides.notes,
        )
        return _selected(collected, selection, repository)
    finally:
        repository.close()


def _patch(target: Patch, selection: Selection, place: Place) -> ChangeSet:
    changes = parse_patch(target.data, name=target.name)
    times = Counter(change.path for change in changes)
    repeated = sorted(path for path, count in times.items() if count > 1)
    notes = tuple(
        f"the patch changes {path} in several steps; line numbers are those of each step" for path in repeated
    )
    recounted = [change.path for change in changes if any(hunk.recounted for hunk in change.hunks)]
    notes += tuple(
        f"the patch has more lines for {path} than it announces; they were counted again"
        for path in dict.fromkeys(recounted)
    )
    title = "a patch from standard input" if target.name == "standard input" else f"patch {target.name}"
    collected = ChangeSet(title, changes, notes=notes)
    try:
        repository = Repository.open(place.directory)
    except SourceError:  # a patch may be reviewed anywhere
        return _selected(collected, selection, None)
    return _selected(collected, selection, repository)


def _selected(collected: ChangeSet, selection: Selection, repository: Repository | None) -> ChangeSet:
    """Leave out what is not to be reviewed, and read whole texts for the rest."""
    rules = Rules(selection)
    if repository is not None and not repository.bare:
        paths = [change.path for change in collected.files]
        rules = Rules(
            selection,
            ignored=_ignore_lines(repository),
            generated=repository.attributes("linguist-generated", paths),
        )
    kept, skipped = select(collected.files, rules)
    deciding = [change.path for change in collected.files if change.path.rpartition("/")[2] in _DECIDING]
    if deciding and not collected.snapshot:
        note = f"the change edits {', '.join(deciding)}, which decides what is reviewed"
        collected = replace(collected, notes=(*collected.notes, note))
    if repository is not None:
        kept = tuple(with_texts(repository, change) for change in kept)
        collected = replace(collected, address=address_of(repository))
        repository.close()
    return replace(collected, files=kept, skipped=skipped)


_DECIDING = frozenset({IGNORE_FILE, ".gitattributes"})
"""Files by which a change can leave itself out."""


def _ignore_lines(repository: Repository) -> list[str]:
    file = repository.root / IGNORE_FILE
    if not file.is_file() or file.is_symlink():
        return []
    return file.read_text("utf-8", "replace").splitlines()

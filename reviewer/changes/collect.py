"""Target to ChangeSet: the entrance of the pipeline, and the only adapter it knows."""

from collections import Counter
from collections.abc import Sequence
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
    PullRequest,
    Range,
    Selection,
    Snapshot,
    Staged,
    Target,
    Uncommitted,
    Worktree,
)
from reviewer.changes.trusted import TrustedFiles, WorktreeFiles, edited
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
        case PullRequest(name):
            raise SourceError(f"pull request {name} can be reviewed with `reviewer run --pr {name}` only.")
        case Snapshot(paths):
            repository = Repository.open(place.directory)
            changes = read_snapshot(repository, paths)
            title = f"snapshot of {', '.join(paths)}" if paths else "snapshot of all files"
            head = repository.line("rev-parse", "--verify", "--quiet", "HEAD")
            collected = ChangeSet(title, changes, head=head, snapshot=True)
            return _selected(collected, selection, place, repository)
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
        return _selected(collected, selection, place, repository)
    finally:
        repository.close()


def _patch(target: Patch, selection: Selection, place: Place) -> ChangeSet:
    changes = parse_patch(target.data, name=target.name) if target.data.strip() or not target.missing else ()
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
    collected = replace(collected, skipped=target.missing)
    try:
        repository = Repository.open(place.directory)
    except SourceError:  # a patch may be reviewed anywhere
        return _selected(collected, selection, place, None)
    return _selected(collected, selection, place, repository)


def _selected(
    collected: ChangeSet, selection: Selection, place: Place, repository: Repository | None
) -> ChangeSet:
    """Leave out what is not to be reviewed, and read whole texts for the rest."""
    files = place.files
    if files is None and repository is not None:
        files = WorktreeFiles(repository.root, repository)
    paths = [change.path for change in collected.files]
    rules = Rules(
        selection,
        ignored=_ignore_lines(files) if files is not None else (),
        generated=files.attributes("linguist-generated", paths) if files is not None else {},
        headers_count=place.may_excuse_itself,
    )
    kept, skipped = select(collected.files, rules)
    notes = [*collected.notes, *place.notes]
    if not collected.snapshot and (deciding := edited(paths)):
        which = (
            "as they were before it"
            if place.files is not None and place.files.commit
            else "as it leaves them"
        )
        notes.append(
            f"the change edits files that decide how it is reviewed; they count {which}: {_few(deciding)}"
        )
    collected = replace(collected, notes=tuple(notes))
    if repository is not None:
        kept = tuple(with_texts(repository, change) for change in kept)
        collected = replace(collected, address=address_of(repository))
        repository.close()
    return replace(collected, files=kept, skipped=(*collected.skipped, *skipped))


def _few(paths: Sequence[str]) -> str:
    rest = len(paths) - _NAMED
    return ", ".join(paths[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


_NAMED = 5


def _ignore_lines(files: TrustedFiles) -> list[str]:
    data = files.read(IGNORE_FILE)
    return [] if data is None else data.decode("utf-8", "replace").splitlines()

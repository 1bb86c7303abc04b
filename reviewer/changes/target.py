"""What the user asked to have reviewed, as values."""

from dataclasses import dataclass
from pathlib import Path

from reviewer.changes.changeset import SkippedFile
from reviewer.changes.trusted import TrustedFiles
from reviewer.errors import UsageError


@dataclass(frozen=True, slots=True)
class Worktree:
    """All that this branch has over the default branch: committed, uncommitted and untracked."""


@dataclass(frozen=True, slots=True)
class Uncommitted:
    """What the working tree has over the last commit, untracked files included."""


@dataclass(frozen=True, slots=True)
class Staged:
    """What the index has over the last commit; the working tree is not looked at."""


@dataclass(frozen=True, slots=True)
class Base:
    """Like `Worktree`, with a base of the user's choice."""

    ref: str


@dataclass(frozen=True, slots=True)
class Range:
    """Two commits: `A..B` compares them, `A...B` compares B with where it left A."""

    base: str
    head: str
    symmetric: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit against its first parent (a root commit against nothing)."""

    revision: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Whole files of the working tree; no paths means all."""

    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """A unified diff as bytes.

    Attributes:
        data: the diff.
        name: what to call it in messages.
        missing: files that belong to the change and are not in the diff, with the reason.
    """

    data: bytes
    name: str
    missing: tuple[SkippedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request by its number or its address; it has to be looked up before it can be collected."""

    name: str


Target = Worktree | Uncommitted | Staged | Base | Range | Commit | Snapshot | Patch | PullRequest


def parse_range(text: str) -> Range:
    """`A..B` or `A...B`, where an empty side means HEAD, as in git.

    Raises:
        UsageError: the text has no dots.
    """
    for dots in ("...", ".."):
        base, found, head = text.partition(dots)
        if found:
            return Range(base or "HEAD", head or "HEAD", symmetric=dots == "...")
    raise UsageError(
        f"{text!r} is not a range. Write `A..B` or `A...B`, `--commit {text}` for one commit, "
        f"`--base {text}` for all since it, or `--all {text}` to review files as they are."
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files of the change to review.

    Attributes:
        include: gitignore-style patterns; when there are any, only matching files are reviewed.
        exclude: gitignore-style patterns of files to leave out.
        max_file_bytes: a file whose changed text is larger is not reviewed and makes the report incomplete.
        only: paths; if it is not None, other files were changed elsewhere and are only merged in.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_file_bytes: int = 1_000_000
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where to collect from.

    Attributes:
        directory: where the command was started.
        files: the version of the repository's own files that decides; None for what lies on the disk.
        notes: which version that is and why, if it is another one, and what else a reader should know.
        may_excuse_itself: headers and comments in the change may leave parts of it out.
    """

    directory: Path
    files: TrustedFiles | None = None
    notes: tuple[str, ...] = ()
    may_excuse_itself: bool = True

"""Which version of a repository's own files decides how it is reviewed.

Settings, prompts, lists of left-out files, accepted findings and guidance are the user's own while the user
works alone. In somebody else's change they are a part of what is under review: then that commit decides which
the change is compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reviewer.changes.difference import sides_of
from reviewer.changes.git import Repository
from reviewer.changes.named_places import SETTINGS, places_in
from reviewer.changes.revision import default_fork, empty_tree, head_commit, resolve
from reviewer.changes.target import Base, Commit, Range, Staged, Target, Uncommitted, Worktree
from reviewer.changes.trusted import DECIDING, CommitFiles, NoFiles, TrustedFiles, WorktreeFiles
from reviewer.ci import Ci
from reviewer.errors import SourceError

AUTO, WORKTREE, BASE = "auto", "worktree", "base"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who decides.

    Attributes:
        files: the version that does.
        note: why it is not what lies on the disk, for people; or empty.
        may_excuse_itself: comments and headers in the change may leave parts of it out.
    """

    files: TrustedFiles
    note: str = ""
    may_excuse_itself: bool = True


def authority(directory: Path, root: Path, target: Target | None, wish: str, ci: Ci | None) -> Authority:
    """Which version of the files decides in a run.

    Args:
        directory: where the command was started.
        root: the folder whose files they are.
        target: what is reviewed; None if nothing is.
        wish: `worktree`, `base`, a revision, or `auto`: what lies on the disk, unless a machine has started
            the run or others have changed such files on this branch.
        ci: what a machine that has started the run says about it.

    Raises:
        SourceError: the commit that should decide is not in this clone.
    """
    try:
        repository = Repository.open(directory)
    except SourceError:
        # Outside of a repository there is nobody else.
        return Authority(WorktreeFiles(root))
    fork = ci is not None and ci.pull_request is not None and ci.pull_request.from_fork
    if wish == WORKTREE or (wish == AUTO and ci is None and repository.bare):
        return Authority(WorktreeFiles(root, repository), may_excuse_itself=not fork)
    if wish == AUTO and ci is None:
        return _of_person(repository, root)
    if wish in {AUTO, BASE}:
        commit, what = _base(repository, target, ci)
    else:
        commit, what = resolve(repository, wish), f"as {wish} says"
    if not commit or commit == empty_tree(repository):
        return Authority(NoFiles(), "There is no earlier commit whose settings could count.", not fork)
    note = f"Settings, prompts and lists come from commit {commit[:12]}, {what}."
    return Authority(CommitFiles(repository, commit), note, may_excuse_itself=not fork)


def _of_person(repository: Repository, root: Path) -> Authority:
    """What lies on the disk, unless somebody else has changed it in commits that are not merged yet."""
    here = Authority(WorktreeFiles(root, repository))
    head = head_commit(repository)
    try:
        fork = default_fork(repository, head).commit if head else ""
    except SourceError:
        return _without_fork(repository, here, head)
    if not fork or fork == head:
        return here
    places = [f":(literal){place}" for place in named_places(CommitFiles(repository, fork))]
    others = _others(repository, f"{fork}..{head}", places)
    if not others:
        return here
    note = (
        f"Settings, prompts and lists come from commit {fork[:12]}, where this branch began, as "
        f"{', '.join(others)} changed such files on it; --settings-from worktree takes them as they are."
    )
    return Authority(CommitFiles(repository, fork), note)


def _without_fork(repository: Repository, here: Authority, head: str) -> Authority:
    """Where no branch is known that this one could differ from: it may be a stranger's, cloned alone."""
    if not head or not repository.line("remote"):
        return here
    others = _others(repository, head)
    if not others:
        return here
    note = (
        "No default branch is known here, and others have written the files that decide on this one: they do "
        "not count; --settings-from worktree takes them as they are."
    )
    return Authority(NoFiles(), note)


def named_places(files: TrustedFiles) -> list[str]:
    """Further files and folders that the settings of a repository name: they decide as well."""
    found: list[str] = []
    for name in SETTINGS:
        try:
            found += places_in(name, files.read(name) or b"")
        except SourceError:
            continue  # whoever reads the settings says what is wrong with them
    return found


_MADE_HERE = ("commit:", "commit (")
"""How git's log of a reference begins where somebody has written a commit in this clone. Rebased and applied
commits may be anybody's."""
_ANYWHERE = (":(glob)**/.gitattributes", ":(glob)**/.reviewerignore")


def _others(repository: Repository, commits: str, more: Sequence[str] = ()) -> Sequence[str]:
    """Who else than the user has changed deciding files in some commits.

    Anybody can write the user's address into a commit: it has to be made in this clone too.
    """
    paths = (*DECIDING, *_ANYWHERE, *more)
    rows = repository.output("log", "--format=%H %ae", commits, "--", *paths).decode("utf-8", "replace")
    made = [row.partition(" ")[::2] for row in rows.split("\n") if row]
    if not made:
        return []
    own = repository.line("config", "user.email").lower()
    log = repository.output("reflog", "--all", "--format=%H %gs").decode("utf-8", "replace")
    here = {row.partition(" ")[0] for row in log.split("\n") if row.partition(" ")[2].startswith(_MADE_HERE)}
    foreign = (author for commit, author in made if author.lower() != own or commit not in here)
    return list(dict.fromkeys(foreign))


def _base(repository: Repository, target: Target | None, ci: Ci | None) -> tuple[str, str]:
    """The commit that a change is compared with, and how it was found.

    Raises:
        SourceError: it is not in this clone.
    """
    if ci is not None and ci.base:
        found = repository.line(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ci.base}^{{commit}}"
        )
        if found:
            return found, "the tip of the branch that the change is for"
        if not isinstance(target, Range | Base | Commit | Worktree):
            raise SourceError(
                f"commit {ci.base[:12]}, whose settings count, is not in this clone. Fetch it first "
                "(`fetch-depth: 0` with actions/checkout), or name a commit with --settings-from."
            )
    if isinstance(target, Range | Base | Commit | Worktree | Staged | Uncommitted):
        return sides_of(repository, target).base, "which the change is compared with"
    return head_commit(repository), "the last one"

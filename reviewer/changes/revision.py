"""From names to commits: revisions, the default branch, and where a branch left it."""

from dataclasses import dataclass

from reviewer.changes.git import Repository
from reviewer.errors import SourceError

_LOCAL_DEFAULTS = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, slots=True)
class Fork:
    """Where this branch left another one.

    Attributes:
        branch: the other branch, as a person would name it.
        commit: full id of the merge base.
    """

    branch: str
    commit: str


def empty_tree(repository: Repository) -> str:
    """Id of the tree without files, in the repository's own hash function."""
    return repository.output("hash-object", "-t", "tree", "--stdin").decode().strip()


def head_commit(repository: Repository) -> str:
    """Full id of HEAD, or an empty text in a repository without commits."""
    return repository.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")


def resolve(repository: Repository, name: str) -> str:
    """Full id of the commit that a name means.

    Raises:
        SourceError: there is no such commit; says what to do in a shallow clone or an empty repository.
    """
    if not name.startswith("-"):
        found = repository.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if found:
            return found
    if not head_commit(repository) and name in {"HEAD", "@"}:
        raise SourceError("this repository has no commits yet; review it with `reviewer run --uncommitted`.")
    hint = ""
    if is_shallow(repository):
        hint = " This clone is shallow: run `git fetch --unshallow` (or `--deepen=50`) and try again."
    elif remote := repository.line("remote"):
        hint = f" If it is on the server, run `git fetch {remote}` first."
    raise SourceError(f"git knows no commit named {name!r}.{hint}")


def is_shallow(repository: Repository) -> bool:
    """Whether history was cut off when this repository was cloned."""
    return repository.line("rev-parse", "--is-shallow-repository") == "true"


def first_parent(repository: Repository, commit: str) -> str:
    """Full id of a commit's first parent, or of the empty tree for a root commit.

    Raises:
        SourceError: the parent is not in this shallow clone, so the commit's change is unknown.
    """
    parent = repository.line("rev-parse", "--verify", "--quiet", f"{commit}^1")
    if parent:
        return parent
    header = repository.output("cat-file", "commit", commit).partition(b"\n\n")[0]
    if any(line.startswith(b"parent ") for line in header.split(b"\n")):
        raise SourceError(
            f"the parent of {commit[:12]} is not in this shallow clone. Run `git fetch --deepen=1` "
            "(or `git fetch --unshallow`) and try again."
        )
    return empty_tree(repository)


def merge_base(repository: Repository, one: str, two: str) -> str:
    """Full id of the best common ancestor.

    Raises:
        SourceError: there is none, or this shallow clone does not reach back to it.
    """
    found = repository.line("merge-base", one, two)
    if found:
        return found
    if is_shallow(repository):
        raise SourceError(
            f"this shallow clone does not reach back to where {two} left {one}. "
            "Run `git fetch --unshallow` (or `git fetch --deepen=100`) and try again."
        )
    raise SourceError(f"{one} and {two} have no common ancestor; compare them with `{one}..{two}`.")


def default_fork(repository: Repository, head: str) -> Fork:
    """Where HEAD left the default branch, as far as it can be told without asking a server.

    Both the remote's default branch and the local branch of that name are tried; the one that HEAD left
    last wins, so that commits of the default branch that were never pushed are not taken for this
    branch's own.

    Raises:
        SourceError: no default branch can be found, or a shallow clone hides where HEAD left it.
    """
    current = repository.line("symbolic-ref", "--quiet", "--short", "HEAD")
    forks: list[Fork] = []
    failure: SourceError | None = None
    for ref, name in _default_branches(repository):
        if ref == f"refs/heads/{current}":
            continue
        try:
            forks.append(Fork(name, merge_base(repository, ref, "HEAD")))
        except SourceError as error:
            failure = error
    if forks:
        return min(forks, key=lambda fork: _distance(repository, fork.commit, head))
    if failure is not None:
        raise failure
    if current in _LOCAL_DEFAULTS or current == repository.line("config", "init.defaultBranch"):
        return Fork(current, head)
    raise SourceError(
        "no default branch was found to compare with. Name one with `--base REF` (after `git fetch origin "
        "main`, if this clone has only one branch), or review the last commit with `--commit HEAD`."
    )


def _default_branches(repository: Repository) -> list[tuple[str, str]]:
    """Candidate references with the name to show for each."""
    found: list[tuple[str, str]] = []
    names: list[str] = []
    for remote in repository.output("remote").decode("utf-8", "replace").split():
        ref = repository.line("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
        for candidate in [ref] if ref else [f"refs/remotes/{remote}/{name}" for name in _LOCAL_DEFAULTS]:
            if repository.line("rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}"):
                name = candidate.removeprefix(f"refs/remotes/{remote}/")
                found.append((candidate, f"{remote}/{name}"))
                names.append(name)
                break
    configured = repository.line("config", "init.defaultBranch")
    for name in [*names, *([configured] if configured else []), *_LOCAL_DEFAULTS]:
        ref = f"refs/heads/{name}"
        if repository.line("rev-parse", "--verify", "--quiet", ref):
            return [*found, (ref, name)]
    return found


def _distance(repository: Repository, base: str, head: str) -> int:
    return int(repository.line("rev-list", "--count", f"{base}..{head}") or 0)

"""From a pull request to what can be collected: its commits, if they are here, or the host's diff."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from reviewer.authority import Authority, named_places
from reviewer.changes.address import address_of
from reviewer.changes.changeset import ChangeSet
from reviewer.changes.git import Repository
from reviewer.changes.target import Patch, Range
from reviewer.changes.trusted import ATTRIBUTES, DECIDING, CommitFiles, MemoryFiles, TrustedFiles
from reviewer.errors import NoRepositoryError
from reviewer.hosts.addresses import Where, where
from reviewer.hosts.host import CodeHost, PullRequest
from reviewer.outputs.neutral import named
from reviewer.prompting.purpose import purpose_of


@dataclass(frozen=True, slots=True)
class Pulled:
    """A pull request, and how to collect it.

    Attributes:
        pull: what the host says about it.
        target: where its change is.
        authority: its base decides how it is reviewed.
        purpose: what its author says about it, for the prompts.
        notes: what a reader should know about all that, one sentence each.
    """

    pull: PullRequest
    target: Range | Patch
    authority: Authority
    purpose: str
    notes: tuple[str, ...] = ()

    def described(self, changes: ChangeSet) -> ChangeSet:
        """The collected change with the names of the pull request."""
        title = f"pull request {self.pull.number}: {named(' '.join(self.pull.title.split()))}"
        return replace(
            changes,
            title=title,
            base=changes.base or self.pull.base,
            head=self.pull.head,
            address=self.pull.address,
            notes=(*changes.notes, *self.notes),
        )


def repository_at(directory: Path) -> Repository | None:
    """The repository at hand, if there is one.

    Raises:
        SourceError: there is one that git does not open, such as one of somebody else's.
    """
    try:
        return Repository.open(directory)
    except NoRepositoryError:
        return None


def where_of(text: str, repository: Repository | None, environment: Mapping[str, str]) -> Where:
    """The pull request that is meant.

    Raises:
        UsageError: nobody can tell.
    """
    return where(text, address_of(repository) if repository is not None else "", environment)


async def pulled(host: CodeHost, number: int, repository: Repository | None) -> Pulled:
    """Look a pull request up, and find out who can see more of it: this clone or the host.

    Raises:
        HostError: it cannot be read.
    """
    pull = await host.pull_request(number)
    base_here = repository if repository is not None and _has(repository, pull.base) else None
    files: TrustedFiles
    if base_here is not None:
        files = CommitFiles(base_here, pull.base)
    else:
        files = await _files_of(host, pull.base)
    tip = f"{pull.base[:12]}, the tip of {named(pull.base_branch)}"
    note = f"Settings, prompts and lists come from commit {tip}."
    who = Authority(files, note, may_excuse_itself=not pull.from_fork)
    purpose = purpose_of(pull.title, pull.body)
    if base_here is not None and _connected(base_here, pull):
        target: Range | Patch = Range(pull.base, pull.head, symmetric=True)
        return Pulled(pull, target, who, purpose.text, purpose.notes)
    diff = await host.diff(pull)
    patch = Patch(diff.patch, f"pull request {number}", diff.missing)
    return Pulled(pull, patch, who, purpose.text, (*diff.notes, *purpose.notes))


async def _files_of(host: CodeHost, commit: str) -> MemoryFiles:
    """The files that decide, with those that the settings among them name."""
    known = MemoryFiles(commit, await host.files(commit, DECIDING, (ATTRIBUTES,)))
    places = [str(PurePosixPath(place)) for place in named_places(known)]
    if not places:
        return known
    return replace(known, contents={**known.contents, **await host.files(commit, places)})


def _has(repository: Repository, commit: str) -> bool:
    return bool(
        repository.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    )


def _connected(repository: Repository, pull: PullRequest) -> bool:
    """Whether this clone has both ends and where they part."""
    return _has(repository, pull.head) and bool(repository.line("merge-base", pull.base, pull.head))

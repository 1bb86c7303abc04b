"""What a code host is to this program: the values of a pull request, and what can be done with one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from reviewer.changes.changeset import Side, SkippedFile

NOT_LISTED = "(not listed)"
"""The path in place of files of which a host does not even say the names."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A change that is proposed on a code host. Its texts are somebody's words.

    Attributes:
        number: its name on the host.
        title, body: as its author wrote them.
        base, head: full commit ids: the tip of the branch that it is for, and its own.
        base_branch, head_branch: names.
        from_fork: its branch is in another repository, or in one that is gone.
        draft: it is not to be reviewed yet.
        open: it is neither merged nor closed.
        author: the login of who opened it.
        address: of the repository, for people.
        files: how many files it changes, as the host counts them.
    """

    number: int
    title: str
    body: str
    base: str
    head: str
    base_branch: str
    head_branch: str
    from_fork: bool
    draft: bool
    open: bool
    author: str
    address: str
    files: int = 0


@dataclass(frozen=True, slots=True)
class Diff:
    """The change as a host shows it.

    Attributes:
        patch: a unified diff.
        missing: files that it does not show, with the reason.
        notes: what a reader should know about that, one sentence each.
    """

    patch: bytes
    missing: tuple[SkippedFile, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inline:
    """A comment beside lines of a change.

    Attributes:
        path: the file, as the change names it.
        line: the last line, 1-based.
        side: the version in which lines are counted.
        start: the first line, if there are several; else None.
        body: Markdown.
    """

    path: str
    line: int
    side: Side
    start: int | None
    body: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A comment beside lines that is there already, with what became of it.

    Attributes:
        id: names its first comment for `hide`.
        path: the file.
        body: of the first comment.
        mine: this program has written it.
        outdated: the line has changed since.
        resolved: somebody has settled it, or hidden it for another reason than that it is out of date.
        hidden: it is shown only on demand, as it is out of date.
        answered: somebody else has written something in it.
    """

    id: str
    path: str
    body: str
    mine: bool
    outdated: bool = False
    resolved: bool = False
    hidden: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A comment on the pull request as a whole.

    Attributes:
        id: names it for `edit_note`.
        body: Markdown.
        mine: this program has written it.
        hidden: somebody has had it shown only on demand.
        node: names it for `hide`.
    """

    id: str
    body: str
    mine: bool
    hidden: bool = False
    node: str = ""


class Conclusion(StrEnum):
    """What a check comes to; the values are GitHub's."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"  # not everything was reviewed, so that nothing can be said


@dataclass(frozen=True, slots=True)
class Said:
    """A title in plain text, and what stands below it in Markdown."""

    title: str
    text: str


class CodeHost(Protocol):
    """One repository on a code host. Everything that writes looks before it repeats a request."""

    async def pull_request(self, number: int) -> PullRequest:
        """What is known about a pull request.

        Raises:
            HostError: it cannot be read.
        """
        ...

    async def diff(self, pull: PullRequest) -> Diff:
        """The change, as far as the host shows it.

        Raises:
            HostError: it cannot be read.
        """
        ...

    async def files(
        self, commit: str, places: Sequence[str], anywhere: Sequence[str] = ()
    ) -> Mapping[str, bytes]:
        """Some files of a commit by their paths; what is not there is left out.

        Args:
            commit: its full id.
            places: paths of files, and of folders of which all files are wanted.
            anywhere: names of files that are wanted from every folder.

        Raises:
            HostError: they cannot be read.
        """
        ...

    async def threads(self, pull: PullRequest) -> tuple[Thread, ...]:
        """All comments beside lines.

        Raises:
            HostError: they cannot be read.
        """
        ...

    async def notes(self, pull: PullRequest) -> tuple[Note, ...]:
        """All comments on the whole.

        Raises:
            HostError: they cannot be read.
        """
        ...

    async def post_review(self, pull: PullRequest, body: str, comments: Sequence[Inline], mark: str) -> None:
        """Write one review with comments beside lines.

        Args:
            pull: what it is about.
            body: Markdown; has the mark in it.
            comments: beside lines of the diff.
            mark: a text by which this review is known again, if the answer to the request is lost.

        Raises:
            HostRefusedError: the host does not take it; nothing was written.
            NotPermittedError: the token may not write.
            HostError: it cannot be written.
        """
        ...

    async def post_note(self, pull: PullRequest, body: str, mark: str) -> None:
        """Write a comment on the whole, known again by its mark.

        Raises:
            NotPermittedError: the token may not write.
            HostError: it cannot be written.
        """
        ...

    async def edit_note(self, note: Note, body: str) -> None:
        """Replace the text of a comment on the whole.

        Raises:
            NotPermittedError: the token may not write.
            HostError: it cannot be written.
        """
        ...

    async def hide(self, identity: str) -> None:
        """Show a comment only on demand, as one that is out of date.

        Raises:
            NotPermittedError: the token may not write.
            HostError: it cannot be done.
        """
        ...

    async def set_check(self, pull: PullRequest, name: str, conclusion: Conclusion, said: Said) -> None:
        """Say in the list of checks what the review comes to, under a name.

        Raises:
            NotPermittedError: the token may not write checks.
            HostError: it cannot be written.
        """
        ...

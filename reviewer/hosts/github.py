"""GitHub, on github.com and with an Enterprise address: REST, and GraphQL for what only that has.

Fields and limits: https://docs.github.com/rest (version 2022-11-28).
"""

import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reviewer.changes.changeset import Side, SkipKind, SkippedFile
from reviewer.errors import HostError, HostTooLargeError, NotPermittedError
from reviewer.hosts.client import Client
from reviewer.hosts.host import NOT_LISTED, Conclusion, Diff, Inline, Note, PullRequest, Said, Thread

_MOST_LISTED = 3000
"""Files that GitHub lists of a pull request."""
_DIFF = "application/vnd.github.diff"
_SIDES = {Side.NEW: "RIGHT", Side.OLD: "LEFT"}
_MOST_TITLE, _MOST_SUMMARY = 255, 65_000

_THREADS = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          isResolved isOutdated path
          comments(first: 50) {
            nodes { id body isMinimized minimizedReason author { __typename login } }
          }
        }
      }
    }
  }
}
"""
_NOTES = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id databaseId body isMinimized author { __typename login } }
      }
    }
  }
}
"""
_HIDE = """
mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized } }
}
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is. An app and a person may have the same login.

    Attributes:
        login: without what REST appends to those of apps.
        app: it is an app.
    """

    login: str
    app: bool


_ACTIONS = Identity("github-actions", app=True)
"""Who writes with the token of a workflow."""


@dataclass(frozen=True, slots=True)
class GitHub:
    """One repository on GitHub.

    Attributes:
        client: its API.
        owner, name: of the repository.
        me: who the token belongs to; None without a token.
    """

    client: Client
    owner: str
    name: str
    me: Identity | None = _ACTIONS

    @classmethod
    async def connected(cls, client: Client, owner: str, name: str) -> "GitHub":
        """A repository, as seen by who the token belongs to; without a token, by nobody.

        Raises:
            HostError: it cannot be known who that is; to guess could mean to say everything twice.
        """
        if not client.token:
            return cls(client, owner, name, me=None)
        try:
            login = str((await client.graphql("query { viewer { login } }", {}))["viewer"]["login"])
        except NotPermittedError:
            return cls(client, owner, name, _ACTIONS)  # the tokens of workflows may be refused this
        except (KeyError, TypeError) as error:
            raise HostError("the code host does not say who the token belongs to.") from error
        return cls(client, owner, name, Identity(login.removesuffix("[bot]"), login.endswith("[bot]")))

    @property
    def _root(self) -> str:
        return f"/repos/{self.owner}/{self.name}"

    async def pull_request(self, number: int) -> PullRequest:
        """What GitHub says about a pull request."""
        row = (await self.client.get(f"{self._root}/pulls/{number}")).data
        try:
            head, base = row["head"], row["base"]
            whose = (head.get("repo") or {}).get("full_name")
            return PullRequest(
                number=int(row["number"]),
                title=str(row["title"]),
                body=str(row.get("body") or ""),
                base=str(base["sha"]),
                head=str(head["sha"]),
                base_branch=str(base["ref"]),
                head_branch=str(head["ref"]),
                from_fork=whose != base["repo"]["full_name"],
                draft=bool(row.get("draft")),
                open=row.get("state") == "open",
                author=str((row.get("user") or {}).get("login", "")),
                address=str(base["repo"]["html_url"]),
                files=int(row.get("changed_files") or 0),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise HostError(
                f"pull request {number}: the answer lacks {error}; is this GitHub's API?"
            ) from error

    async def diff(self, pull: PullRequest) -> Diff:
        """The whole diff, or, where it is too large for that, the patches of the files that are listed."""
        try:
            answer = await self.client.get(f"{self._root}/pulls/{pull.number}", _DIFF)
        except HostTooLargeError:
            return await self._listed_diff(pull)
        return Diff(answer.text.encode("utf-8", "surrogateescape"))

    async def _listed_diff(self, pull: PullRequest) -> Diff:
        pieces: list[str] = []
        missing: list[SkippedFile] = []
        count = 0
        async for row in self.client.pages(f"{self._root}/pulls/{pull.number}/files?per_page=100"):
            count += 1
            patch, left = _of_row(row)
            pieces += [patch] if patch else []
            missing += [left] if left else []
        if pull.files > count:
            more = f"{pull.files - count:,} more files: GitHub lists no more than {_MOST_LISTED:,}"
            missing.append(SkippedFile(NOT_LISTED, SkipKind.IMPOSSIBLE, more))
        note = (
            f"GitHub shows no diff of this size; it was put together from the {count:,} files that it lists"
        )
        return Diff("".join(pieces).encode("utf-8", "surrogateescape"), tuple(missing), (note,))

    async def files(
        self, commit: str, places: Sequence[str], anywhere: Sequence[str] = ()
    ) -> Mapping[str, bytes]:
        """Files of a commit, by the tree that lists them."""
        tree = (
            await self.client.get(f"{self._root}/git/trees/{quote(commit, safe='')}?recursive=1")
        ).data or {}
        found: dict[str, bytes] = {}
        for row in tree.get("tree", []):
            path = str(row.get("path", ""))
            wanted = path.rpartition("/")[2] in anywhere or any(
                path == place or path.startswith(f"{place}/") for place in places
            )
            # Neither links nor submodules: only regular files decide anything.
            if wanted and row.get("type") == "blob" and row.get("mode") in {"100644", "100755"}:
                found[path] = await self._blob(str(row["sha"]), path)
        if tree.get("truncated") and not found.keys() >= set(places):
            raise HostError(
                f"the repository has more files than GitHub lists, so that {places[0]} and others cannot be "
                "looked for. Check out the base commit (actions/checkout with fetch-depth: 0)."
            )
        return found

    async def _blob(self, object_id: str, path: str) -> bytes:
        data = (await self.client.get(f"{self._root}/git/blobs/{object_id}")).data
        try:
            # In lines; without the check, what is no base64 would be left out, and the file be another one.
            return base64.b64decode("".join(data["content"].split()), validate=True)
        except (AttributeError, KeyError, TypeError, binascii.Error) as error:
            raise HostError(f"{path}: its content cannot be read from the code host.") from error

    async def threads(self, pull: PullRequest) -> tuple[Thread, ...]:
        """The threads of all reviews; GraphQL alone knows which are settled, and needs a token."""
        if self.me is None:
            return ()
        rows = self._listed(pull, _THREADS, "reviewThreads")
        return tuple([_thread(row, self.me) async for row in rows])

    async def notes(self, pull: PullRequest) -> tuple[Note, ...]:
        """The comments below the description; GraphQL alone knows which are hidden, and needs a token."""
        if self.me is None:
            return ()
        return tuple([_note(row, self.me) async for row in self._listed(pull, _NOTES, "comments")])

    async def _listed(self, pull: PullRequest, query: str, what: str) -> AsyncIterator[Any]:
        """All pages of a list of a pull request."""
        after: str | None = None
        while True:
            variables = {"owner": self.owner, "name": self.name, "number": pull.number, "after": after}
            data = await self.client.graphql(query, variables)
            try:
                page = data["repository"]["pullRequest"][what]
                for row in page["nodes"]:
                    if row is not None:  # what the token may not see
                        yield row
                if not page["pageInfo"]["hasNextPage"]:
                    return
                after = page["pageInfo"]["endCursor"]
            except (KeyError, TypeError) as error:
                raise HostError(f"the comments of pull request {pull.number} cannot be read.") from error

    async def post_review(self, pull: PullRequest, body: str, comments: Sequence[Inline], mark: str) -> None:
        """One review of the kind that neither approves nor asks for changes."""
        path = f"{self._root}/pulls/{pull.number}/reviews"

        async def happened() -> bool:
            return any(
                [mark in str(row.get("body")) async for row in self.client.pages(f"{path}?per_page=100")]
            )

        content = {
            "commit_id": pull.head,
            "event": "COMMENT",
            "body": body,
            "comments": [_inline(comment) for comment in comments],
        }
        await self.client.write("POST", path, content, happened)

    async def post_note(self, pull: PullRequest, body: str, mark: str) -> None:
        """A comment below the description."""

        async def happened() -> bool:
            notes = await self.notes(pull)
            return any(mark in note.body and note.mine and not note.hidden for note in notes)

        await self.client.write(
            "POST", f"{self._root}/issues/{pull.number}/comments", {"body": body}, happened
        )

    async def edit_note(self, note: Note, body: str) -> None:
        """Another text for a comment; twice is the same as once."""
        await self.client.write("PATCH", f"{self._root}/issues/comments/{note.id}", {"body": body})

    async def hide(self, identity: str) -> None:
        """Minimise a comment as outdated."""
        await self.client.graphql(_HIDE, {"id": identity})

    async def set_check(self, pull: PullRequest, name: str, conclusion: Conclusion, said: Said) -> None:
        """A check run on the head; of several with one name, GitHub shows the newest."""
        content = {
            "name": name,
            "head_sha": pull.head,
            "status": "completed",
            "conclusion": conclusion.value,
            "output": {"title": said.title[:_MOST_TITLE], "summary": said.text[:_MOST_SUMMARY]},
        }
        await self.client.write("POST", f"{self._root}/check-runs", content)


def _of_row(row: Any) -> tuple[str, SkippedFile | None]:
    """A file of the list as a patch, or why there is none."""
    path, status = str(row["filename"]), str(row.get("status", "modified"))
    old = str(row.get("previous_filename") or path)
    patch = row.get("patch")
    changed = int(row.get("changes") or 0)
    head = [f"diff --git {_quoted('a/' + old)} {_quoted('b/' + path)}"]
    if status == "added":
        head.append("new file mode 100644")
    elif status == "removed":
        head.append("deleted file mode 100644")
    elif status in {"renamed", "copied"}:
        verb = "rename" if status == "renamed" else "copy"
        head += [f"similarity index {99 if patch else 100}%", f"{verb} from {old}", f"{verb} to {path}"]
    if patch:
        head.append(f"--- {'/dev/null' if status == 'added' else _quoted('a/' + old)}")
        head.append(f"+++ {'/dev/null' if status == 'removed' else _quoted('b/' + path)}")
        return "\n".join((*head, patch)) + "\n", None
    if changed:
        why = f"GitHub shows no patch of it ({changed:,} changed lines): it is too large"
        return "", SkippedFile(path, SkipKind.IMPOSSIBLE, why)
    if status in {"renamed", "copied"}:
        return "\n".join(head) + "\n", None
    return "", SkippedFile(
        path, SkipKind.BY_RULE, "GitHub shows no patch of it: binary, empty, or only its mode changed"
    )


def _quoted(path: str) -> str:
    """A path as git writes it in a patch: in quotes, if it has characters that would end it."""
    if not any(character in path for character in '"\\\n\t\r'):
        return path
    escaped = (
        path.replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\n", "\\n")
        .replace("\t", "\\t")
        .replace("\r", "\\r")
    )
    return f'"{escaped}"'


def _thread(row: Any, me: Identity | None) -> Thread:
    comments = [comment for comment in row["comments"]["nodes"] if comment is not None]
    first = comments[0] if comments else {}
    authors = [_author(comment) for comment in comments]
    minimized = bool(first.get("isMinimized"))
    outdated = str(first.get("minimizedReason") or "").lower() == "outdated"
    return Thread(
        id=str(first.get("id", "")),
        path=str(row.get("path") or ""),
        body=str(first.get("body") or ""),
        mine=bool(me and authors) and authors[0] == me,
        outdated=bool(row.get("isOutdated")),
        resolved=bool(row.get("isResolved")) or (minimized and not outdated),
        hidden=minimized and outdated,
        answered=any(author != me for author in authors[1:]),
    )


def _note(row: Any, me: Identity | None) -> Note:
    mine = me is not None and _author(row) == me
    body, hidden = str(row.get("body") or ""), bool(row.get("isMinimized"))
    return Note(str(row["databaseId"]), body, mine, hidden, str(row.get("id") or ""))


def _author(comment: Any) -> Identity | None:
    author = comment.get("author")
    if not author:
        return None
    return Identity(str(author.get("login")).removesuffix("[bot]"), author.get("__typename") == "Bot")


def _inline(comment: Inline) -> dict[str, Any]:
    made: dict[str, Any] = {
        "path": comment.path,
        "line": comment.line,
        "side": _SIDES[comment.side],
        "body": comment.body,
    }
    # A first line that is the last one is refused.
    if comment.start is not None and comment.start < comment.line:
        made |= {"start_line": comment.start, "start_side": _SIDES[comment.side]}
    return made

"""A small GitHub on loopback, for one repository: it keeps what is posted, and refuses what GitHub refuses."""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.repository import Builder
from tests.support.server import listening

OWNER, NAME = "acme", "widget"
_ROOT = f"/repos/{OWNER}/{NAME}"
_PER_PAGE = 100


@dataclass(frozen=True)
class Who:
    """Who a token belongs to, and what it may do besides reading."""

    login: str
    app: bool = False
    may: frozenset[str] = frozenset({"write", "check"})
    may_ask_who: bool = True


BOT = Who("helper", app=True, may_ask_who=True)
WORKFLOW = Who("github-actions", app=True, may=frozenset({"write"}), may_ask_who=False)
READER = Who("helper", app=True, may=frozenset())
PERSON = Who("somebody")


@dataclass
class Pull:
    """A pull request between two branches of the repository."""

    number: int
    branch: str
    title: str = "A change"
    body: str = ""
    fork: bool = False
    draft: bool = False
    open: bool = True


@dataclass
class Fault:
    """What happens instead of the next answers to some requests; `after`: it is done, and the answer is lost."""

    method: str
    path: str
    status: int = 0
    drop: bool = False
    after: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    times: int = 1
    first: int = 0
    """So many requests are answered well before."""


@dataclass
class Comment:
    """A thread beside a line, or, without a path, a comment on the whole."""

    id: int
    pull: int
    body: str
    author: Who
    path: str = ""
    line: int = 0
    start: int | None = None
    side: str = "RIGHT"
    resolved: bool = False
    outdated: bool = False
    minimized: str = ""
    replies: list[Who] = field(default_factory=list)


class RefusalError(Exception):
    """A request that is not taken."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class GitHubServer:
    """One repository with its pull requests; `journal` has status, method and path of every request."""

    repository: Builder
    tokens: dict[str, Who] = field(default_factory=lambda: {"t-bot": BOT})
    most_files: int = 300
    most_listed: int = 3000
    without_patch: set[str] = field(default_factory=set)
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    journal: list[tuple[int, str, str]] = field(default_factory=list)
    truncated: bool = False
    url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def pull(self, branch: str, **fields: Any) -> int:
        """Open a pull request; returns its number."""
        number = len(self.pulls) + 1
        self.pulls[number] = Pull(number, branch, **fields)
        return number

    def beside(self, number: int) -> list[Comment]:
        """The comments beside lines."""
        return [one for one in self.comments if one.pull == number and one.path]

    def below(self, number: int) -> list[Comment]:
        """The comments on the whole."""
        return [one for one in self.comments if one.pull == number and not one.path]

    def refused(self) -> list[tuple[int, str, str]]:
        """Requests that were not answered well."""
        return [row for row in self.journal if row[0] not in range(200, 300)]

    # What is asked for.

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> tuple[int, Any, Any]:
        """Status, payload and headers for a request."""
        who = self._who(headers)
        if not headers.get("User-Agent"):
            raise RefusalError(403, "Request forbidden by administrative rules.")
        place, _, query = path.partition("?")
        if place == "/graphql":
            if who is None:
                raise RefusalError(401, "This endpoint requires you to be authenticated.")
            return 200, self._graphql(body["query"], body["variables"], who), {}
        for pattern, verb, handler in self._routes():
            match = re.fullmatch(_ROOT + pattern, place)
            if match and verb == method:
                return handler(match, _Asked(query, headers.get("Accept", ""), body or {}, who))
        raise RefusalError(404, "Not Found")

    def _routes(self) -> list[tuple[str, str, Callable[..., tuple[int, Any, Any]]]]:
        return [
            (r"/pulls/(\d+)", "GET", self._pull),
            (r"/pulls/(\d+)/files", "GET", self._files),
            (r"/git/trees/(\w+)", "GET", self._tree),
            (r"/git/blobs/(\w+)", "GET", self._blob),
            (r"/pulls/(\d+)/reviews", "GET", self._reviews),
            (r"/pulls/(\d+)/reviews", "POST", self._review),
            (r"/issues/(\d+)/comments", "POST", self._comment),
            (r"/issues/comments/(\d+)", "PATCH", self._edit),
            (r"/check-runs", "POST", self._check),
        ]

    def _who(self, headers: Mapping[str, str]) -> Who | None:
        given = headers.get("Authorization", "")
        if not given:
            return None
        who = self.tokens.get(given.removeprefix("Bearer "))
        if who is None:
            raise RefusalError(401, "Bad credentials")
        return who

    def _found(self, number: str) -> Pull:
        if int(number) not in self.pulls:
            raise RefusalError(404, "Not Found")
        return self.pulls[int(number)]

    def ends(self, pull: Pull) -> tuple[str, str]:
        """The commits of the base and the head."""
        return self.repository.git("rev-parse", "main"), self.repository.git("rev-parse", pull.branch)

    def diff(self, pull: Pull, *paths: str) -> str:
        """The change since the branches parted."""
        base, head = self.ends(pull)
        return self.repository.output("diff", "-M", f"{base}...{head}", "--", *paths)

    def _names(self, pull: Pull) -> list[list[str]]:
        base, head = self.ends(pull)
        parts = iter(
            self.repository.output("diff", "-M", "-z", "--name-status", f"{base}...{head}").split("\0")
        )
        return [[kind, *(next(parts) for _ in range(1 + (kind[0] in "RC")))] for kind in parts if kind]

    def _pull(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        pull = self._found(match[1])
        names = self._names(pull)
        if asked.accept.endswith(".diff"):
            if len(names) > self.most_files:
                raise RefusalError(406, "Sorry, the diff exceeded the maximum number of files (300).")
            return 200, self.diff(pull), {}
        base, head = self.ends(pull)
        own = {"full_name": f"{OWNER}/{NAME}", "html_url": f"https://github.com/{OWNER}/{NAME}"}
        made = {
            "number": pull.number,
            "title": pull.title,
            "body": pull.body or None,
            "draft": pull.draft,
            "state": "open" if pull.open else "closed",
            "changed_files": len(names),
            "user": {"login": "somebody"},
            "base": {"sha": base, "ref": "main", "repo": own},
            "head": {
                "sha": head,
                "ref": pull.branch,
                "repo": None
                if pull.fork and pull.draft
                else {"full_name": "other/widget"}
                if pull.fork
                else own,
            },
        }
        return 200, made, {}

    def _files(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        pull = self._found(match[1])
        words = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "T": "changed"}
        rows = []
        for kind, *paths in self._names(pull)[: self.most_listed]:
            text = self.diff(pull, *paths)
            at = text.find("\n@@ ")
            changed = len(re.findall("^[+-]", text[at:], re.MULTILINE)) if at >= 0 else 0
            row: dict[str, Any] = {"filename": paths[-1], "status": words[kind[0]], "changes": changed}
            if at >= 0 and paths[-1] not in self.without_patch:
                row["patch"] = text[at + 1 :].rstrip("\n")
            if kind[0] == "R":
                row["previous_filename"] = paths[0]
            rows.append(row)
        return asked.page(rows, f"{self.url}{_ROOT}/pulls/{pull.number}/files")

    def _tree(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        listed = self.repository.git("ls-tree", "-r", match[1]).split("\n")
        rows = [re.fullmatch(r"(\d+) (\w+) (\w+)\t(.*)", row) for row in listed if row]
        tree = [{"mode": r[1], "type": r[2], "sha": r[3], "path": r[4]} for r in rows if r]
        return 200, {"sha": match[1], "tree": tree, "truncated": self.truncated}, {}

    def _blob(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        data = self.repository.blob_of(match[1])
        return 200, {"encoding": "base64", "content": base64.encodebytes(data).decode()}, {}

    def _reviews(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        rows = [row for row in self.reviews if row["pull"] == int(match[1])]
        return asked.page(rows, f"{self.url}{_ROOT}/pulls/{match[1]}/reviews")

    def _review(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        pull, body = self._found(match[1]), asked.body
        who = asked.allowed("write")
        if body["commit_id"] != self.ends(pull)[1] or body["event"] != "COMMENT":
            raise RefusalError(422, "Unprocessable Entity")
        lines = _lines(self.diff(pull))
        for row in body["comments"]:
            place = (row["path"], row["side"])
            first = row.get("start_line", row["line"])
            hunks = {lines.get(place, {}).get(number) for number in range(first, row["line"] + 1)}
            if None in hunks or len(hunks) != 1:
                raise RefusalError(422, "Line could not be resolved")
            if row.get("start_line") == row["line"]:
                raise RefusalError(422, "start_line must precede the end line")
            if len(row["body"]) > 65_536:
                raise RefusalError(422, "body is too long")
        self.reviews.append({"pull": pull.number, "body": body["body"]})
        for row in body["comments"]:
            self._new(
                pull.number, row["body"], who,
                path=row["path"], line=row["line"], start=row.get("start_line"), side=row["side"],
            )  # fmt: skip
        return 200, {"id": len(self.reviews)}, {}

    def _new(self, number: int, body: str, who: Who, **fields: Any) -> Comment:
        made = Comment(len(self.comments) + 1, number, body, who, **fields)
        self.comments.append(made)
        return made

    def _comment(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        self._found(match[1])
        who = asked.allowed("write")
        if len(asked.body["body"]) > 65_536:
            raise RefusalError(422, "body is too long (maximum is 65536 characters)")
        return 201, {"id": self._new(int(match[1]), asked.body["body"], who).id}, {}

    def _edit(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        who = asked.allowed("write")
        comment = next((one for one in self.comments if one.id == int(match[1]) and not one.path), None)
        if comment is None:
            raise RefusalError(404, "Not Found")
        if comment.author.login != who.login:
            raise RefusalError(403, "Resource not accessible by integration")
        comment.body = asked.body["body"]
        return 200, {"id": comment.id}, {}

    def _check(self, match: re.Match[str], asked: "_Asked") -> tuple[int, Any, Any]:
        asked.allowed("check")
        if len(asked.body["output"]["title"]) > 255 or asked.body["conclusion"] not in {
            "success",
            "failure",
            "neutral",
        }:
            raise RefusalError(422, "Invalid request")
        self.checks.append(asked.body)
        return 201, {"id": len(self.checks)}, {}

    def _graphql(self, query: str, variables: Mapping[str, Any], who: Who) -> Any:
        if "viewer" in query:
            if not who.may_ask_who:
                return _not_accessible()
            return {"data": {"viewer": {"login": f"{who.login}[bot]" if who.app else who.login}}}
        if "minimizeComment" in query:
            if "write" not in who.may:
                return _not_accessible()
            comment = next(one for one in self.comments if f"C{one.id}" == variables["id"])
            comment.minimized = "outdated"
            return {"data": {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}}
        number, what = variables["number"], "reviewThreads" if "reviewThreads" in query else "comments"
        rows = self.beside(number) if what == "reviewThreads" else self.below(number)
        at = int(variables.get("after") or 0)
        made = map(_as_thread if what == "reviewThreads" else _as_note, rows[at : at + 100])
        page = {"hasNextPage": len(rows) > at + 100, "endCursor": str(at + 100)}
        connection = {"pageInfo": page, "nodes": list(made)}
        return {"data": {"repository": {"pullRequest": {what: connection}}}}


@dataclass(frozen=True)
class _Asked:
    """The rest of a request."""

    query: str
    accept: str
    body: Any
    who: Who | None

    def allowed(self, right: str) -> Who:
        if self.who is None:
            raise RefusalError(401, "Requires authentication")
        if right not in self.who.may:
            raise RefusalError(403, "Resource not accessible by integration")
        return self.who

    def page(self, rows: list[Any], address: str) -> tuple[int, Any, Any]:
        asked = parse_qs(self.query)
        size, number = int(asked.get("per_page", ["30"])[0]), int(asked.get("page", ["1"])[0])
        more = len(rows) > size * number
        link = f'<{address}?per_page={size}&page={number + 1}>; rel="next"'
        return 200, rows[size * (number - 1) : size * number], {"Link": link} if more else {}


def _not_accessible() -> Any:
    return {
        "data": None,
        "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}],
    }


def _author(who: Who) -> dict[str, str]:
    return {"__typename": "Bot" if who.app else "User", "login": who.login}


def _as_thread(one: Comment) -> Any:
    first = {
        "id": f"C{one.id}",
        "body": one.body,
        "isMinimized": bool(one.minimized),
        "minimizedReason": one.minimized or None,
        "author": _author(one.author),
    }
    replies = [
        {"id": "R", "body": "words", "isMinimized": False, "minimizedReason": None, "author": _author(who)}
        for who in one.replies
    ]
    nodes = {"nodes": [first, *replies]}
    return {"isResolved": one.resolved, "isOutdated": one.outdated, "path": one.path, "comments": nodes}


def _as_note(one: Comment) -> Any:
    return {
        "id": f"C{one.id}",
        "databaseId": one.id,
        "body": one.body,
        "isMinimized": bool(one.minimized),
        "author": _author(one.author),
    }


def _lines(diff: str) -> dict[tuple[str, str], dict[int, int]]:
    """For each path and side, the hunk of each line that takes comments."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    path, old, new, hunk = "", 0, 0, 0
    for row in diff.split("\n"):
        if row.startswith("diff --git "):
            path, old, new = row.rpartition(" b/")[2], 0, 0
        elif match := re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", row):
            old, new, hunk = int(match[1]), int(match[2]), hunk + 1
        elif new or old:
            if row[:1] in {" ", "+"}:
                found.setdefault((path, "RIGHT"), {})[new] = hunk
            if row[:1] in {" ", "-"}:
                found.setdefault((path, "LEFT"), {})[old] = hunk
            old, new = old + (row[:1] in {" ", "-"}), new + (row[:1] in {" ", "+"})
    return found


@contextmanager
def serving(server: GitHubServer) -> Iterator[GitHubServer]:
    """Serve on a free port until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def handle_one(self, method: str) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            with server.lock:
                fault = next(
                    (
                        one
                        for one in server.faults
                        if one.times > 0 and one.method == method and re.search(one.path, self.path)
                    ),
                    None,
                )
                status: int = 0
                payload: Any = None
                headers: Any = {}
                if fault is None or fault.after or fault.first:
                    try:
                        status, payload, headers = server.answer(method, self.path, dict(self.headers), body)
                    except RefusalError as error:
                        status, payload, headers = error.status, {"message": str(error)}, {}
                if fault is not None and fault.first:
                    fault.first, fault = fault.first - 1, None
                if fault is not None:
                    fault.times -= 1
                    status, payload, headers = (
                        fault.status,
                        fault.body or {"message": "planted"},
                        fault.headers,
                    )
                server.journal.append((status, method, urlsplit(self.path).path.removeprefix(_ROOT)))
            if fault is not None and fault.drop:
                self.close_connection = True
                return
            data = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.handle_one("GET")

        def do_POST(self) -> None:
            self.handle_one("POST")

        def do_PATCH(self) -> None:
            self.handle_one("PATCH")

    with listening(Handler) as server.url:
        yield server

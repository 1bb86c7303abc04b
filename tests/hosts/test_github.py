"""What is read from GitHub, and in which shape it is written, against a server that refuses what GitHub refuses."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from reviewer.changes.changeset import Side, SkipKind
from reviewer.changes.patch import parse_patch
from reviewer.errors import HostError, HostRefusedError, NotPermittedError
from reviewer.hosts.addresses import Where
from reviewer.hosts.connect import connected
from reviewer.hosts.host import NOT_LISTED, CodeHost, Conclusion, Inline, Said
from tests.support.clock import Clockwork
from tests.support.github import (
    BOT,
    NAME,
    OWNER,
    PERSON,
    READER,
    WORKFLOW,
    Comment,
    Fault,
    GitHubServer,
    Who,
    serving,
)

BEFORE = {"a.py": "one = 1\ntwo = 2\n", "b.py": "x = 1\ny = 2\nz = 3\nzz = 4\n", "logo.png": b"\x89PNG\0\0"}


@pytest.fixture
def github(repo):
    repo.commit(BEFORE)
    repo.branch("topic").commit({"a.py": "one = 1\ntwo = 3\n"})
    with serving(GitHubServer(repo)) as server:
        server.pull("topic", title="Count", body="Because.")
        yield server


def ask(server: GitHubServer, work: Callable[[CodeHost], Awaitable[Any]], token: str = "t-bot") -> Any:
    async def all_of_it() -> Any:
        async with connected(Where(server.url, OWNER, NAME, 1), token, Clockwork().clock) as host:
            return await work(host)

    return anyio.run(all_of_it)


def test_a_pull_request(github):
    pull = ask(github, lambda host: host.pull_request(1))
    base, head = github.ends(github.pulls[1])
    assert (pull.number, pull.title, pull.body, pull.base, pull.head) == (1, "Count", "Because.", base, head)
    assert (pull.base_branch, pull.head_branch, pull.files) == ("main", "topic", 1)
    assert (pull.from_fork, pull.draft, pull.open) == (False, False, True)


@pytest.mark.parametrize("draft", [False, True], ids=["a fork", "a fork that is gone"])
def test_a_fork(github, draft):
    github.pulls[1].fork, github.pulls[1].draft = True, draft
    assert ask(github, lambda host: host.pull_request(1)).from_fork


def test_somebody_elses_page_is_no_pull_request(github):
    github.faults.append(Fault("GET", "/pulls/1", 200, body={"welcome": "page"}))
    with pytest.raises(HostError, match="is this GitHub's API"):
        ask(github, lambda host: host.pull_request(1))


def test_without_a_token_public_things_can_be_read(github):
    assert ask(github, lambda host: host.pull_request(1), "").number == 1
    assert [row[1:] for row in github.journal] == [("GET", "/pulls/1")]


def shown(server: GitHubServer) -> Any:
    async def diff(host: CodeHost) -> Any:
        return await host.diff(await host.pull_request(1))

    return ask(server, diff)


def test_the_diff_is_that_of_git(github):
    found = shown(github)
    assert found.patch.decode() == github.diff(github.pulls[1])
    assert (found.missing, found.notes) == ((), ())


def test_a_diff_that_is_put_together_is_the_same_change(github):
    repo = github.repository
    repo.git("mv", "b.py", "c.py")
    repo.commit({"new.py": "new = 1\n", 'odd "name\\.py': "odd = 1\n", "empty.py": ""})
    repo.git("rm", "-q", "logo.png")
    repo.commit({"c.py": "x = 1\ny = 2\nz = 3\nzz = 5\n"})
    whole = parse_patch(shown(github).patch, name="whole")
    github.most_files = 0
    found = shown(github)
    (note,) = found.notes
    assert "put together from the 6 files that it lists" in note
    made = {file.path: file for file in parse_patch(found.patch, name="listed")}
    missing = {part.path for part in found.missing}
    assert missing == {"logo.png", "empty.py"}
    for file in whole:
        if file.path not in missing:
            other = made[file.path]
            assert (file.kind, file.old_path, file.hunks) == (other.kind, other.old_path, other.hunks)


def test_files_without_a_patch_and_files_that_are_not_listed_are_named(github):
    github.repository.commit({f"f{number:03}.py": f"n = {number}\n" for number in range(130)})
    github.most_files, github.without_patch, github.most_listed = 100, {"a.py"}, 120
    found = shown(github)
    (patchless, unlisted) = found.missing
    assert (patchless.path, patchless.kind) == ("a.py", SkipKind.IMPOSSIBLE)
    assert "2 changed lines" in patchless.reason
    assert unlisted.path == NOT_LISTED
    assert unlisted.reason.startswith("11 more files")
    assert len(parse_patch(found.patch, name="listed")) == 119
    assert len([row for row in github.journal if row[2] == "/pulls/1/files"]) == 2, "page by page"


def test_files_of_a_commit_are_regular_ones(github):
    repo = github.repository
    repo.commit({"reviewer.toml": "x", ".reviewer/prompts/a.md.j2": "p", "sub/reviewer.toml": "no"})
    (repo.root / "AGENTS.md").symlink_to("/etc/passwd")
    head = repo.commit()
    found = ask(github, lambda host: host.files(head, ("reviewer.toml", "AGENTS.md", ".reviewer")))
    assert found == {"reviewer.toml": b"x", ".reviewer/prompts/a.md.j2": b"p"}
    github.truncated = True
    with pytest.raises(HostError, match="more files than GitHub lists"):
        ask(github, lambda host: host.files(head, ("AGENTS.md",)))


@pytest.mark.parametrize("body", [{"content": "*"}, {}, []])
def test_a_damaged_file_is_no_empty_file(github, body):
    github.repository.commit({"reviewer.toml": "x"})
    head = github.ends(github.pulls[1])[1]
    github.faults.append(Fault("GET", "/git/blobs/", 200, body=body))
    with pytest.raises(HostError, match=r"reviewer\.toml: its content cannot be read"):
        ask(github, lambda host: host.files(head, ("reviewer.toml",)))


WHOSE = [
    (BOT, BOT, True),
    (WORKFLOW, WORKFLOW, True),
    (PERSON, PERSON, True),
    (BOT, PERSON, False),
    (Who("helper"), BOT, False),
    (BOT, Who("helper"), False),
    (PERSON, WORKFLOW, False),
]


@pytest.mark.parametrize(("author", "me", "mine"), WHOSE)
def test_own_comments_are_those_of_who_the_token_belongs_to(github, author, me, mine):
    github.tokens["t"] = me
    github.comments += [Comment(1, 1, "x", author), Comment(2, 1, "y", author, path="a.py", line=2)]

    async def read(host: CodeHost) -> Any:
        pull = await host.pull_request(1)
        return await host.notes(pull), await host.threads(pull)

    ((note,), (thread,)) = ask(github, read, "t")
    assert (note.mine, thread.mine) == (mine, mine)


STATES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"resolved": True}, {"resolved"}),
    ({"outdated": True}, {"outdated"}),
    ({"minimized": "outdated"}, {"hidden"}),
    ({"minimized": "OUTDATED"}, {"hidden"}),
    ({"minimized": "spam"}, {"resolved"}),
    ({"replies": [PERSON]}, {"answered"}),
    ({"replies": [BOT]}, set()),
]


@pytest.mark.parametrize(("state", "what"), STATES)
def test_states_of_threads(github, state, what):
    github.comments.append(Comment(1, 1, "x", BOT, path="a.py", line=2, **state))

    async def read(host: CodeHost) -> Any:
        return await host.threads(await host.pull_request(1))

    (thread,) = ask(github, read)
    assert {name for name in ("resolved", "outdated", "hidden", "answered") if getattr(thread, name)} == what


def test_all_pages_of_comments_are_read(github):
    github.comments += [Comment(number, 1, f"c{number}", BOT) for number in range(1, 251)]

    async def read(host: CodeHost) -> Any:
        return await host.notes(await host.pull_request(1))

    assert len(ask(github, read)) == 250
    assert len([row for row in github.journal if row[2] == "/graphql"]) == 4, "who we are, and three pages"


def test_an_answer_without_comments_is_no_empty_list(github):
    github.faults += [Fault("POST", "graphql", 200, body={"data": {"repository": None}}, times=9)]

    async def read(host: CodeHost) -> Any:
        return await host.threads(await host.pull_request(1))

    with pytest.raises(HostError, match="does not say who"):
        ask(github, read)
    github.faults[0].times = 0
    github.faults.append(Fault("POST", "graphql", 200, body={"data": {"viewer": {"login": "helper[bot]"}}}))
    github.faults.append(Fault("POST", "graphql", 200, body={"data": {"repository": None}}, times=9))
    with pytest.raises(HostError, match="comments of pull request 1 cannot be read"):
        ask(github, read)


def writing(
    server: GitHubServer, work: Callable[[CodeHost, Any], Awaitable[None]], token: str = "t-bot"
) -> None:
    async def write(host: CodeHost) -> None:
        await work(host, await host.pull_request(1))

    ask(server, write, token)


def test_a_review(github):
    comments = [Inline("a.py", 2, Side.NEW, 1, "both"), Inline("a.py", 2, Side.OLD, 2, "gone")]
    writing(github, lambda host, pull: host.post_review(pull, "words", comments, "MARK"))
    assert [(one.line, one.start, one.side, one.body) for one in github.beside(1)] == [
        (2, 1, "RIGHT", "both"),
        (2, None, "LEFT", "gone"),
    ]
    assert github.refused() == []


def test_a_review_on_lines_that_are_not_in_the_diff_is_refused(github):
    with pytest.raises(HostRefusedError, match="Line could not be resolved"):
        writing(
            github,
            lambda host, pull: host.post_review(pull, "w", [Inline("a.py", 9, Side.NEW, None, "x")], "M"),
        )


LOST = [
    Fault("POST", "{}", 502, after=True),
    Fault("POST", "{}", drop=True, after=True),
    Fault("POST", "{}", 502),
]


@pytest.mark.parametrize("fault", LOST)
def test_a_write_whose_answer_is_lost_is_looked_for(github, fault):
    github.faults += [replace(fault, path="/reviews$"), replace(fault, path="/issues/1/comments$")]

    async def both(host: CodeHost, pull: Any) -> None:
        await host.post_review(pull, "words MARK", [Inline("a.py", 2, Side.NEW, None, "x")], "MARK")
        await host.post_note(pull, "MARK2", "MARK2")

    writing(github, both)
    assert (len(github.beside(1)), len(github.below(1))) == (1, 1)


def test_a_note_is_edited_hidden_comments_are_hidden_and_a_check_is_set(github):
    async def work(host: CodeHost, pull: Any) -> None:
        await host.post_note(pull, "first", "first")
        (note,) = await host.notes(pull)
        await host.edit_note(note, "second")
        await host.hide(f"C{note.id}")
        await host.set_check(pull, "reviewer", Conclusion.NEUTRAL, Said("t" * 300, "s" * 70_000))

    writing(github, work)
    (note,) = github.below(1)
    assert (note.body, note.minimized) == ("second", "outdated")
    (check,) = github.checks
    assert (check["head_sha"], check["conclusion"]) == (github.ends(github.pulls[1])[1], "neutral")
    assert github.refused() == []


def test_a_token_that_may_only_read(github):
    github.tokens["t"] = READER
    for work in (
        lambda host, pull: host.post_note(pull, "x", "x"),
        lambda host, _: host.hide("C1"),
        lambda host, pull: host.set_check(pull, "r", Conclusion.SUCCESS, Said("t", "s")),
    ):
        with pytest.raises(NotPermittedError, match="the token may not do that"):
            writing(github, work, "t")


def test_what_the_token_may_not_see_is_left_out(github):
    rows: dict[str, Any] = {
        "nodes": [None, {"isResolved": False, "path": "a", "comments": {"nodes": [None]}}]
    }
    rows["pageInfo"] = {"hasNextPage": False, "endCursor": None}
    answer = {
        "data": {
            "repository": {"pullRequest": {"reviewThreads": rows, "comments": {**rows, "nodes": [None]}}}
        }
    }

    async def read(host: CodeHost) -> Any:
        pull = await host.pull_request(1)
        github.faults.append(Fault("POST", "graphql", 200, body=answer, times=2))
        return await host.threads(pull), await host.notes(pull)

    ((thread,), notes) = ask(github, read)
    assert (thread.mine, thread.body, notes) == (False, "", ())


def test_comments_of_who_is_gone_are_nobodys(github):
    rows = {"pageInfo": {"hasNextPage": False}, "nodes": [
        {"path": "a", "comments": {"nodes": [{"id": "1", "body": "x", "author": None}]}},
        {"path": "a", "comments": {"nodes": []}},
    ]}  # fmt: skip
    answer = {"data": {"repository": {"pullRequest": {"reviewThreads": rows}}}}

    async def read(host: CodeHost) -> Any:
        pull = await host.pull_request(1)
        github.faults.append(Fault("POST", "graphql", 200, body=answer))
        return await host.threads(pull)

    assert [thread.mine for thread in ask(github, read)] == [False, False]


def test_files_that_were_found_count_though_the_list_is_cut(github):
    head = github.ends(github.pulls[1])[1]
    github.truncated = True
    assert ask(github, lambda host: host.files(head, ("a.py",))) == {"a.py": b"one = 1\ntwo = 3\n"}
    with pytest.raises(HostError, match=r"so that a\.py and others cannot be looked for"):
        ask(github, lambda host: host.files(head, ("a.py", "nowhere.py")))


def test_all_pages_of_threads_are_read(github):
    github.comments += [
        Comment(number, 1, f"c{number}", BOT, path="a.py", line=2) for number in range(1, 152)
    ]

    async def read(host: CodeHost) -> Any:
        return await host.threads(await host.pull_request(1))

    assert [thread.body for thread in ask(github, read)] == [f"c{number}" for number in range(1, 152)]

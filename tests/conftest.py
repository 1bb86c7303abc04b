"""Trip wires for every test, and the fixtures that most tests need."""

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

import reviewer.models.answer  # noqa: F401  # its clock has the real sleep, whichever test comes first
from tests.support.desk import desk
from tests.support.github import GitHubServer
from tests.support.repository import Builder
from tests.support.server import ChatServer, running
from tests.support.suspicious import Reviewer

_A_LIMIT, _A_MOMENT = 600.0, 0.05


class TestReachedTheNetwork(BaseException):
    """A test connected to something else than this machine."""


class TestSleptForReal(BaseException):
    """A test waited for real time to pass; give the code under test a sleep of its own."""


class TestReachedTheUsersHome(BaseException):
    """A test looked for the home folder of the person who runs it."""


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1"}:
            raise TestReachedTheNetwork(str(address))
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch):
    really_sleep = time.sleep

    def refuse(seconds):
        if sys._getframe(1).f_globals["__name__"] == "subprocess":
            return really_sleep(seconds)  # waiting for a program that has a time limit
        raise TestSleptForReal(f"{seconds} s")

    async def refuse_async(seconds):
        if seconds >= _A_LIMIT:
            await anyio.sleep_forever()  # a limit that is not meant to be reached
        if seconds > _A_MOMENT:
            raise TestSleptForReal(f"{seconds} s")
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(time, "sleep", refuse)
    monkeypatch.setattr(anyio, "sleep", refuse_async)


@pytest.fixture(autouse=True)
def _no_coverage_of_programs(monkeypatch):
    """What a test starts as a program is run in-process elsewhere; to measure it doubles its time."""
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_home(monkeypatch, tmp_path_factory) -> Path:
    """Give the process a home of its own, and settings of git that are nobody's."""
    home = tmp_path_factory.mktemp("a-home-of-the-test")

    def refuse(_cls):
        raise TestReachedTheUsersHome

    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home / name.lower()))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    # The tests themselves may be run by a CI system.
    for name in (
        "CI",
        "GITHUB_ACTIONS",
        "GITHUB_EVENT_NAME",
        "GITHUB_EVENT_PATH",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", classmethod(refuse))
    return Path(home)


@pytest.fixture
def home(_no_home: Path) -> Path:
    """The home folder of this test."""
    return _no_home


@pytest.fixture
def repo(tmp_path) -> Builder:
    """A real, empty git repository."""
    return Builder.create(tmp_path / "repo")


@pytest.fixture
def model() -> Iterator[tuple[ChatServer, Reviewer]]:
    """A server whose findings can be foreseen, and what decides on them."""
    reviewer = Reviewer()
    with running(ChatServer(models=["big", "small"], default=reviewer)) as server:
        yield server, reviewer


@pytest.fixture
def github(repo, model, monkeypatch, tmp_path) -> Iterator[GitHubServer]:
    """A pull request on a host, and a folder that is no repository to work from."""
    with desk(repo, model[0].url, tmp_path / "desk", monkeypatch) as server:
        yield server

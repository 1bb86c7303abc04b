"""Breakers that several runs on one machine share."""

import json
import multiprocessing
from pathlib import Path

import pytest

from reviewer.cli import main
from reviewer.models.model import ModelRef
from reviewer.shared_breakers import BreakerFile
from tests.support.server import ChatServer, error, honest, running

MODEL, OTHER = ModelRef("lab", "big"), ModelRef("lab", "small")
ADDRESSES = {"lab": "http://127.0.0.1:9/v1"}


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time():
    return Time()


def breakers(folder, time) -> BreakerFile:
    return BreakerFile(folder / "cache", ADDRESSES, now=time)


def test_what_one_run_writes_another_one_reads(tmp_path, time):
    one, two = breakers(tmp_path, time), breakers(tmp_path, time)
    assert two.cooldown_of(MODEL) is None
    one.opened(MODEL, 30, "down", "ServerBrokenError")
    time.now += 10
    assert two.cooldown_of(MODEL) == (20, "down")
    assert two.cooldown_of(OTHER) is None
    two.closed(MODEL)
    assert one.cooldown_of(MODEL) is None


def test_a_cool_down_ends_and_a_clock_that_jumps_does_no_harm(tmp_path, time):
    one = breakers(tmp_path, time)
    one.opened(MODEL, 30, "down", "ServerBrokenError")
    time.now += 31
    assert one.cooldown_of(MODEL) is None
    time.now -= 100_000
    assert one.cooldown_of(MODEL) is None
    time.now += 200_000
    one.opened(OTHER, 30, "down", "ServerBrokenError")
    assert len(json.loads((tmp_path / "cache" / "breakers.json").read_text())) == 1, "what is over is removed"


def test_a_server_that_answers_again_is_not_left_alone_for_having_been_away(tmp_path, time):
    one = breakers(tmp_path, time)
    one.opened(MODEL, 30, "gone", "ConnectionFailedError")
    one.opened(OTHER, 30, "broken", "ServerBrokenError")
    one.reached(MODEL)
    one.reached(OTHER)
    assert one.cooldown_of(MODEL) is None
    assert one.cooldown_of(OTHER) == (30, "broken"), (
        "that the server lists its models says nothing about this one"
    )


@pytest.mark.parametrize("text", ["", "{oops", "[]", '{"x": 3}', '{"x": {"until": "y"}}', "[" * 9000])
def test_a_file_that_cannot_be_understood_is_as_good_as_none(tmp_path, time, text):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "breakers.json").write_text(text)
    one = breakers(tmp_path, time)
    assert one.cooldown_of(MODEL) is None
    one.opened(MODEL, 30, "down", "X")
    assert one.cooldown_of(MODEL) == (30, "down")


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path, time):
    (tmp_path / "cache").write_text("a file")
    one = breakers(tmp_path, time)
    one.opened(MODEL, 30, "down", "X")
    assert one.cooldown_of(MODEL) is None


def test_processes_do_not_lose_each_other_s_entries(tmp_path):
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_write_many, args=(str(tmp_path), name)) for name in "ab"]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    assert len(json.loads((tmp_path / "breakers.json").read_text())) == 40


def _write_many(folder: str, name: str) -> None:
    for number in range(20):
        one = BreakerFile(Path(folder), ADDRESSES, now=lambda: 1000.0)
        one.opened(ModelRef("lab", f"{name}-{number}"), 30, "down", "X")


def test_a_second_run_does_not_rediscover_a_model_that_fails(repo, monkeypatch):
    """The first one asks three times, the second one goes straight to the fallback."""
    repo.commit({"a.py": "x = 1\n"})
    repo.commit({"a.py": "x = 2\n"})
    monkeypatch.chdir(repo.root)
    with running(ChatServer(models=("big", "small"), default=honest)) as server:
        server.replies["big"] = [error(500, "down", Retry_After="0")]
        (repo.root.parent / "own.toml").write_text(
            f'[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\n'
            '[roles.code_quality]\nmodels = ["lab/big", "lab/small"]\n'
        )
        command = ["run", "HEAD~1..HEAD", "--role", "code_quality", "--config", "../own.toml", "-q"]
        monkeypatch.setattr("random.uniform", lambda low, high: 0.0)
        asked = []
        for _ in range(2):
            server.requests.clear()
            assert main([*command, "-o", "../r.json"]) == 0
            asked.append([body["model"] for body in server.requests])
    assert asked == [["big", "big", "big", "small"], ["small"]]

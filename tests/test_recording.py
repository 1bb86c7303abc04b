"""Recording a run, replaying it without a server, and the files that tell what happened."""

import json
import stat

import pytest

from reviewer.cli import main
from tests.support.server import Answer, ChatServer, error, honest, running, streamed
from tests.support.values import finding, review

KEY = "sk-recorded-secret"
FOUND = review(finding(file="a.py", quote="    return x / 0", line=2), files_reviewed=["a.py"])


@pytest.fixture
def here(repo, monkeypatch):
    repo.commit({"a.py": "def f(x):\n    return x\n", "b.py": "def g(x):\n    return x\n"})
    repo.commit({"a.py": "def f(x):\n    return x / 0\n", "b.py": "def g(x):\n    return -x\n"})
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("LAB_KEY", KEY)
    return repo


def configure(repo, server: ChatServer, more: str = "") -> None:
    (repo.root.parent / "own.toml").write_text(
        f'[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\napi_key_env = "LAB_KEY"\n'
        f'[defaults]\nmodel = "lab/big"\n{more}'
    )


def run(*arguments: str) -> int:
    return main(["run", "HEAD~1..HEAD", "--config", "../own.toml", "-q", *arguments])


def test_a_recorded_run_gives_the_same_bytes_again(here, monkeypatch):
    """Refusals, an unreadable answer, a correction and a failover included; without a server, and without the key."""
    picky = error(400, "no temperature", param="temperature")

    def answer(body):
        if "temperature" in body:
            return picky
        return (
            streamed("not a review") if "Code quality" in body["messages"][0]["content"] else streamed(FOUND)
        )

    with running(ChatServer(models=("big", "small"))) as server:
        configure(here, server, '[roles.deep_analysis]\nmodels = ["lab/small", "lab/big"]\n')
        server.replies["big"] = [answer]
        server.replies["small"] = [error(404, "model 'small' not found")]
        status = run("--record", "../rec", "-o", "../first.json")
    monkeypatch.delenv("LAB_KEY")
    outcomes = [run("--replay", "../rec", "-o", f"../again-{n}.json") for n in range(3)]
    assert outcomes == [status] * 3
    texts = [(here.root.parent / f"again-{n}.json").read_bytes() for n in range(3)]
    assert set(texts) == {(here.root.parent / "first.json").read_bytes()}
    recorded = "".join(file.read_text() for file in (here.root.parent / "rec").iterdir())
    assert KEY not in recorded
    assert json.loads((here.root.parent / "rec" / "run.json").read_text())["stopped"] == ""


def test_a_change_that_was_not_recorded_is_an_error(here, capsys):
    with running(ChatServer(models=("big",), default=honest)) as server:
        configure(here, server)
        run("--record", "../rec", "-o", "../first.json")
    here.commit({"a.py": "def f(x):\n    return x / 1\n"})
    assert run("--replay", "../rec", "-o", "../again.json") == 2
    assert "the recording has no answer to this request" in capsys.readouterr().err


def test_a_recording_needs_a_folder_of_its_own(here, capsys):
    with running(ChatServer(models=("big",), default=honest)) as server:
        configure(here, server)
        assert run("--record", "../rec", "-o", "../r.json") == 0
        assert run("--record", "../rec", "-o", "../r.json") == 2
    assert "a recording needs one of its own" in capsys.readouterr().err


BROKEN = [
    ("gone", "", "cannot be read"),
    ("rec", "{oops", "is not JSON"),
    ("rec", "[]", "is no part of a recording: the whole"),
    ("rec", '{"format": 99, "created": "2026-01-01"}', "not a recording that this program can replay"),
    ("rec", '{"format": 1}', "is no part of a recording: created"),
    (
        "rec",
        '{"format": 1, "created": "2026-01-01"}',
        "0001.json: is no part of a recording: the whole: Value",
    ),
]


@pytest.mark.parametrize(("folder", "text", "said"), BROKEN)
def test_recordings_that_cannot_be_read(here, capsys, folder, text, said):
    place = here.root.parent / "rec"
    place.mkdir()
    (place / "run.json").write_text(text)
    (place / "0001.json").write_text('{"number": 1, "key": "k"}')
    with running(ChatServer()) as server:
        configure(here, server)
        assert run("--replay", f"../{folder}") == 2
    assert said in capsys.readouterr().err


def test_replay_and_record_exclude_each_other(here, capsys):
    assert main(["run", "--replay", "x", "--record", "y"]) == 2
    assert "--replay asks no server" in capsys.readouterr().err


def test_a_trace_holds_everything_but_the_key(here):
    with running(ChatServer(models=("big",), default=streamed(FOUND))) as server:
        configure(here, server)
        server.replies["big"] = [error(500, f"leak {KEY}", x_should_retry="false"), streamed(FOUND)]
        run("--trace", "../t/trace.jsonl", "-o", "../r.json", "--role", "code_quality")
    place = here.root.parent / "t" / "trace.jsonl"
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    assert KEY not in place.read_text()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    whats = [line["what"] for line in lines]
    assert whats[:3] == ["request", "response", "text"]
    assert {"request", "response", "text", "end"} <= set(whats)
    asked = next(line for line in lines if line["what"] == "request" and line["method"] == "POST")
    assert asked["headers"]["Authorization"] == "***"
    assert asked["body"]["messages"]
    assert all(line["provider"] == "lab" and line["seconds"] > 0 for line in lines)


def test_a_log_file_has_a_line_for_every_event(here):
    with running(ChatServer(models=("big",), default=honest)) as server:
        configure(here, server)
        run("--log-file", "../run.log", "-o", "../r.json", "--role", "code_quality")
    lines = [json.loads(line) for line in (here.root.parent / "run.log").read_text().splitlines()]
    assert [line["event"] for line in lines] == [
        "RoleStarted",
        "PromptSent",
        "RequestEnded",
        "PromptAnswered",
        "RoleFinished",
    ]
    assert lines[0]["model"] == "lab/big"
    assert all("time" in line for line in lines)


def test_files_that_cannot_be_written_are_named_before_anything_is_asked(here, capsys):
    (here.root.parent / "taken").write_text("")
    with running(ChatServer(models=("big",), default=honest)) as server:
        configure(here, server)
        assert run("--log-file", "../taken/run.log") == 2
        assert not server.requests
    assert "cannot be written" in capsys.readouterr().err


def test_what_went_wrong_on_the_way_is_recorded_too(here):
    """A connection that breaks, before the answer and in the middle of it, breaks again when it is replayed."""
    whole = streamed(FOUND)
    half = Answer(pieces=whole.pieces[:2], headers=whole.headers, cut=True)
    with running(ChatServer(models=("big", "small"), default=honest)) as server:
        configure(
            here, server, '[roles.code_quality]\nmodels = ["lab/big", "lab/small"]\n[run]\nattempts = 1\n'
        )
        server.replies["big"] = [half]
        server.replies["small"] = [Answer(drop=True)]
        status = run("--record", "../rec", "-o", "../first.json", "--role", "code_quality")
    for n in range(2):
        assert run("--replay", "../rec", "-o", f"../again-{n}.json", "--role", "code_quality") == status == 3
    first, again = (
        json.loads((here.root.parent / name).read_text()) for name in ("first.json", "again-0.json")
    )
    assert first["reviews"] == again["reviews"]
    assert "connection broke in the middle" in str(again["reviews"])
    assert (here.root.parent / "again-0.json").read_bytes() == (
        here.root.parent / "again-1.json"
    ).read_bytes()


def test_a_run_that_was_stopped_is_stopped_again_where_it_was(here, monkeypatch):
    """The limit of the run comes while an answer is awaited; the replay ends there too, for the same reason."""
    with running(ChatServer(models=("big",), default=honest)) as server:
        configure(here, server, "[run]\ntimeout = 0.04\n")
        server.replies["big"] = [Answer(silent=True)]
        assert run("--record", "../rec", "-o", "../first.json", "--role", "code_quality") == 3
    about = json.loads((here.root.parent / "rec" / "run.json").read_text())
    assert about["stopped"] == "the time limit of 0.04 s was reached"
    assert run("--replay", "../rec", "-o", "../again.json", "--role", "code_quality") == 3
    assert "the time limit of 0.04 s was reached" in (here.root.parent / "again.json").read_text()

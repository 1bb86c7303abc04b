"""The real command against a server that listens: no secret leaves, none is written, and findings still hold."""

import json
import re

import pytest

from reviewer.cli import main
from reviewer.outputs import json_report
from reviewer.outputs.report import Aside
from tests.support.secrets import AWS, GITHUB, KEY_LINES, PASSWORD, PRIVATE_KEY, RANDOM
from tests.support.server import ChatServer, honest, running, streamed
from tests.support.values import finding, review

SETTINGS = f"""\
AWS_KEY = "{AWS}"
password = "{PASSWORD}"
HASH = "{RANDOM}"


def connect():
    return open_database("postgres://me:{PASSWORD}@db/x", AWS_KEY)
"""
SECRETS = (AWS, GITHUB, PASSWORD, RANDOM, *KEY_LINES)


@pytest.fixture
def server():
    with running(ChatServer(models=["big", "small"], default=honest)) as started:
        yield started


@pytest.fixture
def shop(repo, server, monkeypatch, tmp_path):
    repo.commit({"settings.py": "", "README.md": "# Shop\n"}, "start")
    repo.write("settings.py", SETTINGS).write("key.pem", PRIVATE_KEY + "\n").write(
        ".env", f"TOKEN={GITHUB}\n"
    )
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("LAB_KEY", "an-own-key-of-ours")
    configure(tmp_path, server)
    return repo


def configure(tmp_path, server, extra: str = "") -> None:
    (tmp_path / "lab.toml").write_text(
        f'[defaults]\nmodel = "lab/big"\n[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\n'
        f'api_key_env = "LAB_KEY"\n{extra}'
    )


def run(tmp_path, *arguments: str) -> int:
    return main(["run", "--config", str(tmp_path / "lab.toml"), *arguments])


def everything(folder) -> str:
    return "\n".join(
        file.read_text() for file in sorted(folder.rglob("*")) if file.is_file() and ".git/" not in str(file)
    )


def test_no_secret_leaves_and_none_is_written(shop, server, tmp_path, capsys):
    def answer(body):
        text = body["messages"][1]["content"]
        paths = re.findall(r"^=== (.+?) \(", text, re.MULTILINE)
        quoted = next(line for line in text.split("\n") if "AWS_KEY =" in line).partition("|")[2]
        claim = finding(file="settings.py", line=1, quote=quoted, title="Key in the code", suggestion=None)
        return streamed(review(claim, files_reviewed=paths))

    server.default = answer
    status = run(
        tmp_path,
        "--role",
        "code_quality",
        "-o",
        "out/r.json",
        "--audit",
        "out/audit",
        "--trace",
        "out/trace",
        "--record",
        "out/rec",
        "--log-file",
        "out/log",
    )
    assert status == 0
    asked = json.dumps(server.requests)
    assert "REDACTED_AWS_KEY_1" in asked
    assert "Secrets were taken out of the material" in asked
    written = everything(tmp_path / "repo" / "out")
    shown = "".join(capsys.readouterr())
    for secret in SECRETS:
        assert secret not in asked
        assert secret not in written
        assert secret not in shown
    assert "an-own-key-of-ours" not in asked + written + shown
    made = json_report.load(str(shop.root / "out" / "r.json"))
    (found,) = made.findings
    assert (found.grounding, found.line) == ("verified", 1)
    assert found.quote == 'AWS_KEY = "REDACTED_AWS_KEY_1"'
    assert made.notes == (
        "8 secrets were taken out of what was sent to models: 1 aws key, 1 github token, 1 password, "
        "4 private key line, 1 random string.",
    )


def test_a_prompt_that_is_shown_is_the_one_that_would_be_sent(shop, tmp_path, capsys):
    """Somebody may put it into a chat by hand."""
    for options in ((), ("--json",)):
        assert main(["prompt", "code_quality", "--config", str(tmp_path / "lab.toml"), *options]) == 0
        shown = capsys.readouterr().out
        assert "REDACTED_AWS_KEY_1" in shown
        for secret in SECRETS:
            assert secret not in shown


def test_every_form_of_a_report_is_without_secrets(shop, server, tmp_path):
    forms = [
        flag
        for form in ("md", "json", "sarif", "github", "gitlab", "rdjson", "junit")
        for flag in ("-f", form)
    ]
    assert main(["run", "--model", "builtin", "-q", *forms]) == 0
    written = everything(shop.root / "reports")
    assert "REDACTED_AWS_KEY_1" in written
    for secret in SECRETS:
        assert secret not in written


def test_a_finding_about_a_stand_in_is_set_aside(shop, server, tmp_path):
    def answer(body):
        paths = re.findall(r"^=== (.+?) \(", body["messages"][1]["content"], re.MULTILINE)
        claims = [
            finding(
                file="settings.py",
                line=1,
                quote='AWS_KEY = "REDACTED_AWS_KEY_1"',
                title="Placeholder left in the code",
            ),
            finding(
                file="settings.py", line=7, quote="return open_database(", title="Connection is never closed"
            ),
        ]
        return streamed(review(*claims, files_reviewed=paths))

    server.default = answer
    assert run(tmp_path, "--role", "code_quality", "-q", "-o", "r.json", "--fail-on", "minor") == 1
    made = json_report.load(str(shop.root / "r.json"))
    assert [item.title for item in made.findings] == ["Connection is never closed"]
    assert [(item.finding.title, item.why) for item in made.set_aside] == [
        ("Placeholder left in the code", Aside.STAND_IN)
    ]


def test_a_suggestion_for_a_line_with_a_secret_is_a_patch_for_the_real_line(shop, server, tmp_path):
    def answer(body):
        paths = re.findall(r"^=== (.+?) \(", body["messages"][1]["content"], re.MULTILINE)
        claim = finding(
            file="settings.py",
            line=1,
            quote='AWS_KEY = "REDACTED_AWS_KEY_1"',
            title="Key in the code",
            suggestion='AWS_KEY = os.environ["AWS_KEY"]',
        )
        return streamed(review(claim, files_reviewed=paths))

    server.default = answer
    assert run(tmp_path, "--role", "code_quality", "-q", "-o", "r.json") == 0
    (found,) = json_report.load(str(shop.root / "r.json")).findings
    assert '-AWS_KEY = "REDACTED_AWS_KEY_1"\n+AWS_KEY = os.environ["AWS_KEY"]' in found.patch


def test_what_was_sent_where_is_listed_without_contents(shop, server, tmp_path):
    assert run(tmp_path, "-q", "-o", "r.json", "--audit", "audit.jsonl") == 0
    rows = [json.loads(line) for line in (shop.root / "audit.jsonl").read_text().splitlines()]
    assert len(rows) == len(server.requests)
    first = rows[0]
    assert (first["provider"], first["model"], first["address"]) == ("lab", "big", server.url)
    assert set(first["files"]) == {".env", "key.pem", "settings.py"}
    assert first["secrets"] == "taken out"
    assert first["stand_ins"]["AWS_KEY"] == 1
    assert len(first["sha256"]) == 64
    assert "connect" not in json.dumps(rows)
    assert (shop.root / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_server_of_this_machine_may_be_exempt(shop, server, tmp_path):
    configure(tmp_path, server, "redact = false\n")
    assert run(tmp_path, "-q", "-o", "r.json", "--audit", "audit.jsonl", "--role", "code_quality") == 0
    assert AWS in json.dumps(server.requests)
    (row,) = [json.loads(line) for line in (shop.root / "audit.jsonl").read_text().splitlines()]
    assert row["secrets"] == "sent as they are: this server is exempt"
    assert AWS not in (shop.root / "r.json").read_text(), "a report may go anywhere"


def test_no_other_server_may_be(shop, server, tmp_path, capsys):
    (tmp_path / "lab.toml").write_text(
        '[defaults]\nmodel = "lab/big"\n[providers.lab]\nkind = "openai"\nbase_url = "https://lab.example.invalid/v1"\n'
        "redact = false\n"
    )
    assert run(tmp_path) == 2
    assert "redact = false is for servers of this machine" in capsys.readouterr().err


def test_a_repository_cannot_exempt_a_server(shop, server, capsys):
    shop.write("reviewer.toml", "[providers.ollama]\nredact = false\n")
    assert main(["run"]) == 2
    assert "sets providers.ollama.redact" in capsys.readouterr().err

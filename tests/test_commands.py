"""The small commands, as the real command line."""

import json
import os
import re
from contextlib import suppress

import pytest

from reviewer.cli import main
from reviewer.errors import ConfigError
from tests.support.server import ChatServer, error, honest, running, streamed
from tests.support.trusting import agree
from tests.support.values import review


@pytest.fixture
def server():
    with running(ChatServer(default=honest)) as started:
        yield started


@pytest.fixture
def here(repo, monkeypatch):
    repo.commit({"a.py": "x = 1\n"})
    monkeypatch.chdir(repo.root)
    for name in list(os.environ):
        if name.startswith("REVIEWER_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    return repo


@pytest.fixture
def nothing_else(monkeypatch):
    """No server of the person who runs the tests is looked for."""
    monkeypatch.setenv("REVIEWER_DETECT", "false")


def lab(here, server, extra: str = "") -> None:
    here.write("reviewer.toml", f'[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\n{extra}')
    agree(here.root)


def test_models(here, server, capsys, nothing_else):
    server.models = [
        {"id": "big", "state": "loaded", "loaded_context_length": 8192},
        {"id": "cold", "state": "not-loaded"},
        "plain",
        {"id": "e", "type": "embeddings"},
    ]
    lab(here, server)
    assert main(["models"]) == 0
    assert capsys.readouterr().out.replace(server.url, "URL") == (
        "lab  URL\n  lab/big  (loaded, window 8,192 tokens)\n  lab/cold  (not loaded)\n  lab/plain\n"
    )
    assert main(["models", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    facts = {name: value for name, value in row["models"][0].items() if value not in (None, "")}
    assert facts == {"name": "big", "loaded": True, "window": 8192, "chat": True}


def test_models_of_a_server_with_many(here, server, capsys, nothing_else):
    server.models = [f"m{n}" for n in range(50)]
    lab(here, server)
    assert main(["models"]) == 0
    assert "and 10 more; --everything lists them" in capsys.readouterr().out
    assert main(["models", "--everything"]) == 0
    assert "lab/m49" in capsys.readouterr().out


def test_models_when_no_server_answers(here, server, capsys, nothing_else):
    server.listing = error(500, "broken")
    lab(here, server)
    assert main(["models"]) == 3
    said = capsys.readouterr().out
    assert "does not answer: lab (500): broken" in said
    assert "No model server was found" in said
    server.listing = None
    server.models = []
    assert main(["models"]) == 3
    assert "answers, but lists no models" in capsys.readouterr().out


def test_keys_make_services_worth_asking(here, server, capsys, nothing_else, monkeypatch):
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-x")
    here.write("reviewer.toml", f'[providers.openrouter]\nbase_url = "{server.url}"\n')
    agree(here.root)
    server.models = ["other/model", "deepseek/deepseek-v4-pro"]
    assert main(["init"]) == 2, "there is a file already"
    assert "exists already; --force replaces it" in capsys.readouterr().err
    assert main(["models"]) == 0
    assert "openrouter/deepseek/deepseek-v4-pro" in capsys.readouterr().out


def test_init_writes_a_file_that_is_valid(here, server, capsys, nothing_else, monkeypatch, snapshot):
    monkeypatch.setenv("REVIEWER_PROVIDERS__LMSTUDIO__BASE_URL", server.url)
    assert main(["init"]) == 0
    assert "Default model: lmstudio/big" in capsys.readouterr().out
    text = (here.root / "reviewer.toml").read_text()
    assert text.replace(server.url, "URL") == snapshot
    assert main(["config", "validate"]) == 0
    assert "4 roles" in capsys.readouterr().out
    uncommented = "\n".join(
        line.removeprefix("# ")
        if line.startswith(("# [", "# models", "# kind", "# base_url", "# api_key", "# guid"))
        else line
        for line in text.split("\n")
    )
    here.write("reviewer.toml", uncommented)
    assert main(["config", "validate"]) == 2
    assert "Look at it and run `reviewer trust`" in capsys.readouterr().err
    assert main(["trust"]) == 0
    assert main(["config", "validate"]) == 0, "what is commented out is valid too"


def test_init_without_any_server(here, capsys, nothing_else):
    assert main(["init"]) == 0
    assert "the built-in reviewer is used" in capsys.readouterr().out
    assert main(["config"]) == 0


def test_roles(here, server, capsys):
    lab(
        here,
        server,
        '[roles.architecture]\nmodels = ["lab/big", "lab/small"]\n[roles.deep_analysis]\nenabled = false\n',
    )
    assert main(["roles"]) == 0
    said = capsys.readouterr().out
    assert "architecture: Architecture\n" in said
    assert "models  lab/big, then lab/small" in said
    assert "deep_analysis (switched off)" in said
    assert "models  the first model that is found" in said


def test_prompt_prints_what_would_be_sent(here, server, capsys):
    here.write("a.py", "x = 2\n")
    assert main(["prompt", "architecture", "--uncommitted"]) == 0
    text = capsys.readouterr().out
    assert "##### system" in text
    assert "1 +|x = 2" in text
    assert main(["prompt", "architecture", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert [message["role"] for message in row["messages"]] == ["system", "user"]
    lab(here, server, '[defaults]\nmodel = "lab/big"\n')
    assert main(["run", "--role", "architecture", "-q"]) == 0
    here.git("add", "reviewer.toml")
    assert main(["prompt", "architecture", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert server.requests[0]["messages"] == row["messages"]
    assert main(["prompt", "nope"]) == 2


def test_prompt_of_nothing(here, capsys):
    assert main(["prompt", "architecture"]) == 2
    assert "nothing to review in uncommitted changes, so there is no prompt" in capsys.readouterr().err


def test_config_shows_values_with_their_origin(here, server, capsys, monkeypatch):
    lab(here, server, '[gate]\nfail_on = "major"\n')
    monkeypatch.setenv("REVIEWER_TIMEOUT", "10m")
    assert main(["config", "show", "--model", "lab/big"]) == 0
    said = capsys.readouterr().out
    assert f'gate.fail_on = "major"  # {here.root / "reviewer.toml"}' in said
    assert "run.timeout = 600.0  # environment" in said
    assert 'defaults.model = "lab/big"  # flag --model' in said
    assert "run.attempts = 3  # default" in said
    assert "providers.lab.api_key_env = not set  # default" in said
    assert main(["config", "keys"]) == 0
    assert "providers.NAME.base_url = not set  # address" in capsys.readouterr().out


def test_config_shows_no_password(here, capsys):
    here.write(
        "reviewer.toml", '[providers.lab]\nkind = "openai"\nbase_url = "http://u:secret@h/v1?key=k2"\n'
    )
    agree(here.root)
    assert main(["config"]) == 0
    said = capsys.readouterr().out
    assert 'providers.lab.base_url = "http://h/v1?***"' in said
    assert "secret" not in said
    assert "k2" not in said


@pytest.mark.parametrize("command", [["config", "validate"], ["run"], ["run", "--all"]])
def test_names_are_checked_before_anything_else(here, capsys, command):
    here.commit({"reviewer.toml": '[roles.architecture]\nmodels = ["lba/x"]\n'})
    assert main(command) == 2
    assert "there is no provider named 'lba'" in capsys.readouterr().err


def test_a_configured_server_that_is_dead_is_never_replaced_by_rules(here, capsys, nothing_else):
    here.write("a.py", "x = 2\n")
    here.write("../lab.toml", '[providers.lab]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert main(["run", "--config", "../lab.toml"]) == 2
    said = capsys.readouterr().err
    assert "Provider lab is configured: lab at http://127.0.0.1:9/v1: cannot connect" in said
    assert "(`--model builtin`)" in said
    assert main(["run", "--config", "../lab.toml", "--model", "builtin"]) == 0


def test_a_key_that_is_set_is_never_ignored(here, server, capsys, nothing_else, monkeypatch):
    here.write("a.py", "x = 2\n")
    here.write("../own.toml", f'[providers.openrouter]\nbase_url = "{server.url}"\n')
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-x")
    server.models = ["other/model"]
    assert main(["run", "--config", "../own.toml"]) == 2
    assert "openrouter offers none of the models that are taken unasked" in capsys.readouterr().err
    server.listing = error(401, "bad key")
    assert main(["run", "--config", "../own.toml"]) == 2
    assert "Check the key in the environment variable OPENROUTER_API_KEY" in capsys.readouterr().err


def test_init_defines_the_server_that_it_names(here, server, capsys, nothing_else, monkeypatch):
    monkeypatch.setenv("LAB_KEY", "sk-x")
    monkeypatch.setenv("REVIEWER_PROVIDERS__LAB__KIND", "openai")
    monkeypatch.setenv("REVIEWER_PROVIDERS__LAB__BASE_URL", server.url)
    monkeypatch.setenv("REVIEWER_PROVIDERS__LAB__API_KEY_ENV", "LAB_KEY")
    assert main(["init"]) == 0
    assert "Default model: lab/big, one of 2 models there." in capsys.readouterr().out
    for part in ("KIND", "BASE_URL", "API_KEY_ENV"):
        monkeypatch.delenv(f"REVIEWER_PROVIDERS__LAB__{part}")
    here.write("a.py", "x = 2\n")
    assert main(["run", "-q"]) in {0, 3}
    assert server.requests


BAD_SETTINGS = {
    '[report]\nformats = ["pdf"]\n': "there is no report format 'pdf'; known ones: json, md, sarif, github, gitlab, rdjson, junit, prom.",
    "[report]\nformats = []\n": "report.formats is empty",
    '[providers.demo]\nkind = "scripted"\nreplies = "nowhere"\n': "there is no such folder with prepared replies",
    '[providers."a/b"]\nkind = "openai"\nbase_url = "http://h/v1"\n': "a name has no slash",
    '[providers.lab]\nbase_url = "http://h/v1"\n': "provider lab: kind is missing",
}


@pytest.mark.parametrize(("text", "message"), BAD_SETTINGS.items())
@pytest.mark.parametrize("command", [["config", "validate"], ["run"]])
def test_what_validate_calls_valid_can_be_run(here, capsys, command, text, message):
    here.commit({"reviewer.toml": text})
    with suppress(ConfigError):
        agree(here.root)
    assert main(command) == 2
    assert message in capsys.readouterr().err


def test_settings_that_cannot_be_read_are_not_ignored(here, capsys):
    here.write("reviewer.toml", b'\xef\xbb\xbf[gate]\nfail_on = "major"\n')
    assert main(["config"]) == 0
    assert 'gate.fail_on = "major"' in capsys.readouterr().out
    (here.root / "reviewer.toml").unlink()
    (here.root / "reviewer.toml").symlink_to("gone.toml")
    assert main(["config"]) == 2
    assert "reviewer.toml: cannot be read" in capsys.readouterr().err


def test_init_does_not_make_two_files_that_clash(here, capsys, nothing_else):
    here.write("pyproject.toml", '[tool.reviewer.gate]\nfail_on = "major"\n')
    assert main(["init"]) == 2
    assert "holds settings in [tool.reviewer]; two files would clash" in capsys.readouterr().err
    assert not (here.root / "reviewer.toml").exists()


def test_words_for_a_target_may_stand_behind_flags(here, capsys):
    assert main(["prompt", "architecture", "--all", "a.py"]) == 0
    assert "=== a.py (whole file) ===" in capsys.readouterr().out
    assert main(["run", "--all", "--dry-run", "a.py", "--model", "builtin"]) == 0
    assert "To review (1 file)" in capsys.readouterr().out
    assert main(["run", "--all", "a.py", "--nope"]) == 2


@pytest.mark.parametrize("flag", ["--include", "--exclude", "--output", "--base", "--patch"])
def test_an_empty_value_is_an_unset_variable(here, capsys, flag):
    assert main(["run", flag, ""]) == 2
    assert f"{flag} is empty; is a variable unset?" in capsys.readouterr().err


def test_a_wrong_model_is_named_with_its_place(here, capsys):
    here.commit({"reviewer.toml": '[roles.architecture]\nmodels = ["clean"]\n'})
    assert main(["run"]) == 2
    assert f"{here.root / 'reviewer.toml'}: 'clean' is not a model name" in capsys.readouterr().err
    assert main(["run", "--model", "architecture=clean"]) == 2
    assert "flag --model: 'clean' is not a model name" in capsys.readouterr().err


def test_two_variables_for_one_key_must_agree(here, capsys, monkeypatch):
    monkeypatch.setenv("REVIEWER_FAIL_ON", "major")
    monkeypatch.setenv("REVIEWER_GATE__FAIL_ON", "major")
    assert main(["config", "validate"]) == 0
    monkeypatch.setenv("REVIEWER_GATE__FAIL_ON", "none")
    assert main(["config", "validate"]) == 2
    assert "gate.fail_on is set twice, to different values" in capsys.readouterr().err


def test_quiet_commands_say_only_what_is_wrong(here, server, capsys, nothing_else):
    lab(here, server, '[defaults]\nmodel = "lab/big"\n')
    assert main(["doctor", "-q"]) == 0
    server.default = error(500, "out of memory")
    assert main(["doctor", "--live", "-q"]) == 2
    assert capsys.readouterr().out.startswith("FAIL lab/big for ")
    assert main(["init", "-q", "--force"]) == 0
    assert capsys.readouterr().out == ""


def test_a_role_for_other_files_has_no_prompt(here, capsys):
    here.write(
        ".reviewer/prompts/sql.md.j2", '+++\ntitle = "x"\nfocus = "y"\nglobs = ["*.sql"]\n+++\nLook.\n'
    )
    here.write("a.py", "x = 2\n")
    assert main(["prompt", "sql", "--commit", "HEAD"]) == 2
    assert "matches the patterns of role sql, so there is no prompt" in capsys.readouterr().err


def test_config_validates_roles_too(here, server, capsys):
    lab(here, server, '[roles.nope]\nmodels = ["lab/big"]\n')
    assert main(["config", "validate"]) == 2
    assert "there is no role named 'nope'" in capsys.readouterr().err


def test_doctor_when_all_is_well(here, server, capsys):
    lab(here, server, '[defaults]\nmodel = "lab/big"\n')
    assert main(["doctor", "--live"]) == 0
    said = capsys.readouterr().out
    assert "FAIL" not in said
    for role in ("architecture", "code_quality", "deep_analysis"):
        assert re.search(
            rf"lab/big for {role}: answered in \d\.\d s, output mode strict schema, window not told", said
        )
    assert len(server.requests) == 3


def test_doctor_asks_no_model_unless_told_to(here, server, capsys):
    server.models = [{"id": "big", "context_length": 8192}]
    lab(here, server, '[defaults]\nmodel = "lab/big"\n')
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "ok   lab/big for architecture, code_quality, deep_analysis: window 8,192 tokens" in said
    assert "`reviewer doctor --live` asks each of them" in said
    assert server.requests == []


def test_doctor_finds_out_how_a_model_wants_to_be_asked_and_remembers_it(here, server, capsys):
    lab(here, server, '[defaults]\nmodel = "lab/big"\n')
    server.default = lambda body: (
        error(400, "response_format is not supported") if "response_format" in body else streamed(review())
    )
    assert main(["doctor", "--live"]) == 0
    assert "output mode prompt only" in capsys.readouterr().out
    server.requests.clear()
    assert main(["doctor", "--live"]) == 0
    assert len(server.requests) == 3, "nothing is tried again"


def test_doctor_says_what_is_wrong(here, server, capsys):
    lab(here, server, '[defaults]\nmodel = "lab/big"\n')
    server.default = error(500, "out of memory")
    assert main(["doctor", "--live"]) == 2
    assert "FAIL lab/big for architecture: lab (500): out of memory" in capsys.readouterr().out
    server.default = streamed("not JSON")
    assert main(["doctor", "--live"]) == 2
    assert "but its reviews would be unreadable: the answer holds no review" in capsys.readouterr().out
    assert main(["doctor", "--live", "--model", "lab/bgi"]) == 2
    assert "FAIL models: Model 'bgi' not found on lab" in capsys.readouterr().out
    here.write("reviewer.toml", "[gate\n")
    assert main(["doctor", "--live"]) == 2
    assert "FAIL settings: " in capsys.readouterr().out


def test_doctor_outside_of_a_repository(tmp_path, monkeypatch, capsys, nothing_else):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--live", "--model", "builtin"]) == 2
    said = capsys.readouterr().out
    assert "FAIL git: " in said
    assert "ok   builtin/rules" in said


def test_doctor_of_a_dead_server(here, capsys):
    here.write(
        "reviewer.toml",
        '[defaults]\nmodel = "lab/x"\n[providers.lab]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n',
    )
    agree(here.root)
    assert main(["doctor", "--live"]) == 2
    assert "FAIL models: lab/x could not be checked" in capsys.readouterr().out


WRONG = [
    ([], "the following arguments are required: COMMAND"),
    (["nope"], "invalid choice: 'nope'"),
    (["prompt"], "the following arguments are required: ROLE"),
    (["config", "nope"], "invalid choice"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_usage(here, capsys, arguments, message):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("reviewer ")
    assert main(["--help"]) == 0
    assert main(["review", "--help"]) == 0, "run has an alias"

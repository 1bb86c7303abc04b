"""Layers of settings: which one wins, where a value comes from, and what is refused."""

from pathlib import Path

import pytest

from reviewer.config.keys import flag_key, named_key
from reviewer.config.load import Sources, load
from reviewer.config.places import user_file
from reviewer.config.schema import known_keys
from reviewer.endpoints import endpoint_of
from reviewer.errors import ConfigError


def sources(folder: Path, environment: dict[str, str] | None = None, flags=None, **fields) -> Sources:
    named = {flag_key(key): value for key, value in (flags or {}).items()}
    return Sources(folder, environment or {}, named, **fields)


@pytest.fixture
def place(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    return tmp_path


def test_each_layer_wins_over_the_one_before(place, home):
    key = "gate.fail_on"
    inner = flag_key(key)
    assert (load(sources(place)).settings.gate.fail_on, load(sources(place)).origin(inner)) == (
        "none",
        "default",
    )
    user_file().parent.mkdir(parents=True)
    user_file().write_text('[gate]\nfail_on = "minor"\n[run]\nattempts = 5\n')
    assert load(sources(place)).settings.gate.fail_on == "minor"
    (place / "reviewer.toml").write_text('[gate]\nfail_on = "major"\n')
    loaded = load(sources(place / "sub"))
    assert (loaded.settings.gate.fail_on, loaded.origin(inner)) == ("major", str(place / "reviewer.toml"))
    assert loaded.settings.run.attempts == 5, "keys are merged one by one"
    loaded = load(sources(place, {"REVIEWER_FAIL_ON": "critical"}))
    assert (loaded.settings.gate.fail_on, loaded.origin(inner)) == ("critical", "environment")
    loaded = load(sources(place, {"REVIEWER_FAIL_ON": "critical"}, {key: ("--fail-on", "none")}))
    assert (loaded.settings.gate.fail_on, loaded.origin(inner)) == ("none", "flag --fail-on")
    assert loaded.files == (str(user_file()), str(place / "reviewer.toml"))


def test_settings_in_pyproject(place):
    (place / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert load(sources(place)).files == ()
    (place / "pyproject.toml").write_text("[tool.reviewer.run]\nattempts = 7\n")
    assert load(sources(place)).settings.run.attempts == 7
    (place / "reviewer.toml").write_text("")
    with pytest.raises(ConfigError, match="both hold settings"):
        load(sources(place))


def test_named_file_replaces_that_of_the_repository(place):
    (place / "reviewer.toml").write_text("[run]\nattempts = 7\n")
    (place / "other.toml").write_text("[run]\nattempts = 8\n")
    assert load(sources(place, file=place / "other.toml")).settings.run.attempts == 8
    assert load(sources(place, {"REVIEWER_CONFIG": str(place / "other.toml")})).settings.run.attempts == 8
    assert load(sources(place, use_files=False)).settings.run.attempts == 3


def test_names_with_dots_and_lists_from_the_environment(place):
    (place / "reviewer.toml").write_text(
        '[providers."my.lab"]\nbase_url = "http://x/v1"\nkind = "openai"\n[roles.sql]\nmodels = ["my.lab/a", "my.lab/b"]\n'
    )
    loaded = load(
        sources(
            place,
            {"REVIEWER_SCOPE__EXCLUDE": "docs/, *.md", "REVIEWER_ROLES__SQL__ENABLED": "false"},
            file=place / "reviewer.toml",
        )
    )
    assert loaded.settings.providers["my.lab"].base_url == "http://x/v1"
    assert loaded.settings.scope.exclude == ("docs/", "*.md")
    assert loaded.settings.roles["sql"].models == ("my.lab/a", "my.lab/b")
    assert loaded.settings.roles["sql"].enabled is False
    assert loaded.origin(named_key("roles", "sql", "enabled")) == "environment"


DURATIONS = [("300", 300.0), ("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0)]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_durations(place, text, seconds):
    assert load(sources(place, {"REVIEWER_TIMEOUT": text})).settings.run.timeout == seconds


BAD_FILES = {
    "unknown section": ("[gates]\nx = 1\n", "unknown key 'gates'. Did you mean 'gate'?"),
    "unknown key": (
        '[gate]\nfail_onn = "major"\n',
        "unknown key 'gate.fail_onn'. Did you mean 'gate.fail_on'?",
    ),
    "unknown key of a provider": (
        '[providers.lab]\nbase_ulr = "x"\n',
        "unknown key 'providers.lab.base_ulr'. Did you mean 'providers.lab.base_url'?",
    ),
    "nothing near": ("[zzz]\nqqq = 1\n", "unknown key 'zzz'. Sections: defaults, providers"),
    "value at the top": ("model = 'x'\n", "unknown key 'model'. Did you mean 'defaults.model'?"),
    "wrong value": ('[gate]\nfail_on = "huge"\n', "gate.fail_on: Input should be 'critical'"),
    "wrong type": ("[run]\nattempts = 'many'\n", "run.attempts: Input should be a valid integer"),
    "unknown kind": ('[providers.lab]\nkind = "opnai"\n', "kind is one of .*; did you mean 'openai'"),
    "key in place of its variable's name": (
        '[providers.lab]\napi_key_env = "sk-very-secret"\n',
        r"api_key_env: name the environment variable that holds the key, such as LAB_KEY; not the key itself$",
    ),
    "no TOML": ("[gate\n", "Expected ']'"),
    "not a table": ("[roles]\nsql = 3\n", "roles.sql: Input should be a valid dictionary"),
}


@pytest.mark.parametrize(("text", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_wrong_file_is_named_with_what_is_wrong(place, text, message):
    (place / "reviewer.toml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load(sources(place))
    assert str(caught.value).startswith(str(place / "reviewer.toml"))


def test_files_that_cannot_be_read(place):
    (place / "reviewer.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="reviewer.toml"):
        load(sources(place))


BAD_VARIABLES = {
    "REVIEWER_FAILON": "unknown variable REVIEWER_FAILON. Did you mean REVIEWER_FAIL_ON?",
    "REVIEWER_X": "Write REVIEWER_SECTION__KEY",
    "REVIEWER_GATE__FAIL_ONN": "environment: unknown key 'gate.fail_onn'. Did you mean 'gate.fail_on'?",
}


@pytest.mark.parametrize(("name", "message"), BAD_VARIABLES.items())
def test_wrong_variables(place, name, message):
    with pytest.raises(ConfigError, match=message):
        load(sources(place, {name: "x", "OTHER": "y"}))


def test_a_variable_for_a_table_and_one_for_a_key_in_it(place):
    both = {"REVIEWER_ROLES__A": "x", "REVIEWER_ROLES__A__MODELS": "lab/x"}
    with pytest.raises(
        ConfigError, match=r"^environment: roles.a is set to a value, and roles.a.models below"
    ):
        load(sources(place, both))


BAD_ADDRESSES = {
    "": "base_url is missing",
    "127.0.0.1:8000": "does not start with http:// or https://",
    "http://127.0.0.1:99999/v1": "cannot be used: Port out of range",
    "http://127.0.0.1:port/v1": "cannot be used: Port could not be cast",
    "http://[::1/v1": "cannot be used: Invalid IPv6",
    "http:///v1": "names no host",
    "http://a..b/v1": "cannot be used: .*label empty",
}


@pytest.mark.parametrize(("address", "message"), BAD_ADDRESSES.items())
def test_addresses_that_cannot_be_used(place, address, message):
    (place / "reviewer.toml").write_text(
        f'[providers.lab]\nkind = "openai-compatible"\nbase_url = "{address}"\n'
    )
    with pytest.raises(ConfigError, match=message):
        endpoint_of("lab", load(sources(place, file=place / "reviewer.toml")), {})


def test_empty_variables_do_not_count(place):
    assert load(sources(place, {"REVIEWER_X": "", "REVIEWER_MODEL": ""})).settings.defaults.model is None


def test_every_key_is_documented():
    keys = known_keys()
    assert "providers.NAME.base_url" in keys
    text = (Path(__file__).parents[2] / "docs/configuration.md").read_text()
    assert [key for key in keys if f"`{key}`" not in text] == []

"""What is taken for a secret, where it begins and ends, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.changes.secrets import find_secrets
from tests.support.secrets import BY_FORM, GITHUB_FINE, KEY_LINES, PASSWORD, PRIVATE_KEY, RANDOM


def found(text: str, path: str = "") -> list[tuple[str, str]]:
    return [(secret.kind, text[secret.start : secret.end]) for secret in find_secrets(text, path)]


@pytest.mark.parametrize(("kind", "secret"), BY_FORM.items())
@pytest.mark.parametrize(
    "around", ["{}", 'x = "{}"', "- {}", "url?key={}&x=1", "# {} is old", " 12 +|a: {}", "'{}',"]
)
def test_by_form(kind, secret, around):
    assert found(around.format(secret)) == [(kind, secret)]


IN_CODE = [
    (f'password = "{PASSWORD}"', "a.py", PASSWORD),
    (f"DB_PASSWORD: '{PASSWORD}'", "a.py", PASSWORD),
    (f"config['secret'] = '{PASSWORD}'", "a.js", PASSWORD),
    (f"postgres://me:{PASSWORD}@db.example.invalid/x", "", PASSWORD),
    (f"DB_PASSWORD={PASSWORD}", ".env", PASSWORD),
    (f"  password: {PASSWORD}", "deploy/values.yaml", PASSWORD),
    (f"PASSWORD={PASSWORD}", "prod/.env.local", PASSWORD),
    (f'api_token = "{RANDOM}"', "a.py", RANDOM),
    (f'thing = "{RANDOM}"', "a.py", RANDOM),
    (f"THING={RANDOM}", ".env", RANDOM),
    (f"Authorization: Bearer {RANDOM}", "", RANDOM),
    (f"token {GITHUB_FINE}", "", GITHUB_FINE),
]


@pytest.mark.parametrize(("text", "path", "secret"), IN_CODE)
def test_by_name_and_by_chance(text, path, secret):
    assert [value for _, value in found(text, path)] == [secret]


HARMLESS = [
    "password = get_password()",
    "password = os.environ['PASSWORD']",
    'password = "${PASSWORD}"',
    'password = "{{ password }}"',
    'password = "<password>"',
    'api_key_env = "LAB_KEY"',
    'password = ""',
    'id = "123e4567-e89b-12d3-a456-426614174000"',
    'alphabet = "abcdefghijklmnopqrstuvwxyz"',
    "from reviewer.changes.secrets import find_secrets",
    "class ThisIsAVeryLongNameOfAClassThatIsNoSecret: pass",
    '"some_long_identifier_with_words_in_it"',
    "https://example.invalid/a/very/long/path/to/something?with=query",
    "0123456789abcdef0123456789abcdef01234567",
    'x = "REDACTED_AWS_KEY_1"',
    "password_hash_rounds = 12",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret(text):
    assert found(text, "a.py") == []


def test_a_private_key_is_found_line_by_line():
    assert found(f"before\n{PRIVATE_KEY}\nafter = 1") == [("PRIVATE_KEY_LINE", line) for line in KEY_LINES]


def test_a_private_key_that_is_cut_ends_where_something_else_begins():
    cut = PRIVATE_KEY.rpartition("\n")[0] + "\nclass Next:\n    this_is_a_long_name_of_something = 1"
    assert [value for _, value in found(cut)] == list(KEY_LINES)


def test_a_private_key_in_one_line_of_json():
    text = '{"key": "' + PRIVATE_KEY.replace("\n", "\\n") + '"}'
    hidden = text
    for _, value in reversed(found(text)):
        hidden = hidden.replace(value, "X")
    assert not any(line in hidden for line in KEY_LINES)


def test_long_lines_are_looked_through_for_forms_and_names():
    text = (
        "x" * 5000 + " " + BY_FORM["AWS_KEY"] + ' password = "hunter2222"' + "x" * 5000 + " secret='abcd1234'"
    )
    assert found(text) == [
        ("AWS_KEY", BY_FORM["AWS_KEY"]),
        ("PASSWORD", "hunter2222"),
        ("PASSWORD", "abcd1234"),
    ]


def test_long_lines_of_data_have_much_that_looks_random():
    assert found(f'["{RANDOM}", ' + "0, " * 1000 + "]") == []


@given(st.text(alphabet=st.characters(codec="utf-8")), st.sampled_from(["a.py", ".env", "x.yaml", ""]))
def test_places_are_in_order_within_lines(text, path):
    end = 0
    for secret in find_secrets(text, path):
        assert end <= secret.start < secret.end <= len(text)
        assert "\n" not in text[secret.start : secret.end]
        end = secret.end


SLOW = {
    "blank lines": ("\n" * 20_000, "a.yml"),
    "a line of blanks": (" " * 200_000, "a.yml"),
    "names only": ("password" * 250 + "\n", "a.py"),
    "many lines of names": (("password" * 200 + "\n") * 50, "a.yml"),
    "beginnings of tokens": ("eyJ" * 60_000, "a.py"),
    "beginnings of keys": (("-----BEGIN RSA PRIVATE " + "KEY-----\n") * 5000, "a.pem"),
    "quotes": ('"' * 100_000, "a.py"),
    "assignments": ("a=" * 100_000, ".env"),
}


@pytest.mark.parametrize(("text", "path"), SLOW.values(), ids=SLOW)
def test_no_text_takes_long(text, path):
    """Twice the text may take about twice the time, not four times."""
    import time

    def seconds(value: str) -> float:
        start = time.perf_counter()
        find_secrets(value, path)
        return time.perf_counter() - start

    find_secrets("warm up")
    once, twice = seconds(text), seconds(text * 2)
    assert twice < 3 * once + 0.5

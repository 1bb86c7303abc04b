"""Stand-ins: the same for the same value, as many lines as before, and back again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.redact import Redactor
from reviewer.prompting.role import ModelKind
from tests.support.secrets import AWS, BY_FORM, GITHUB, KEY_LINES, PASSWORD, PRIVATE_KEY, RANDOM
from tests.support.values import changes

SECRETS = [*BY_FORM.values(), RANDOM, PRIVATE_KEY]


def patch(path: str, *lines: str):
    body = "".join(f"+{line}\n" for line in lines)
    return changes(
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
        f"@@ -0,0 +1,{len(lines)} @@\n{body}".encode()
    )


def prompt(text: str) -> Prompt:
    messages = (Message(Speaker.SYSTEM, "Review."), Message(Speaker.USER, text))
    return Prompt("r", ModelKind.CODING, Purpose.REVIEW, messages, None, 10, 100, "r")


def test_the_same_value_has_the_same_stand_in():
    redactor = Redactor()
    assert redactor.redact(f'a = "{AWS}"\nb = "{GITHUB}"\nc = "{AWS}"') == (
        'a = "REDACTED_AWS_KEY_1"\nb = "REDACTED_GITHUB_TOKEN_1"\nc = "REDACTED_AWS_KEY_1"'
    )
    assert redactor.redact(f"{AWS} again") == "REDACTED_AWS_KEY_1 again"


def test_what_only_the_file_tells_is_known_in_the_prompt():
    redactor = Redactor()
    redactor.learn(patch(".env", f"DB_PASSWORD={PASSWORD}", "DEBUG=1"))
    shown = f"=== .env (new file) ===\n1 +|DB_PASSWORD={PASSWORD}\n2 +|DEBUG=1"
    assert redactor.redact(shown) == shown.replace(PASSWORD, "REDACTED_PASSWORD_1")


def test_lines_of_a_key_are_known_without_its_first_line():
    redactor = Redactor()
    redactor.learn(patch("key.pem", *PRIVATE_KEY.split("\n")))
    assert redactor.redact(f" 3 +|{KEY_LINES[1]}") == " 3 +|REDACTED_PRIVATE_KEY_LINE_2"


def test_a_password_is_no_word_that_is_replaced_everywhere():
    redactor = Redactor()
    text = 'password = "default"\nkind = default(default)'
    assert redactor.redact(text) == 'password = "REDACTED_PASSWORD_1"\nkind = default(default)'


def test_own_keys_are_never_sent():
    redactor = Redactor(["an-own-key-of-ours", "short"])
    assert redactor.redact("it is an-own-key-of-ours, short") == "it is REDACTED_OWN_KEY_1, short"


def test_a_stand_in_that_is_in_the_code_stands_for_nothing():
    redactor = Redactor()
    redactor.learn(patch("a.py", 'x = "REDACTED_AWS_KEY_1"', f'y = "{AWS}"'))
    assert redactor.redact(AWS) == "REDACTED_AWS_KEY_2"
    assert redactor.restore('x = "REDACTED_AWS_KEY_1"') == 'x = "REDACTED_AWS_KEY_1"'


@pytest.mark.parametrize("value", ["a\\c-passw0rd", "zwölf-Boxkämpfer"])
def test_values_come_home_as_json_needs_them(value):
    redactor = Redactor()
    assert value not in redactor.prompt(prompt(f"password = '{value}'")).messages[1].text
    reply = json.dumps({"quote": "x = REDACTED_PASSWORD_1"})
    assert json.loads(redactor.restore(reply)) == {"quote": f"x = {value}"}
    assert redactor.restore("In words: REDACTED_PASSWORD_1") == f"In words: {value}"


def test_a_prompt_says_what_stands_in_for_secrets():
    redactor = Redactor()
    made = redactor.prompt(prompt(f"key = {AWS}"))
    assert made.messages[1].text.startswith("key = REDACTED_AWS_KEY_1\n\nSecrets were taken out")
    assert made.tokens > 10
    assert redactor.sent == {"AWS_KEY": 1}
    assert redactor.knows(f"x = {AWS}")
    assert redactor.knows("x = REDACTED_AWS_KEY_1")
    assert not redactor.knows("x = REDACTED_AWS_KEY_2")


def test_a_prompt_without_secrets_is_left_as_it_is():
    plain = prompt("x = 1")
    assert Redactor().prompt(plain) is plain


PIECES = st.lists(
    st.one_of(st.sampled_from(SECRETS), st.text(max_size=20), st.sampled_from(["\n", " ", '"', "= "]))
)


@given(PIECES)
def test_lines_stay_and_everything_comes_back(pieces):
    text = " ".join(pieces)
    redactor = Redactor()
    hidden = redactor.redact(text)
    assert hidden.count("\n") == text.count("\n")
    redactor.prompt(prompt(text))
    if "REDACTED_" not in text and "{" not in text:
        assert redactor.restore(hidden) == text


@given(PIECES)
def test_nothing_is_found_a_second_time(pieces):
    redactor = Redactor()
    hidden = redactor.redact(" ".join(pieces))
    assert redactor.redact(hidden) == hidden


def test_none_of_the_secrets_is_left():
    redactor = Redactor()
    hidden = redactor.redact("\n".join(f'x = "{secret}"' for secret in SECRETS))
    assert not any(
        line in hidden for secret in SECRETS for line in secret.split("\n") if "PRIVATE" not in line
    )


def test_own_keys_never_come_back():
    redactor = Redactor(["an-own-key-of-ours"])
    redactor.prompt(prompt("it is an-own-key-of-ours"))
    for said in ("REDACTED_OWN_KEY_1", "xREDACTED_OWN_KEY_1y", '{"a": "REDACTED_OWN_KEY_1"}'):
        assert "an-own-key" not in redactor.restore(said)


def test_only_what_was_sent_comes_back_and_only_as_a_word():
    redactor = Redactor()
    redactor.redact(f'x = "{AWS}"')
    assert redactor.restore("REDACTED_AWS_KEY_1") == "REDACTED_AWS_KEY_1", "it was never sent"
    redactor.prompt(prompt(f"key = {AWS}"))
    assert redactor.restore("xREDACTED_AWS_KEY_1y") == "xREDACTED_AWS_KEY_1y"
    assert redactor.restore("REDACTED_AWS_KEY_1") == AWS


def test_what_is_written_has_no_known_secret_wherever_it_stands():
    redactor = Redactor(["an-own-key-of-ours"])
    redactor.learn(patch(".env", f"DB_PASSWORD={PASSWORD}"))
    written = redactor.scrub(f"The password {PASSWORD} is weak, xan-own-key-of-oursy too.")
    assert written == "The password REDACTED_PASSWORD_1 is weak, xREDACTED_OWN_KEY_1y too."


def test_a_password_that_is_a_word_stays_a_word_in_a_report():
    redactor = Redactor()
    redactor.learn(patch("a.py", 'password = "postgres"'))
    text = 'Postgres runs as postgres; password = "postgres" is weak.'
    assert redactor.scrub(text) == text.replace('"postgres"', '"REDACTED_PASSWORD_1"')


def test_a_hidden_character_does_not_save_a_secret():
    redactor = Redactor()
    redactor.learn(patch(".env", f"\ufeffDB_PASSWORD={PASSWORD}"))
    assert PASSWORD not in redactor.redact(f"1 +|\\u{{feff}}DB_PASSWORD={PASSWORD}")

"""What hides is shown to models, and found again in what they quote."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.prompting.hidden import Unhider
from tests.support.repository import Builder
from tests.support.server import ChatServer, running, streamed
from tests.support.values import finding, review


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a\\u{202e}b"),
        ("\u200b\ufeff", "\\u{200b}\\u{feff}"),
        ("\U000e0041", "\\u{e0041}"),
        ("\x1b[31m", "\\u{1b}[31m"),
        ("tab\tline\r\n", "tab\tline\r\n"),
        ("größe 漢字 🙂", "größe 漢字 🙂"),
    ],
)
def test_what_hides_is_shown(text, shown):
    assert Unhider().show(text) == shown


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_and_comes_back(text):
    unhider = Unhider()
    shown = unhider.show(text)
    assert unhider.show(shown) == shown
    if "\\u{" not in text:
        assert unhider.hide(shown) == text
        assert json.loads(unhider.hide(json.dumps({"q": shown}, ensure_ascii=False))) == {"q": text}


def test_escapes_of_the_language_are_left_alone():
    assert Unhider().hide('x = "\\u{202e}"') == 'x = "\\u{202e}"'


def test_a_quote_with_what_hides_is_found(repo: Builder, monkeypatch, tmp_path, capsys):
    from reviewer.cli import main

    repo.commit({"a.py": "x = 1\n"})
    repo.write("a.py", "access = 'user\u202e \u2066# admin'\n")
    monkeypatch.chdir(repo.root)

    def answer(body):
        text = body["messages"][1]["content"]
        assert "\u202e" not in text
        (line,) = re.findall(r"^ *\d+ \+\|(.*)$", text, re.MULTILINE)
        return streamed(review(finding(file="a.py", line=1, quote=line), files_reviewed=["a.py"]))

    with running(ChatServer(models=["big"], default=answer)) as server:
        (tmp_path / "lab.toml").write_text(
            f'[defaults]\nmodel = "lab/big"\n[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\n'
        )
        arguments = ["run", "--config", str(tmp_path / "lab.toml"), "--role", "code_quality", "-q"]
        assert main([*arguments, "-o", str(tmp_path / "r.json")]) == 0
    made = json.loads((tmp_path / "r.json").read_text())
    assert [(item["grounding"], item["line"]) for item in made["findings"]] == [("verified", 1)]
    assert "U+202E, U+2066" in made["notes"][0]
    repo.write("b.js", "// user\u202e \u2066 admin\n")  # for Python, the linter knows it
    assert main(["run", "--model", "builtin", "--fail-on", "major", "-q", "-o", str(tmp_path / "b.md")]) == 1
    assert "Characters that turn text around or hide it" in (tmp_path / "b.md").read_text()

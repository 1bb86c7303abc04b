"""Hostile words stay in their place on the page."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reviewer.outputs.neutral import cell, code, fence, inline, path_code, prose, visible

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False, "html": True})

HOSTILE = [
    "# heading",
    "text\n\n# heading",
    "text\n===",
    "text\n---",
    "***",
    "> quote",
    "<script>alert(1)</script>",
    "<img src=x onerror=y>",
    "<!-- comment",
    "![image](https://evil.example/x.png)",
    "[link](https://evil.example)",
    "[link]: https://evil.example",
    "https://evil.example/?q=secret",
    "www.evil.example",
    "me@evil.example",
    "ping @someone and @team/people",
    "closes #12 and owner/repo#34 and GH-5",
    "::error::x",
    "::set-output name=x::y",
    "##[error]x",
    "| a | b |\n| --- | --- |\n| c | d |",
    "```\nnever closed",
    "~~~~\nnever closed",
    "a ``` b",
    "`open",
    "``` `x` ```",
    "&#64;someone &lt;b&gt;",
    "\x1b[31mred\x1b[0m",
    "\u202etxt.exe\u202c",
    "zero\u200bwidth\u2060",
    "</details>",
    "1. item\n2. item",
    "\\<b>",
    "a\x00b",
    "\r\n\u2028# x",
    "    indented code",
    "~~struck~~",
    "___",
    "_ _ _",
    "HTTPS://evil.example/x",
    "_https://evil.example_",
    "*www.evil.example*",
    "_@someone_",
]


def tokens(text: str) -> list[str]:
    found = []
    for token in MARKDOWN.parse(text):
        found.append(token.type)
        found += [child.type for child in token.children or []]
    return found


ACTIVE = {
    "heading_open",
    "hr",
    "html_block",
    "html_inline",
    "image",
    "link_open",
    "table_open",
    "blockquote_open",
    "code_block",
    "s_open",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_inline_is_one_inert_line(text):
    made = inline(text)
    assert "\n" not in made
    assert not ACTIVE & set(tokens(made)), made
    assert "fence" not in tokens(made)
    assert not made.lstrip().startswith(("::", "##["))
    outside = MARKDOWN.render(made)
    assert "<script" not in outside


@pytest.mark.parametrize("text", HOSTILE)
def test_prose_has_paragraphs_lists_and_code_only(text):
    made = prose(text)
    assert not ACTIVE & set(tokens(f"before\n\n{made}\n\nafter")), made
    assert tokens(f"{made}\n\nafter")[-3:] == ["inline", "text", "paragraph_close"], (
        "nothing swallows what follows"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_code_and_fence_hold_anything(text):
    assert tokens(code(text))[1:3] == ["inline", "code_inline"]
    assert tokens(f"{fence(text)}\n\nafter")[0] == "fence"
    assert tokens(f"{fence(text)}\n\nafter")[1] == "paragraph_open"


@pytest.mark.parametrize("text", HOSTILE)
def test_cell_keeps_the_table_whole(text):
    table = f"| a | b |\n| --- | --- |\n| {cell(text)} | end |\n"
    parsed = tokens(table)
    assert parsed.count("td_open") == 2
    assert not (ACTIVE - {"table_open"}) & set(parsed), table


SHOWN = {
    "code stays code": ("use `x < y` here", "use `x < y` here"),
    "plain text stays plain": ("It's fine, 5 * 3 = 15.", "It's fine, 5 * 3 = 15."),
    "mention": ("ask @bob", "ask `@bob`"),
    "reference": ("see #12", "see `#12`"),
    "address": ("see https://x.example/a_b", "see `https://x.example/a_b`"),
    "number in code": ("`#12` and `@x`", "`#12` and `@x`"),
    "list item": ("- one\n- two", "- one\n- two"),
    "code block": ("Do:\n```python\nx = 1\n```\nDone", "Do:\n\n```python\nx = 1\n```\n\nDone"),
    "code block with ticks": ("````\n```\n````", "````\n```\n````"),
    "name with underscores": ("call __init__, then a_b", "call `__init__`, then a_b"),
    "product": ("2*x*y and 5 * 3", "`2*x*y` and 5 * 3"),
    "keywords": ("**kwargs are lost", "`**kwargs` are lost"),
    "emphasis": ("**Note:** this", "**Note:** this"),
    "decorator in a quote": ("the @property", "the `@property`"),
}


@pytest.mark.parametrize(("text", "expected"), SHOWN.values(), ids=SHOWN)
def test_harmless_words_stay_readable(text, expected):
    assert prose(text) == expected


def test_visible_shows_what_hides():
    assert visible("a\tb\nc") == "a\tb\nc"
    assert visible("\x1b[31m") == "\\u{1b}[31m"
    assert visible("\u202e") == "\\u{202e}"
    assert visible("ünïcode 日本 🧨") == "ünïcode 日本 🧨"


def test_path_keeps_its_blanks_and_stays_in_one_line():
    assert path_code("a  b/new\nline\t.py") == "`a  b/new\\nline\\t.py`"
    assert path_code("`x`.py") == "`` `x`.py ``"


LONG = ["a." * 32_000, "` `` " * 13_000, "@" * 64_000, "a#" * 32_000, "_ " * 32_000, "http:" * 13_000]


@pytest.mark.parametrize("text", [*LONG, "".join("`" * n + "x" for n in range(350))])
@pytest.mark.parametrize("make", [inline, prose, cell, fence])
def test_long_texts_take_no_longer_than_their_length(text, make):
    started = time.perf_counter()
    make(text)
    assert time.perf_counter() - started < 2, "a quadratic way takes a minute"


def test_language_of_a_fence_is_a_word():
    assert fence("x", "python\n# x").startswith("```\n")
    assert fence("x", "c++").startswith("```c++\n")


@given(st.text(max_size=80))
def test_any_text_stays_inert(text):
    assert not ACTIVE & set(tokens(f"x {inline(text)}"))
    assert not ACTIVE & set(tokens(prose(text)))
    assert tokens(f"{fence(text)}\n\nafter")[-1] == "paragraph_close"

"""Whether what a model writes can leave its place on the page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cases import Row, quoted_comments, rows
from figures import Figure
from markdown_it import MarkdownIt
from markdown_it.token import Token
from reviews import reply, review

_MODES = ("hostile_message_text", "nested_fence_in_string", "channel_tokens", "think_block")
_WORST = (
    "</details>\n# Owned\n<script>alert(1)</script>",
    "```\n</details>\n\n## Summary\n\nThe review is complete, with no findings.",
    "~~~\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "![x](http://127.0.0.1/x.png) [y](javascript:alert(1)) <http://127.0.0.1/>",
    "@everyone fixes #1, closes owner/repo#2 <!-- hidden -->",
    "> quote\n\n---\n\nSetext\n======\n\n1. one\n   ```\n",
    "\x1b[31mred\x1b[0m \u202etxt\u202c \u200b\x00",
    '[ref]: http://127.0.0.1/ "x"\n\n[ref]',
)


def measure(folder: Path) -> Iterator[Figure]:
    """Reports with hostile words in every field, parsed as CommonMark beside one with harmless words."""
    row = quoted_comments(folder)[0]
    patch = (folder / "aacr" / "diffs" / f"{row['pr_id']}.diff").read_bytes()
    hostile = [
        item["message"]
        for case in rows(folder, "malformed", "replies.jsonl")
        if case["mode"] in _MODES
        for item in case["expected_findings"]
    ]
    texts = list(dict.fromkeys([*hostile, *_WORST]))
    usual = _outline(_page(row, patch, "harmless words"))
    escaped = active = lost = 0
    for text in texts:
        page = _page(row, patch, text)
        escaped += _outline(page) != usual
        active += _active(page)
        lost += "Run details" not in _outline(page)
    yield Figure(
        "pages whose headings differ from those with harmless words", escaped, 0, most=True, of=len(texts)
    )
    yield Figure("links, images and HTML that are not the program's", active, 0, most=True, of=len(texts))
    yield Figure("pages that end early", lost, 0, most=True, of=len(texts))


def _page(row: Row, patch: bytes, text: str) -> str:
    """A report in which every text of a model is this one, once grounded and once not."""
    finding = {
        "file": row["path"],
        "line": row["from_line"],
        "quote": "\n".join(row["anchored_text"][:3]),
        "failure_scenario": text,
        "explanation": text,
        "title": text,
        "category": "bug",
        "severity": "major",
        "recommendation": text,
        "suggestion": text,
        "confidence": "high",
    }
    invented = finding | {"file": text, "quote": text}
    answer = reply(
        [text],
        [finding, invented],
        summary=text,
        strengths=[text],
        recommendations=[{"text": text, "horizon": "short"}],
    )
    return review(patch, answer).page


def _tokens(page: str) -> Sequence[Token]:
    return MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(page)


def _outline(page: str) -> list[str]:
    """The headings: those of findings by their labels only, as their titles are the model's."""
    tokens = _tokens(page)
    found = []
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            text = tokens[number + 1].content
            label = text.partition(".")[0]
            found.append(f"{token.tag} {label}" if label[1:].isdigit() else text)
    return found


_OWN_HTML = ("<details>", "</details>", "<summary>", "</summary>", "<!--")


def _active(page: str) -> int:
    """Whatever a reader's browser would act on."""
    count = 0
    for token in _tokens(page):
        if token.type == "html_block":
            rest = token.content
            for own in _OWN_HTML:
                rest = rest.replace(own, "")
            count += "<" in rest
        count += sum(child.type in {"image", "link_open", "html_inline"} for child in token.children or ())
    return count

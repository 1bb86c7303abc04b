"""Which code is shown with a finding, in several languages."""

import pytest

from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus, Side
from reviewer.excerpts import excerpts_of, shown_lines
from reviewer.findings.finding import Claim
from reviewer.findings.merge import ground_claims, merge
from reviewer.prompting.contract import Severity

FILL = [f"filler_{number} = {number}" for number in range(60)]


def python_file() -> list[str]:
    return [
        "import os",
        "from math import (",
        "    floor,",
        ")",
        "LIMIT = 10",
        "OTHER = LIMIT",
        *FILL,
        "def first():",
        "    return LIMIT",
        *FILL,
        "class Cart:",
        *[
            f"    def step_{number}(self):\n        return {number}".split("\n")[n]
            for number in range(60)
            for n in (0, 1)
        ],
        "    def mean(self, items):",
        "        if not items:",
        "            return floor(LIMIT)",
        "        return sum(items)",
    ]


def shown(path: str, lines: list[str], text: str) -> list[str]:
    """What is shown with the line that has a text."""
    change = FileChange(path, FileStatus.MODIFIED, new_lines=tuple(lines), old_lines=())
    place = next(number for number, line in enumerate(lines, 1) if text in line)
    numbers = shown_lines(change, Side.NEW, place, place)
    return [lines[number - 1] for number in sorted(numbers) if 0 < number <= len(lines)]


def test_the_method_and_what_it_uses_of_its_file():
    rows = shown("cart.py", python_file(), "return floor(LIMIT)")
    assert rows[:4] == ["from math import (", "    floor,", ")", "LIMIT = 10"]
    assert rows[-4:] == python_file()[-4:]
    assert "import os" not in rows
    assert "OTHER = LIMIT" not in rows
    assert "class Cart:" not in rows
    assert len(rows) < 30


def test_a_long_function_is_shown_around_the_place():
    long = ["def run():", *[f"    step({number})" for number in range(300)]]
    rows = shown("a.py", long, "step(150)")
    assert rows == [f"    step({number})" for number in range(110, 191)]


def test_a_small_file_is_shown_whole():
    lines = ["import os", "", "def f():", "    return os", "", "x = f()"]
    assert shown("a.py", lines, "return os") == lines


def test_without_a_parser_forty_lines_each_way():
    lines = [f"row {number};" for number in range(200)]
    assert shown("a.unknown", lines, "row 100;") == [f"row {number};" for number in range(60, 141)]


GO = [
    "package shop",
    "",
    'import "fmt"',
    "",
    "const Limit = 10",
    "",
    *[f"var v{n} = {n}" for n in range(120)],
]
GO += ["func Mean(n int) string {", "\treturn fmt.Sprint(n / Limit)", "}"]
TS = ['import { clamp } from "./util";', "const LIMIT = 10;", "type Item = { price: number };"]
TS += [*[f"const v{n} = {n};" for n in range(120)], "export function mean(items: Item[]) {"]
TS += ["  return clamp(items.length, LIMIT);", "}"]
RUST = ["use std::cmp::max;", "const LIMIT: u32 = 10;", *[f"static V{n}: u32 = {n};" for n in range(120)]]
RUST += ["fn mean(n: u32) -> u32 {", "    max(n, LIMIT)", "}"]


@pytest.mark.parametrize(
    ("path", "lines", "text", "used", "unused"),
    [
        ("a.go", GO, "fmt.Sprint", ['import "fmt"', "const Limit = 10"], "var v1 = 1"),
        (
            "a.ts",
            TS,
            "return clamp",
            ['import { clamp } from "./util";', "const LIMIT = 10;", "type Item = { price: number };"],
            "const v1 = 1;",
        ),
        ("a.rs", RUST, "max(n", ["use std::cmp::max;", "const LIMIT: u32 = 10;"], "static V1: u32 = 1;"),
    ],
)
def test_other_languages(path, lines, text, used, unused):
    rows = shown(path, lines, text)
    assert rows[: len(used)] == used
    assert unused not in rows


def test_claims_about_one_file_share_its_code():
    lines = python_file()
    change = FileChange("cart.py", FileStatus.PRESENT, new_lines=tuple(lines), old_lines=())
    other = FileChange("b.py", FileStatus.PRESENT, new_lines=("x = 1",), old_lines=())
    changes = ChangeSet("t", (change, other), snapshot=True)
    claims = [
        Claim(path, title, title, Severity.MAJOR, quote=quote)
        for path, title, quote in (
            ("cart.py", "Wrong limit", "            return floor(LIMIT)"),
            ("b.py", "Unused value", "x = 1"),
            ("cart.py", "Sum overflows", "        return sum(items)"),
        )
    ]
    findings = sorted(
        merge(ground_claims([("r", "m", claim) for claim in claims], changes, ["r"])), key=lambda f: f.title
    )
    cart, b = excerpts_of(findings, changes)
    assert [(cart.path, cart.claims), (b.path, b.claims)] == [("cart.py", (1, 3)), ("b.py", (2,))]
    pointed = [row for row in cart.code.split("\n") if row.startswith(">")]
    assert [row.partition("| ")[2] for row in pointed] == [
        "            return floor(LIMIT)",
        "        return sum(items)",
    ]
    assert cart.code.count("def mean") == 1

"""Names that stay the same, and findings that are known again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.findings.identity import Known, normalised, pair
from reviewer.prompting.contract import Severity

SAME_CODE = [
    ("return total / count", "    return  total/count"),
    ('say("hello")', "say('hello')"),
    ("call(a, b,)", "call(a, b)"),
    ("call(\n    a,\n    b,\n)", "call(a, b)"),
    ("let x = 1;", "let x = 1"),
    ("x = `a`", 'x = "a"'),
]


@pytest.mark.parametrize(("one", "two"), SAME_CODE)
def test_formatting_is_no_part_of_a_name(one, two):
    assert normalised(one) == normalised(two)


@pytest.mark.parametrize(("one", "two"), [("a and b", "a or b"), ("x = 1", "x = 2"), ("f(a, b)", "f(b, a)")])
def test_meaning_is(one, two):
    assert normalised(one) != normalised(two)


def item(name: str, path: str = "a.py", category: str = "bug", lines: tuple[str, ...] = ("x",)) -> Known:
    return Known(name, path, category, lines, Severity.MAJOR, name)


PAIRS = {
    "the same name": ([item("1")], [item("1", lines=("y",))], {0: 0}),
    "another category, the same code": ([item("1")], [item("2", category="design")], {0: 0}),
    "a line more": ([item("1", lines=("x",))], [item("2", lines=("w", "x"))], {0: 0}),
    "a line more in another category": (
        [item("1", lines=("x",))],
        [item("2", category="design", lines=("w", "x"))],
        {},
    ),
    "less than half": ([item("1", lines=("x", "y", "z"))], [item("2", lines=("x", "b", "c"))], {}),
    "another file": ([item("1")], [item("2", path="b.py")], {}),
    "no lines to tell": ([item("1", lines=())], [item("2", lines=())], {}),
    "each once": ([item("1")], [item("2"), item("3")], {0: 0}),
    "the name goes first": ([item("1"), item("2")], [item("3"), item("1")], {0: 1, 1: 0}),
}


@pytest.mark.parametrize(("earlier", "later", "expected"), PAIRS.values(), ids=PAIRS)
def test_pairs(earlier, later, expected):
    assert pair(earlier, later) == expected


known = st.builds(
    item,
    st.sampled_from("12345"),
    st.sampled_from(["a.py", "b.py"]),
    st.sampled_from(["bug", "design"]),
    st.lists(st.sampled_from("xyz"), max_size=3).map(tuple),
)


@given(st.lists(known, max_size=6), st.lists(known, max_size=6))
def test_nobody_is_paired_twice_and_all_find_themselves(earlier, later):
    found = pair(earlier, later)
    assert len(set(found.values())) == len(found)
    assert all(
        earlier[one].path == later[two].path for two, one in found.items() if earlier[one].id != later[two].id
    )
    unique = list({one.id: one for one in earlier}.values())
    assert pair(unique, [replace(one, title="said otherwise") for one in unique]) == {
        n: n for n in range(len(unique))
    }

"""Folders of cases, whole and broken."""

from pathlib import Path

import pytest

from reviewer.errors import ConfigError
from reviewer.evaluation.cases import Case, Expected, load_cases
from tests.support.values import PATCH


def put(folder: Path, name: str, table: str | None) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "change.diff").write_bytes(PATCH)
    if table is not None:
        (folder / name / "case.toml").write_text(table)


def test_a_case_says_what_a_change_has_and_what_not(tmp_path):
    put(
        tmp_path,
        "cart",
        """
complete = false
[[expected]]
file = "shop/cart.py"
line = 14
text = "Division by zero"
[[expected]]
file = "shop/cart.py"
lines = [12, 13]
[[forbidden]]
file = "shop/util.go"
text = "Missing tests"
""",
    )
    put(tmp_path, "a-clean-one", "")
    (tmp_path / "notes").mkdir()
    clean, cart = load_cases(tmp_path)
    assert clean == Case("a-clean-one", tmp_path / "a-clean-one", PATCH)
    assert clean.clean
    assert cart.expected == (
        Expected("shop/cart.py", "Division by zero", 14, 14),
        Expected("shop/cart.py", "", 12, 13),
    )
    assert cart.forbidden == (Expected("shop/util.go", "Missing tests"),)
    assert (cart.complete, cart.clean) == (False, False)


def test_some_of_them(tmp_path):
    for name in ("auth-1", "auth-2", "cart"):
        put(tmp_path, name, "")
    assert [case.name for case in load_cases(tmp_path, ["auth-*"])] == ["auth-1", "auth-2"]
    assert [case.name for case in load_cases(tmp_path, ["cart", "auth-2"])] == ["auth-2", "cart"]
    with pytest.raises(ConfigError, match="no case is named y"):
        load_cases(tmp_path, ["cart", "y"])


BROKEN = {
    "no table": (None, "case.toml: is missing; it says which problems change.diff has"),
    "no toml": ("x", "case.toml: Expected"),
    "an unknown key": ("expect = []", "case.toml: expect: Extra inputs"),
    "no file": ("[[expected]]\nline = 1", "case.toml: expected.0.file: Field required"),
    "neither place nor words": ('[[expected]]\nfile = "a"', "give `line`, `lines` or `text`"),
    "two places": ('[[expected]]\nfile = "a"\nline = 1\nlines = [1, 2]', "give `line` or `lines`, not both"),
    "backwards": ('[[expected]]\nfile = "a"\nlines = [2, 1]', "the first of `lines` is behind the last"),
    "line zero": ('[[forbidden]]\nfile = "a"\nline = 0', "forbidden.0.line: Input should be greater"),
}


@pytest.mark.parametrize(("table", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_cases_name_the_file(tmp_path, table, message):
    put(tmp_path, "one", table)
    with pytest.raises(ConfigError) as caught:
        load_cases(tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path / "one") in str(caught.value)


def test_no_folder_and_no_cases(tmp_path):
    with pytest.raises(ConfigError, match="there is no such folder with cases"):
        load_cases(tmp_path / "none")
    with pytest.raises(ConfigError, match=r"no sub-folder of it has a change\.diff"):
        load_cases(tmp_path)
    put(tmp_path, "one", "")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "case.toml").write_text("")
    with pytest.raises(ConfigError, match=r"two/change\.diff: is missing; it is the change"):
        load_cases(tmp_path)


def test_another_table_is_another_case(tmp_path):
    put(tmp_path, "one", "")
    put(tmp_path, "two", "complete = false")
    one, two = load_cases(tmp_path)
    assert one.digest != two.digest
    assert one.digest == load_cases(tmp_path)[0].digest

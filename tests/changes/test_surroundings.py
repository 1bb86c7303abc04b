"""Code beyond the change, by name."""

import pytest

from reviewer.changes.collect import collect
from reviewer.changes.surroundings import Around, surroundings_of
from reviewer.changes.target import Commit, Patch, Place, Selection, Staged, Target, Uncommitted
from reviewer.errors import SourceError
from tests.support.repository import Builder
from tests.support.values import PATCH


@pytest.fixture
def repo(tmp_path):
    made = Builder.create(tmp_path / "shop")
    made.write("lib/money.py", "CENTS = 100\n\n\ndef round_up(value):\n    return value + 1\n")
    made.write("app.py", "from lib.money import round_up\n\nprint(round_up(1))\n")
    made.write("secret.txt", "committed\n")
    made.commit()
    (tmp_path / "outside.txt").write_text("round_up = 'outside'\n")
    (made.root / "link.txt").symlink_to(tmp_path / "outside.txt")
    made.write("app.py", "from lib.money import round_up\n\nprint(round_up(2))\n")
    return made


def around(repo: Builder, target: Target) -> Around:
    place = Place(repo.root)
    return surroundings_of(collect(target, Selection(), place), target, place)


def test_a_file_by_its_path(repo):
    found = around(repo, Uncommitted()).find("./lib/money.py")
    assert found.startswith("lib/money.py, lines 1 to 5 of 5:\n\n     1  | CENTS = 100\n")


def test_a_file_by_its_name_or_with_a_line(repo):
    for name in ("money.py", "lib/money.py:4", "lib/money.py::round_up", "lib/money.py#L4"):
        for target in (Uncommitted(), Commit("HEAD")):
            assert around(repo, target).find(name).startswith("lib/money.py, lines 1 to 5 of 5:")
    repo.write("other/money.py", "x = 1\n")
    repo.git("add", "-A")
    assert around(repo, Staged()).find("money.py") == (
        "There are 2 such files: lib/money.py, other/money.py. Name one with its folders."
    )


def test_a_subclass_is_not_taken_for_the_definition(repo):
    repo.write("a.ts", "class Small extends Money {}\n")
    repo.write("z.ts", "class Money {}\n")
    repo.write("z.go", "func (c *Cart) Total() int { return 1 }\n")
    assert around(repo, Uncommitted()).find("Money").startswith("z.ts")
    assert around(repo, Uncommitted()).find("Total").startswith("z.go")


def test_a_definition_comes_before_other_places(repo):
    for name in (
        "round_up",
        "`round_up()`",
        "lib.money.round_up",
        "money::round_up",
        "round_up(value)",
        "def round_up(value):",
    ):
        found = around(repo, Uncommitted()).find(name)
        assert found.startswith("lib/money.py, lines 1 to 5 of 5:")
        assert "app.py" not in found  # a use says nothing that the definition does not


def test_the_reviewed_version_is_read(repo):
    assert "round_up(2)" in around(repo, Uncommitted()).find("app.py")
    assert "round_up(1)" in around(repo, Commit("HEAD")).find("app.py")
    repo.git("add", "-A")
    repo.write("lib/money.py", "gone = True\n")
    repo.write("new.py", "def round_up(): pass\n")
    assert "def round_up(value)" in around(repo, Staged()).find("round_up")
    assert "def round_up(value)" in around(repo, Staged()).find("lib/money.py")
    repo.commit({"later.py": "x = 1\n"})
    assert "There is no such file" in around(repo, Commit("HEAD~1")).find("later.py")
    assert "def round_up(value)" in around(repo, Commit("HEAD~1")).find("round_up")


NOTHING = [
    "../outside.txt",
    "/etc/passwd",
    "nowhere.py",
    "Unheard",
    "",
    "-rf",
    "a\0b",
    "\ud800",
    "a" * 500,
    ".git/config",
    "*.py",
    ":(glob)*",
]


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_outside_the_repository_and_no_links(repo, name):
    for target in (Uncommitted(), Commit("HEAD")):
        found = around(repo, target).find(name)
        assert found.startswith("There is no"), found
        assert "outside" not in found


def test_of_a_link_only_its_own_text_is_read(repo):
    found = around(repo, Uncommitted()).find("link.txt")
    assert "= 'outside'" not in found


def test_a_folder_that_became_a_link_is_not_followed(repo, tmp_path):
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "money.py").write_text("stolen = 1\n")
    (repo.root / "lib").rename(repo.root / "lib.old")
    (repo.root / "lib").symlink_to(tmp_path / "evil")
    assert "stolen" not in around(repo, Uncommitted()).find("lib/money.py")


def test_what_cannot_be_shown_is_not_said_to_be_missing(repo, tmp_path):
    (repo.root / "kept.txt").symlink_to(tmp_path / "outside.txt")
    repo.commit({"picture.dat": b"\0\1\2", "big.txt": "x" * 2_100_000})
    repo.git("add", "-A")
    repo.commit({"other.txt": "x"})
    for target in (Uncommitted(), Commit("HEAD")):
        for name in ("picture.dat", "big.txt", "kept.txt"):
            assert f"{name} is there, but" in around(repo, target).find(name)


def test_a_search_that_fails_says_so(repo):
    broken = Around(
        collect(Uncommitted(), Selection(), Place(repo.root)),
        around(repo, Uncommitted()).repository,
        "0" * 40,
    )
    with pytest.raises(SourceError, match="git grep failed"):
        broken.find("round_down")


def test_a_definition_behind_many_uses_is_found(repo):
    uses = "".join(f"x{n} = late({n})\n" for n in range(100))
    repo.write("uses.py", uses + "\n\ndef late(value):\n    return value\n")
    repo.git("add", "-A")
    repo.commit({"other.txt": "x"})
    assert "def late(value):" in around(repo, Commit("HEAD")).find("late")


def test_answers_are_bounded(repo):
    repo.write("long.py", "".join(f"value_{n} = {'x' * 400}\n" for n in range(2000)))
    repo.git("add", "-A")
    found = around(repo, Uncommitted()).find("long.py")
    assert "lines 1 to 320 of 2000" in found
    assert max(map(len, found.split("\n"))) < 260


def test_a_patch_of_no_repository_knows_its_own_files_only(tmp_path):
    target = Patch(PATCH, "x.patch")
    known = surroundings_of(collect(target, Selection(), Place(tmp_path)), target, Place(tmp_path))
    assert "func Twice" in known.find("Twice")
    assert "not at hand" in known.find("Nobody")


def test_a_definition_near_by_hides_those_elsewhere(repo):
    repo.write("near.py", "def _one():\n    return 1\n").write("far.py", "def _one():\n    return 2\n")
    repo.git("add", "-A")
    place = around(repo, Uncommitted())
    assert "return 2" not in place.find("_one", near="near.py")
    assert "return 1" not in place.find("_one", near="far.py")
    both = place.find("_one")
    assert "return 1" in both
    assert "return 2" in both


def test_a_definition_in_the_change_hides_those_in_the_rest(repo):
    repo.write("old.py", "def _one():\n    return 1\n")
    repo.commit()
    repo.write("new.py", "def _one():\n    return 2\n")
    repo.git("add", "-A")
    found = around(repo, Uncommitted()).find("_one", near="elsewhere.py")
    assert "return 2" in found
    assert "return 1" not in found


LONG = [f"    step_{number}()" for number in range(100)]


@pytest.mark.parametrize(
    ("path", "lines", "last"),
    [
        ("a.py", ["def run(", "    one,", "):", *LONG, "", "", "def other():", "    pass"], "step_99()"),
        ("a.go", ["func run() {", *LONG, "}", "", "func other() {", "}"], "}"),
        ("a.ts", ["class run {", *LONG, "}", "const other = 1;"], "}"),
    ],
)
def test_a_definition_is_shown_to_its_end(repo, path, lines, last):
    repo.write(path, "\n".join([*["# above"] * 30, *lines, ""]))
    repo.git("add", "-A")
    found = around(repo, Uncommitted()).find("run").split("\n")
    assert found[-1].endswith(last)
    assert "other" not in "".join(found)

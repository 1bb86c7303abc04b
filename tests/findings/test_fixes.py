"""From a reply with edits to patches that apply, or to the reason why there is none."""

import json
from dataclasses import replace
from typing import Any

import pytest

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.collect import collect
from reviewer.changes.patch import parse_patch
from reviewer.changes.target import Place, Selection, Worktree
from reviewer.errors import InvalidReplyError
from reviewer.findings.finding import Claim, Finding, Fix
from reviewer.findings.fixes import Edit, Proposed, fix_of, read_fixes
from reviewer.findings.lookup import Lookup
from reviewer.findings.merge import ground_claims, merge
from reviewer.models.model import Reply
from reviewer.prompting.contract import Severity
from tests.support.repository import Builder

CART = """\
import math


def mean(items):
    total = sum(items)
    return total / len(items)


def top(items):
    return sorted(items)[-1]
"""


@pytest.fixture
def shop(repo: Builder) -> ChangeSet:
    repo.commit({"cart.py": "import math\n", "util.py": "LIMIT = 1\n", "notes.xyz": "a\n"})
    repo.write("cart.py", CART).write("util.py", "LIMIT = 2\n").write("notes.xyz", "b\n")
    return collect(Worktree(), Selection(), Place(repo.root))


def the_finding(changes: ChangeSet) -> Finding:
    claim = Claim(
        "cart.py", "Division by zero", "No guard.", Severity.MAJOR, quote="    return total / len(items)"
    )
    (found,) = merge(ground_claims([("architecture", "ann/m", claim)], changes, ["architecture"]))
    return found


def fixed(changes: ChangeSet, *edits: Edit) -> Fix:
    return fix_of(
        Proposed(1, "Guards it.", edits), the_finding(changes), Lookup(changes), role="fixes", model="bob/m"
    )


GUARD = Edit("cart.py", "    return total / len(items)", "    return total / len(items) if items else 0")


def test_an_edit_becomes_a_patch_that_git_applies(shop, repo):
    fix = fixed(shop, GUARD)
    assert (fix.role, fix.model, fix.note, fix.problem) == ("fixes", "bob/m", "Guards it.", "")
    repo.git("apply", "-", stdin=fix.patch.encode())
    assert (repo.root / "cart.py").read_text() == CART.replace(GUARD.old, GUARD.new)


def test_several_edits_in_several_files_are_one_patch(shop, repo):
    fix = fixed(
        shop,
        GUARD,
        Edit("cart.py", "import math", "import math\nimport os"),
        Edit("util.py", "LIMIT = 2", "LIMIT = 3"),
        Edit("cart.py", "    return sorted(items)[-1]", "    return max(items)"),
    )
    assert fix.problem == ""
    repo.git("apply", "-", stdin=fix.patch.encode())
    text = (repo.root / "cart.py").read_text()
    assert text.startswith("import math\nimport os\n")
    assert "return max(items)" in text
    assert (repo.root / "util.py").read_text() == "LIMIT = 3\n"


def test_lines_can_be_taken_away(shop, repo):
    fix = fixed(shop, Edit("cart.py", "import math\n", ""))
    repo.git("apply", "-", stdin=fix.patch.encode())
    assert (repo.root / "cart.py").read_text() == CART.removeprefix("import math\n")


@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        ((), "no change was proposed"),
        ((replace(GUARD, old="    return nowhere"),), "an edit is about code that is not there: "),
        ((replace(GUARD, new="    return ("),), "cart.py: the file would not parse with it"),
        ((GUARD, GUARD), "cart.py: it replaces the same lines twice"),
        ((replace(GUARD, new=GUARD.old),), "cart.py: it is what is there already"),
        ((replace(GUARD, new="    # ... existing code\n    return 0"),), "cart.py: it leaves parts out"),
        ((Edit("util.py", "LIMIT = 1", "LIMIT = 3"),), "util.py: it is about lines that are no longer there"),
        (
            (Edit("notes.xyz", "b", "c"),),
            "an edit is about code that is not there: the quoted code",
        ),
        (
            (Edit("cart.py", "items", "rows"),),
            "an edit is about code that is not there: the quoted code stands in several",
        ),
        ((GUARD, replace(GUARD, old="invented()", new="x")), "an edit is about code that is not there: "),
    ],
)
def test_one_bad_edit_and_there_is_no_patch(shop, edits, problem):
    fix = fixed(shop, *edits)
    assert fix.patch == ""
    assert fix.problem.startswith(problem)


def test_neighbours_that_another_edit_replaces_are_no_orientation(repo: Builder):
    repo.commit({"cart.py": "import math\n"})
    repo.write("cart.py", "def f():\n    first()\n    second()\n    return total / len(items)\n")
    changes = collect(Worktree(), Selection(), Place(repo.root))
    fix = fixed(
        changes,
        Edit("cart.py", "    first()", "    check()"),
        Edit("cart.py", "    second()", "    first()\n    second()"),
    )
    repo.git("apply", "-", stdin=fix.patch.encode())
    assert (repo.root / "cart.py").read_text().split("\n")[1:4] == [
        "    check()",
        "    first()",
        "    second()",
    ]


def test_a_part_of_a_line_that_is_there_twice_is_not_guessed(repo: Builder):
    repo.commit({"cart.py": "\n"})
    repo.write("cart.py", "def f():\n    return total / len(items)\nx = await_it(await_it(y))\n")
    changes = collect(Worktree(), Selection(), Place(repo.root))
    assert fixed(changes, Edit("cart.py", "await_it(", "")).problem.endswith("stands there twice")


def test_the_line_of_a_finding_tells_nothing_about_another_file(repo: Builder):
    repo.commit({"cart.py": "\n", "other.py": "\n"})
    repo.write("cart.py", "def f():\n    return total / len(items)\n")
    repo.write("other.py", "def a():\n    return None\n\n\ndef b():\n    return None\n")
    changes = collect(Worktree(), Selection(), Place(repo.root))
    fix = fixed(changes, Edit("other.py", "    return None", "    return 0"))
    assert "stands in several places" in fix.problem


def test_a_patch_of_no_repository_cannot_be_checked():
    patch = "--- a/cart.py\n+++ b/cart.py\n@@ -1,2 +1,2 @@\n import math\n-x = 1\n+    return total / len(items)\n"
    changes = ChangeSet("t", parse_patch(patch.encode(), name="p"))
    assert fixed(changes, GUARD).problem == "cart.py: the whole file is not known"


def test_a_place_without_a_path_is_the_findings_own(shop):
    assert fixed(shop, replace(GUARD, file="")).problem == ""


EDIT = {"finding": 1, "file": "cart.py", "old": "a = 1", "new": "a = 2"}
FIX = {"finding": 1, "note": "Sets it.", "certain": True}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"fixes": [FIX], "edits": [EDIT]}, Proposed(1, "Sets it.", (Edit("cart.py", "a = 1", "a = 2"),))),
        (
            {"fixes": [{**FIX, "edits": [EDIT]}]},
            Proposed(1, "Sets it.", (Edit("cart.py", "a = 1", "a = 2"),)),
        ),
        ({"fixes": [{**FIX, **EDIT}]}, Proposed(1, "Sets it.", (Edit("cart.py", "a = 1", "a = 2"),))),
        ({"edits": [EDIT]}, Proposed(1, "", (Edit("cart.py", "a = 1", "a = 2"),))),
        ({"fixes": [FIX], "edits": []}, Proposed(1, "Sets it.")),
        ({"fixes": [{**FIX, "finding": "Finding 1"}]}, Proposed(1, "Sets it.")),
        (
            {"edits": [{**EDIT, "old": "41 +|a = 1", "new": "41 +|a = 2\n42 +|  b"}]},
            Proposed(1, "", (Edit("cart.py", "a = 1", "a = 2\n  b"),)),
        ),
        (
            {"edits": [{**EDIT, "old": ">   41 +| a = 1", "new": ">   41 +| a = 2\n    42  | b"}]},
            Proposed(1, "", (Edit("cart.py", "a = 1", "a = 2\nb"),)),
        ),
        (
            {"edits": [{**EDIT, "new": ["a = 2", "b = 3"]}]},
            Proposed(1, "", (Edit("cart.py", "a = 1", "a = 2\nb = 3"),)),
        ),
        ({"edits": [{**EDIT, "new": ""}]}, Proposed(1, "", (Edit("cart.py", "a = 1", ""),))),
        ({"edits": [{**EDIT, "new": None}]}, Proposed(1, unusable=1)),
        ({"edits": [EDIT, {**EDIT, "old": ""}]}, Proposed(1, "", (Edit("cart.py", "a = 1", "a = 2"),), 1)),
        (
            {"fixes": [FIX], "edits": [{**EDIT, "finding": None}]},
            Proposed(1, "Sets it.", (Edit("cart.py", "a = 1", "a = 2"),)),
        ),
    ],
)
@pytest.mark.parametrize("dress", ["{}", "Here it is:\n```json\n{}\n```\nDone.", "<think>{{}}</think>{}"])
def test_reading(value: Any, expected: Proposed, dress: str):
    text = dress.replace("{}", json.dumps(value))
    assert read_fixes(Reply(text)) == (expected,)


@pytest.mark.parametrize(
    "text", ["", "I would guard it.", "[]", "{}", '{"fixes": []}', '{"edits": [{"old": "x"}]}']
)
def test_what_is_no_change_is_refused(text):
    with pytest.raises(InvalidReplyError, match="the changes could not be read"):
        read_fixes(Reply(text))


def test_an_edit_without_a_new_text_is_none():
    (proposed,) = read_fixes(Reply(json.dumps({"fixes": [FIX], "edits": [{"finding": 1, "old": "a"}]})))
    assert (proposed.edits, proposed.unusable) == ((), 1)


def test_an_edit_of_nobody_may_be_a_part_of_any():
    value = {"edits": [EDIT, {**EDIT, "finding": 2}, {"file": "cart.py", "old": "b", "new": "c"}]}
    assert [one.unusable for one in read_fixes(Reply(json.dumps(value)))] == [1, 1]


def test_a_fix_without_one_of_its_edits_is_none(shop):
    proposed = Proposed(1, "Imports it.", (GUARD,), unusable=1)
    fix = fix_of(proposed, the_finding(shop), Lookup(shop), role="fixes", model="m")
    assert (fix.patch, fix.problem) == (
        "",
        "an edit of it cannot be used: its finding, its old or its new text is missing",
    )


PARTS = {
    "several lines for a part of one": (
        Edit("cart.py", "wrap(a)", "wrap(\n        a,\n    )"),
        "it replaces only a part of its lines",
    ),
    "from the middle of a line": (
        Edit("cart.py", "wrap(b,\n        2)", "wrap(b, 3)"),
        "it replaces only a part of its lines",
    ),
}


@pytest.mark.parametrize(("edit", "problem"), PARTS.values(), ids=PARTS)
def test_nothing_around_a_part_of_a_line_is_lost(repo: Builder, edit, problem):
    repo.commit({"cart.py": "\n"})
    body = "def f(a, b):\n    y = wrap(b,\n        2)\n    return wrap(a)\n\n\ndef g():\n    return total / len(items)\n"
    repo.write("cart.py", body)
    changes = collect(Worktree(), Selection(), Place(repo.root))
    fix = fixed(changes, edit)
    assert (fix.patch, problem in fix.problem) == ("", True), fix


def test_what_an_edit_repeats_is_meant(repo: Builder):
    """Its last line is the same as the next one in the file, and has to stay."""
    repo.commit({"cart.py": "\n"})
    lines = [
        "for a in x:",
        "    if a:",
        "        work(a)",
        "    continue",
        "total = 1",
        "return_ = total / len(items)",
    ]
    repo.write("cart.py", "\n".join([*lines, "y = total / len(items)", ""]))
    changes = collect(Worktree(), Selection(), Place(repo.root))
    claim = Claim("cart.py", "t", "e", Severity.MAJOR, quote="y = total / len(items)")
    (found,) = merge(ground_claims([("architecture", "ann/m", claim)], changes, ["architecture"]))
    edit = Edit("cart.py", "        work(a)", "        work(a, 1)\n        continue")
    fix = fix_of(Proposed(1, "", (edit,)), found, Lookup(changes), role="fixes", model="m")
    repo.git("apply", "-", stdin=fix.patch.encode())
    assert (repo.root / "cart.py").read_text().split("\n")[2:5] == [
        "        work(a, 1)",
        "        continue",
        "    continue",
    ]


def test_an_edit_is_moved_as_far_as_what_it_replaces(shop, repo):
    fix = fixed(
        shop,
        Edit(
            "cart.py", "return total / len(items)", "if not items:\n    return 0\nreturn total / len(items)"
        ),
    )
    repo.git("apply", "-", stdin=fix.patch.encode())
    assert (
        "    if not items:\n        return 0\n    return total / len(items)\n"
        in (repo.root / "cart.py").read_text()
    )

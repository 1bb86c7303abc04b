"""The reviewer for machines without a model: what it sees, and what it leaves alone."""

import json
from dataclasses import replace

import anyio
import pytest

from reviewer.changes.changeset import ChangeSet, FileChange
from reviewer.changes.patch import parse_patch
from reviewer.changes.text import apply_hunks
from reviewer.errors import ModelMissingError
from reviewer.findings.reply import read_review, read_verdict
from reviewer.models.builtin.backend import BuiltIn
from reviewer.prompting.batch import divide
from reviewer.prompting.prompt import Prompt, Purpose
from reviewer.prompting.role import ModelKind


def new_file(path: str, text: str) -> FileChange:
    lines = text.splitlines()
    body = "".join(f"+{line}\n" for line in lines)
    patch = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n{body}"
    return parse_patch(patch.encode(), name="t")[0]


def look(*files: FileChange, kind: ModelKind = ModelKind.GENERAL, snapshot: bool = False):
    (batch,) = divide(ChangeSet("t", files, snapshot=snapshot), globs=(), budget=100_000).batches
    prompt = Prompt("r", kind, Purpose.REVIEW, (), batch, 1, 1, "r")
    return read_review(anyio.run(BuiltIn().ask, "rules", prompt))


def titles(*files: FileChange, **options) -> list[str]:
    return [f"{claim.severity} {claim.line} {claim.title}" for claim in look(*files, **options).claims]


SEEN = {
    "undefined name": ("a.py", "def f():\n    return nope\n", ["critical 2 Undefined name `nope`"]),
    "syntax": ("a.py", "x = (1\n", None),
    "mutable default": ("a.py", "def f(x=[]):\n    return x\n", ["major 1 Do not use mutable data structures for argument defaults"]),
    "shell": ("a.py", "import subprocess\nsubprocess.run(cmd, shell=True)\n", None),
    "broad except": ("a.py", "try:\n    f = 1\nexcept Exception:\n    f = 2\n", ["minor 3 Do not catch blind exception: `Exception`"]),
    "dangling task": ("a.py", "import asyncio\nasync def f():\n    asyncio.create_task(f())\n", ["major 3 Store a reference to the return value of `asyncio.create_task`"]),
    "blocking call": ("a.py", "import time\nasync def f():\n    time.sleep(1)\n", ["major 3 Async functions should not call `time.sleep`"]),
    "secret": ("a.py", 'aws_key = "AKIA' + "IOSFODNN7EXAMPLQ" + '"\n', ["critical 1 Possible secret in the code (AWS Access Key)"]),
    "secret in a test": ("tests/a.py", 'aws_key = "AKIA' + "IOSFODNN7EXAMPLQ" + '"\n', ["minor 1 Possible secret in the code (AWS Access Key)"]),
    "conflict": ("a.txt", "<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> other\n", ["critical 1 Conflict marker left in the file", "critical 5 Conflict marker left in the file"]),
    "debugger": ("a.py", "def f():\n    breakpoint()\n", ["major 2 Debugger call left in the code"]),
    "debugger in a script": ("a.ts", "function f() {\n  debugger;\n}\n", ["major 2 Debugger statement left in the code"]),
    "console": ("a.ts", "console.log(1)\n", ["minor 1 Debugging output left in the code"]),
    "narrowed test": ("a.test.ts", "it.only('x', () => {})\n", ["major 1 Tests narrowed to one"]),
    "complex": ("a.go", "package x\nfunc F(a int) int {\n" + "".join(f"\tif a == {n} {{ return {n} }}\n" for n in range(20)) + "\treturn 0\n}\n", None),
    "style": ("a.py", "import os\nx=1;y   = 2\ndef f(l): pass\n", []),
    "names of debuggers elsewhere": ("a.md", "call `debugger;`\n", []),
    "print": ("a.py", "print(1)\n", []),
    "not a language": ("a.xyz", "whatever {{{\n", []),
    "broken code of another language": ("a.js", "function ( { [ }\n", []),
    "separator": ("a.md", "Title\n=======\n", []),
}  # fmt: skip


@pytest.mark.parametrize(("path", "text", "expected"), SEEN.values(), ids=SEEN)
def test_what_is_seen(path, text, expected):
    found = titles(new_file(path, text))
    if expected is None:
        assert len(found) >= 1
    else:
        assert found == expected


def test_secret_is_not_quoted():
    secret = "AKIA" + "IOSFODNN7EXAMPLQ"
    review = look(new_file("a.py", f'aws_key = "{secret}"  # for now\n'))
    assert review.claims[0].quote
    assert secret not in json.dumps([claim.quote + claim.explanation for claim in review.claims])


def changed(old: str, hunk: str, path: str = "a.py") -> FileChange:
    (change,) = parse_patch(f"--- a/{path}\n+++ b/{path}\n{hunk}".encode(), name="t")
    lines = tuple(old.splitlines())
    return replace(change, old_lines=lines, new_lines=apply_hunks(lines, change.hunks))


def test_only_changed_lines_count():
    old = "def f():\n    return nope\n\n\ndef g():\n    return 1\n"
    assert titles(changed(old, "@@ -6 +6 @@\n-    return 1\n+    return 2\n")) == []
    assert titles(changed(old, "@@ -6 +6 @@\n-    return 1\n+    return gone\n")) == [
        "critical 6 Undefined name `gone`"
    ]


def test_syntax_that_the_change_broke_counts_wherever_it_shows():
    old = "x = (\n    1\n)\ny = 2\nz = 3\n"
    broken = titles(changed(old, "@@ -3,2 +3 @@\n-)\n-y = 2\n+y = 2\n"))
    assert [text.split()[:2] for text in broken][:1] == [["critical", "3"]]
    python2 = "print 'x'\ny = 2\n"
    assert titles(changed(python2, "@@ -2 +2 @@\n-y = 2\n+y = 3\n")) == [], "it was broken before"


def test_complexity_counts_only_if_it_grew():
    body = "".join(f"    if a == {n}: return {n}\n" for n in range(20))
    old = f"def f(a):\n{body}    return 0\n"
    assert titles(changed(old, "@@ -22 +22 @@\n-    return 0\n+    return 1\n")) == []
    grown = titles(changed(old, "@@ -22 +22,2 @@\n-    return 0\n+    if a: return 5\n+    return 1\n"))
    assert grown == ["minor 22 f has 22 paths through it"]


def test_file_of_which_only_hunks_are_known():
    (change,) = parse_patch(b"--- a/a.py\n+++ b/a.py\n@@ -9 +9,2 @@\n x = 1\n+    breakpoint()\n", name="t")
    review = look(change)
    assert [claim.title for claim in review.claims] == ["Debugger call left in the code"]
    assert "The whole text of 1 of them was not at hand" in review.summary


CODE = "".join(f"def f{n}(x):\n    return x + {n}\n" for n in range(15))


def test_lone_carriage_returns_do_not_move_lines():
    patch = b"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1,3 @@\n+x = 'a\rb'\n+y = 1\r\n+print(nope)\n"
    (claim,) = look(*parse_patch(patch, name="t")).claims
    assert (claim.line, claim.title) == (3, "Undefined name `nope`")


@pytest.mark.parametrize("switch", ["# ruff: noqa", "#flake8:noqa", "# ruff: noqa: F821"])
def test_a_file_cannot_switch_all_rules_off(switch):
    assert titles(new_file("a.py", f"{switch}\nprint(nope)\n")) == ["critical 2 Undefined name `nope`"]
    assert titles(new_file("a.py", "print(nope)  # noqa: F821\n")) == [], "a line is its author's to judge"


def test_a_link_is_no_code():
    (link,) = parse_patch(
        b"diff --git a/a.py b/a.py\nnew file mode 120000\nindex 0000000..1111111\n"
        b"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+nope/of/a.py\n\\ No newline at end of file\n",
        name="t",
    )
    assert titles(link) == []


def test_untested_code_is_mentioned_once():
    assert titles(new_file("a.py", CODE)) == ["minor 1 Code changed without a changed test"]
    assert titles(new_file("a.py", CODE), new_file("tests/test_a.py", "x = 1\n")) == []
    assert titles(new_file("a.go", "package a\n"), new_file("a_test.go", "package a\n")) == []
    assert titles(new_file("a.py", "x = 1\n")) == [], "a small change needs no remark"
    assert titles(new_file("a.py", CODE), snapshot=True) == []


KINDS = [(ModelKind.CODING, 1), (ModelKind.REASONING, 1), (ModelKind.THINKING, 1), (ModelKind.GENERAL, 3)]


@pytest.mark.parametrize(("kind", "count"), KINDS)
def test_every_kind_of_role_sees_its_own(kind, count):
    text = (
        'def f(x=[]):\n    return x\n\n\naws_key = "AKIA'
        "IOSFODNN7EXAMPLQ"
        '"\ntry:\n    f()\nexcept Exception:\n    x = 1\n'
    )
    assert len(titles(new_file("a.py", text), kind=kind)) == count


def test_names_of_files_reach_no_path_and_no_setting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ruff.toml").write_text('[lint]\nignore = ["F821"]\n')
    assert titles(new_file("../../evil.py", "x = nope\n")) == ["critical 1 Undefined name `nope`"]


def test_there_is_one_model():
    prompt = Prompt("r", ModelKind.GENERAL, Purpose.REVIEW, (), None, 1, 1, "r")
    with pytest.raises(ModelMissingError, match="builtin has only the model 'rules'"):
        anyio.run(BuiltIn().ask, "gpt", prompt)
    (info,) = anyio.run(BuiltIn().list_models) or ()
    assert info.name == "rules"


def test_its_opinion_on_the_whole_has_no_rating():
    prompt = Prompt("r", ModelKind.GENERAL, Purpose.VERDICT, (), None, 1, 1, "r")
    assert read_verdict(anyio.run(BuiltIn().ask, "rules", prompt)).rating is None

"""Suggestions as patches."""

import subprocess
from dataclasses import replace

import pytest

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.collect import collect
from reviewer.changes.target import Place, Selection, Worktree
from reviewer.findings.finding import Claim, Finding
from reviewer.findings.merge import ground_claims, merge
from reviewer.findings.patching import with_patches
from reviewer.findings.syntax import parses
from reviewer.prompting.contract import Severity
from tests.support.repository import Builder
from tests.support.values import changes

OLD = """\
class Cart:
    def mean(self):
        return 0

    def clear(self):
        self.items = []
"""
NEW = """\
class Cart:
    def mean(self):
        total = sum(self.items)
        return total / len(self.items)

    def clear(self):
        self.items = []
"""


@pytest.fixture
def cart(tmp_path):
    """A repository with a changed Python file, one with a broken file, and one of no known language."""
    repo = Builder.create(tmp_path / "shop")
    repo.write("cart.py", OLD)
    repo.write("bad.py", "def f(:\n    pass\n")
    repo.write("notes.xyz", "one\n")
    repo.write("go/no newline.go", "package a\n\nfunc Two() int { return 2 }")
    repo.commit()
    repo.write("cart.py", NEW)
    repo.write("bad.py", "def f(:\n    return 1\n")
    repo.write("notes.xyz", "two\n")
    repo.write("go/no newline.go", "package a\n\nfunc Two() int { return 3 }")
    return repo


def collected(repo: Builder) -> ChangeSet:
    return collect(Worktree(), Selection(), Place(repo.root))


def offered(changes: ChangeSet, suggestion: str, **fields) -> Finding:
    usual = Claim("cart.py", "t", "e", Severity.MAJOR, line=4, quote="        return total / len(self.items)")
    claim = replace(usual, suggestion=suggestion, **fields)
    return with_patches(merge(ground_claims([("a", "m", claim)], changes, ["a"])), changes)[0]


GUARDED = "        return total / len(self.items) if self.items else 0\n"
APPLIED = {
    "as it has to be": ("        return total / len(self.items) if self.items else 0", {}, GUARDED),
    "without its indentation": ("return total / len(self.items) if self.items else 0", {}, GUARDED),
    "with too much indentation and blank lines around": (
        "\n            return total / len(self.items) if self.items else 0\n\n".strip("\n"),
        {},
        GUARDED,
    ),
    "several lines": (
        "if not self.items:\n    return 0\nreturn total / len(self.items)",
        {},
        "        if not self.items:\n            return 0\n        return total / len(self.items)\n",
    ),
    "with the line before repeated": (
        "        total = sum(self.items)\n        return total / len(self.items) if self.items else 0",
        {},
        GUARDED,
    ),
    "with the lines behind repeated": (
        "        return total / len(self.items) if self.items else 0\n\n    def clear(self):",
        {},
        GUARDED,
    ),
    "for a part of a line": (
        "max(1, len(self.items))",
        {"quote": "len(self.items)"},
        "        return total / max(1, len(self.items))\n",
    ),
}


@pytest.mark.parametrize(("suggestion", "fields", "line"), APPLIED.values(), ids=APPLIED)
def test_patch_applies_with_git(cart, suggestion, fields, line):
    finding = offered(collected(cart), suggestion, **fields)
    assert (finding.patch_note, finding.patch[:10]) == ("", "--- a/cart")
    apply(cart, finding.patch)
    assert (cart.root / "cart.py").read_text() == NEW.replace(
        "        return total / len(self.items)\n", line
    )


def apply(repo: Builder, patch: str) -> None:
    done = subprocess.run(
        ["git", "apply", "-"], cwd=repo.root, input=patch, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + patch


def test_patch_of_a_last_line_without_a_line_feed_applies(cart):
    finding = offered(
        collected(cart),
        "func Two() int { return 2 }",
        file="go/no newline.go",
        quote="func Two() int { return 3 }",
        line=3,
    )
    apply(cart, finding.patch)
    assert (cart.root / "go/no newline.go").read_text() == "package a\n\nfunc Two() int { return 2 }"


REFUSED = {
    "does not parse": ("return total / (len(self.items)", {}, "the file would not parse with it"),
    "wrong indentation in Python": ("if not self.items:\nreturn 0", {}, "the file would not parse with it"),
    "the same": ("return total / len(self.items)", {}, "it is what is there already"),
    "leaves something out": ("if not self.items:\n    ...  # as before", {}, "it leaves parts out"),
    "speaks of existing code": ("# ... existing code ...\nreturn 0", {}, "it leaves parts out"),
    "unknown language": (
        "three",
        {"file": "notes.xyz", "quote": "two", "line": 1},
        "whether the file still parses with it cannot be checked for this kind of file",
    ),
    "broken before": (
        "    return 2",
        {"file": "bad.py", "quote": "    return 1", "line": 2},
        "the file does not parse as it is, so that nothing can be said about it with this",
    ),
    "about removed lines": (
        "return 1",
        {"quote": "        return 0", "line": 3},
        "it is about lines that are no longer there",
    ),
}


@pytest.mark.parametrize(("suggestion", "fields", "note"), REFUSED.values(), ids=REFUSED)
def test_no_patch_and_why(cart, suggestion, fields, note):
    finding = offered(collected(cart), suggestion, **fields)
    assert (finding.patch, finding.patch_note) == ("", note)
    assert finding.suggestion == suggestion


def test_without_the_whole_file_there_is_no_patch():
    finding = offered(
        changes(), "return 0", file="shop/cart.py", quote="        return total / count", line=14
    )
    assert (finding.patch, finding.patch_note) == ("", "the whole file is not known")


PARSES = {
    "a.py": ("def f():\n    return 1\n", "def f(:\n"),
    "a.pyi": ("x: int\n", "def f():\nx = 1\n"),
    "a.go": ("package a\n", "package a\nfunc f() {\n"),
    "a.ts": ("let x: number = 1;\n", "let x: number = ;\n"),
    "a.tsx": ("const a = <b>c</b>;\n", "const a = <b>c;\n"),
    "a.js": ("f(() => 1);\n", "f(() => ;\n"),
    "a.java": ("class A { }\n", "class A {\n"),
    "a.rs": ("fn f() -> i32 { 1 }\n", "fn f( -> i32 { 1 }\n"),
    "a.c": ("int f(void) { return 1; }\n", "int f(void { return 1; }\n"),
    "a.cpp": ("class A { int b; };\n", "class A { int b;\n"),
    "a.cs": ("class A { int B => 1; }\n", "class A { int B => ; \n"),
    "a.rb": ("def f\n  1\nend\n", "def f\n  1\n"),
    "a.php": ("<?php echo 1;\n", "<?php function ( { \n"),
    "a.sh": ("if true; then echo 1; fi\n", "if true; then echo 1\n"),
    "a.kt": ("fun f() = 1\n", "fun f( = 1\n"),
    "a.scala": ("object A { def f = 1 }\n", "object A { def f = \n"),
    "a.json": ('{"a": 1}\n', '{"a": 1\n'),
    "a.yaml": ("a: 1\n", "a: [1\n"),
    "a.toml": ("a = 1\n", "a = \n"),
    "a.html": ("<p>a</p>\n", "<p a=>\n<"),
    "a.css": ("a { b: c; }\n", "a { b: c; \n"),
}


@pytest.mark.parametrize("path", PARSES)
def test_languages(path):
    good, bad = PARSES[path]
    assert parses(path, good) is True
    assert parses(path, bad) is False


def test_what_cannot_be_told():
    assert parses("a.h", "int x;") is None
    assert parses("Makefile", "a:\n") is None
    assert parses("a.py", "x = 1\n" * 400_000) is None
    assert parses("a.py", "x = " + "(" * 5000 + ")" * 5000) is False

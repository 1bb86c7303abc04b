"""The door to tree-sitter: whether a file can be parsed in its language, and what belongs together in it."""

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_GRAMMARS: Mapping[str, tuple[str, str]] = {
    ".bash": ("bash", "language"),
    ".c": ("c", "language"),
    ".cc": ("cpp", "language"),
    ".cpp": ("cpp", "language"),
    ".cs": ("c_sharp", "language"),
    ".css": ("css", "language"),
    ".cxx": ("cpp", "language"),
    ".go": ("go", "language"),
    ".hh": ("cpp", "language"),
    ".hpp": ("cpp", "language"),
    ".html": ("html", "language"),
    ".java": ("java", "language"),
    ".js": ("javascript", "language"),
    ".json": ("json", "language"),
    ".jsx": ("javascript", "language"),
    ".kt": ("kotlin", "language"),
    ".kts": ("kotlin", "language"),
    ".mjs": ("javascript", "language"),
    ".cjs": ("javascript", "language"),
    ".php": ("php", "language_php"),
    ".py": ("python", "language"),
    ".pyi": ("python", "language"),
    ".rb": ("ruby", "language"),
    ".rs": ("rust", "language"),
    ".scala": ("scala", "language"),
    ".sh": ("bash", "language"),
    ".toml": ("toml", "language"),
    ".ts": ("typescript", "language_typescript"),
    ".tsx": ("typescript", "language_tsx"),
    ".yaml": ("yaml", "language"),
    ".yml": ("yaml", "language"),
}
"""Suffix to the module of a grammar, `tree_sitter_NAME`, and the function in it that gives the language.

`.h` is left out: it may be C or C++, and what is wrong in one is right in the other.
"""
_WORD = re.compile(r"[^\W\d]\w+")
_DEFINES = re.compile(
    "function|method|class|impl|trait|interface|module|struct|constructor|definition|lambda"
)
"""What the types of nodes are called that define something, in the grammars named above."""
_IMPORTING = frozenset({"import", "from", "as", "use", "require", "include", "static", "type"})
_LARGEST = 2_000_000
"""Bytes; a larger file is not parsed."""


def parses(path: str, text: str) -> bool | None:
    """Whether a text is without syntax errors; None if its language is not known here or it is too large."""
    root = _tree(path, text)
    if root is None:
        return None
    if root.has_error:
        return False
    # The grammar does not mind wrong indentation, which is everything in this language.
    return _compiles(text) if path.lower().endswith((".py", ".pyi")) else True


def _compiles(text: str) -> bool:
    """Whether Python's own parser takes a text; nothing of it is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


class Block(NamedTuple):
    """Lines of a file that belong together, 1-based and inclusive, and names that they bind."""

    first: int
    last: int
    names: frozenset[str] = frozenset()


def block_around(path: str, text: str, start: int, end: int, *, longest: int) -> Block | None:
    """The largest part of a file's syntax around some lines that is not longer than so many lines.

    Usually a function, or a small class; a small file is one part.

    Args:
        path: its suffix tells the language.
        text: the whole file.
        start: first line, 1-based.
        end: last line.
        longest: lines that the part may have.

    Returns:
        None if the language is not known here, or the function around these lines is longer.
    """
    root = _tree(path, text)
    if root is None:
        return None
    first = text.split("\n")[start - 1]
    column = len(first[: len(first) - len(first.lstrip())].encode("utf-8", "replace"))
    node = root.descendant_for_point_range((start - 1, column), (end - 1, column))
    found = None
    whole = False
    while node is not None and node.end_point[0] - node.start_point[0] < longest:
        found = Block(node.start_point[0] + 1, node.end_point[0] + 1)
        whole = whole or _is_definition(node)
        node = node.parent
    return found if whole or not _inside_definition(node) else None


def _inside_definition(node: "Node | None") -> bool:
    while node is not None:
        if _is_definition(node):
            return True
        node = node.parent
    return False


def _is_definition(node: "Node") -> bool:
    """Whether it defines something that has a body: a function, a class."""
    return _DEFINES.search(node.type) is not None and node.child_by_field_name("body") is not None


def definitions(path: str, text: str, *, longest: int) -> tuple[Block, ...]:
    """The short parts at the top level of a file that bind names: constants, imports, types.

    Args:
        path: its suffix tells the language.
        text: the whole file.
        longest: lines that such a part may have.
    """
    root = _tree(path, text)
    made = []
    for node in root.named_children if root is not None else ():
        first, last = node.start_point[0] + 1, node.end_point[0] + 1
        if last - first < longest and "comment" not in node.type:
            made.append(Block(first, last, frozenset(_bound(node))))
    return tuple(made)


def _bound(node: "Node") -> Iterator[str]:
    """The names that a top-level part binds: those before its first `=`, or all of them."""
    text = (node.text or b"").decode("utf-8", "replace")
    if "import" in node.type or "use_declaration" in node.type or "include" in node.type:
        yield from (word for word in _WORD.findall(text) if word not in _IMPORTING)
        return
    end = (node.text or b"").find(b"=")
    waiting = [node]
    while waiting:
        part = waiting.pop()
        waiting += part.children
        before = end < 0 or part.start_byte - node.start_byte < end
        if not part.children and part.is_named and "identifier" in part.type and before:
            yield (part.text or b"").decode("utf-8", "replace")


def _tree(path: str, text: str) -> "Node | None":
    """The root of a file's syntax tree; None if its language is not known here or it is too large."""
    parser = _parser(PurePosixPath(path).suffix.lower())
    data = text.encode("utf-8", "replace")
    return None if parser is None or len(data) > _LARGEST else parser.parse(data).root_node


@cache
def _parser(suffix: str) -> "Parser | None":
    """The parser for a suffix; grammars are loaded when they are first needed."""
    known = _GRAMMARS.get(suffix)
    if known is None:
        return None
    from tree_sitter import Language, Parser  # most reviews have nothing to parse

    module, name = known
    language: Callable[[], object] = getattr(import_module(f"tree_sitter_{module}"), name)
    return Parser(Language(language()))

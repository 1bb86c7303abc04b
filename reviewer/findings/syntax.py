"""The door to tree-sitter: whether a file's text can be parsed in its language."""

import ast
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser

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
_LARGEST = 2_000_000
"""Bytes; a larger file is not parsed."""


def parses(path: str, text: str) -> bool | None:
    """Whether a text is without syntax errors; None if its language is not known here or it is too large."""
    parser = _parser(PurePosixPath(path).suffix.lower())
    data = text.encode("utf-8", "replace")
    if parser is None or len(data) > _LARGEST:
        return None
    if parser.parse(data).root_node.has_error:
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

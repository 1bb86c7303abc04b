"""Languages by file suffix, as far as anything here depends on them."""

from collections.abc import Mapping
from pathlib import PurePosixPath

CODE: Mapping[str, str] = {
    ".bash": "bash",
    ".c": "c",
    ".cc": "cpp",
    ".clj": "clojure",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".cxx": "cpp",
    ".dart": "dart",
    ".erl": "erlang",
    ".ex": "elixir",
    ".exs": "elixir",
    ".fs": "fsharp",
    ".go": "go",
    ".groovy": "groovy",
    ".h": "c",
    ".hh": "cpp",
    ".hpp": "cpp",
    ".hs": "haskell",
    ".java": "java",
    ".jl": "julia",
    ".js": "javascript",
    ".jsx": "jsx",
    ".kt": "kotlin",
    ".kts": "kotlin",
    ".lua": "lua",
    ".m": "objectivec",
    ".mjs": "javascript",
    ".ml": "ocaml",
    ".php": "php",
    ".pl": "perl",
    ".ps1": "powershell",
    ".py": "python",
    ".pyi": "python",
    ".r": "r",
    ".rb": "ruby",
    ".rs": "rust",
    ".scala": "scala",
    ".sh": "bash",
    ".sol": "solidity",
    ".sql": "sql",
    ".swift": "swift",
    ".tf": "hcl",
    ".ts": "typescript",
    ".tsx": "tsx",
    ".vb": "vbnet",
    ".vue": "vue",
    ".zig": "zig",
}
"""Programs: suffix to the name that Markdown fences use."""

TEXT: Mapping[str, str] = {
    ".css": "css",
    ".html": "html",
    ".ini": "ini",
    ".json": "json",
    ".md": "markdown",
    ".rst": "rst",
    ".scss": "scss",
    ".toml": "toml",
    ".xml": "xml",
    ".yaml": "yaml",
    ".yml": "yaml",
}
"""Everything else that is written by people: data, markup, style."""


def is_code(path: str) -> bool:
    """Whether a file's name is that of a program's source."""
    return PurePosixPath(path).suffix.lower() in CODE


def fence_name(path: str) -> str:
    """The name of a file's language in Markdown fences, or an empty text."""
    suffix = PurePosixPath(path).suffix.lower()
    return CODE.get(suffix) or TEXT.get(suffix, "")

"""Where the findings are in a decoded reply, whatever names and nesting a model chose."""

import re
from collections.abc import Sequence
from typing import Any

from reviewer.findings.extract import Candidate, strict_candidate
from reviewer.findings.fields import first, fold, text_of

ROOT_NAMES = (
    "findings",
    "issues",
    "problems",
    "comments",
    "review_comments",
    "bugs",
    "results",
    "defects",
    "violations",
)
FILE_NAMES = ("file", "path", "file_path", "filename", "file_name", "location")
LINE_NAMES = (
    "line",
    "line_start",
    "start_line",
    "line_number",
    "lines",
    "line_range",
    "range",
    "from_line",
    "start",
    "row",
)
END_NAMES = ("end_line", "line_end", "to_line", "last_line", "end")
QUOTE_NAMES = ("quote", "code", "snippet", "existing_code", "evidence", "code_snippet", "quoted_code")
TEXT_NAMES = (
    "explanation",
    "message",
    "description",
    "comment",
    "body",
    "issue",
    "problem",
    "detail",
    "details",
    "reason",
    "content",
    "text",
    "claim",
)
TITLE_NAMES = ("title", "summary", "name", "headline", "issue_header", "subject", "rule")
ADVICE_NAMES = ("recommendation", "fix", "suggested_fix", "remedy", "solution", "action")
SCENARIO_NAMES = ("failure_scenario", "scenario", "impact", "example", "consequence")
SUGGESTION_NAMES = ("suggestion", "suggested_code", "improved_code", "replacement", "patch")
CATEGORY_NAMES = ("category", "type", "kind", "label")
SEVERITY_NAMES = ("severity", "level", "priority", "importance")
ASKED_NAMES = frozenset({"findings", "summary", "rating", "strengths", "recommendations", "files_reviewed"})
_KNOWN = {
    *FILE_NAMES,
    *LINE_NAMES,
    *END_NAMES,
    *QUOTE_NAMES,
    *TEXT_NAMES,
    *TITLE_NAMES,
    *ADVICE_NAMES,
    *SCENARIO_NAMES,
    *SUGGESTION_NAMES,
    *CATEGORY_NAMES,
}
_KNOWN |= {
    *SEVERITY_NAMES,
    "confidence",
    "score",
    "id",
    "side",
    "rationale",
    "references",
    "tags",
    "cwe",
    "number",
}
_DEPTH = 4
_PATH_LIKE = re.compile(r"[/.]\w")
_UNKNOWN_PER_ITEM = 2


def is_item(entry: Any) -> bool:
    """Whether a value is a finding: it has a place or a quote, and says something."""
    if not isinstance(entry, dict):
        return False
    keys = {fold(key) for key in entry}
    if any(isinstance(entry[key], list) for key in entry if fold(key) in ROOT_NAMES):
        return False  # a group of findings
    return bool(keys & {*FILE_NAMES, *QUOTE_NAMES, *LINE_NAMES}) and bool(keys & {*TEXT_NAMES, *TITLE_NAMES})


Root = tuple[dict[str, Any], list[Any]]
"""The fields of a review, and its list of findings."""


def root_of(candidate: Candidate) -> Root | None:
    """The review in a value, wherever it is, or None.

    An empty list, or a single finding, is a review only if it is all there is: in the middle of other text
    it may be any part of something that did not decode, or a quotation.
    """
    value = candidate.value
    if candidate.whole and (value == [] or is_item(value)):
        return {}, value if isinstance(value, list) else [value]
    root = _search(value, 0)
    if root is not None and not candidate.whole and not root[1] and not ASKED_NAMES.intersection(root[0]):
        return None
    return root


def _search(value: Any, depth: int) -> Root | None:
    if depth > _DEPTH:
        return None
    if isinstance(value, str):
        inner = strict_candidate(value)
        return _search(inner.value, depth + 1) if inner else None
    if isinstance(value, list):
        if any(is_item(entry) for entry in value):
            return {}, value
        return _joined([("", entry) for entry in value], depth)
    if isinstance(value, dict):
        folded = {fold(key): part for key, part in value.items()}
        for name in ROOT_NAMES:
            if name in folded and (entries := _entries(folded[name])) is not None:
                return folded, _in_file(entries, text_of(first(folded, FILE_NAMES)))
        return _joined(list(value.items()), depth)
    return None


def _joined(parts: Sequence[tuple[str, Any]], depth: int) -> Root | None:
    """The findings of all parts of a value, such as one group for each file; a group names their file."""
    fields: dict[str, Any] = {}
    entries: list[Any] = []
    found = False
    for name, part in parts:
        root = _search(part, depth + 1)
        if root is None:
            continue
        found = True
        fields |= root[0]
        entries += _in_file(root[1], name if _PATH_LIKE.search(str(name)) else "")
    return (fields, entries) if found else None


def _in_file(entries: list[Any], file: str) -> list[Any]:
    """The findings of a group, with the group's file for those that name none."""
    if not file:
        return entries
    return [
        {"file": file, **entry} if isinstance(entry, dict) and first(entry, FILE_NAMES) is None else entry
        for entry in entries
    ]


def _entries(value: Any) -> list[Any] | None:
    """The list of findings under a root name: a list, one finding, findings by id, or nothing."""
    if value is None or (isinstance(value, str) and value.strip().lower() in {"", "none", "n/a", "[]"}):
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        if is_item(value):
            return [value]
        parts = list(value.values())
        if all(isinstance(part, dict) for part in parts):
            return parts
    return None


def sane(found: list[Any]) -> bool:
    """Whether mended findings have the fields of findings, and not pieces of code taken for fields."""
    items = [item for item in found if isinstance(item, dict)]
    unknown = sum(fold(key) not in _KNOWN for item in items for key in item)
    return unknown < _UNKNOWN_PER_ITEM * max(1, len(items))

"""Where the findings are in a decoded reply, whatever names and nesting a model chose."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reviewer.findings.extract import Candidate, strict_candidate
from reviewer.findings.fields import first, fold, is_severity, rating_of, text_of

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
_NEVER_FINDINGS = frozenset(
    {"strengths", "positives", "pros", "recommendations", "suggestions", "next_steps", "files_reviewed"}
)
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
            return {}, _ungrouped(value, depth)
        return _joined([("", entry) for entry in value], depth)
    if isinstance(value, dict):
        return _in_object(value, depth)
    return None


def _in_object(value: dict[str, Any], depth: int) -> Root | None:
    """The first list of findings by the order of the names; what else looks like findings joins it."""
    folded = {fold(key): part for key, part in value.items()}
    names = [*(name for name in ROOT_NAMES if name in folded), *filter(_is_list_of_findings, folded)]
    lists = [
        (name, _hinted(name, _ungrouped(entries, depth)))
        for name in names
        if (entries := _entries(folded[name])) is not None
    ]
    if not lists:
        return _joined(list(value.items()), depth)
    found = lists[0][1]
    beside = [entry for name, entries in lists[1:] for entry in entries if _says_something(entry, under=name)]
    rest = [
        (key, part)
        for key, part in value.items()
        if fold(key) not in {*names, *_NEVER_FINDINGS} and isinstance(part, list | dict)
    ]
    joined = _joined(rest, depth)
    beside += [entry for entry in (joined[1] if joined else []) if is_item(entry)]
    found = [*found, *(entry for entry in beside if entry not in found)]
    return folded, _in_file(found, text_of(first(folded, FILE_NAMES)))


_ENDS = ("findings", "issues", "problems", "bugs", "defects", "violations", "vulnerabilities")
_CHAT = frozenset({"comments", "review_comments", "results"})
"""Lists whose plain texts may be anything."""


def _is_list_of_findings(name: str) -> bool:
    """Whether a field is a list of findings of some kind, such as `critical_issues`."""
    return name not in ROOT_NAMES and name.endswith(tuple(f"_{end}" for end in _ENDS))


def _says_something(entry: Any, *, under: str) -> bool:
    if isinstance(entry, str):
        return bool(entry.strip()) and under not in _CHAT
    return isinstance(entry, dict) and bool(first(entry, (*TEXT_NAMES, *TITLE_NAMES)))


def _hinted(name: str, entries: list[Any]) -> list[Any]:
    """Entries with the severity that the name of their list tells: `critical`, `major_issues`."""
    word = name.split("_", maxsplit=1)[0]
    if not is_severity(word):
        return entries
    return [
        {"severity": word, **entry}
        if isinstance(entry, dict)
        else {"severity": word, "explanation": entry}
        if isinstance(entry, str)
        else entry
        for entry in entries
    ]


def join_fields(fields: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add the fields of another review: lists and texts are joined, the worse rating counts."""
    for name in ("files_reviewed", "strengths", "recommendations"):
        known, new = fields.get(name), more.get(name)
        if isinstance(new, list):
            fields[name] = [*(known if isinstance(known, list) else []), *new]
    summaries = [text for part in (fields, more) if (text := text_of(part.get("summary")))]
    if summaries:
        fields["summary"] = "\n".join(dict.fromkeys(summaries))
    ratings = [rating for part in (fields, more) if (rating := rating_of(part.get("rating"))) is not None]
    if ratings:
        fields["rating"] = min(ratings)
    for name, value in more.items():
        fields.setdefault(name, value)


def _ungrouped(entries: list[Any], depth: int) -> list[Any]:
    """The entries, with those of groups, such as one for each file, in place of the groups."""
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, list) and depth < _DEPTH:
            found += _ungrouped(entry, depth + 1)
        elif isinstance(entry, dict) and depth < _DEPTH and (inner := _members(entry)):
            alone = {key: part for key, part in entry.items() if fold(key) not in ROOT_NAMES}
            if is_item(alone) and first(alone, (*LINE_NAMES, *QUOTE_NAMES)) is not None:
                found.append(alone)  # a finding with others inside
            file = text_of(first(entry, FILE_NAMES))
            found += _in_file(_ungrouped(inner, depth + 1), file)
        else:
            found.append(entry)
    return found


def _members(entry: dict[str, Any]) -> list[Any]:
    """The findings of a group; none if the entry is not one."""
    lists = [part for key, part in entry.items() if fold(key) in ROOT_NAMES and isinstance(part, list)]
    members = [item for part in lists for item in part]
    return members if any(isinstance(item, dict) for item in members) else []


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
        join_fields(fields, root[0])
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
        if all(isinstance(part, dict | list) for part in parts):  # by severity, or by file
            return [
                entry
                for name, part in value.items()
                for entry in _in_file(
                    _hinted(fold(name), part if isinstance(part, list) else [part]),
                    name if _PATH_LIKE.search(name) else "",
                )
            ]
    return None


def sane(found: list[Any]) -> bool:
    """Whether mended findings have the fields of findings, and not pieces of code taken for fields."""
    items = [item for item in found if isinstance(item, dict)]
    unknown = sum(fold(key) not in _KNOWN for item in items for key in item)
    return unknown < _UNKNOWN_PER_ITEM * max(1, len(items))

"""The report as reviewdog's diagnostics, which it posts to code hosts.

Format: https://github.com/reviewdog/reviewdog/tree/master/proto/rdf (DiagnosticResult as JSON).
"""

import json
from collections.abc import Iterator
from typing import Any

from reviewer.changes.changeset import Side
from reviewer.findings.edits import Edit, edits_of
from reviewer.findings.finding import Finding
from reviewer.outputs import plain
from reviewer.outputs.categories import category_of
from reviewer.outputs.neutral import named, prose
from reviewer.outputs.report import Report
from reviewer.prompting.contract import Severity

_SEVERITIES = {Severity.CRITICAL: "ERROR", Severity.MAJOR: "WARNING", Severity.MINOR: "INFO"}


def render(report: Report) -> str:
    """A diagnostic for each finding, and one for each part that was not reviewed.

    Messages are Markdown that is safe to post: reviewdog puts them into comments as they are.
    """
    diagnostics = [*_missing(report), *(_diagnostic(finding) for finding in report.findings)]
    return json.dumps({"source": {"name": "reviewer"}, "diagnostics": diagnostics}, indent=1) + "\n"


def _missing(report: Report) -> Iterator[dict[str, Any]]:
    for gap in plain.gaps(report):
        yield {
            "message": prose(f"Review incomplete: {gap.text}"),
            "location": {"path": named(gap.path)},
            "severity": "ERROR",
            "code": {"value": "incomplete"},
        }


def _diagnostic(finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {"path": named(finding.path)}
    if finding.line is not None and finding.side is Side.NEW:
        # Without columns the range covers whole lines.
        location["range"] = {
            "start": {"line": finding.line},
            "end": {"line": finding.end_line or finding.line},
        }
    made: dict[str, Any] = {
        "message": prose(plain.text(finding)),
        "location": location,
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": category_of(finding.category).slug},
    }
    if suggestions := [_suggestion(edit) for edit in edits_of(finding.patch) if edit.end >= edit.start]:
        made["suggestions"] = suggestions
    return made


def _suggestion(edit: Edit) -> dict[str, Any]:
    return {
        "range": {"start": {"line": edit.start}, "end": {"line": edit.end}},
        "text": "\n".join(edit.lines),
    }

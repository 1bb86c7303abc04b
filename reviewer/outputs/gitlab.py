"""The report as GitLab's code quality artifact.

Format: https://docs.gitlab.com/ci/testing/code_quality/ (a list of issues of the Code Climate format).
"""

import hashlib
import json
from typing import Any

from reviewer.changes.changeset import Side
from reviewer.findings.finding import Finding
from reviewer.outputs import plain
from reviewer.outputs.categories import category_of
from reviewer.outputs.neutral import named
from reviewer.outputs.plain import Gap
from reviewer.outputs.report import Report
from reviewer.prompting.contract import Severity

_SEVERITIES = {Severity.CRITICAL: "critical", Severity.MAJOR: "major", Severity.MINOR: "minor"}
_SOMEWHERE = "."
"""The path of what is about no file: an issue must have one."""


def render(report: Report) -> str:
    """An issue for each finding, and one for each part that was not reviewed."""
    issues = [*map(_missing, plain.gaps(report)), *map(_issue, report.findings)]
    return json.dumps(issues, indent=1) + "\n"


def _missing(gap: Gap) -> dict[str, Any]:
    digest = hashlib.sha256(f"incomplete\n{gap.path}\n{gap.text}".encode("utf-8", "replace")).hexdigest()
    return {
        "description": f"Review incomplete: {gap.text}",
        "check_name": "incomplete",
        "fingerprint": digest,
        "severity": "blocker",
        "location": {"path": named(gap.path) or _SOMEWHERE, "lines": {"begin": 1}},
    }


def _issue(finding: Finding) -> dict[str, Any]:
    removed = finding.side is Side.OLD
    begin = 1 if removed or finding.line is None else finding.line
    return {
        "description": f"{plain.title(finding)}. {plain.line(' '.join(plain.paragraphs(finding)))}",
        "check_name": category_of(finding.category).slug,
        "fingerprint": finding.id,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": named(finding.path),
            "lines": {"begin": begin, "end": begin if removed else finding.end_line or begin},
        },
    }

"""The report as SARIF 2.1.0, in what GitHub's code scanning takes of it.

Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/; limits and required fields: GitHub's page on
SARIF support for code scanning; names of rules, and properties of what a model wrote: the rules AI1004
to AI1016 of Microsoft's validator (sarif-multitool).
"""

import gzip
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from reviewer import __version__
from reviewer.changes.changeset import Side
from reviewer.errors import SourceError
from reviewer.findings.edits import Edit, edits_of
from reviewer.findings.finding import Finding
from reviewer.outputs import plain
from reviewer.outputs.categories import SECURITY_SEVERITY, category_of, help_of
from reviewer.outputs.neutral import prose, visible
from reviewer.outputs.report import Report, Status
from reviewer.outputs.wording import counted
from reviewer.prompting.contract import Severity

MOST_RESULTS = 5000
"""GitHub keeps no more of one upload."""
MOST_BYTES = 10 * 1024 * 1024
"""GitHub takes no larger upload, measured after gzip."""
_MOST_NOTIFICATIONS = 500
_PREFIX = "NOVEL-"
"""What rules begin with that are no entry of a catalogue of weaknesses (AI1012 of Microsoft's validator)."""
_LEVELS = {Severity.CRITICAL: "error", Severity.MAJOR: "warning", Severity.MINOR: "note"}
_KEEP = "/!$&'()*+,;=:@-._~"
"""What a path may hold as it is in a relative URI (RFC 3986), besides letters and digits."""


CATEGORY = "reviewer"
"""Of an analysis. Of two uploads for one commit with one category, GitHub keeps one or refuses the other; the
category in the file wins over that of the upload step."""


def render(report: Report, category: str = CATEGORY) -> str:
    """One run with one rule for each category of findings; cut by whole findings, with a note, if too large.

    Args:
        report: what to write.
        category: of the analysis, if there are several for one commit.
    """
    most = min(len(report.findings), MOST_RESULTS)
    while True:
        text = json.dumps(_log(report, report.findings[:most], category), indent=1) + "\n"
        if not most or len(gzip.compress(text.encode())) <= MOST_BYTES:
            return text
        most = most * 3 // 4


def _log(report: Report, findings: Sequence[Finding], category: str) -> dict[str, Any]:
    rules = _rules(findings)
    numbers = {rule["id"]: number for number, rule in enumerate(rules)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "reviewer",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": rules,
                    }
                },
                "automationDetails": {"id": f"{category}/", "guid": _guid(report)},
                "versionControlProvenance": [_version(report)],
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    "SRCROOT": {"description": {"text": "The top folder of the repository."}}
                },
                "invocations": [_invocation(report, len(report.findings) - len(findings))],
                "results": [_result(finding, numbers) for finding in findings],
                "properties": _about(report),
            }
        ],
    }


def _guid(report: Report) -> str:
    """A name for this run, the same each time that it is rendered."""
    parts = (report.created.isoformat(), report.target.title, report.target.base, report.target.head)
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(map(visible, parts))))


def _version(report: Report) -> dict[str, Any]:
    """Which version was reviewed; the address of a repository that has none is a name that opens nothing."""
    made: dict[str, Any] = {
        "repositoryUri": report.target.address or "urn:git:local",
        "mappedTo": {"uriBaseId": "SRCROOT"},
    }
    return made | {"revisionId": report.target.head} if report.target.head else made


def _about(report: Report) -> dict[str, Any]:
    about = {"status": report.status.value, "summary": plain.line(report.summary), "base": report.target.base}
    return about | {"ai/origin": "generated"} if report.language_model else about


def _invocation(report: Report, left_out: int) -> dict[str, Any]:
    """Whether the run was complete, and what a reader of the results alone would not know."""
    missing = [
        _notification("error", "not-reviewed", gap.text, gap.path)
        for gap in plain.gaps(report)[:_MOST_NOTIFICATIONS]
    ]
    notes = list(plain.remarks(report))
    if left_out:
        notes.append(f"{counted(left_out, 'more finding')}, the least severe, left out here for the size.")
    return {
        "executionSuccessful": report.status is not Status.INCOMPLETE,
        "startTimeUtc": report.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "toolExecutionNotifications": [*missing, *(_notification("note", "remark", text) for text in notes)],
    }


def _notification(level: str, kind: str, text: str, path: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"level": level, "descriptor": {"id": kind}, "message": {"text": _message(text)}}
    if path:
        made["locations"] = [{"physicalLocation": {"artifactLocation": _artifact(path)}}]
    return made


def _rule_id(finding: Finding) -> str:
    """The rule of a finding. Points for security belong to rules, so that each severity has one."""
    category = category_of(finding.category)
    kind = f"security-{finding.severity}" if category.name == "security" else category.slug
    return f"{_PREFIX}{kind}"


def _rules(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    used: dict[str, Finding] = {}
    for finding in findings:
        used.setdefault(_rule_id(finding), finding)
    return [_rule(used[name], name) for name in sorted(used)]


def _rule(example: Finding, name: str) -> dict[str, Any]:
    category = category_of(example.category)
    about: dict[str, Any] = {"tags": ["code-review", category.slug], "precision": "medium"}
    level, title = "warning", category.title
    if category.name == "security":
        level, title = _LEVELS[example.severity], f"{category.title} ({example.severity})"
        about["security-severity"] = SECURITY_SEVERITY[example.severity]
    else:
        about["problem.severity"] = "warning"
    advice = help_of(category)
    return {
        "id": name,
        "name": _pascal(name.removeprefix(_PREFIX)),
        "shortDescription": {"text": f"{title}."},
        "fullDescription": {"text": category.meaning},
        "help": {"text": advice, "markdown": advice},
        "defaultConfiguration": {"level": level},
        "properties": about,
    }


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _result(finding: Finding, numbers: Mapping[str, int]) -> dict[str, Any]:
    rule = _rule_id(finding)
    made: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": numbers[rule],
        "level": _LEVELS[finding.severity],
        "rank": float(finding.score),
        "message": {"text": _message(plain.text(finding)), "markdown": prose(plain.text(finding))},
        "locations": [{"physicalLocation": _place(finding)}],
        # Called as GitHub reads it; it is the finding's own name, so that shifted lines do not matter.
        "partialFingerprints": {"primaryLocationLineHash": f"{finding.id}:1"},
        "properties": {
            "severity": finding.severity.value,
            "category": finding.category,
            "confidence": finding.confidence.value,
            "verdict": finding.verdict.value,
            "models": list(finding.votes),
            "inChange": finding.in_change,
            # Nothing is run, so that nothing is ever shown to be exploitable.
            "ai/exploitability": "theoretical",
        },
    }
    if fixes := list(_fixes(finding)):
        made["fixes"] = fixes
    return made


def _place(finding: Finding) -> dict[str, Any]:
    """Where a finding is in the version under review.

    What was removed is nowhere there: its place is the file, by its first line, as a line is a must.
    """
    place: dict[str, Any] = {"artifactLocation": _artifact(finding.path)}
    if finding.side is Side.OLD or finding.line is None:
        return place | {"region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}}
    code = visible(finding.code or finding.quote).split("\n")
    region: dict[str, Any] = {
        "startLine": finding.line,
        "startColumn": 1,
        "endLine": finding.end_line or finding.line,
        "endColumn": len(code[-1]) + 1,
        "snippet": {"text": "\n".join(code)},
    }
    return place | {"region": region}


def _artifact(path: str) -> dict[str, str]:
    data = path.encode("utf-8", "surrogateescape")
    uri = quote(data, safe=_KEEP)
    first, slash, rest = uri.partition("/")
    # A colon in the first part of a path would make it a scheme.
    return {"uri": first.replace(":", "%3A") + slash + rest, "uriBaseId": "SRCROOT"}


def _message(text: str) -> str:
    """A text in which nothing is a link or a placeholder, by the rules of SARIF (3.11.5 and 3.11.6)."""
    return re.sub(r"([\[\]\\])", r"\\\1", text) if "](" in text else text


def _fixes(finding: Finding) -> Iterator[dict[str, Any]]:
    for name, patch in (("suggestion", finding.patch), *((fix.note, fix.patch) for fix in finding.fixes)):
        try:
            edits = edits_of(patch)
        except SourceError:
            continue
        if edits:
            yield {
                "description": {"text": _message(plain.line(name) or "suggestion")},
                "artifactChanges": [_change(path, edits) for path in dict.fromkeys(e.path for e in edits)],
            }


def _change(path: str, edits: Sequence[Edit]) -> dict[str, Any]:
    return {
        "artifactLocation": _artifact(path),
        "replacements": [
            {
                "deletedRegion": {
                    "startLine": edit.start,
                    "startColumn": 1,
                    "endLine": edit.end + 1,
                    "endColumn": 1,
                },
                "insertedContent": {"text": "".join(f"{text}\n" for text in edit.lines)},
            }
            for edit in edits
            if edit.path == path
        ],
    }

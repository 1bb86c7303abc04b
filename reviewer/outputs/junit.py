"""The report as JUnit's XML, which most build servers show as tests.

Format: https://github.com/testmoapp/junitxml (there is no official one).
"""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reviewer.changes.changeset import Side
from reviewer.findings.finding import Finding
from reviewer.outputs import plain
from reviewer.outputs.neutral import named, visible
from reviewer.outputs.report import Outcome, Report, RoleReview

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def render(report: Report) -> str:
    """A test case for each reviewer, each file and each finding: findings fail, and gaps are errors."""
    suites = Element("testsuites", name="reviewer")
    _add(suites, "reviewers", [_reviewer(review) for review in report.reviews], report)
    _add(suites, "files", list(_files(report)), report)
    _add(suites, "findings", [_finding(finding) for finding in report.findings], report)
    for count in ("tests", "failures", "errors", "skipped"):
        suites.set(count, str(sum(int(suite.get(count, 0)) for suite in suites)))
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _add(suites: Element, name: str, cases: list[Element], report: Report) -> None:
    suite = SubElement(suites, "testsuite", name=name, timestamp=report.created.strftime("%Y-%m-%dT%H:%M:%S"))
    about = SubElement(suite, "properties")
    for key, value in (("status", report.status.value), ("summary", report.summary)):
        SubElement(about, "property", name=key, value=_legal(value))
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))


def _reviewer(review: RoleReview) -> Element:
    case = Element("testcase", classname="reviewer", name=_legal(review.title))
    reasons = _legal("\n".join(review.reasons))
    if review.status in {Outcome.FAILED, Outcome.PARTIAL}:
        said = f"incomplete: {review.status} ({review.model or review.planned_model})"
        SubElement(case, "error", message=_legal(said), type="incomplete").text = reasons
    elif review.status is Outcome.SKIPPED:
        SubElement(case, "skipped", message=reasons)
    return case


def _files(report: Report) -> Iterator[Element]:
    """Every file of the change: whether it was read."""
    missing: dict[str, list[str]] = {}
    for gap in plain.gaps(report):
        if gap.path:
            missing.setdefault(gap.path, []).append(gap.text)
    left_out = {part.path: part.reason for part in report.coverage.skipped if part.expected}
    read = [file.path for file in report.coverage.reviewed]
    for path in dict.fromkeys((*read, *missing, *left_out)):
        case = Element("testcase", classname="file", name=_legal(named(path)))
        if path in missing:
            text = _legal("\n".join(missing[path]))
            SubElement(case, "error", message="incomplete", type="incomplete").text = text
        elif path not in read:
            SubElement(case, "skipped", message=_legal(left_out[path]))
        yield case


def _finding(finding: Finding) -> Element:
    """A case of its own, as many programs read only the first failure of one."""
    before = " before the change" if finding.side is Side.OLD else ""
    name = f"{plain.title(finding)} (line {finding.line}{before})"
    case = Element("testcase", classname=_legal(named(finding.path)), name=_legal(name))
    failure = SubElement(case, "failure", message=_legal(plain.title(finding)), type=finding.severity.value)
    failure.text = _legal("\n\n".join(plain.paragraphs(finding)))
    return case


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", visible(text))

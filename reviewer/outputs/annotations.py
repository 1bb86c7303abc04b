"""The report as workflow commands that GitHub shows as annotations beside the lines.

Format: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands. GitHub keeps ten of
each kind in one step and drops the others without a word, so that the last one of a kind says how many more
there are.
"""

from collections.abc import Iterator, Sequence

from reviewer.changes.changeset import Side
from reviewer.findings.finding import Finding
from reviewer.outputs import plain
from reviewer.outputs.neutral import named
from reviewer.outputs.report import Report
from reviewer.outputs.wording import counted
from reviewer.prompting.contract import Severity

MOST = 10
_KINDS = {Severity.CRITICAL: "error", Severity.MAJOR: "warning", Severity.MINOR: "notice"}


def render(report: Report) -> str:
    """A command in each line; nothing for a clean report."""
    lines: list[str] = []
    for severity, kind in _KINDS.items():
        made = [_of_finding(kind, finding) for finding in report.findings if finding.severity is severity]
        if kind == "error":  # what was not reviewed comes first, so that nothing can crowd it out
            made = [*_missing(report), *made]
        elif kind == "notice":
            made = [*_remarks(report), *made]
        lines += _at_most(kind, made)
    return "".join(f"{line}\n" for line in lines)


def _missing(report: Report) -> Iterator[str]:
    missing = plain.gaps(report)
    if missing:
        text = "\n".join(f"{gap.path}: {gap.text}" if gap.path else gap.text for gap in missing)
        yield command("error", text, title="Review incomplete")


def _remarks(report: Report) -> Iterator[str]:
    if remarks := plain.remarks(report):
        yield command("notice", "\n".join(remarks), title="About this review")


def _at_most(kind: str, commands: Sequence[str]) -> list[str]:
    if len(commands) <= MOST:
        return list(commands)
    more = counted(len(commands) - MOST + 1, "more finding is", "more findings are")
    return [*commands[: MOST - 1], command(kind, f"{more} in the report.", title="More findings")]


def _of_finding(kind: str, finding: Finding) -> str:
    place: dict[str, str | int] = {"file": named(finding.path)}
    if finding.side is Side.NEW and finding.line is not None:
        place |= {"line": finding.line, "endLine": finding.end_line or finding.line}
    return command(kind, "\n\n".join(plain.paragraphs(finding)), **place, title=plain.title(finding))


def command(kind: str, text: str, **properties: str | int) -> str:
    """A workflow command with its text and properties escaped, so that it is one command and no more."""
    about = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{kind} {about}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("##[", "# #[").replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

"""Comments in the code that say: not here. In any comment syntax, with categories and a reason."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.changes.changeset import ChangeSet, Side
from reviewer.findings.finding import Finding

_COMMENT = r"(?:#|//|--|/\*|\*|<!--|;|%|'|\"\"\"|\{#|REM\b)"
_DIRECTIVE = re.compile(
    rf"{_COMMENT}.*?\breviewer:\s*ignore(?:\[(?P<what>[^\]\n]{{0,200}})\])?(?P<reason>[^\n]*)", re.IGNORECASE
)
_END = re.compile(r"\s*(?:\*/|-->|#\}|\"\"\")\s*$")
_ALONE = re.compile(rf"^\s*{_COMMENT}")


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment that suppresses findings.

    Attributes:
        line: where it stands, 1-based, in the version after the change.
        what: categories or ids, in lower case; empty for everything.
        reason: what it says behind that.
        added: the change under review has brought it.
    """

    line: int
    what: tuple[str, ...]
    reason: str
    added: bool

    def covers(self, finding: Finding) -> bool:
        """Whether it is meant for a finding of this category or id."""
        return not self.what or finding.category.lower() in self.what or finding.id in self.what


def suppressed(findings: Sequence[Finding], changes: ChangeSet) -> dict[str, Suppression]:
    """The comments that suppress findings, by the id of the finding.

    A comment counts on any line of the finding's place, or alone on the line before it.
    """
    found = {}
    for finding in findings:
        comment = next((item for item in _near(finding, changes) if item.covers(finding)), None)
        if comment is not None:
            found[finding.id] = comment
    return found


def _near(finding: Finding, changes: ChangeSet) -> Iterator[Suppression]:
    if finding.line is None or finding.side is Side.OLD:
        return
    for change in changes.versions(finding.path)[:1]:
        added = change.changed_numbers(Side.NEW)
        for number in range(finding.line - 1, (finding.end_line or finding.line) + 1):
            text = change.text_at(Side.NEW, number) or ""
            if number < finding.line and not _ALONE.match(text):
                continue  # behind other code it is about that code
            match = _DIRECTIVE.search(text)
            if match is not None:
                what = tuple(
                    part.strip().lower() for part in (match["what"] or "").split(",") if part.strip()
                )
                reason = _END.sub("", match["reason"]).strip(" :-")
                yield Suppression(number, what, reason, number in added)

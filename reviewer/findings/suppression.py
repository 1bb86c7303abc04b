"""Comments in the code that say: not here. In any comment syntax, with categories and a reason."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.changes.changeset import ChangeSet, Side
from reviewer.findings.finding import Finding

_COMMENT = r"(?:#|//|--|/\*|\*|<!--|;|%|'|\"\"\"|\{#|REM\b)"
_DIRECTIVE = re.compile(r"\breviewer:\s*ignore(?![\w-])[ \t]*(?P<rest>[^\n]*)", re.IGNORECASE)
_WHAT = re.compile(r"\[(?P<what>[^\]\n]{0,200})\](?P<reason>.*)", re.DOTALL)
_SIGN = re.compile(_COMMENT)
_BEHIND_COMMENT = re.compile(rf"{_COMMENT}[\s#/*!-]{{0,20}}\Z")
"""The sign of a comment right before a directive."""
_REACH = 40
"""Characters before a directive that are looked at for that."""
_END = re.compile(r"\s*(?:\*/|-->|#\}|\"\"\")\s*$")
_ALONE = re.compile(rf"\s*{_COMMENT}[\s#/*!-]{{0,20}}\Z")


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment that suppresses findings.

    Attributes:
        line: where it stands, 1-based, in the version after the change.
        what: categories or ids, in lower case; empty for everything.
        reason: what it says behind that.
        added: the change under review has brought it.
        alone: nothing but the comment is on its line.
    """

    line: int
    what: tuple[str, ...]
    reason: str
    added: bool
    alone: bool = False

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
            comment = _read(text, number, added=number in added)
            # Behind other code it is about that code.
            if comment is not None and (number >= finding.line or comment.alone):
                yield comment


def _read(text: str, number: int, *, added: bool) -> Suppression | None:
    """The directive in a line, if there is one; brackets that are not closed make it none.

    Args:
        text: the line.
        number: its 1-based number.
        added: whether the change has brought it.
    """
    match = _DIRECTIVE.search(text)
    if match is None:
        return None
    rest, what = match["rest"], ""
    before = text[: match.start()]
    # Behind another remark it has to have brackets; without, a sentence may only speak of a reviewer.
    if not (_BEHIND_COMMENT.search(before[-_REACH:]) or (rest.startswith("[") and _SIGN.search(before))):
        return None
    if rest.startswith("["):
        limited = _WHAT.match(rest)
        if limited is None:
            return None
        what, rest = limited["what"], limited["reason"]
    named = tuple(part.strip().lower() for part in what.split(",") if part.strip())
    alone = match.start() <= _REACH + len(text) - len(text.lstrip()) and bool(
        _ALONE.match(text[: match.start()])
    )
    return Suppression(number, named, _END.sub("", rest).strip(" :-"), added, alone)

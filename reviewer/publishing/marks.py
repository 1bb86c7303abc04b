"""Hidden marks in comments, by which this program knows its own. What is in them is read, never believed."""

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from reviewer.changes.changeset import Side
from reviewer.errors import UsageError
from reviewer.findings.finding import Finding
from reviewer.findings.identity import Known, known, slug
from reviewer.prompting.contract import Severity

NAME = "reviewer"
"""The name of the review, where a pull request has one only."""
_FINDING = re.compile(
    r"<!-- reviewer:finding of=([\w.-]{1,40}) id=([0-9a-f]{12}) "
    r"severity=([a-z]{1,10}) category=([a-z0-9-]{1,40}) side=(new|old) "
    r"by=([\w.,-]{0,400}) lines=([0-9a-f,]{0,200}) -->\s*\Z"
)
"""At the end of a comment: what stands before may be anybody's words."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")
_KNOWN = re.compile(r"<!-- reviewer:known ([A-Za-z0-9+/=]{1,40000}) -->")
"""Somebody may have written something below it; what models say cannot look like it."""
_MOST_LINES = 20
_MOST_BYTES = 2 * 1024 * 1024
"""What the hidden list may come to when it is unpacked."""
_MOST_CHARACTERS = 16_000


@dataclass(frozen=True, slots=True)
class Told:
    """A finding that the readers of a pull request have been told of.

    Attributes:
        finding: what is kept of it.
        roles: who reported it; a run without them says nothing about it.
        side: the version in which its code stood.
    """

    finding: Known
    roles: tuple[str, ...] = ()
    side: Side = Side.NEW


def told(finding: Finding) -> Told:
    """What is kept of a finding."""
    roles = dict.fromkeys(role_name(voice.role) for voice in finding.voices)
    return Told(known(finding), tuple(roles), finding.side)


def role_name(role: str) -> str:
    """The name of a role as marks have it."""
    return re.sub(r"[^\w.-]", "-", role, flags=re.ASCII)[:60]


def review_name(text: str) -> str:
    """What a review is called, in its marks and on its check.

    Raises:
        UsageError: it cannot be called that.
    """
    if not _NAME.fullmatch(text):
        raise UsageError(
            f"{text!r} is no name for a review: write letters, digits, dots, dashes, underscores, 40 at most."
        )
    return text


def summary_mark(name: str) -> str:
    """What the one summary of a review begins with."""
    return f"<!-- reviewer:summary {name} -->"


def finding_mark(one: Told, name: str) -> str:
    """The mark of a comment about one finding: enough to know the finding again when its lines have moved."""
    item = one.finding
    lines = ",".join(item.lines[:_MOST_LINES])
    kind = f"severity={item.severity} category={slug(item.category)} side={one.side}"
    by = ",".join(one.roles[:6])
    return f"<!-- reviewer:finding of={name} id={item.id} {kind} by={by} lines={lines} -->"


def read_finding(body: str, path: str, name: str) -> Told | None:
    """What finding a comment is about, or None if it has no mark of this review."""
    match = _FINDING.search(body)
    if match is None or match[1] != name or match[3] not in set(Severity):
        return None
    lines = tuple(part for part in match[7].split(",") if part)
    item = Known(match[2], path, match[4], lines, Severity(match[3]), "")
    return Told(item, tuple(part for part in match[6].split(",") if part), Side(match[5]))


def review_mark(name: str, once: str) -> str:
    """The mark of a review, by which it is found again if the answer to it is lost.

    Args:
        name: of the review.
        once: letters and digits that no other attempt has.
    """
    return f"<!-- reviewer:review {name} {once} -->"


def known_mark(findings: Sequence[Told]) -> str:
    """The findings that were told of as a hidden list; if there are too many, the first ones."""
    kept = list(findings)
    while True:
        packed = base64.b64encode(zlib.compress(_adapter().dump_json(kept), 9)).decode()
        if len(packed) <= _MOST_CHARACTERS or not kept:
            return f"<!-- reviewer:known {packed} -->"
        kept = kept[: len(kept) * 3 // 4]


def without_known(body: str) -> tuple[str, str]:
    """A summary without its hidden list, and the list."""
    match = _last_list(body)
    if match is None:
        return body, ""
    parts = (body[: match.start()].rstrip(), body[match.end() :].strip())
    return "\n\n".join(part for part in parts if part), match[0]


def read_known(body: str) -> tuple[Told, ...]:
    """What was told of before; nothing where the list is missing or damaged."""
    match = _last_list(body)
    if match is None:
        return ()
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(base64.b64decode(match[1], validate=True), _MOST_BYTES)
        return tuple(_adapter().validate_json(data))
    except (binascii.Error, zlib.error, ValidationError):
        return ()


def _last_list(body: str) -> re.Match[str] | None:
    return max(_KNOWN.finditer(body), key=lambda match: match.start(), default=None)


def is_summary(body: str, name: str) -> bool:
    """Whether a comment is the summary of a review: its mark stands at the beginning of a line."""
    return any(line.strip() == summary_mark(name) for line in body.split("\n"))


def _adapter() -> TypeAdapter[list[Told]]:
    return TypeAdapter(list[Told])

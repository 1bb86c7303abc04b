"""Hidden marks in comments, by which this program knows its own. What is in them is read, never believed."""

import base64
import binascii
import re
import zlib
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from reviewer.findings.identity import Known
from reviewer.prompting.contract import Severity

SUMMARY = "<!-- reviewer:summary -->"
_FINDING = re.compile(
    r"<!-- reviewer:finding id=([0-9a-f]{12}) category=([a-z0-9-]{1,40}) lines=([0-9a-f,]{0,200}) -->\s*\Z"
)
"""At the end of a comment: what stands before may be anybody's words."""
_KNOWN = re.compile(r"<!-- reviewer:known ([A-Za-z0-9+/=]{1,40000}) -->\s*\Z")
_MOST_LINES = 20
_MOST_BYTES = 2 * 1024 * 1024
"""What the hidden list may come to when it is unpacked."""
_MOST_CHARACTERS = 16_000


def finding_mark(known: Known) -> str:
    """The mark of a comment about one finding: enough to know the finding again when its lines have moved."""
    category = re.sub(r"[^a-z0-9]+", "-", known.category.lower())[:40].strip("-") or "other"
    lines = ",".join(known.lines[:_MOST_LINES])
    return f"<!-- reviewer:finding id={known.id} category={category} lines={lines} -->"


def read_finding(body: str, path: str) -> Known | None:
    """What finding a comment is about, or None if it has no mark."""
    match = _FINDING.search(body)
    if match is None:
        return None
    lines = tuple(part for part in match[3].split(",") if part)
    return Known(match[1], path, match[2].replace("-", " "), lines, Severity.MINOR, "")


def review_mark(head: str, ids: Sequence[str]) -> str:
    """The mark of a review: which findings it brought, of which version."""
    digest = zlib.crc32(",".join(ids).encode())
    return f"<!-- reviewer:review {head[:12]} {digest:08x} -->"


def known_mark(findings: Sequence[Known]) -> str:
    """The findings of a run as a hidden list; if there are too many, the first ones."""
    kept = list(findings)
    while True:
        packed = base64.b64encode(zlib.compress(_adapter().dump_json(kept), 9)).decode()
        if len(packed) <= _MOST_CHARACTERS or not kept:
            return f"<!-- reviewer:known {packed} -->"
        kept = kept[: len(kept) * 3 // 4]


def read_known(body: str) -> tuple[Known, ...]:
    """The findings of the run before; none where the list is missing or damaged."""
    match = _KNOWN.search(body)
    if match is None:
        return ()
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(base64.b64decode(match[1], validate=True), _MOST_BYTES)
        return tuple(_adapter().validate_json(data))
    except (binascii.Error, zlib.error, ValidationError):
        return ()


def _adapter() -> TypeAdapter[list[Known]]:
    return TypeAdapter(list[Known])

"""Which code is shown with a finding: the block that it stands in, and what that block uses of its file."""

import re
from collections.abc import Sequence

from reviewer.changes.changeset import ChangeSet, FileChange, Side
from reviewer.findings.finding import Finding
from reviewer.findings.syntax import block_around, definitions
from reviewer.prompting.checking import Excerpt, excerpt, place_lines

_WITHOUT_PARSER = 40
"""Lines before and after a place where nothing is known of the syntax."""
_LEAST = 12
"""Lines before and after a place that are shown in any case."""
_LONGEST_BLOCK = 100
_LONGEST_DEFINITION, _MOST_DEFINED = 8, 24
"""Lines of one constant, import or type that the block uses, and of all of them."""
_WORD = re.compile(r"[^\W\d]\w+")


def shown_lines(change: FileChange, side: Side, start: int, end: int) -> frozenset[int]:
    """The numbers of the lines that are shown with a place; some of them may not be known.

    Args:
        change: the file.
        side: the version in which the place is counted.
        start: first line of the place, 1-based.
        end: its last line.
    """
    lines = change.lines(side)
    text = "\n".join((*lines, "")) if lines is not None else ""
    block = block_around(change.path, text, start, end, longest=_LONGEST_BLOCK) if lines else None
    if block is None:
        return frozenset(range(start - _WITHOUT_PARSER, end + _WITHOUT_PARSER + 1))
    shown = {*range(block.first, block.last + 1), *range(start - _LEAST, end + _LEAST + 1)}
    used = {word for n in shown if lines and 0 < n <= len(lines) for word in _WORD.findall(lines[n - 1])}
    left = _MOST_DEFINED
    for definition in definitions(change.path, text, longest=_LONGEST_DEFINITION):
        own = range(definition.first, definition.last + 1)
        if definition.names & used and not shown.issuperset(own) and len(own) <= left:
            left -= len(own)
            shown |= set(own)
    return frozenset(shown)


def excerpts_of(findings: Sequence[Finding], changes: ChangeSet) -> tuple[Excerpt, ...]:
    """The code that some findings are about, once for each version of a file; findings count from 1."""
    by_file: dict[tuple[str, Side], list[int]] = {}
    for number, finding in enumerate(findings, 1):
        by_file.setdefault((finding.path, finding.side), []).append(number)
    made = []
    for (path, side), numbers in by_file.items():
        change = changes.versions(path)[0]
        places: set[int] = set()
        shown: set[int] = set()
        for number in numbers:
            finding = findings[number - 1]
            start = finding.line or 1
            own = place_lines(start, finding.end_line or start)
            places |= set(own)
            shown |= shown_lines(change, side, start, own[-1])
        code = excerpt(change, side, places, shown)
        made.append(Excerpt(path, tuple(numbers), side is Side.OLD and change.new_lines is not None, code))
    return tuple(made)

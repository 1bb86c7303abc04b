"""Which lines above a hunk tell where it is: the headers of the blocks around it."""

import re
from collections.abc import Sequence

_HEADER = re.compile(
    r"""\s*(?:
        (?:export|default|public|private|protected|internal|static|abstract|final|async|pub(?:\([a-z]+\))?
           |unsafe|override|virtual|sealed|partial|open|data|inline)\s+
    )*(?:
        class|def|func|fn|function|interface|struct|impl|module|namespace|trait|enum|type|object|record
        |procedure|sub|describe|it|test|mod|package
    )\b
    | .*[{(]\s*$       # the head of a block in braces, or of a call that spans lines
    | .*[^\s:]:\s*$    # the head of an indented block
    """,
    re.VERBOSE,
)
_NOT_A_HEADER = re.compile(r"\s*(?:[#*/}\])]|else\b|elif\b|except\b|finally\b|case\b|default\b)")
_REACH = 400
_MOST = 4


def enclosing_lines(lines: Sequence[str], first: int) -> tuple[int, ...]:
    """Numbers of the lines that open the blocks around a line, outermost first.

    Found by indentation, which works for any language that is indented; at most four lines, looked for in
    the 400 lines above.

    Args:
        lines: the whole text.
        first: 1-based number of the line to look from.
    """
    found: list[int] = []
    depth = _depth_at(lines, first)
    for number in range(first - 1, max(0, first - _REACH), -1):
        if depth == 0 or len(found) == _MOST:
            break
        text = lines[number - 1]
        if not text.strip():
            continue
        here = _indent(text)
        if here < depth:
            if _HEADER.match(text) and not _NOT_A_HEADER.match(text):
                found.append(number)
            depth = here
    return tuple(reversed(found))


def _depth_at(lines: Sequence[str], first: int) -> int:
    """Indentation of the first line from here on that is not blank."""
    for text in lines[first - 1 : first + 20]:
        if text.strip():
            return _indent(text)
    return 0


def _indent(text: str) -> int:
    """Width of the blanks in front, with tabs up to the next multiple of eight."""
    expanded = text.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())

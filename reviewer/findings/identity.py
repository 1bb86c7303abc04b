"""Names of findings that stay the same from run to run: made of code and category, not of words or lines."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reviewer.findings.finding import Finding

_DIGITS = 12
_TRAILING = re.compile(r",(?=[)\]}])")
_QUOTES = str.maketrans('"`', "''")


def normalised(code: str) -> str:
    """Code without what a formatter changes: blanks, the kind of quotes, commas before a bracket."""
    return _TRAILING.sub("", "".join(code.split()).translate(_QUOTES)).rstrip(",;")


def with_ids(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Give each finding its name: category, path and normalised code, and which one of several such it is.

    Lines and words are no part of it, so that neither an edit above nor another way of saying it changes the
    name. Of several with the same code, the order of their lines decides.
    """
    keys = [f"{item.category}\n{item.path}\n{normalised(item.code or item.quote)}" for item in findings]
    by_place = sorted(range(len(findings)), key=lambda n: (keys[n], findings[n].line or 0, n))
    occurrence: Counter[str] = Counter()
    named = list(findings)
    for number in by_place:
        digest = hashlib.sha256(f"{keys[number]}\n{occurrence[keys[number]]}".encode()).hexdigest()
        occurrence[keys[number]] += 1
        named[number] = replace(findings[number], id=digest[:_DIGITS])
    return tuple(named)

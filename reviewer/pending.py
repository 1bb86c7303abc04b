"""Findings of an earlier run: where each of them would be now, and what the code alone says about it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus, Side
from reviewer.findings.finding import Claim, Finding, Grounding, Verdict, Voice
from reviewer.findings.ground import Anchor, ground
from reviewer.findings.identity import normalised
from reviewer.findings.lookup import Lookup
from reviewer.outputs.report import Fate, Report

_REACH = 80
"""Lines above and below the former place in which rewritten code is looked for first."""
_ALIKE = 0.5
"""Share of words (Dice) from which rewritten code is taken for what became of the former one."""
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Pending:
    """A finding of the earlier run, and where it would be now.

    Attributes:
        finding: as it was.
        aside: it was set aside then; it does not count, and is asked about only if a model had refuted it.
        fate: what has become of it, as far as the code alone tells; None if somebody has to look.
        reason: how that is known.
        found: the lines that it is about are there as they were.
        gone: nothing like them is in the file; the place is only where they were.
        stale: numbers of the voices whose own quote is not there any more.
        path, side, line, end_line: the place, or the one that is most like it; no line if there is none,
            and no path if its file is not at hand.
    """

    finding: Finding
    aside: bool = False
    fate: Fate | None = None
    reason: str = ""
    found: bool = False
    gone: bool = False
    stale: frozenset[int] = frozenset()
    path: str = ""
    side: Side = Side.NEW
    line: int | None = None
    end_line: int | None = None


def pending(report: Report, changes: ChangeSet, *, untouched: bool, rules: bool) -> Iterator[Pending]:
    """Every finding of an earlier report with its place in the change as it is now.

    Args:
        report: of the earlier run.
        changes: all that is under review now.
        untouched: nothing of it has changed since.
        rules: mechanical rules look at all of it now.
    """
    lookup = Lookup(changes)
    for finding in report.findings:
        yield _settled(_placed(finding, lookup), untouched=untouched, rules=rules)
    for item in report.set_aside:
        yield _settled(replace(_placed(item.finding, lookup), aside=True), untouched=untouched, rules=rules)
    for finding in report.unverified:
        here = _placed(finding, lookup)
        if untouched:
            yield replace(
                here, fate=Fate.PERSISTS, reason="nothing has changed", path=finding.path, line=None
            )
        elif here.found:
            # What was quoted then may be what was recommended: that it is there now proves nothing.
            yield here
        else:
            reason = "its code was not found then, and is not found now"
            yield Pending(finding, fate=Fate.UNKNOWN, reason=reason)


def _placed(finding: Finding, lookup: Lookup) -> Pending:
    """A finding with its place: by its quote, also in a file of another name, else by what is like it."""
    versions = lookup.changes.versions(finding.path)
    anchors = [_anchor(finding, voice, lookup) for voice in finding.voices]
    first = next((number for number, one in enumerate(anchors) if one is not None), 0)
    anchor = anchors[first] if anchors else None
    stale = frozenset(number for number, one in enumerate(anchors) if one is None)
    if anchor is not None:
        # The code of the finding is that of its first voice; another voice's is what it has quoted.
        now, quoted = normalised(anchor.code), normalised(finding.voices[first].quote)
        same = now == normalised(finding.code or anchor.code) if first == 0 else quoted in now
        return Pending(
            finding,
            found=same,
            stale=stale,
            path=anchor.path,
            side=anchor.side,
            line=anchor.line,
            end_line=anchor.end_line,
        )
    if not versions:
        return Pending(finding, fate=Fate.UNKNOWN, reason=_why_not_there(finding.path, lookup.changes))
    if versions[0].status is FileStatus.DELETED and finding.side is Side.NEW:
        return Pending(finding, fate=Fate.FIXED, reason="its file was deleted", path=finding.path)
    likely = _likely(finding, versions[0])
    return Pending(
        finding,
        gone=likely.gone,
        stale=stale,
        path=finding.path,
        side=finding.side,
        line=likely.line,
        end_line=likely.end_line,
    )


def _settled(item: Pending, *, untouched: bool, rules: bool) -> Pending:
    """What the code alone tells of a finding; nothing if somebody has to look.

    That its own file is as it was says little: what has changed in another one may have settled it.
    """
    accepted = item.aside and item.finding.verdict is not Verdict.REFUTED
    if item.finding.by_rules and rules:
        # They say it again if it is still there.
        return replace(item, fate=Fate.FIXED, reason="no mechanical rule finds it now")
    if item.fate is not None:
        return item
    if untouched and item.found:
        return replace(item, fate=Fate.PERSISTS, reason="nothing has changed")
    if item.finding.by_rules:
        reason = "mechanical rules found it, and they do not look at all of it now"
        return replace(item, fate=Fate.UNKNOWN, reason=reason)
    if accepted and item.found:
        return replace(item, fate=Fate.PERSISTS, reason="its code is still there")
    if item.line is None:
        reason = "its code is gone, and nothing like it is there to look at"
        return replace(item, fate=Fate.UNKNOWN, reason=reason)
    return item


def _anchor(finding: Finding, voice: Voice, lookup: Lookup) -> Anchor | None:
    """Where the code is now that a reviewer has quoted."""
    anchor = ground(claim_of(finding, voice), lookup)
    return None if anchor.line is None or anchor.grounding is Grounding.UNVERIFIED else anchor


def _why_not_there(path: str, changes: ChangeSet) -> str:
    skipped = [part.reason for part in changes.skipped if part.path == path]
    return f"its file is not reviewed now: {skipped[0]}" if skipped else "its file is not part of this change"


@dataclass(frozen=True, slots=True)
class _Likely:
    """Lines that resemble others; `gone` if none do, and these are only where they were."""

    line: int | None = None
    end_line: int | None = None
    gone: bool = False


def _likely(finding: Finding, change: FileChange) -> _Likely:
    """The lines that most resemble the former code: near its former place, or else anywhere in the file.

    Without the whole file, what resembles nothing is not known to be gone.
    """
    whole = change.lines(finding.side)
    lines = change.hunk_lines(finding.side) if whole is None else dict(enumerate(whole, 1))
    rows = (finding.code or finding.quote).split("\n")
    if not lines or finding.line is None:
        return _Likely()
    former, count, last = finding.line, len(rows), max(lines)
    alike = _likeness(Counter(_TOKEN.findall("\n".join(rows))), lines, count)
    near = {number: value for number, value in alike.items() if abs(number - former) <= _REACH}
    for some in (near, alike):
        # Of two that are as alike, the nearer one.
        start = max(some, key=lambda one: (some[one], -abs(one - former)), default=None)
        if start is not None and some[start] > _ALIKE:
            return _Likely(start, min(start + count - 1, last))
    if whole is None:
        return _Likely()
    start = min(former, last)
    return _Likely(start, min(start + count - 1, last), gone=True)


def _likeness(wanted: Mapping[str, int], lines: Mapping[int, str], count: int) -> dict[int, float]:
    """How alike in words each run of lines is to others, by its first line (Dice coefficient of words).

    It moves over the file a line at a time: the words of the next line come in, those of the first go out.
    """
    own = {number: Counter(_TOKEN.findall(text)) for number, text in lines.items()}
    size = sum(wanted.values())
    made: dict[int, float] = {}
    window: Counter[str] = Counter()
    total = shared = 0
    inside = range(0)
    for start in sorted(lines):
        reach = range(start, start + count)
        leaving, coming = (n for n in inside if n < start), (n for n in reach if n not in inside)
        for sign, numbers in ((-1, leaving), (1, coming)):
            for word, amount in ((w, a) for n in numbers for w, a in own.get(n, {}).items()):
                total += sign * amount
                before = min(window[word], wanted.get(word, 0))
                window[word] += sign * amount
                shared += min(window[word], wanted.get(word, 0)) - before
        inside = reach
        made[start] = 2 * shared / (size + total) if size else 0.0
    return made


def claim_of(finding: Finding, voice: Voice) -> Claim:
    """What a reviewer had said, as a claim of now."""
    return Claim(
        file=finding.path,
        title=voice.title,
        explanation=voice.explanation,
        severity=voice.severity,
        category=finding.category,
        line=voice.line,
        end_line=voice.end_line,
        quote=voice.quote,
        failure_scenario=voice.failure_scenario,
        recommendation=voice.recommendation,
        suggestion=voice.suggestion,
        confidence=voice.confidence,
    )


def code_at(changes: ChangeSet, item: Pending) -> str:
    """The code at the place where an earlier finding is now; empty if it has none."""
    if item.line is None:
        return ""
    change = changes.versions(item.path)[0]
    numbers: Sequence[int] = range(item.line, (item.end_line or item.line) + 1)
    return "\n".join(text for n in numbers if (text := change.text_at(item.side, n)) is not None)

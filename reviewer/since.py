"""Going on from an earlier run: what has changed since, and where its findings are now."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus, Side, SkipKind, SkippedFile
from reviewer.changes.prints import narrowed
from reviewer.findings.finding import Claim, Finding, Grounding, Verdict, Voice
from reviewer.findings.ground import Anchor, ground
from reviewer.findings.identity import normalised
from reviewer.findings.lookup import Lookup
from reviewer.outputs.report import Fate, Report, SeenFile
from reviewer.outputs.wording import counted
from reviewer.prompting.batch import reads, widened
from reviewer.prompting.role import Role

_REACH = 80
"""Lines above and below the former place in which code is looked for that has been rewritten."""
_ALIKE = 0.4
"""Likeness, 0 to 1, from which rewritten code is taken for what became of the former one."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A finding of the earlier run, and where it would be now.

    Attributes:
        finding: as it was.
        aside: it was set aside then; it does not count, and is asked about only if a model had refuted it.
        fate: what has become of it, as far as the code alone tells; None if somebody has to look.
        reason: how that is known.
        found: the lines that it is about are there as they were.
        path, side, line, end_line: the place, or the one that is most like it; no line if there is none,
            and no path if its file is not at hand.
    """

    finding: Finding
    aside: bool = False
    fate: Fate | None = None
    reason: str = ""
    found: bool = False
    path: str = ""
    side: Side = Side.NEW
    line: int | None = None
    end_line: int | None = None


@dataclass(frozen=True, slots=True)
class Since:
    """The run that this one goes on from.

    Attributes:
        name: of its report, for people.
        report: its report.
        code: all that is under review, whether or not it has changed since.
        same: paths of which every line was read then, by all roles that run now.
        narrowed: paths of which only a part is read again.
        pending: the earlier findings, in their order.
    """

    name: str
    report: Report
    code: ChangeSet
    same: frozenset[str]
    narrowed: frozenset[str]
    pending: tuple[Pending, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """Names of the roles of the earlier run."""
        voices = (voice for item in self.pending for voice in item.finding.voices)
        return tuple(
            dict.fromkeys([review.role for review in self.report.reviews] + [v.role for v in voices])
        )


def narrow(changes: ChangeSet, report: Report, name: str, roles: Iterable[Role]) -> tuple[ChangeSet, Since]:
    """What is to be read of a change when an earlier run has read a part of it.

    A file is read again as a whole if one of the roles has not read all of it then.

    Args:
        changes: all that is under review.
        report: of the earlier run.
        name: what to call it, for people.
        roles: that run now.

    Returns:
        What is to be shown to the roles, and what is known from then.
    """
    seen = {file.path: file for file in report.seen}
    takes = {role.name: reads(role.globs) for role in roles}
    times = Counter(change.path for change in changes.files)
    shown: list[FileChange] = []
    skipped: list[SkippedFile] = []
    same, parts = set(), set()
    for change in changes.files:
        before = seen.get(change.path)
        if before is None or times[change.path] > 1 or not _by_all(change.path, before, takes):
            shown.append(change)
            continue
        left = narrowed(change, before.lines, widened(change))
        if left.change is not None:
            shown.append(left.change)
        if left.change is None:
            same.add(change.path)
            why = f"not changed since {name}, where it was read"
            skipped.append(SkippedFile(change.path, SkipKind.BY_RULE, why))
        elif left.same:
            parts.add(change.path)
            why = f"{counted(left.same, 'changed line')} not read again: as in {name}"
            skipped.append(SkippedFile(change.path, SkipKind.BY_RULE, why))
    pending = tuple(_pending(report, changes, frozenset(same)))
    since = Since(name, report, changes, frozenset(same), frozenset(parts), pending)
    return replace(changes, files=tuple(shown), skipped=(*changes.skipped, *skipped)), since


def _by_all(path: str, seen: SeenFile, takes: Mapping[str, Callable[[str], bool]]) -> bool:
    """Whether every role that reads a file has read it before."""
    return all(role in seen.roles for role, wants in takes.items() if wants(path))


def _pending(report: Report, changes: ChangeSet, same: frozenset[str]) -> Iterator[Pending]:
    lookup = Lookup(changes)
    for finding in report.findings:
        yield _one(finding, lookup, same, aside=False)
    for item in report.set_aside:
        yield _one(item.finding, lookup, same, aside=True)
    for finding in report.unverified:
        if finding.path in same:
            yield Pending(
                finding, fate=Fate.PERSISTS, reason="nothing in its file has changed", path=finding.path
            )
        elif _anchor(finding, lookup) is not None:
            yield Pending(
                finding, fate=Fate.PERSISTS, reason="the code that it quotes is there now", path=finding.path
            )
        else:
            yield Pending(
                finding, fate=Fate.UNKNOWN, reason="its code was not found then, and is not found now"
            )


def _one(finding: Finding, lookup: Lookup, same: frozenset[str], *, aside: bool) -> Pending:
    changes = lookup.changes
    versions = changes.versions(finding.path)
    if not versions:
        return Pending(finding, aside, Fate.UNKNOWN, _why_not_there(finding.path, changes))
    anchor = _anchor(finding, lookup)
    if anchor is None and versions[0].status is FileStatus.DELETED and finding.side is Side.NEW:
        return Pending(finding, aside, Fate.FIXED, "its file was deleted", path=finding.path)
    if anchor is None:
        place = _likely(finding, versions[0])
        here = Pending(finding, aside, path=finding.path, side=finding.side, line=place[0], end_line=place[1])
    else:
        here = Pending(
            finding,
            aside,
            found=normalised(anchor.code) == normalised(finding.code or anchor.code),
            path=anchor.path,
            side=anchor.side,
            line=anchor.line,
            end_line=anchor.end_line,
        )
    fate, reason = _by_code(here, same)
    return replace(here, fate=fate, reason=reason)


def _by_code(item: Pending, same: frozenset[str]) -> tuple[Fate | None, str]:
    """What the code alone tells of a finding; nothing if somebody has to look."""
    accepted = item.aside and item.finding.verdict is not Verdict.REFUTED
    if item.finding.path in same and item.path == item.finding.path and item.found:
        return Fate.PERSISTS, "nothing in its file has changed"
    if item.finding.by_rules or accepted:
        return (
            (Fate.PERSISTS, "its code is still there")
            if item.found
            else (Fate.FIXED, "its code is there no longer")
        )
    if item.line is None:
        return Fate.UNKNOWN, "its code is gone, and nothing like it is there to look at"
    return None, ""


def _anchor(finding: Finding, lookup: Lookup) -> Anchor | None:
    """Where the code of a finding is now, by the words of the first reviewer whose quote is there."""
    for voice in finding.voices:
        anchor = ground(claim_of(finding, voice), lookup)
        if anchor.line is not None and anchor.grounding is not Grounding.UNVERIFIED:
            return anchor
    return None


def _why_not_there(path: str, changes: ChangeSet) -> str:
    skipped = [part.reason for part in changes.skipped if part.path == path]
    return f"its file is not reviewed now: {skipped[0]}" if skipped else "its file is not part of this change"


def _likely(finding: Finding, change: FileChange) -> tuple[int | None, int | None]:
    """The lines that most resemble the former code, near its former place; that place if none does."""
    whole = change.lines(finding.side)
    known_lines = change.hunk_lines(finding.side) if whole is None else dict(enumerate(whole, 1))
    if not known_lines or finding.line is None:
        return None, None
    rows = (finding.code or finding.quote).split("\n")
    former, count = normalised("\n".join(rows)), len(rows)
    near = [n for n in sorted(known_lines) if abs(n - finding.line) <= _REACH]
    best, place = _ALIKE, min(known_lines, key=lambda number: (abs(number - (finding.line or 1)), number))
    for start in near:
        window = normalised("\n".join(known_lines.get(n, "") for n in range(start, start + count)))
        matcher = SequenceMatcher(None, window, former, autojunk=False)
        if matcher.quick_ratio() > best and (likeness := matcher.ratio()) > best:
            best, place = likeness, start
    return place, min(place + count - 1, max(known_lines))


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

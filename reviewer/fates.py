"""What has become of the findings of an earlier run, and what of it goes on into this one."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.prints import prints
from reviewer.findings.finding import Claim, Finding, Grounding, Ruling, Verdict
from reviewer.findings.identity import Known, known, pair
from reviewer.outputs.report import Comparison, Earlier, Fate, Reader, SeenFile
from reviewer.pending import Pending, claim_of, code_at
from reviewer.since import Since


@dataclass(frozen=True, slots=True)
class Rereading:
    """What those who looked again have said.

    Attributes:
        rulings: verdicts on whether the problem is there now, by the id of the earlier finding.
        left: why nobody has decided, by id.
    """

    rulings: Mapping[str, Ruling] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)


def fates(since: Since, reread: Rereading, again: Collection[str] = ()) -> tuple[Earlier, ...]:
    """What has become of every earlier finding; one that a model had refuted counts only if it is back.

    Args:
        since: the earlier run.
        reread: what those who looked again have said.
        again: ids of earlier findings that were found again in this run, which is the last word.
    """
    made = []
    for item in since.pending:
        fate, reason = _fate(item, reread)
        if item.finding.id in again and fate is not Fate.PERSISTS:
            fate, reason = Fate.PERSISTS, "it was found again"
        refuted = item.aside and item.finding.verdict is Verdict.REFUTED
        if not refuted or _back(item, reread) or item.finding.id in again:
            made.append(Earlier(known(item.finding), fate, reason))
    return tuple(made)


def _back(item: Pending, reread: Rereading) -> bool:
    """Whether somebody who looked again says that the problem is there."""
    ruling = reread.rulings.get(item.finding.id)
    return ruling is not None and ruling.verdict is Verdict.CONFIRMED


def _fate(item: Pending, reread: Rereading) -> tuple[Fate, str]:
    if item.fate is not None:
        return item.fate, item.reason
    ruling = reread.rulings.get(item.finding.id)
    if ruling is None:
        left = reread.left.get(item.finding.id, "nobody was asked")
        if item.found:
            return Fate.UNKNOWN, f"its code is still there; it was not checked again: {left}"
        return Fate.UNKNOWN, f"its code has changed; it was not checked again: {left}"
    said = f"{ruling.model}: {ruling.reason}"
    verdicts = {Verdict.CONFIRMED: Fate.PERSISTS, Verdict.REFUTED: Fate.FIXED}
    return verdicts.get(ruling.verdict, Fate.UNKNOWN), said


def carried(since: Since, reread: Rereading) -> Iterator[tuple[str, str, Claim]]:
    """What earlier reviewers said and nobody has found to be settled: role, model and claim."""
    for item in since.pending:
        fate, _ = _fate(item, reread)
        refuted = item.aside and item.finding.verdict is Verdict.REFUTED
        if (fate is Fate.FIXED and not (refuted and item.found)) or not item.path:
            continue
        if refuted and not item.found and not _back(item, reread):
            continue
        there = fate is Fate.PERSISTS and not item.found
        quote = code_at(since.code, item)
        for number, voice in enumerate(item.finding.voices):
            claim = replace(claim_of(item.finding, voice), file=item.path)
            # What one reviewer has quoted may have changed while what another one has is as it was.
            if quote and (there or (item.found and number in item.stale)):
                # A suggestion was made for the former code.
                claim = replace(claim, quote=quote, line=item.line, end_line=item.end_line, suggestion="")
            yield voice.role, voice.model, claim


def remembered(findings: Sequence[Finding], since: Since, reread: Rereading) -> dict[str, Ruling]:
    """Verdicts on findings that were known before, by their ids of now.

    What was said in this run counts if it is not the author's own; else what was said then, unless the code
    has been rewritten.
    """
    before = [
        item for item in since.pending if item.path and item.finding.grounding is not Grounding.UNVERIFIED
    ]
    pairs = pair(
        [_known_now(item, since, reread) for item in before], [known(finding) for finding in findings]
    )
    made = {}
    for later, earlier in pairs.items():
        item, finding = before[earlier], findings[later]
        authors = {voice.model for voice in finding.voices}
        new, old = reread.rulings.get(item.finding.id), item.finding.ruling
        if new is not None and new.verdict is not Verdict.UNVERIFIABLE:
            if new.model not in authors:
                made[finding.id] = new
        elif old is not None and item.found and old.model not in authors:
            made[finding.id] = old
    return made


def _known_now(item: Pending, since: Since, reread: Rereading) -> Known:
    """How an earlier finding is known by the code that it is about now."""
    if item.found:
        return known(replace(item.finding, path=item.path))
    if not _back(item, reread):
        return known(item.finding)
    return known(replace(item.finding, path=item.path, code=code_at(since.code, item)))


def beside(
    findings: Sequence[Finding], since: Since, reread: Rereading
) -> tuple[tuple[Earlier, ...], Comparison]:
    """What has become of the earlier findings, and what is new beside them, still there, and not."""
    now = [known(finding) for finding in findings]
    paired = pair([_known_now(item, since, reread) for item in since.pending], now)
    old = {(role, model, claim.title, claim.explanation) for role, model, claim in carried(since, reread)}
    again: set[str] = set()
    for later, number in paired.items():
        said = {(v.role, v.model, v.title, v.explanation) for v in findings[later].voices}
        if said - old:
            again.add(since.pending[number].finding.id)
    earlier = fates(since, reread, again)
    told = {entry.finding.id: entry.fate for entry in earlier}
    persisting = [
        now[later].id
        for later in sorted(paired)
        if told.get(since.pending[paired[later]].finding.id) is not Fate.UNKNOWN
    ]
    by_fate: defaultdict[Fate, list[Known]] = defaultdict(list)
    for entry in earlier:
        by_fate[entry.fate].append(entry.finding)
    comparison = Comparison(
        name=since.name,
        new=tuple(item.id for number, item in enumerate(now) if number not in paired),
        persisting=tuple(persisting),
        resolved=tuple(by_fate[Fate.FIXED]),
        unknown=tuple(by_fate[Fate.UNKNOWN]),
    )
    return earlier, comparison


def seen_files(
    changes: ChangeSet, since: Since | None, readers: Mapping[str, Sequence[Reader]]
) -> tuple[SeenFile, ...]:
    """What a later run need not have read again.

    Args:
        changes: all that is under review.
        since: what was known before.
        readers: the roles that have read all that they were shown of a file, by its path.
    """
    before = {file.path: file.roles for file in since.report.seen} if since else {}
    made = []
    for path, times in Counter(change.path for change in changes.files).items():
        change = changes.versions(path)[0]
        roles = tuple(readers.get(path, ()))
        if since is not None and path in since.same:
            roles = before[path]
        elif since is not None and path in since.narrowed:
            roles = tuple(role for role in roles if role in before[path])
        if times == 1 and roles:
            made.append(SeenFile(path, roles, prints(change)))
    return tuple(made)

"""What has become of the findings of an earlier run, and what of it goes on into this one."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
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


def fates(since: Since, reread: Rereading) -> tuple[Earlier, ...]:
    """What has become of every earlier finding; one that a model had refuted counts only if it is back."""
    made = []
    for item in since.pending:
        fate, reason = _fate(item, reread)
        refuted = item.aside and item.finding.verdict is Verdict.REFUTED
        if not refuted or _back(item, reread):
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
        ruling = reread.rulings.get(item.finding.id)
        if ruling is not None and ruling.model not in authors and ruling.verdict is not Verdict.UNVERIFIABLE:
            made[finding.id] = ruling
        elif item.finding.ruling is not None and item.found:
            made[finding.id] = item.finding.ruling
    return made


def _known_now(item: Pending, since: Since, reread: Rereading) -> Known:
    """How an earlier finding is known by the code that it is about now."""
    if item.found:
        return known(replace(item.finding, path=item.path))
    if not _back(item, reread):
        return known(item.finding)
    return known(replace(item.finding, path=item.path, code=code_at(since.code, item)))


def beside(findings: Sequence[Finding], since: Since, reread: Rereading) -> Comparison:
    """What is new beside the earlier run, what is still there, and what is not."""
    now = [known(finding) for finding in findings]
    paired = pair([_known_now(item, since, reread) for item in since.pending], now)
    told = {entry.finding.id: entry.fate for entry in fates(since, reread)}
    old = {(role, model, claim.title, claim.explanation) for role, model, claim in carried(since, reread)}
    persisting: list[str] = []
    again: set[str] = set()
    for later in sorted(paired):
        item = since.pending[paired[later]]
        said = {(v.role, v.model, v.title, v.explanation) for v in findings[later].voices}
        # What is said again is there, whatever was said when it was looked at again.
        if said - old or told.get(item.finding.id) is not Fate.UNKNOWN:
            persisting.append(now[later].id)
            again.add(item.finding.id)
    left: defaultdict[Fate, list[Known]] = defaultdict(list)
    for entry in fates(since, reread):
        if entry.finding.id not in again:
            left[entry.fate].append(entry.finding)
    return Comparison(
        name=since.name,
        new=tuple(item.id for number, item in enumerate(now) if number not in paired),
        persisting=tuple(persisting),
        resolved=tuple(left[Fate.FIXED]),
        unknown=tuple(left[Fate.UNKNOWN]),
    )


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

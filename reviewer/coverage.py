"""What was looked at and what was not: by whom, and why not."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from reviewer.appraise import Grounded, doubts
from reviewer.changes.changeset import SkipKind
from reviewer.findings.finding import Finding
from reviewer.outputs.report import Coverage, Reader, ReviewedFile, SeenFile, SkippedPart
from reviewer.plan import Plan
from reviewer.prompting.prompt import digest_of
from reviewer.record import Record


def coverage_of(plan: Plan, records: Sequence[Record]) -> Coverage:
    """Which files were read by whom, and every part that was not, with the reason."""
    readers: dict[str, list[str]] = defaultdict(list)
    for record in records:
        for item in record.answered:
            for path in item.batch.paths:
                if record.plan.role.name not in readers[path]:
                    readers[path].append(record.plan.role.name)
    reviewed = tuple(
        ReviewedFile(change.path, change.added, change.removed, tuple(readers[change.path]))
        for change in plan.changes.files
        if change.path in readers
    )
    skipped = [
        SkippedPart(part.path, part.reason, expected=part.kind is not SkipKind.IMPOSSIBLE)
        for part in plan.changes.skipped
    ]
    asked = {
        path
        for record in records
        for prompt in record.plan.prompts
        if prompt.batch
        for path in prompt.batch.paths
    }
    asked |= {part.path for record in records for part in record.plan.skipped}
    skipped += [
        SkippedPart(change.path, "no role that ran reviews this kind of file (globs)")
        for change in plan.changes.files
        if change.path not in asked
    ]
    for record in records:
        name = record.plan.role.name
        if record.skipped:
            unread = dict.fromkeys(path for _, batch in record.plan.asked for path in batch.paths)
            skipped += [SkippedPart(path, record.skipped, name, expected=False) for path in unread]
        skipped += [SkippedPart(part.path, part.reason, name, expected=False) for part in record.plan.skipped]
        for left in record.unanswered:
            paths = left.paths or left.batch.paths
            skipped += [SkippedPart(path, left.reason, name, expected=False) for path in paths]
    return Coverage(reviewed, tuple(dict.fromkeys(skipped)))


def whole_readers(
    plan: Plan, records: Sequence[Record], grounded: Grounded
) -> Mapping[str, Sequence[Reader]]:
    """The roles that have read all that they were shown of a file, by its path, and can be relied on."""
    readers: dict[str, list[Reader]] = defaultdict(list)
    for record in records:
        shown = {path for _, batch in record.plan.asked for path in batch.paths}
        missed = {part.path for part in record.plan.skipped}
        for left in record.unanswered:
            missed |= set(left.paths or left.batch.paths)
        models: dict[str, set[str]] = defaultdict(set)
        for item in record.answered:
            for path in item.batch.paths:
                models[path].add(str(item.answer.model))
            missed |= set(item.batch.paths) if doubts(item, plan.calibration, grounded) else set()
        role = record.plan.role
        instructions = digest_of(role, plan.wording, snapshot=plan.code.snapshot)
        for path in (shown & models.keys()) - missed:
            readers[path].append(Reader(role.name, instructions, tuple(sorted(models[path]))))
    return readers


def unseen_by(
    finding: Finding, coverage: Coverage, records: Sequence[Record], before: Sequence[SeenFile]
) -> tuple[str, ...]:
    """The roles that answered, but have not seen the file of a finding: their silence says nothing."""
    read = [(file.path, file.roles) for file in coverage.reviewed]
    read += [(file.path, tuple(reader.role for reader in file.roles)) for file in before]
    seen = [role for path, roles in read if path == finding.path for role in roles]
    answered = [record.plan.role.name for record in records if record.answered]
    return tuple(name for name in answered if name not in {*seen, *finding.reviewers})

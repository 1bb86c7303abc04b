"""Going on from an earlier run: what has changed since."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from reviewer.assignment import Assignment
from reviewer.changes.changeset import ChangeSet, FileChange, SkipKind, SkippedFile
from reviewer.changes.prints import narrowed
from reviewer.outputs.report import Report, SeenFile
from reviewer.outputs.wording import counted
from reviewer.pending import Pending, pending
from reviewer.prompting.batch import reads, widened
from reviewer.prompting.prompt import Wording, digest_of
from reviewer.prompting.role import Task


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


def narrow(
    changes: ChangeSet, report: Report, name: str, assignments: Iterable[Assignment], wording: Wording
) -> tuple[ChangeSet, Since]:
    """What is to be read of a change when an earlier run has read a part of it.

    A file is read again as a whole if one of the roles has not read all of it then, with the same
    instructions and by one of the models that it is assigned now: what rules or another model have read says
    little.

    Args:
        changes: all that is under review.
        report: of the earlier run.
        name: what to call it, for people.
        assignments: the roles that run now, with their models.
        wording: the templates.

    Returns:
        What is to be shown to the roles, and what is known from then.
    """
    seen = {file.path: file for file in report.seen}
    assignments = tuple(assignments)
    # Rules cost nothing, and only they can say whether they still apply: they look at everything again.
    rules = all(model.is_rules for one in assignments for model in one.chain)
    wanted = [_Wanted.of(one, wording, changes) for one in assignments if one.role.task is Task.REVIEW]
    times = Counter(change.path for change in changes.files)
    shown: list[FileChange] = []
    skipped: list[SkippedFile] = []
    same, parts = set(), set()
    for change in changes.files:
        before = seen.get(change.path)
        if rules or before is None or times[change.path] > 1 or not _by_all(change.path, before, wanted):
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
    untouched = not shown and len(same) == len(report.seen)
    found = tuple(pending(report, changes, untouched=untouched, rules=rules))
    since = Since(name, report, changes, frozenset(same), frozenset(parts), found)
    return replace(changes, files=tuple(shown), skipped=(*changes.skipped, *skipped)), since


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a role would be told, whom it would ask, and which files it reads."""

    role: str
    instructions: str
    models: frozenset[str]
    takes: Callable[[str], bool]

    @classmethod
    def of(cls, assignment: Assignment, wording: Wording, changes: ChangeSet) -> "_Wanted":
        role = assignment.role
        return cls(
            role.name,
            digest_of(role, wording, snapshot=changes.snapshot),
            frozenset(map(str, assignment.chain)),
            reads(role.globs),
        )

    def has_read(self, seen: SeenFile) -> bool:
        """Whether it has read a file before, as it would now."""
        return any(
            (reader.role, reader.instructions) == (self.role, self.instructions)
            and self.models.issuperset(reader.models)
            for reader in seen.roles
        )


def _by_all(path: str, seen: SeenFile, wanted: Sequence[_Wanted]) -> bool:
    """Whether every role that reads a file has read it before, as it would now."""
    return all(one.has_read(seen) for one in wanted if one.takes(path))

"""What one role has produced so far: the values that asking fills and the report is made of."""

from dataclasses import dataclass, field

from reviewer.findings.finding import ReadReview
from reviewer.findings.reply import ReadVerdict
from reviewer.mending import Mending
from reviewer.models.answer import Answer, Journal
from reviewer.plan import RolePlan
from reviewer.prompting.batch import Batch
from reviewer.prompting.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Answered:
    """A part that was reviewed."""

    batch: Batch
    prompt: Prompt
    answer: Answer[ReadReview]


def reading_position(batch: Batch) -> tuple[object, ...]:
    """Sorts parts, and pieces of a part, into the order of the change."""
    starts = [(part.change.path, *(hunk.new_start for hunk in part.change.hunks)) for part in batch.sections]
    return (batch.index, starts)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A part that was not.

    Attributes:
        batch: the part.
        reason: why.
        paths: the files of it that this is about; all of them if empty.
    """

    batch: Batch
    reason: str
    paths: tuple[str, ...] = ()


@dataclass(slots=True)
class Record:
    """What one role has produced so far; filled while it runs, so that stopping loses nothing.

    Attributes:
        plan: what was to be asked.
        answered, unanswered: parts that are settled.
        journals: what happened to every prompt that was begun.
        verdict: the closing opinion, if there is one.
        verdict_problem: why there is none although there should be.
        bugs: errors that nobody expected; what they prevented is in `unanswered`.
        stopped: why the role was stopped before it was done, or empty.
        skipped: why the role was not asked at all, or empty.
        shaky: why what it builds on may be incomplete, one sentence each.
        mending: what came of asking for changes, if that is its task.
    """

    plan: RolePlan
    answered: list[Answered] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    verdict: Answer[ReadVerdict] | None = None
    verdict_problem: str = ""
    bugs: list[Exception] = field(default_factory=list)
    stopped: str = ""
    skipped: str = ""
    shaky: list[str] = field(default_factory=list)
    mending: Mending = field(default_factory=Mending)

    def journal(self) -> Journal:
        """A journal for a prompt that is about to be asked."""
        self.journals.append(Journal())
        return self.journals[-1]

"""The report as a value: what was found, by whom, what was not looked at, and what it took."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from reviewer.findings.finding import Action, Advice, Cited, Finding
from reviewer.findings.identity import Known
from reviewer.prompting.contract import Severity

SCHEMA_VERSION = 1
"""Grows when a field of the JSON report changes its meaning or goes away."""


class Status(StrEnum):
    """The outcome of a run in one word."""

    CLEAN = "clean"  # everything planned was reviewed and understood, and nothing was found
    FINDINGS = "findings"  # everything planned was reviewed and understood
    INCOMPLETE = "incomplete"  # something planned was not reviewed, whether or not anything was found
    NOTHING = "nothing to review"  # no file of the change is to be reviewed


class Outcome(StrEnum):
    """What became of one role."""

    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RoleReview:
    """One reviewer's part.

    Attributes:
        role: the role's name.
        model: the model that really answered; several are joined by commas; the planned one if none did.
        status: what became of it.
        rating: 1 to 10, or None where there is none: rules do not rate, and a failed reviewer did not.
        summary: the reviewer's words.
        strengths, recommendations: the reviewer's words.
        title, focus: the role's, for headings.
        planned_model: the model that was to answer.
        reasons: why it is not completed, one sentence each.
        computed: rating and summary were put together by this program, not said by the model.
        unparsed: answers that could not be read, whole.
        notes: what a reader should know, such as answers that had to be repaired.
    """

    role: str
    model: str
    status: Outcome
    rating: int | None
    summary: str
    strengths: tuple[str, ...]
    recommendations: tuple[Advice, ...]
    title: str
    focus: str
    planned_model: str
    reasons: tuple[str, ...] = ()
    computed: bool = False
    unparsed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewedFile:
    """A file that at least one role has read as a whole or in part; `roles` names them."""

    path: str
    added: int
    removed: int
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SkippedPart:
    """A file, or a part of one, that was not reviewed.

    Attributes:
        path: the file.
        reason: why.
        role: the role that did not see it, empty if none did.
        expected: it was left out by a rule; the review counts as complete without it.
    """

    path: str
    reason: str
    role: str = ""
    expected: bool = True


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was looked at and what was not."""

    reviewed: tuple[ReviewedFile, ...] = ()
    skipped: tuple[SkippedPart, ...] = ()


def wholly_read(coverage: Coverage) -> frozenset[str]:
    """Files that were read and of which no role has missed a part: what is not found there now is gone."""
    missed = {part.path for part in coverage.skipped if not part.expected}
    return frozenset(file.path for file in coverage.reviewed) - missed


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, in seconds: the middle, what 95 of 100 stay below, and the longest."""

    median: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many requests ended in one way; `kind` is the class of the error."""

    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one model was asked and what it took.

    Attributes:
        requests: all requests, failed ones included.
        answers: requests that were answered and understood.
        prompt_tokens, completion_tokens: as the server counted; None if it never said.
        cached_tokens, reasoning_tokens: those of the prompt that came from a cache, and of the answer that
            were thoughts; None if the server never said.
        cost: US dollars, as the server said or by its prices; None if neither is known.
        failures: what the other requests ended in.
        latency: seconds of requests that ended.
        queue: seconds that requests waited for their turn.
        breaker: whether it was left alone at the end, and how often it had been.
    """

    model: str
    requests: int
    answers: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    failures: tuple[FailureCount, ...] = ()
    latency: Spread | None = None
    queue: Spread | None = None
    breaker: str = "closed"
    breaker_opened: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What the run took.

    Attributes:
        prompts: prompts that were planned, closing ones included.
        requests: requests that were sent.
        retries: requests that repeated a failed one on the same model.
        corrections: answers that could not be read and were asked for again.
        failovers: prompts that went to another model.
        estimated_tokens: what the prompts were estimated to have.
        seconds: from the start of the run to the report.
        cost: US dollars of all models of which it is known; None if it is of none.
    """

    prompts: int = 0
    requests: int = 0
    retries: int = 0
    corrections: int = 0
    failovers: int = 0
    estimated_tokens: int = 0
    seconds: float = 0.0
    cost: float | None = None
    models: tuple[ModelUsage, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """What was reviewed.

    Attributes:
        title: for people.
        base, head: full commit ids where known.
        snapshot: whole files, not a difference.
        notes: how it was collected.
        address: where the repository lives on the network, empty if that is not known.
    """

    title: str
    base: str = ""
    head: str = ""
    snapshot: bool = False
    notes: tuple[str, ...] = ()
    address: str = ""


class Aside(StrEnum):
    """Why a finding is not among those to act on."""

    REFUTED = "refuted"  # a second model read the code and found it wrong
    SUPPRESSED = "suppressed"  # a comment in the code says so
    ACCEPTED = "accepted"  # it is in the baseline
    STAND_IN = "about a stand-in"  # what it finds fault with stood for a secret that was not sent
    OUTVOTED = "outvoted"  # fewer models stand behind it than the settings ask for


@dataclass(frozen=True, slots=True)
class SetAside:
    """A finding that does not count, and why."""

    finding: Finding
    why: Aside
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Findings beside those that were known before.

    Attributes:
        name: what they are compared with; empty if with nothing.
        new: ids of findings that were not known.
        persisting: ids of findings that were.
        resolved: what was known and is gone, although its file was read.
        unknown: what was known, and nobody can tell whether it is still there.
    """

    name: str = ""
    new: tuple[str, ...] = ()
    persisting: tuple[str, ...] = ()
    resolved: tuple[Known, ...] = ()
    unknown: tuple[Known, ...] = ()


class Fate(StrEnum):
    """What has become of a finding of an earlier run."""

    PERSISTS = "still there"
    FIXED = "fixed"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A finding of an earlier run, what has become of it, and how that is known."""

    finding: Known
    fate: Fate
    reason: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A role, what names the instructions that it had, and the models that have read for it."""

    role: str
    instructions: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenFile:
    """What a later run need not have read again.

    Attributes:
        path: the file.
        roles: those that have read all that is under review of it; others may have read a part, or nothing.
        lines: which lines these were, as `reviewer.changes.prints` names them.
    """

    path: str
    roles: tuple[Reader, ...]
    lines: str


@dataclass(frozen=True, slots=True)
class Synthesis:
    """Summary and priority actions in the words of one more model.

    Attributes:
        model: who wrote it; empty if it could not be used.
        sentences: the summary; each rests on findings of this report.
        actions: what to do.
        problem: why it could not be used, or empty.
    """

    model: str = ""
    sentences: tuple[Cited, ...] = ()
    actions: tuple[Action, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """The second pass in numbers.

    Attributes:
        models: who checked, in the order of preference; empty if there was no second pass.
        confirmed, refuted, unverifiable: verdicts.
        unchecked: findings without one.
        notes: why there was no second pass, or why findings are unchecked, one sentence each.
    """

    models: tuple[str, ...] = ()
    confirmed: int = 0
    refuted: int = 0
    unverifiable: int = 0
    unchecked: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """Which findings make the exit status 1.

    Attributes:
        fail_on: the least severity that does, or None for no gate.
        reached: such a finding is in the report.
    """

    fail_on: Severity | None = None
    reached: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run; everything that is rendered comes from here.

    Attributes:
        schema_version: of the JSON form.
        tool: name and version of the program.
        created: when, with time zone.
        target: what was reviewed.
        status: the outcome in one word.
        summary: the computed verdict, one or two sentences.
        findings: grounded problems, worst first.
        unverified: claims whose quoted code was not found; they never reach the gate.
        hidden: how many findings are below the severity that was asked for.
        reviews: one for each role, in running order.
        recommendations: of all reviewers, nearest first, without repetitions.
        coverage: what was looked at.
        usage: what it took.
        gate: whether the run fails.
        language_model: False when only the built-in reviewer answered.
        notes: what a reader should know first.
        set_aside: findings that do not count, with the reason.
        verification: what the second pass came to.
        comparison: what is new, still there, or gone.
        synthesis: summary and actions in a model's words; None if nobody was asked for them.
        earlier: what has become of the findings of the run that this one goes on from.
        seen: what was read of the change, in this run or before.
    """

    schema_version: int
    tool: str
    created: datetime
    target: TargetInfo
    status: Status
    summary: str
    findings: tuple[Finding, ...]
    unverified: tuple[Finding, ...]
    hidden: int
    reviews: tuple[RoleReview, ...]
    recommendations: tuple[Advice, ...]
    coverage: Coverage
    usage: Usage
    gate: Gate
    language_model: bool = True
    notes: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    verification: Verification = Verification()
    comparison: Comparison = Comparison()
    synthesis: Synthesis | None = None
    earlier: tuple[Earlier, ...] = ()
    seen: tuple[SeenFile, ...] = ()

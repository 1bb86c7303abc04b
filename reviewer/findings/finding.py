"""The values of a review: what a model claimed, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from reviewer.changes.changeset import Side
from reviewer.prompting.contract import Confidence, Horizon, Severity

Id = Annotated[str, Field(pattern="^([0-9a-f]{12})?$")]
"""The name of a finding, as `identity.with_ids` makes it; empty before that. It stands in marks as it is."""
RULES = "builtin/"
"""What the names of reviewers begin with that apply mechanical rules."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A problem in a model's own words, before anything of it was checked.

    Attributes:
        file: the path as the model wrote it, without a line number in it.
        line, end_line: the 1-based lines that the model named, if any; hints only.
        quote: the code that the model says it quotes, possibly several lines.
        failure_scenario: the case in which it does harm.
    """

    file: str
    title: str
    explanation: str
    severity: Severity
    category: str = "other"
    line: int | None = None
    end_line: int | None = None
    quote: str = ""
    failure_scenario: str = ""
    recommendation: str = ""
    suggestion: str = ""
    confidence: Confidence = Confidence.MEDIUM


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation that goes beyond a single finding."""

    text: str
    horizon: Horizon


@dataclass(frozen=True, slots=True)
class ReadReview:
    """A reply that was understood.

    Attributes:
        claims: the problems, in the model's order.
        rating: 1 to 10, or None where the model gave none.
        files: paths that the model says it has read.
        repaired: the text was not the JSON asked for, and had to be mended or searched.
        truncated: the reply broke off; what is here came before.
        notes: what could not be kept, one sentence each.
        doubts: why this may not be all that the model found, one sentence each.
    """

    claims: tuple[Claim, ...] = ()
    rating: int | None = None
    summary: str = ""
    strengths: tuple[str, ...] = ()
    recommendations: tuple[Advice, ...] = ()
    files: tuple[str, ...] = ()
    repaired: bool = False
    truncated: bool = False
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class Grounding(StrEnum):
    """Whether the quoted code is where the finding says."""

    VERIFIED = "verified"
    RELOCATED = "relocated"
    UNVERIFIED = "unverified"


class Verdict(StrEnum):
    """What a second model said about a finding."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNVERIFIABLE = "unverifiable"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A second model's verdict on a finding.

    Attributes:
        verdict: what was decided.
        model: who decided.
        reason: one sentence.
        severity: how bad that model thinks it would be; None where it did not say.
    """

    verdict: Verdict
    model: str
    reason: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """One reviewer's words about a finding.

    Attributes:
        role, model: who said it.
        title, explanation, failure_scenario, recommendation: what was said.
        severity, confidence: how the reviewer judged it.
        line, end_line: where this reviewer's quote is, 1-based; None where it was not found.
        quote: the code there, or what the reviewer quoted where it was not found.
        suggestion: code to put in its place, as the reviewer wrote it.
    """

    role: str
    model: str
    title: str
    explanation: str
    failure_scenario: str
    recommendation: str
    severity: Severity
    confidence: Confidence
    line: int | None = None
    end_line: int | None = None
    quote: str = ""
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that a model proposes for a confirmed finding. Whether it is right is not known.

    Attributes:
        role, model: who proposes it.
        note: what it does, in the model's words, or what it would need to know.
        patch: a unified diff that applies and leaves the files parsable; empty if there is none.
        problem: why there is none, or empty.
    """

    role: str
    model: str
    note: str = ""
    patch: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with its true place.

    Attributes:
        id: stable name, independent of line numbers and wording.
        path: the file, as the change names it; as the model wrote it where it is unverified.
        line, end_line: 1-based, computed from the quote; None where it is unverified.
        side: the version in which the lines are counted.
        quote: the code at the place; the model's quote where it is unverified.
        grounding: how the place was found.
        grounding_note: what was corrected, or why nothing was found.
        in_change: some of the lines were added or removed by the change.
        verdict: what a second model said.
        ruling: who said so and why; None while the verdict is `unchecked`.
        reviewers: who found it, in role order; never empty.
        voices: every reviewer's own words, the leading one first.
        votes: the models that say this, each once.
        score: how much it deserves to be read, 0 to 100.
        code: the whole lines at the place; empty where it is unverified.
        patch: the suggestion as a unified diff that applies and leaves the file parsable; whether it is right
            is not known.
        patch_note: why the suggestion is no patch, or empty.
        named: where the reviewer said it is, `path:line`, if that is not where it is.
        unseen_by: roles that answered, but not about this file.
        outside_world: why it cannot be known from the code, or empty.
        fixes: changes that roles propose for it.
    """

    id: Id
    severity: Severity
    category: str
    title: str
    path: str
    line: int | None
    end_line: int | None
    side: Side
    quote: str
    explanation: str
    failure_scenario: str
    recommendation: str
    suggestion: str
    confidence: Confidence
    grounding: Grounding
    grounding_note: str
    in_change: bool
    verdict: Verdict
    reviewers: tuple[str, ...]
    voices: tuple[Voice, ...]
    votes: tuple[str, ...] = ()
    score: int = 0
    code: str = ""
    named: str = ""
    patch: str = ""
    patch_note: str = ""
    ruling: Ruling | None = None
    unseen_by: tuple[str, ...] = ()
    outside_world: str = ""
    fixes: tuple[Fix, ...] = ()

    @property
    def by_rules(self) -> bool:
        """No language model says this: mechanical rules have found it."""
        return all(voice.model.startswith(RULES) for voice in self.voices)


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence, and the ids of the findings that it rests on; never none."""

    text: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do, when, and the ids of the findings that it settles; never none."""

    text: str
    findings: tuple[str, ...]
    horizon: Horizon

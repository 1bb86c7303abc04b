"""Reports as values, for what is rendered from them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reviewer.changes.changeset import Side
from reviewer.findings.finding import Finding, Grounding, Ruling, Verdict, Voice
from reviewer.findings.identity import with_ids
from reviewer.outputs.report import (
    SCHEMA_VERSION,
    Coverage,
    Gate,
    Outcome,
    Report,
    ReviewedFile,
    RoleReview,
    SkippedPart,
    Status,
    TargetInfo,
    Usage,
)
from reviewer.outputs.summary import decide_status, verdict_of
from reviewer.prompting.contract import Confidence, Severity

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REVIEWS = (
    RoleReview(
        "architecture", "lab/big", Outcome.COMPLETED, 7, "Fine.", (), (), "Architecture", "design", "lab/big"
    ),
    RoleReview(
        "code_quality",
        "lab/coder",
        Outcome.COMPLETED,
        6,
        "So so.",
        (),
        (),
        "Code quality",
        "bugs",
        "lab/coder",
    ),
)
FAILED = replace(REVIEWS[1], status=Outcome.FAILED, rating=None, reasons=("lab/coder: no answer for 60 s",))
MISSED = SkippedPart("shop/huge.py", "1,200,000 characters of changed text", expected=False)


def finding(**fields: Any) -> Finding:
    """A finding of two models that a third one has confirmed; its name is made of the fields."""
    voice = Voice(
        "architecture",
        "lab/big",
        "Division by zero for an empty cart",
        "The guard against an empty cart was removed.",
        "An empty cart: count is 0 and the page fails.",
        "Return 0 for an empty cart.",
        Severity.MAJOR,
        Confidence.HIGH,
        14,
        14,
        "return total / count",
    )
    made = Finding(
        id="",
        severity=Severity.MAJOR,
        category="bug",
        title="Division by zero for an empty cart",
        path="shop/cart.py",
        line=14,
        end_line=14,
        side=Side.NEW,
        quote="return total / count",
        explanation="The guard against an empty cart was removed.",
        failure_scenario="An empty cart: count is 0 and the page fails.",
        recommendation="Return 0 for an empty cart.",
        suggestion="",
        confidence=Confidence.HIGH,
        grounding=Grounding.VERIFIED,
        grounding_note="",
        in_change=True,
        verdict=Verdict.CONFIRMED,
        reviewers=("architecture", "code_quality"),
        voices=(voice,),
        votes=("lab/big", "lab/coder"),
        score=80,
        code="        return total / count",
        ruling=Ruling(Verdict.CONFIRMED, "lab/judge", "count is 0 there.", None),
    )
    return replace(made, **fields)


def report(
    findings: Sequence[Finding] = (),
    *,
    reviews: Sequence[RoleReview] = REVIEWS,
    missed: Sequence[SkippedPart] = (),
    **fields: Any,
) -> Report:
    """A report with these findings, worst first, its status and summary as the program computes them."""
    named = sorted(with_ids(findings), key=lambda one: one.severity.rank)
    paths = dict.fromkeys(("shop/cart.py", *(one.path for one in named)))
    coverage = Coverage(
        tuple(ReviewedFile(path, 3, 1, ("architecture", "code_quality")) for path in paths), tuple(missed)
    )
    made = Report(
        SCHEMA_VERSION,
        "reviewer 0",
        WHEN,
        TargetInfo("main...HEAD", "b" * 40, "a" * 40, address="https://example.invalid/acme/shop"),
        decide_status(named, reviews, coverage),
        "",
        tuple(named),
        (),
        0,
        tuple(reviews),
        (),
        coverage,
        Usage(),
        Gate(),
    )
    made = replace(made, **fields)
    return replace(made, summary=verdict_of(made))


def nothing() -> Report:
    """A report on a change without anything to review."""
    return report(reviews=(), coverage=Coverage(), status=Status.NOTHING)

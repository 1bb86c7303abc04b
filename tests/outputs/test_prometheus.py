"""The figures of a run as Prometheus' text."""

import re
from dataclasses import replace
from datetime import UTC, datetime

from reviewer.outputs.prometheus import render
from reviewer.outputs.report import (
    SCHEMA_VERSION,
    Coverage,
    FailureCount,
    Gate,
    ModelUsage,
    Outcome,
    Report,
    RoleReview,
    Spread,
    Status,
    TargetInfo,
    Usage,
)

MODEL = ModelUsage(
    'lab/"big"',
    5,
    3,
    1200,
    300,
    cached_tokens=1000,
    cost=0.0123,
    failures=(FailureCount("RateLimitedError", 2),),
    latency=Spread(1.5, 2.0, 2.0),
    queue=Spread(0.0, 0.5, 0.5),
    breaker="open",
    breaker_opened=1,
)
REVIEW = RoleReview(
    "code_quality", "lab/big", Outcome.COMPLETED, 7, "", (), (), "Code quality", "focus", "lab/big"
)
REPORT = Report(
    SCHEMA_VERSION,
    "reviewer",
    datetime(2026, 1, 1, tzinfo=UTC),
    TargetInfo("a change"),
    Status.CLEAN,
    "",
    (),
    (),
    0,
    (REVIEW,),
    (),
    Coverage(),
    Usage(3, 5, 1, 0, 1, 900, 12.5, 0.0123, (MODEL,)),
    Gate(),
)


def test_all_figures(snapshot):
    assert render(REPORT) == snapshot


def test_every_line_has_the_form_that_prometheus_reads():
    line = re.compile(
        r'[a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? -?[0-9.e+-]+'
    )
    for row in render(REPORT).splitlines():
        assert row.startswith("# ") or line.fullmatch(row), row


def test_what_is_not_known_is_left_out():
    bare = replace(REPORT, usage=Usage(), reviews=())
    assert "model_" not in render(bare)
    assert "cost" not in render(bare)
    assert 'reviewer_run_status{status="clean"} 1' in render(bare)

"""Bounds and wishes of a run, as one value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reviewer.changes.surroundings import Surroundings
from reviewer.examining import Examiners
from reviewer.findings.baseline import Baseline
from reviewer.models.model import ModelRef, Price
from reviewer.prompting.contract import Severity
from reviewer.prompting.hidden import Unhider
from reviewer.prompting.redact import Redactor


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """Bounds and wishes of one run.

    Attributes:
        timeout: seconds for asking all models; what is not answered then is reported as missing.
        role_timeout: seconds for asking one role.
        fail_on: the least severity that makes the run fail, or None.
        min_severity: findings below it are counted, not shown.
        min_votes: findings that fewer models say or confirm are set aside.
        local: providers whose models share this machine's memory, so that roles of one model go together.
        created: when the run began, for the report.
        prices: what the tokens of models cost, where known.
        examiners: who checks the findings; None for no second pass.
        no_examiners: why there is no second pass although it was asked for, or empty.
        surroundings: where code comes from that a prompt does not show, for those who look again at findings.
        writers: models that write the summary, best first; none if it is computed.
        baseline: findings that are accepted; None if there is no such file.
        baseline_name: where it is, for people.
        redactor: what has taken secrets out of what was sent; None if nothing did.
        unhider: what has shown what hides in what was sent; None if nothing did.
        may_excuse_itself: comments that the change adds may suppress findings about it.
    """

    created: datetime
    timeout: float = math.inf
    role_timeout: float = math.inf
    fail_on: Severity | None = None
    min_severity: Severity = Severity.MINOR
    min_votes: int = 1
    local: frozenset[str] = frozenset()
    prices: Mapping[ModelRef, Price] = field(default_factory=dict)
    examiners: Examiners | None = None
    no_examiners: str = ""
    surroundings: Surroundings | None = None
    writers: tuple[ModelRef, ...] = ()
    baseline: Baseline | None = None
    baseline_name: str = ""
    redactor: Redactor | None = None
    unhider: Unhider | None = None
    may_excuse_itself: bool = True

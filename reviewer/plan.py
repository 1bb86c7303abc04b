"""Roles, models and a change to a plan: which prompts go to whom, and what they will cost in tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewer.changes.changeset import ChangeSet, SkippedFile
from reviewer.errors import ConfigError
from reviewer.models.model import ModelRef
from reviewer.prompting.batch import Batch, Division, divide
from reviewer.prompting.prompt import Prompt, Wording, overhead_tokens, review_prompt
from reviewer.prompting.role import Role
from reviewer.prompting.tokens import SAFETY, Calibration

_LEAST_CHANGE = 300
"""Tokens; a window that leaves less for the change is too small to review anything."""
_OUTPUT_SHARE = 3
"""At most one part in so many of a small window is kept for the reply."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role with the models that are asked, best first."""

    role: Role
    chain: tuple[ModelRef, ...]


@dataclass(frozen=True, slots=True)
class RolePlan:
    """What one role will be asked.

    Attributes:
        role: the role.
        chain: its models, best first.
        prompts: one for each batch.
        budget: tokens that the sections of a prompt may have.
        skipped: parts that fit no prompt.
    """

    role: Role
    chain: tuple[ModelRef, ...]
    prompts: tuple[Prompt, ...]
    budget: int
    skipped: tuple[SkippedFile, ...] = ()

    @property
    def asked(self) -> tuple[tuple[Prompt, Batch], ...]:
        """The prompts with the parts of the change that they show."""
        return tuple((prompt, prompt.batch) for prompt in self.prompts if prompt.batch is not None)

    @property
    def count(self) -> int:
        """The number of prompts, the closing one included."""
        return len(self.prompts) + (len(self.prompts) > 1)

    @property
    def tokens(self) -> int:
        """Estimate for all prompts."""
        return sum(prompt.tokens for prompt in self.prompts)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be asked about a change."""

    changes: ChangeSet
    roles: tuple[RolePlan, ...]
    wording: Wording
    calibration: Calibration = field(default_factory=Calibration)

    @property
    def tokens(self) -> int:
        """Estimate for all prompts of all roles."""
        return sum(role.tokens for role in self.roles)

    @property
    def prompts(self) -> int:
        """The number of prompts, closing ones included."""
        return sum(role.count for role in self.roles)


def make_plan(
    changes: ChangeSet,
    assignments: Sequence[Assignment],
    wording: Wording,
    *,
    windows: Mapping[ModelRef, int | None],
    calibration: Calibration,
) -> Plan:
    """Divide a change for each role so that every prompt fits every model of its chain.

    Args:
        changes: what to review.
        assignments: roles and their models, in running order.
        wording: the templates.
        windows: tokens of each model's window, None where it is not known.
        calibration: what earlier replies taught about estimates.

    Raises:
        ConfigError: a model's window is too small for a role.
    """
    plans = []
    for assignment in assignments:
        role = _fitted(assignment, windows)
        budget = _budget(role, assignment.chain, wording, windows, calibration, snapshot=changes.snapshot)
        division: Division = divide(changes, globs=role.globs, budget=budget)
        prompts = tuple(review_prompt(role, batch, wording) for batch in division.batches)
        plans.append(RolePlan(role, assignment.chain, prompts, budget, division.skipped))
    return Plan(changes, tuple(plans), wording, calibration)


def _fitted(assignment: Assignment, windows: Mapping[ModelRef, int | None]) -> Role:
    """The role with a reply short enough for the smallest window of its chain."""
    role = assignment.role
    known = [window for model in assignment.chain if (window := windows.get(model))]
    if not known:
        return role
    output = min(role.limits.output_tokens, min(known) // _OUTPUT_SHARE)
    return replace(role, limits=replace(role.limits, output_tokens=output))


def _budget(  # noqa: PLR0913  # all of it decides
    role: Role,
    chain: Sequence[ModelRef],
    wording: Wording,
    windows: Mapping[ModelRef, int | None],
    calibration: Calibration,
    *,
    snapshot: bool,
) -> int:
    """Tokens that the change may have in a prompt: prompt = (window - reply) / safety - everything else."""
    overhead = overhead_tokens(role, wording, snapshot=snapshot)
    budget = role.limits.prompt_tokens - overhead
    for model in chain:
        window = windows.get(model)
        if window is None:
            continue
        usable = (window - role.limits.output_tokens) / (SAFETY * calibration.factor(str(model)))
        if usable - overhead < _LEAST_CHANGE:
            raise ConfigError(
                f"{model} has a window of {window:,} tokens, too few for role {role.name}: its instructions "
                f"have about {overhead:,} tokens and a reply needs room too. Load the model with a longer "
                "context (8,192 or more), or assign another one."
            )
        budget = min(budget, int(usable) - overhead)
    return max(budget, _LEAST_CHANGE)

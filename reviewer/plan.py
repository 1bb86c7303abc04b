"""Roles, models and a change to a plan: which prompts go to whom, and what they will cost in tokens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewer.assignment import Assignment
from reviewer.changes.changeset import ChangeSet, SkippedFile
from reviewer.errors import ConfigError
from reviewer.models.model import ModelRef
from reviewer.prompting.batch import Batch, Division, divide
from reviewer.prompting.prompt import Prompt, Wording, overhead_tokens, review_prompt
from reviewer.prompting.role import Role, Task
from reviewer.prompting.tokens import SAFETY, Calibration
from reviewer.since import Since

_LEAST_CHANGE = 300
"""Tokens; a window that leaves less for the change is too small to review anything."""
EARLIER_TOKENS, _EARLIER_SHARE = 2000, 4
"""Of a prompt's room for the change, so much at most, and one part in so many, goes to earlier findings."""
_OUTPUT_SHARE = 3
"""At most one part in so many of a small window is kept for the reply."""


@dataclass(frozen=True, slots=True)
class RolePlan:
    """What one role will be asked.

    Attributes:
        role: the role.
        chain: its models, best first.
        prompts: one for each batch.
        budget: tokens that the sections of a prompt may have.
        skipped: parts that fit no prompt.
        budget_for_earlier: tokens for what other roles have found, if it builds on any.
    """

    role: Role
    chain: tuple[ModelRef, ...]
    prompts: tuple[Prompt, ...]
    budget: int
    skipped: tuple[SkippedFile, ...] = ()
    budget_for_earlier: int = 0

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
    """Everything that will be asked about a change.

    Attributes:
        changes: what is shown to the roles.
        roles: what each is asked, in running order.
        wording: the templates.
        calibration: what earlier replies taught about estimates.
        windows: tokens of each model's window, None where it is not known.
        since: the run that this one goes on from, if any.
    """

    changes: ChangeSet
    roles: tuple[RolePlan, ...]
    wording: Wording
    calibration: Calibration = field(default_factory=Calibration)
    windows: Mapping[ModelRef, int | None] = field(default_factory=dict)
    since: Since | None = None

    @property
    def code(self) -> ChangeSet:
        """All that is under review, whether or not it is shown in this run."""
        return self.changes if self.since is None else self.since.code

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
    """Divide a change for each role so that every prompt fits the model that is asked first.

    A fallback with a smaller window gets the parts divided again when its turn comes.

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
        role = fitted(assignment.role, windows.get(assignment.chain[0]))
        if role.task is Task.FIX:  # what it is asked about is not known yet
            plans.append(RolePlan(role, assignment.chain, (), 0))
            continue
        budget = _budget(role, assignment.chain, wording, windows, calibration, snapshot=changes.snapshot)
        earlier = min(EARLIER_TOKENS, budget // _EARLIER_SHARE) if role.after else 0
        budget -= earlier
        division: Division = divide(changes, globs=role.globs, budget=budget)
        prompts = tuple(review_prompt(role, batch, wording) for batch in division.batches)
        plans.append(RolePlan(role, assignment.chain, prompts, budget, division.skipped, earlier))
    return Plan(changes, tuple(_with_room(plans, calibration)), wording, calibration, windows)


def _with_room(plans: Sequence[RolePlan], calibration: Calibration) -> Iterator[RolePlan]:
    """The plans with prompts that know how large a window the longest one for their model needs.

    Servers that load a model with the window that is asked for would load it again for every other size.
    """
    rooms: dict[ModelRef, int] = {}
    for plan in plans:
        model = plan.chain[0]
        needs = [prompt.needs(calibration.factor(str(model))) for prompt in plan.prompts]
        rooms[model] = max([rooms.get(model, 0), *needs])
    for plan in plans:
        room = rooms[plan.chain[0]]
        yield replace(plan, prompts=tuple(replace(prompt, room=room) for prompt in plan.prompts))


def fitted(role: Role, window: int | None) -> Role:
    """The role with a reply short enough for a window."""
    if window is None:
        return role
    output = min(role.limits.output_tokens, window // _OUTPUT_SHARE)
    return replace(role, limits=replace(role.limits, output_tokens=output))


def batch_budget(role: Role, window: int | None, wording: Wording, *, factor: float, snapshot: bool) -> int:
    """Tokens that the change may have in a prompt: prompt = (window - reply) / safety - everything else.

    Args:
        role: whose reply has been fitted to the window.
        window: tokens, or None where it is not known.
        wording: the templates.
        factor: tokens that the model counts for each one of an estimate.
        snapshot: whole files are reviewed.

    Returns:
        What is left, which may be too little or negative.
    """
    overhead = overhead_tokens(role, wording, snapshot=snapshot)
    budget = role.limits.prompt_tokens - overhead
    if window is None:
        return budget
    usable = (window - role.limits.output_tokens) / (SAFETY * factor)
    return min(budget, int(usable) - overhead)


def _budget(  # noqa: PLR0913  # all of it decides
    role: Role,
    chain: Sequence[ModelRef],
    wording: Wording,
    windows: Mapping[ModelRef, int | None],
    calibration: Calibration,
    *,
    snapshot: bool,
) -> int:
    """Tokens that the change may have in a prompt for the first model of a chain.

    Raises:
        ConfigError: the window of one of the models is too small for this role.
    """
    budgets = []
    for model in chain:
        window = windows.get(model)
        smaller = fitted(role, window)
        factor = calibration.factor(str(model))
        left = batch_budget(smaller, window, wording, factor=factor, snapshot=snapshot)
        if window is not None and left < _LEAST_CHANGE:
            overhead = round(overhead_tokens(smaller, wording, snapshot=snapshot) * factor)
            raise ConfigError(
                f"{model} has a window of {window:,} tokens, too few for role {role.name}: its instructions "
                f"have about {overhead:,} tokens and a reply needs room too. Load the model with a longer "
                "context (8,192 or more), or assign another one."
            )
        budgets.append(left)
    return max(budgets[0], _LEAST_CHANGE)

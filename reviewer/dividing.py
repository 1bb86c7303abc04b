"""A part of a change that is too long for a model, in smaller parts."""

from dataclasses import dataclass, replace

from reviewer.changes.changeset import SkippedFile
from reviewer.errors import PromptTooLongError, WindowTooSmallError
from reviewer.models.answer import Candidate
from reviewer.plan import batch_budget, fitted
from reviewer.prompting.batch import Batch, redivide
from reviewer.prompting.prompt import Prompt, Wording, review_prompt
from reviewer.prompting.role import Role

_LEAST_BUDGET = 150
"""Tokens; a model that cannot take so little of the change has no room beside the instructions."""
SHRINKS = 3
"""How often a prompt that a model finds too long is divided again."""
_USED = 0.8
"""Share of a limit that a smaller prompt may use: the server's numbers are about all of the request."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a role's change on its way to a model.

    Attributes:
        batch: what it shows.
        prompt: what is asked about it.
        chain: the models that are left to ask.
        shrinks: how often it may still be divided.
    """

    batch: Batch
    prompt: Prompt
    chain: tuple[Candidate, ...]
    shrinks: int = SHRINKS


@dataclass(frozen=True, slots=True)
class Pieces:
    """A part in smaller parts.

    Attributes:
        parts: the smaller ones.
        skipped: files of it that do not fit in any way.
    """

    parts: tuple[Part, ...]
    skipped: tuple[SkippedFile, ...]


def divided(part: Part, role: Role, wording: Wording, error: PromptTooLongError) -> Pieces | None:
    """A part in pieces, by the window and the server's own numbers, where known.

    Args:
        part: what is too long for the first model of its chain.
        role: who asks.
        wording: the templates.
        error: what the model or its server said.

    Returns:
        The pieces, or None if dividing is no use.
    """
    candidate, batch = part.chain[0], part.batch
    known = isinstance(error, WindowTooSmallError)
    smaller = fitted(role, candidate.window)
    budget = batch_budget(
        smaller, candidate.window, wording, factor=candidate.factor, snapshot=batch.snapshot
    )
    if not known:
        budget = min(budget, batch.tokens // 2)
        ours = error.asked is not None and _is_about(error.asked, part.prompt)
        if ours and error.asked and error.limit and error.asked > error.limit:
            budget = min(budget, int(batch.tokens * error.limit / error.asked * _USED))
    if not part.shrinks or budget < _LEAST_BUDGET:
        return None
    division = redivide(batch, budget=budget)
    if len(division.batches) + len(division.skipped) <= 1 and not known:
        return None
    pieces = tuple(
        Part(piece, _with_room(review_prompt(smaller, piece, wording), part), part.chain, part.shrinks - 1)
        for piece in division.batches
    )
    return Pieces(pieces, division.skipped)


def _is_about(counted: int, prompt: Prompt) -> bool:
    """Whether a count can be one of this prompt, and not of something else that the server meant."""
    return prompt.tokens <= counted * _FAR and counted <= prompt.needs() * _FAR


_FAR = 4


def _with_room(prompt: Prompt, part: Part) -> Prompt:
    return replace(prompt, room=part.prompt.room)

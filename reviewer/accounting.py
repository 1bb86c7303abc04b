"""What a run took: requests, failures, tokens, money and time, from the journals of its prompts."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from reviewer.errors import RefusedRequestError
from reviewer.models.answer import UNREADABLE, Journal, Try
from reviewer.models.breaker import Breaker
from reviewer.models.model import ModelRef, Price
from reviewer.outputs.report import FailureCount, ModelUsage, Spread, Usage
from reviewer.plan import Plan
from reviewer.record import Record


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is known of the models beside their answers.

    Attributes:
        prices: what their tokens cost, where known.
        breakers: their breakers at the end.
    """

    prices: Mapping[ModelRef, Price] = field(default_factory=dict)
    breakers: Mapping[ModelRef, Breaker] = field(default_factory=dict)


class Asked(Protocol):
    """What was asked beside the roles' own prompts: how often, with how many tokens, and what happened."""

    prompts: int
    tokens: int
    journals: list[Journal]


def account(
    plan: Plan, records: Sequence[Record], ledger: Ledger, seconds: float, beside: Sequence[Asked] = ()
) -> Usage:
    """Add up what a run took, and what was asked beside the roles' prompts."""
    journals = [journal for record in records for journal in record.journals]
    journals += [journal for asked in beside for journal in asked.journals]
    chains = [journal.tries for journal in journals]
    steps = [pair for chain in chains for pair in pairwise(chain)]
    same = [one for one, two in steps if one.model == two.model]
    corrections = sum(one.problem.startswith(UNREADABLE) for one in same)
    tries = [one for chain in chains for one in chain]
    models = tuple(_model_usage(tries, ledger))
    costs = [model.cost for model in models if model.cost is not None]
    return Usage(
        prompts=plan.prompts + sum(asked.prompts for asked in beside),
        requests=_requests(tries),
        retries=len(same) - corrections,
        corrections=corrections,
        failovers=len(steps) - len(same),
        estimated_tokens=plan.tokens + sum(asked.tokens for asked in beside),
        seconds=round(seconds, 3),
        cost=round(sum(costs), 6) if costs else None,
        models=models,
    )


def _model_usage(tries: Sequence[Try], ledger: Ledger) -> Iterable[ModelUsage]:
    for model in sorted({one.model for one in tries}, key=str):
        own = [one for one in tries if one.model == model]
        breaker = ledger.breakers.get(model, Breaker())
        failures = Counter(one.kind or "unreadable" for one in own if one.problem)
        if refused := sum(one.refused for one in own):
            failures[RefusedRequestError.__name__] += refused
        yield ModelUsage(
            str(model),
            _requests(own),
            sum(not one.problem for one in own),
            _total(one.usage.prompt for one in own),
            _total(one.usage.completion for one in own),
            cached_tokens=_total(one.usage.cached for one in own),
            reasoning_tokens=_total(one.usage.reasoning for one in own),
            cost=_cost(own, ledger.prices.get(model)),
            failures=tuple(FailureCount(kind, count) for kind, count in sorted(failures.items())),
            latency=spread([one.seconds for one in own if one.seconds is not None]),
            queue=spread([one.queued for one in own]),
            breaker=breaker.state.value,
            breaker_opened=breaker.opened,
        )


def _requests(tries: Sequence[Try]) -> int:
    """All requests, those that were refused and asked again in another way among them."""
    return sum(1 + one.refused for one in tries)


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _cost(tries: Sequence[Try], price: Price | None) -> float | None:
    """What the server charged, or else its prices times the tokens that it counted."""
    charged = [one.usage.cost for one in tries if one.usage.cost is not None]
    if charged:
        return round(sum(charged), 6)
    prompt = _total(one.usage.prompt for one in tries)
    if price is None or prompt is None:
        return None
    return round(price.cost(prompt, _total(one.usage.completion for one in tries) or 0), 6)


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of some durations by the nearest-rank method, or None of none."""
    if not values:
        return None
    ordered = sorted(values)

    def rank(share: float) -> float:
        return round(ordered[math.ceil(share * len(ordered)) - 1], 3)

    return Spread(rank(0.5), rank(0.95), rank(1.0))

"""Which claims say the same."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.findings.agreement import ALIKE, NEVER, central, groups, votes

CASES = {
    "none are alike": (3, {}, [[0], [1], [2]]),
    "two are": (3, {(0, 2): 0.6}, [[0, 2], [1]]),
    "just alike enough": (2, {(0, 1): ALIKE}, [[0, 1]]),
    "just not": (2, {(0, 1): ALIKE - 0.01}, [[0], [1]]),
    "all are": (3, {(0, 1): 0.5, (0, 2): 0.5, (1, 2): 0.5}, [[0, 1, 2]]),
    "a faint chain breaks at its faintest link": (3, {(0, 1): 0.3, (1, 2): 0.28}, [[0, 1], [2]]),
    "a strong chain holds": (3, {(0, 1): 0.8, (1, 2): 0.7}, [[0, 1, 2]]),
    "two that must not be together stay apart, whoever is between them": (
        3,
        {(0, 1): 0.9, (1, 2): 0.8, (0, 2): NEVER},
        [[0, 1], [2]],
    ),
    "negative likeness counts against": (3, {(0, 1): 0.4, (1, 2): 0.4, (0, 2): -0.3}, [[0, 1], [2]]),
}


@pytest.mark.parametrize(("count", "strengths", "expected"), CASES.values(), ids=CASES)
def test_groups(count, strengths, expected):
    assert groups(count, strengths) == expected


@given(
    st.integers(1, 12),
    st.lists(st.floats(-0.2, 1), min_size=66, max_size=66),
    st.randoms(use_true_random=False),
)
def test_every_claim_is_in_one_group_and_the_order_of_pairs_does_not_matter(count, values, chance):
    strengths = dict(zip(combinations(range(count), 2), values, strict=False))
    found = groups(count, strengths)
    assert sorted(member for group in found for member in group) == list(range(count))
    pairs = list(strengths.items())
    chance.shuffle(pairs)
    assert groups(count, dict(pairs)) == found
    for group in found:
        if len(group) > 1:
            assert max(strengths[pair] for pair in combinations(group, 2)) >= ALIKE


def test_a_thousand_claims_about_one_line_are_grouped_in_parts():
    count = 700
    strengths = {(one, one + 1): 0.9 for one in range(count - 1)} | {(0, two): 0.9 for two in range(1, count)}
    found = groups(count, strengths)
    assert sorted(member for group in found for member in group) == list(range(count))


def test_the_most_central_one_is_most_like_the_others():
    strengths = {(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.1}

    def strength(one: int, two: int) -> float:
        return strengths[min(one, two), max(one, two)]

    centrality = central([0, 1, 2], strength)
    assert max(centrality, key=centrality.__getitem__) == 1
    assert central([5], strength) == {5: 1.0}


def test_a_model_votes_once_and_only_for_what_it_says():
    likeness = {1: 0.9, 2: 0.8, 3: 0.1}
    models = ["lab/a", "lab/b", "lab/a", "lab/c"]
    assert votes(0, [0, 1, 2, 3], lambda one, _: likeness[one], models.__getitem__) == ("lab/a", "lab/b")
    everybody = votes(0, [0, 1, 2, 3], lambda one, _: likeness[one], models.__getitem__, agrees=0.1)
    assert everybody == ("lab/a", "lab/b", "lab/c")

"""Groups of claims that say the same: agglomerative clustering over the pairs that could."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

ALIKE = 0.25
"""Groups are joined while the mean of their strongest and their average pair is at least this."""
AGREES = 0.30
"""How alike in words a claim has to be to the one that speaks for its group to count as a vote for it."""
NEVER = float("-inf")
"""Strength of a pair that must not be in one group."""
_LARGEST = 300
"""Claims that are grouped at once; the time for it grows with the square."""

Pair = tuple[int, int]
Strengths = Mapping[Pair, float]
"""How alike pairs are, the smaller number first; a pair that is missing has nothing in common."""


def groups(count: int, strengths: Strengths) -> list[list[int]]:
    """Divide claims into groups that say the same.

    Linkage is halfway between single and average: a chain of neighbours does not make a group of strangers,
    and a claim in other words than most still finds its group by the one that it resembles.

    Args:
        count: how many claims there are; they are numbered from 0.
        strengths: of pairs.

    Returns:
        Sorted groups of sorted numbers, each number in one group.
    """
    found: list[list[int]] = []
    for members in _connected(count, strengths):
        for start in range(0, len(members), _LARGEST):
            found += _joined(members[start : start + _LARGEST], strengths)
    return sorted(found)


def _connected(count: int, strengths: Strengths) -> Iterable[list[int]]:
    """Claims that strong pairs connect; no group reaches beyond them."""
    parent = list(range(count))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for (one, two), strength in strengths.items():
        if strength >= ALIKE:
            parent[root(one)] = root(two)
    found: dict[int, list[int]] = defaultdict(list)
    for number in range(count):
        found[root(number)].append(number)
    return found.values()


def _joined(members: Sequence[int], strengths: Strengths) -> Iterator[list[int]]:
    """Join the two groups that are most alike, again and again, until none are alike."""
    if len(members) == 1:
        yield list(members)
        return
    current = {number: [number] for number in members}
    links: dict[int, dict[int, _Link]] = {number: {} for number in members}
    heap: list[tuple[float, int, int]] = []
    for position, one in enumerate(members):
        for two in members[position + 1 :]:
            strength = strengths.get((one, two), 0.0)
            links[one][two] = links[two][one] = (strength, strength)
            if strength >= ALIKE:
                heap.append((-strength, one, two))
    heapq.heapify(heap)
    while heap:
        value, one, two = heapq.heappop(heap)
        if one not in current or two not in current or -value != _linkage(links, current, one, two):
            continue  # one of them has grown since
        current[one] += current.pop(two)
        taken = links.pop(two)
        del links[one][two]
        for other, (strongest, total) in links[one].items():
            more, added = taken[other]
            links[one][other] = links[other][one] = (max(strongest, more), total + added)
            del links[other][two]
            joint = _linkage(links, current, one, other)
            if joint >= ALIKE:
                heapq.heappush(heap, (-joint, min(one, other), max(one, other)))
    yield from (sorted(group) for group in current.values())


_Link = tuple[float, float]
"""The strongest pair between two groups, and the sum of all of them."""


def _linkage(
    links: Mapping[int, Mapping[int, _Link]], current: Mapping[int, Sequence[int]], one: int, two: int
) -> float:
    strongest, total = links[one][two]
    return (strongest + total / (len(current[one]) * len(current[two]))) / 2


def central(group: Sequence[int], strength: Callable[[int, int], float]) -> dict[int, float]:
    """How alike each claim is to the others of its group on average; 1 for a claim alone."""
    if len(group) == 1:
        return {group[0]: 1.0}
    return {one: sum(strength(one, two) for two in group if two != one) / (len(group) - 1) for one in group}


def votes(
    speaker: int,
    group: Sequence[int],
    strength: Callable[[int, int], float],
    voter: Callable[[int], str],
    *,
    agrees: float = AGREES,
) -> tuple[str, ...]:
    """Who says what the speaker of a group says: each voter once, the speaker's own first.

    A member of the group that is not alike enough is about a neighbouring problem; it does not vote.

    Args:
        speaker: who speaks for the group.
        group: all members.
        strength: how alike two members are.
        voter: who said it.
        agrees: the least strength that makes a vote.
    """
    found = [voter(speaker)]
    found += [voter(one) for one in group if one != speaker and strength(one, speaker) >= agrees]
    return tuple(dict.fromkeys(found))

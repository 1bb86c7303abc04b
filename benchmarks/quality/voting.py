"""Reviews of several tools, grouped and voted on, beside plain clustering in the same run."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import attrgetter
from pathlib import Path
from statistics import mean

import baseline
from baseline import TfIdf
from cases import Row, rows
from figures import Figure, share

from reviewer.findings import agreement
from reviewer.findings.likeness import Likeness

SETS = {
    "S1": ("claude-code", "gemini", "copilot", "bugbot", "greptile-v4", "devin"),
    "S2": ("claude", "bugbot", "propel", "augment", "qodo-v22", "macroscope"),
}
VOTES = (2, 3)
_SHUFFLES = 20


@dataclass(frozen=True)
class Group:
    """What several tools said about one problem: the finding that speaks for it, and who voted for it."""

    speaker: int
    members: Sequence[int]
    votes: Sequence[str]
    cohesion: float

    @property
    def first(self) -> int:
        """The member that stands first in the file, which is the one of the tool with the first name."""
        return self.members[0]


@dataclass(frozen=True)
class Replay:
    """The groups of one pull request in one judge's reading."""

    findings: Sequence[Row]
    groups: Sequence[Group]


Grouping = Callable[[Sequence[Row]], list[Group]]


def ours(findings: Sequence[Row]) -> list[Group]:
    """As the program does it, without places, which these findings do not have."""
    texts = [row["text"] for row in findings]
    likeness = Likeness(texts)
    strengths = {
        pair: likeness.between(texts[pair[0]], texts[pair[1]]) for pair in combinations(range(len(texts)), 2)
    }

    def strength(one: int, two: int) -> float:
        return strengths[min(one, two), max(one, two)]

    return _spoken(
        agreement.groups(len(texts), strengths),
        strength,
        findings,
        lambda speaker, group: agreement.votes(speaker, group, strength, lambda one: findings[one]["tool"]),
    )


def plain(findings: Sequence[Row]) -> list[Group]:
    """Plain TF-IDF; each tool in a group has one vote."""
    texts = [row["text"] for row in findings]
    likeness = TfIdf(texts)

    def strength(one: int, two: int) -> float:
        return likeness.between(texts[one], texts[two])

    return _spoken(
        baseline.groups(texts, likeness),
        strength,
        findings,
        lambda _, group: tuple(dict.fromkeys(findings[one]["tool"] for one in group)),
    )


def _spoken(
    found: Sequence[Sequence[int]],
    strength: Callable[[int, int], float],
    findings: Sequence[Row],
    votes: Callable[[int, Sequence[int]], Sequence[str]],
) -> list[Group]:
    """Groups with the member that is most like the others to speak for them."""
    made = []
    for group in found:
        centrality = agreement.central(group, strength)
        speaker = max(group, key=lambda one: (centrality[one], findings[one]["text"]))
        cohesion = mean(centrality.values()) if len(group) > 1 else 0.0
        made.append(Group(speaker, group, votes(speaker, group), cohesion))
    return made


class Bench:
    """The cases, and what was grouped of them so far."""

    def __init__(self, folder: Path) -> None:
        self.golden: dict[str, set[str]] = defaultdict(set)
        for row in rows(folder, "martian", "golden_index.jsonl"):
            self.golden[row["pr"]].add(row["golden_id"])
        self._rows = rows(folder, "martian", "judged_candidates.jsonl")
        self.tools = sorted({row["tool"] for row in self._rows})
        self.judges = sorted({row["judge"] for row in self._rows})

    def replays(self, tools: Sequence[str], grouping: Grouping) -> Mapping[str, Mapping[str, Replay]]:
        """Groups by judge and pull request."""
        made: dict[str, dict[str, Replay]] = {}
        for judge in self.judges:
            by_pr = defaultdict(list)
            for row in self._rows:
                if row["judge"] == judge and row["tool"] in tools:
                    by_pr[row["pr"]].append(row)
            made[judge] = {pr: Replay(found, grouping(found)) for pr, found in by_pr.items()}
        return made


def measure(folder: Path) -> Iterator[Figure]:
    """F1 after voting, golden issues that were mixed up, and precision of the first three."""
    bench = Bench(folder)
    for name, tools in SETS.items():
        mine, other = bench.replays(tools, ours), bench.replays(tools, plain)
        for votes in VOTES:
            one = mean(_f1(bench, mine[judge], votes) for judge in bench.judges)
            two = mean(_f1(bench, other[judge], votes) for judge in bench.judges)
            one_by_name, two_by_name = (
                mean(_f1(bench, replays[judge], votes, _FIRST) for judge in bench.judges)
                for replays in (mine, other)
            )
            yield Figure(
                f"{name}, {votes} votes: F1 above plain clustering (points)",
                100 * (one - two),
                3,
                note=f"{100 * one:.1f} against {100 * two:.1f}; if the tool with the first name speaks, "
                f"{100 * one_by_name:.1f} against {100 * two_by_name:.1f}",
            )
        mixed, apart = _mixed(mine)
        mixed_plain, _ = _mixed(other)
        yield Figure(
            f"{name}: pairs of different golden issues in one group",
            share(mixed, apart),
            0.05,
            most=True,
            of=apart,
            note=f"plain clustering {share(mixed_plain, apart):.3f}",
        )
        first = mean(_top(mine[judge], _by_score) for judge in bench.judges)
        by_votes = mean(_top(mine[judge], _by_votes) for judge in bench.judges)
        plain_first = mean(_top(other[judge], _by_votes) for judge in bench.judges)
        yield Figure(
            f"{name}: precision of the first three above plain order by votes",
            first - plain_first,
            0.05,
            note=f"{first:.3f} against {plain_first:.3f}; our groups by votes alone {by_votes:.3f}",
        )
    everything = bench.replays(bench.tools, ours)
    mixed, apart = _mixed(everything)
    yield Figure(
        "all tools together: pairs of different golden issues in one group",
        share(mixed, apart),
        0.05,
        most=True,
        of=apart,
    )


_SPEAKER: Callable[[Group], int] = attrgetter("speaker")
_FIRST: Callable[[Group], int] = attrgetter("first")


def _f1(
    bench: Bench, replays: Mapping[str, Replay], least: int, speaker: Callable[[Group], int] = _SPEAKER
) -> float:
    """A group counts as right if its speaker matched a golden issue that no group before it did."""
    right = wrong = found = 0
    for pr, golden in bench.golden.items():
        seen: set[str] = set()
        replay = replays.get(pr, Replay((), ()))
        for group in sorted(replay.groups, key=lambda group: group.members[0]):
            if len(group.votes) < least:
                continue
            matched = set(replay.findings[speaker(group)]["matched_golden"])
            if matched - seen:
                right += 1
                seen |= matched
            else:
                wrong += 1
        found += len(seen & golden)
    precision = share(right, right + wrong)
    recall = share(found, sum(map(len, bench.golden.values())))
    return share(2 * precision * recall, precision + recall)


def _mixed(replays: Mapping[str, Mapping[str, Replay]]) -> tuple[int, int]:
    """Pairs of findings of different golden issues: those in one group, and all."""
    mixed = apart = 0
    for by_pr in replays.values():
        for replay in by_pr.values():
            where = {one: number for number, group in enumerate(replay.groups) for one in group.members}
            golden = [set(row["matched_golden"]) for row in replay.findings]
            for one, two in combinations(range(len(golden)), 2):
                if golden[one] and golden[two] and not golden[one] & golden[two]:
                    apart += 1
                    mixed += where[one] == where[two]
    return mixed, apart


def _by_votes(group: Group, chance: random.Random) -> tuple[float, ...]:
    return (len(group.votes), chance.random())


def _by_score(group: Group, chance: random.Random) -> tuple[float, ...]:
    return (len(group.votes), group.cohesion, chance.random())


def _top(replays: Mapping[str, Replay], order: Callable[[Group, random.Random], tuple[float, ...]]) -> float:
    """Precision of the first three groups of each pull request, over several ways to break ties."""
    right = shown = 0
    for seed in range(_SHUFFLES):
        chance = random.Random(seed)
        for _, replay in sorted(replays.items()):
            seen: set[str] = set()
            ranked = sorted(replay.groups, key=lambda group: order(group, chance), reverse=True)
            for group in ranked[:3]:
                matched = set(replay.findings[group.speaker]["matched_golden"])
                right += bool(matched - seen)
                shown += 1
                seen |= matched
    return share(right, shown)

"""Whether two texts about one change mean the same problem."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from baseline import TfIdf
from cases import rows
from figures import Figure, share

from reviewer.findings.likeness import Likeness


def measure(folder: Path) -> Iterator[Figure]:
    """How well pairs of the same problem stand above pairs of different ones, beside plain TF-IDF."""
    pairs = rows(folder, "martian", "duplicate_pairs.jsonl")
    said = defaultdict(set)
    for row in rows(folder, "martian", "judged_candidates.jsonl"):
        said[row["pr"]].add(row["text"])
    for pair in pairs:
        said[pair["pr"]] |= {pair["text_a"], pair["text_b"]}
    ours = {name: Likeness(texts) for name, texts in said.items()}
    plain = TfIdf(sorted(set().union(*said.values())))
    labels = [pair["label"] for pair in pairs]
    values = [ours[pair["pr"]].between(pair["text_a"], pair["text_b"]) for pair in pairs]
    beside = [plain.between(pair["text_a"], pair["text_b"]) for pair in pairs]
    for label, name, target in (
        ("different_issue", "different", 0.98),
        ("different_issue_hard", "hard", 0.78),
    ):
        count = labels.count(label)
        yield Figure(
            f"area under the curve, {name} pairs",
            _area(values, labels, label),
            target,
            of=count,
            note=f"plain TF-IDF {_area(beside, labels, label):.4f}",
        )
    best = _best_f1(values, labels)
    yield Figure(
        "best F1 over all pairs",
        best,
        0.80,
        of=len(pairs),
        note=f"plain TF-IDF {_best_f1(beside, labels):.4f}",
    )


def _area(values: Sequence[float], labels: Sequence[str], other: str) -> float:
    """Chance that a pair of the same problem has the higher value (Mann-Whitney)."""
    ranked = sorted(
        (value, label == "same_issue")
        for value, label in zip(values, labels, strict=True)
        if label in {"same_issue", other}
    )
    same = sum(flag for _, flag in ranked)
    different = len(ranked) - same
    wins = 0.0
    start = below = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        ties = sum(not flag for _, flag in ranked[start:end])
        wins += sum(flag for _, flag in ranked[start:end]) * (below + ties / 2)
        below += ties
        start = end
    return share(wins, same * different)


def _best_f1(values: Sequence[float], labels: Sequence[str]) -> float:
    ranked = sorted(zip(values, labels, strict=True), reverse=True)
    same = labels.count("same_issue")
    hits, best = 0, 0.0
    for count, (_, label) in enumerate(ranked, 1):
        hits += label == "same_issue"
        best = max(best, 2 * hits / (count + same))
    return best

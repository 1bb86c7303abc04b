"""The rule that `reviewer eval` has in place of a judge, beside the judges of the shared cases."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from cases import Row, rows
from figures import Figure, share

from reviewer.evaluation.cases import Case, Expected
from reviewer.evaluation.matching import Mark, Said, by_rule, marked

_FILE = "f"
"""The findings name no files and lines: words alone decide, as for problems without lines."""


def measure(folder: Path) -> Iterator[Figure]:
    """How often the rule and a judge agree that a finding is about a golden issue."""
    golden: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows(folder, "martian", "golden_index.jsonl"):
        golden[row["pr"]][row["golden_id"]] = row["text"]
    reviews: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows(folder, "martian", "judged_candidates.jsonl"):
        reviews[row["judge"], row["pr"], row["tool"]].append(row)
    for judge in sorted({judge for judge, _, _ in reviews}):
        both = ours = theirs = 0
        for (name, pr, _), findings in reviews.items():
            if name == judge:
                same = _found(findings, golden[pr])
                wanted = [set(row["matched_golden"]) for row in findings]
                both += sum(one in judged for one, judged in zip(same, wanted, strict=True))
                ours += sum(one is not None for one in same)
                theirs += sum(bool(judged) for judged in wanted)
        precision, recall = share(both, ours), share(both, theirs)
        yield Figure(
            f"{judge}: F1 of what the rule takes for found, beside the judge",
            share(2 * both, ours + theirs),
            of=theirs,
            note=f"precision {precision:.3f}, recall {recall:.3f}; words alone, as there are no lines",
        )


def _found(findings: Sequence[Row], golden: dict[str, str]) -> list[str | None]:
    """The golden issue that each finding is about, by the rule."""
    said = [Said(_FILE, None, None, "", row["text"]) for row in findings]
    problems = tuple(Expected(_FILE, text) for text in golden.values())
    case = Case("", Path(), b"", problems, complete=False)
    names = list(golden)
    found = marked(said, case, by_rule(said, problems, 0), by_rule(said, (), 0))
    return [
        names[one.problem] if one.problem is not None and one.mark is not Mark.FORBIDDEN else None
        for one in found
    ]

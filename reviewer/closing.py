"""What a role is told about its own results when it is asked for its opinion on the whole."""

from collections.abc import Sequence

from reviewer.findings.finding import Claim
from reviewer.prompting.tokens import estimate_tokens
from reviewer.record import Answered


def results_text(answered: Sequence[Answered], *, budget: int) -> str:
    """A role's partial results as text for its closing prompt, the weightiest first where not all fit.

    Args:
        answered: the parts.
        budget: tokens that the text may have.
    """
    heads, claims, rest = [], [], []
    for item in answered:
        review, part = item.answer.value, item.batch.index
        rating = f", rated {review.rating}/10" if review.rating else ""
        heads.append(f"Part {part} ({_few(item.batch.paths)}){rating}: {_short(review.summary)}")
        claims += [(claim.severity.rank, part, _claim_line(part, claim)) for claim in review.claims]
        rest += [f"- part {part}, strength: {_short(text)}" for text in review.strengths]
        rest += [
            f"- part {part}, recommendation ({advice.horizon}): {_short(advice.text)}"
            for advice in review.recommendations
        ]
    claims.sort(key=lambda row: row[:2])
    rows: list[str] = []
    left = budget - _REMARK_TOKENS
    wanted = [*heads, *(line for _, _, line in claims), *rest]
    for row in wanted:
        left -= estimate_tokens(row) + 1
        if left < 0:
            rows.append(f"({len(wanted) - len(rows)} more lines of results did not fit here.)")
            break
        rows.append(row)
    return "\n".join(rows)


def _claim_line(part: int, claim: Claim) -> str:
    said = _short(claim.failure_scenario or claim.explanation)
    judged = f"{claim.severity}, {claim.confidence} confidence"
    return f"- part {part}, {judged}, {claim.file}: {claim.title}: {said}"


def _few(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
    return ", ".join(paths[:_SHOWN_PATHS]) + more


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS].rsplit(" ", 1)[0] + " …"


_SHOWN_PATHS, _SHOWN_CHARACTERS = 8, 600
"""How much of a list of paths, and of one text, a closing prompt repeats."""


_REMARK_TOKENS = 20
"""For the line that says how much is missing."""

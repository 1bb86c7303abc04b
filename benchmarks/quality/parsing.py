"""What is understood of malformed replies."""

from collections.abc import Iterator
from pathlib import Path

from cases import rows
from figures import Figure, share

from reviewer.errors import InvalidReplyError
from reviewer.findings.finding import Claim
from reviewer.findings.reply import read_review
from reviewer.models.model import Reply


def measure(folder: Path) -> Iterator[Figure]:
    """Expected findings that come back, by the hardness of the case; refusals; drafts; prose."""
    found = {"core": 0, "stretch": 0}
    expected = dict(found)
    drafts = refused = unreadable = taken_for_clean = 0
    for row in rows(folder, "malformed", "replies.jsonl"):
        claims = _read(row["raw"])
        wanted = [_fold(item["message"]) for item in row["expected_findings"]]
        said = {_fold(claim.explanation) for claim in claims or ()}
        expected[row["tier"]] += len(wanted)
        found[row["tier"]] += sum(text in said for text in wanted)
        drafts += sum("draft.txt" in claim.file for claim in claims or ())
        if row["outcome"] == "unparseable":
            unreadable += 1
            refused += claims is None
        elif row["outcome"] != "no_findings":
            taken_for_clean += claims == ()
    yield Figure(
        "core: findings that come back", share(found["core"], expected["core"]), 0.98, of=expected["core"]
    )
    yield Figure(
        "stretch: findings that come back",
        share(found["stretch"], expected["stretch"]),
        0.75,
        of=expected["stretch"],
    )
    yield Figure("findings of drafts that were reported", drafts, 0, most=True)
    yield Figure("unreadable replies that are refused", share(refused, unreadable), 1, of=unreadable)
    yield Figure("replies with findings that were taken for clean", taken_for_clean, 0, most=True)
    yield _prose(folder)


def _read(text: str) -> tuple[Claim, ...] | None:
    try:
        return read_review(Reply(text)).claims
    except InvalidReplyError:
        return None


def _prose(folder: Path) -> Figure:
    """Reviews in prose that lose nothing: refused with their whole text, which the report then shows."""
    texts = [row["raw"] for row in rows(folder, "raw_replies", "prose_replies.jsonl")]
    whole = 0
    for text in texts:
        try:
            read_review(Reply(text))
        except InvalidReplyError as error:
            whole += error.text == text
    return Figure("prose that is kept whole as unparsed", share(whole, len(texts)), 0.95, of=len(texts))


def _fold(text: str) -> str:
    return " ".join(text.split())

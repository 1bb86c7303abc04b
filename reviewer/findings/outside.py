"""Claims about the world outside the code, which no reader of the code can check."""

import re
from collections.abc import Callable, Iterator

from reviewer.findings.finding import Claim

_THING = r"(?<![`.\w])(?:version|release|package|tag|image|model|dependency|library|crate)s?\b(?!`)"
_SHORT_WAY = r"(?:[^.;\n]|\.(?=\S)){0,40}?"
_NOT = r"(?: not|n't) (?:yet )?"
_REGISTRIES = r"(?:pypi|npm|the registry|maven|crates\.io|docker ?hub|nuget|rubygems)"

_VERSIONS = (
    (
        r"\b(?:no such|non-?existent|not a (?:valid|real|known|released|published)|unreleased|invalid) "
        rf"(?:\w+ ){{0,2}}{_THING}"
    ),
    rf"{_THING}{_SHORT_WAY}\b(?:do|does){_NOT}exist",
    rf"{_THING}{_SHORT_WAY}\b(?:has|have|was|were){_NOT}been (?:released|published)",
    rf"{_THING}{_SHORT_WAY}\b(?:is|are){_NOT}(?:released|published|out\b|available on)",
    rf"{_THING}{_SHORT_WAY}\b(?:is|are) (?:hallucinated|made up|fictitious)",
    r"\b(?:latest|newest|current|most recent) (?:stable )?(?:version|release) (?:is|was)\b",
    rf"\b(?:does{_NOT}exist|not (?:yet )?(?:released|published|available)) (?:on|in|to) {_REGISTRIES}\b",
)
_STATISTICS = (
    (
        r"\b(?:studies|research|surveys?|benchmarks?|statistics|data) (?:have |has )?"
        r"(?:shows?|shown|suggests?|indicates?|proves?|says?)\b"
    ),
    (
        r"\b\d+(?:\.\d+)? ?(?:%|percent) (?:of|more|fewer|less|faster|slower) (?:all |the |most )?"
        r"(?:users|developers|teams|projects|bugs|outages|incidents|attacks|breaches|applications|apps|"
        r"companies|vulnerabilities|likely)\b"
    ),
)
_CITATIONS = (
    r"\bCVE-\d{4}-\d{3,}\b",
    r"\bGHSA(?:-\w{4}){3}\b",
    r"\bhttps?://(?:[\w-]+\.)+[a-z]{2,}(?:/[^\s)>\]}\"'`]*)?",
    r"\b(?:stack ?overflow|wikipedia|according to (?:the )?(?:\w+ ){0,3}(?:blog|article|paper|report))\b",
)
_KINDS = tuple(
    (reason, re.compile("|".join(patterns), re.IGNORECASE))
    for reason, patterns in (
        ("says which versions, packages or models exist, which the change does not tell", _VERSIONS),
        ("rests on statistics that the change does not hold", _STATISTICS),
        ("cites something that is not in the change", _CITATIONS),
    )
)
"""What is said about such a claim, and how it is told by its words."""


def outside_world(claim: Claim, change: Callable[[], str]) -> str:
    """Why a claim cannot be checked against the code, or an empty text.

    A model knows the world up to the day that its training ended, and fills gaps: versions that "do not
    exist", percentages, advisories. What is cited counts as known if the change names it too. Published
    standards (RFC, PEP) are left alone: they do not change, and a finding about code mostly cites them in
    passing.

    Args:
        claim: what was said.
        change: gives the title of the change and the text of its files, for what these say themselves; it is
            only asked for what is needed.
    """
    said = f"{claim.title}\n{claim.explanation}\n{claim.failure_scenario}"
    return next((reason for reason, found in _found(said) if not _supported(found, change())), "")


def _found(said: str) -> Iterator[tuple[str, str]]:
    for reason, pattern in _KINDS:
        for match in pattern.finditer(said):
            yield reason, match[0]


def _supported(found: str, code: str) -> bool:
    """Whether the code itself says what was cited."""
    wanted = found.rstrip(".,;:").lower().replace(" ", "")
    return wanted in code.lower().replace(" ", "")

"""Claims about the world outside the code."""

import pytest

from reviewer.findings.finding import Claim, Finding
from reviewer.findings.merge import ground_claims, merge
from reviewer.findings.outside import outside_world
from reviewer.prompting.contract import Severity
from tests.support.shared import rows
from tests.support.values import changes

VERSIONS, NUMBERS, SOURCES = "says which versions", "rests on statistics", "cites something"
CLAIMS = {
    "version that is said not to exist": ("actions/checkout version v5 does not exist yet.", VERSIONS),
    "model name": ("`gpt-5.2` is not a valid OpenAI model name, so every request fails.", VERSIONS),
    "release": ("Python release 3.14 has not been released.", VERSIONS),
    "package": ("The package `fast-jsonx` is hallucinated.", VERSIONS),
    "latest": ("The latest stable version is 4.2, this pins 5.0.", VERSIONS),
    "registry": ("left-padder does not exist on npm.", VERSIONS),
    "studies": ("Studies show that singletons cause bugs.", NUMBERS),
    "share": ("This pattern causes 37% of outages.", NUMBERS),
    "more likely": ("Such code is 3.5 percent more likely to fail.", NUMBERS),
    "advisory": ("This version of requests is affected by CVE-2023-32681.", SOURCES),
    "address": ("See https://example.com/best-practices for why.", SOURCES),
    "article": ("According to the engineering blog this is slow.", SOURCES),
    "a field that does not exist": ("The field `version` does not exist on None, so this raises.", ""),
    "a function that does not exist": ("`cart.total_price` does not exist; the method is `total`.", ""),
    "a file of the change": ("The image path does not resolve when the folder is empty.", ""),
    "code with a percentage": ("Rounds 12.5% down to 12, losing half a percent.", ""),
    "a local address": ("Requests go to http://localhost:8080/items without a timeout.", ""),
    "a standard in passing": ("`state` is the same for all users, which RFC 6749 forbids.", ""),
    "ordinary": ("The guard against an empty cart was removed.", ""),
}


def claim(text: str, **fields) -> Claim:
    return Claim("shop/cart.py", "A problem", text, Severity.CRITICAL, **fields)


@pytest.mark.parametrize(("text", "kind"), CLAIMS.values(), ids=CLAIMS)
def test_claims(text, kind):
    assert outside_world(claim(text), lambda: "").startswith(kind)
    assert bool(outside_world(claim(text), lambda: "")) == bool(kind)


def test_what_the_change_names_itself_is_known():
    text = "The fix for CVE-2023-32681 is incomplete."
    assert not outside_world(claim(text), lambda: "requests==2.31  # cve-2023-32681")
    assert outside_world(claim(text), lambda: "requests==2.31")


def test_such_a_claim_goes_down_a_step_unless_somebody_argues_from_the_code():
    outside = claim(
        "The latest version is 4.2; an empty cart divides by zero here.",
        quote="        return total / count",
        line=14,
    )
    inside = claim(
        "The guard was removed: an empty cart divides by zero here.",
        quote="        return total / count",
        line=14,
    )

    (alone,) = merged(outside)
    assert (alone.severity, alone.outside_world[:20]) == (Severity.MAJOR, "says which versions,")
    assert alone.voices[0].severity is Severity.CRITICAL
    (both,) = merged(outside, inside)
    assert (both.severity, both.outside_world, both.explanation) == (
        Severity.CRITICAL,
        "",
        inside.explanation,
    )


def merged(*claims: Claim) -> tuple[Finding, ...]:
    said = [(role, f"lab/{role}", one) for role, one in zip(["a", "b"], claims, strict=False)]
    return merge(ground_claims(said, changes(), ["a", "b"]))


def test_real_findings_are_left_alone():
    """Of what tools say about golden issues, next to nothing is taken for a claim about the world."""
    texts = {
        row["text"] for row in rows("cases", "martian", "judged_candidates.jsonl") if row["matched_golden"]
    }
    taken = [text for text in texts if outside_world(claim(text), lambda: "")]
    assert len(taken) <= 0.002 * len(texts), taken

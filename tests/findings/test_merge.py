"""Claims of several reviewers to one finding for each problem."""

from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from reviewer.findings.finding import Claim, Grounding
from reviewer.findings.merge import ground_claims, merge
from reviewer.prompting.contract import Confidence, Severity
from tests.support.values import changes

ROLES = ["architecture", "code_quality", "deep_analysis"]
ZERO = Claim(
    "shop/cart.py",
    "Division by zero for an empty cart",
    "The guard against an empty cart was removed, so count may be zero.",
    Severity.MAJOR,
    category="bug",
    line=14,
    quote="        return total / count",
)
SAME = replace(
    ZERO,
    title="Empty cart divides by zero",
    explanation="With no items count is zero and the division fails for an empty cart.",
    severity=Severity.CRITICAL,
    line=13,
    quote="        count = len(items)",
)
OTHER = replace(
    ZERO,
    title="Integer overflow of the doubled value",
    explanation="Large arguments wrap around silently.",
    category="performance",
    file="shop/util.go",
    quote="\treturn n * 2",
)


def merged(*claims: tuple[str, Claim]):
    said = [(role, f"lab/{role}", claim) for role, claim in claims]
    return merge(ground_claims(said, changes(), ROLES))


def test_same_problem_of_two_reviewers_is_one_finding_with_both_voices():
    (finding,) = merged(("code_quality", ZERO), ("architecture", SAME))
    assert finding.reviewers == ("architecture", "code_quality")
    assert finding.severity is Severity.CRITICAL
    assert finding.title == SAME.title
    assert [(v.role, v.severity) for v in finding.voices] == [
        ("architecture", Severity.CRITICAL),
        ("code_quality", Severity.MAJOR),
    ]


def test_different_problems_stay_apart():
    findings = merged(("code_quality", ZERO), ("architecture", OTHER))
    assert [f.title for f in findings] == [ZERO.title, OTHER.title]


def test_different_problems_on_the_same_line_stay_apart():
    naming = replace(
        ZERO, title="Wrong currency", explanation="Prices of two currencies are added.", category="design"
    )
    assert len(merged(("code_quality", ZERO), ("architecture", naming))) == 2


def test_far_apart_places_stay_apart():
    far = replace(ZERO, quote="    def mean(self):", line=10)
    assert len(merged(("code_quality", ZERO), ("architecture", far))) == 2


def test_a_reviewer_who_says_it_twice_counts_once():
    (finding,) = merged(("code_quality", ZERO), ("code_quality", replace(ZERO, confidence=Confidence.LOW)))
    assert finding.reviewers == ("code_quality",)
    assert len(finding.voices) == 2


def test_unverified_claims_are_merged_only_if_they_say_the_same():
    invented = replace(ZERO, quote="nowhere_to_be_found()")
    findings = merged(
        ("architecture", invented),
        ("code_quality", invented),
        ("deep_analysis", replace(SAME, quote="gone()")),
    )
    assert [f.grounding for f in findings] == [Grounding.UNVERIFIED] * 2
    assert sorted(len(f.reviewers) for f in findings) == [1, 2]


def test_worst_first_then_the_change_then_agreement():
    outside = replace(
        ZERO, quote="        self.items = []", line=17, title="Shared list", explanation="Aliasing."
    )
    minor = replace(OTHER, severity=Severity.MINOR)
    findings = merged(("architecture", minor), ("code_quality", outside), ("deep_analysis", ZERO))
    assert [f.title for f in findings] == [ZERO.title, outside.title, minor.title]


def test_order_of_the_replies_does_not_matter():
    said = [
        ("architecture", SAME),
        ("code_quality", ZERO),
        ("deep_analysis", OTHER),
        ("deep_analysis", replace(ZERO, severity=Severity.MINOR)),
    ]
    results = {merged(*order) for order in permutations(said)}
    assert len(results) == 1


def test_identity_does_not_depend_on_words_or_lines():
    (one,) = merged(("architecture", ZERO))
    (two,) = merged(
        ("code_quality", replace(ZERO, title="x", explanation="y", line=99, severity=Severity.MINOR))
    )
    assert one.id == two.id
    assert len(one.id) == 12
    (other,) = merged(("architecture", replace(ZERO, category="security")))
    assert other.id != one.id


def test_same_code_twice_has_two_identities():
    twice = (
        replace(ZERO, file="shop/cart.py", quote="items", line=11, title="first", explanation="alpha beta"),
        replace(ZERO, file="shop/cart.py", quote="items", line=17, title="second", explanation="gamma delta"),
    )
    findings = merged(*(("architecture", claim) for claim in twice))
    assert len({f.id for f in findings}) == len(findings) == 2


words = st.sampled_from(["empty", "cart", "zero", "lock", "thread", "query", "items", "count"])
claims = st.builds(
    lambda title, severity, quote, line: replace(
        ZERO, title=" ".join(title), explanation=" ".join(title), severity=severity, quote=quote, line=line
    ),
    st.lists(words, min_size=1, max_size=4),
    st.sampled_from(Severity),
    st.sampled_from(
        [
            "        return total / count",
            "        count = len(items)",
            "        self.items = []",
            "invented code here",
        ]
    ),
    st.none() | st.integers(1, 30),
)


@given(
    said=st.lists(st.tuples(st.sampled_from(ROLES), claims), max_size=6),
    seed=st.randoms(use_true_random=False),
)
def test_no_voice_is_lost_and_any_order_gives_the_same(said, seed):
    shuffled = list(said)
    seed.shuffle(shuffled)
    findings = merged(*said)
    assert merged(*shuffled) == findings
    voices = sorted((v.role, v.title, v.severity) for f in findings for v in f.voices)
    assert voices == sorted((role, claim.title, claim.severity) for role, claim in said)

"""Claims of several reviewers to one finding for each problem."""

import time
from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from reviewer.changes.changeset import ChangeSet, FileChange, FileStatus
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
    far = replace(SAME, quote="    def mean(self):", line=10)
    assert len(merged(("code_quality", ZERO), ("architecture", far))) == 2


def test_neighbours_of_neighbours_are_not_the_same_problem():
    """Each has words in common with the next one, the first and the last have none."""
    first = replace(ZERO, title="alpha beta", explanation="beta", line=12, quote="        total = sum(items)")
    middle = replace(
        first, title="beta gamma", explanation="beta", line=13, quote="        count = len(items)"
    )
    last = replace(
        first, title="gamma delta", explanation="gamma delta", line=14, quote="        return total / count"
    )
    findings = merged(("architecture", first), ("code_quality", middle), ("deep_analysis", last))
    assert [len(finding.voices) for finding in findings] == [2, 1]


def test_severity_does_not_come_from_lines_that_the_change_did_not_touch():
    near = replace(SAME, severity=Severity.CRITICAL, quote="        items = self.items", line=11)
    touched = replace(ZERO, severity=Severity.MINOR, quote="        total = sum(items)", line=12)
    findings = merged(("architecture", near), ("code_quality", touched))
    assert [(f.severity, f.in_change) for f in findings] == [
        (Severity.CRITICAL, False),
        (Severity.MINOR, True),
    ]


def test_nearly_the_same_words_some_lines_apart_are_one_problem():
    """Two reviewers see the same cause, one quotes the changed condition, the other the call behind it."""
    cause = replace(ZERO, quote="        items = self.items", line=11)
    (finding,) = merged(("architecture", cause), ("deep_analysis", ZERO))
    assert finding.reviewers == ("architecture", "deep_analysis")
    assert finding.in_change


def test_one_problem_that_two_reviewers_see_at_two_ends_of_a_file():
    lines = tuple(f"value_{n} = compute({n})" for n in range(200))
    large = ChangeSet("t", (FileChange("a.py", FileStatus.PRESENT, old_lines=(), new_lines=lines),))
    lookup = replace(
        ZERO,
        file="a.py",
        quote=lines[20],
        line=21,
        title="A failed lookup cancels all other checks",
        explanation="The exception leaves the worker, and the task group cancels every other lane.",
    )
    again = replace(
        lookup,
        quote=lines[120],
        line=121,
        title="One failing lookup cancels every check",
        explanation="An exception of the lookup leaves the worker and cancels the other lanes of the task group.",
    )
    other = replace(
        lookup, quote=lines[180], line=181, title="Typo in a label", explanation="The label is wrong."
    )
    said = [("architecture", "a/m", lookup), ("code_quality", "b/m", again), ("deep_analysis", "c/m", other)]
    findings = merge(ground_claims(said, large, ROLES))
    assert sorted(len(finding.voices) for finding in findings) == [1, 2]
    # One reviewer who names two places means two problems.
    twice = [("architecture", "a/m", lookup), ("architecture", "a/m", again)]
    assert len(merge(ground_claims(twice, large, ROLES))) == 2


def test_words_of_any_script_tell_problems_apart():
    chinese = replace(
        ZERO, title="空购物车会导致除零错误", explanation="删除了对空购物车的检查。", failure_scenario=""
    )
    again = replace(chinese, explanation="空购物车的检查被删除 除零错误。")
    russian = replace(ZERO, title="Деление на ноль", explanation="mean падает.", failure_scenario="")
    other = replace(russian, title="Утечка памяти", explanation="mean держит ссылку.", category="performance")
    assert len(merged(("architecture", chinese), ("code_quality", again))) == 1
    assert len(merged(("architecture", russian), ("code_quality", other))) == 2


def test_every_voice_keeps_its_place_its_quote_and_its_suggestion():
    (finding,) = merged(("code_quality", replace(ZERO, suggestion="return 0")), ("architecture", SAME))
    mine, other = finding.voices
    assert (mine.line, mine.quote, mine.suggestion) == (13, "        count = len(items)", "")
    assert (other.line, other.quote, other.suggestion) == (14, "        return total / count", "return 0")


def test_inventions_are_one_only_if_they_are_the_same():
    one = replace(ZERO, quote="os.system(cmd)")
    two = replace(ZERO, quote="eval(text)")
    assert len(merged(("architecture", one), ("code_quality", two))) == 2
    assert len(merged(("architecture", one), ("code_quality", one))) == 1


def seconds_to_merge(count: int) -> float:
    """What it takes two reviewers to say something of each line of a file."""
    lines = tuple(f"value_{n} = compute({n})" for n in range(count))
    large = ChangeSet("t", (FileChange("a.py", FileStatus.PRESENT, old_lines=(), new_lines=lines),))
    said = [
        (role, "m", replace(ZERO, file="a.py", quote=line, title=f"{line} is wrong", line=number))
        for number, line in enumerate(lines, 1)
        for role in ROLES[:2]
    ]
    started = time.process_time()
    assert len(merge(ground_claims(said, large, ROLES))) == count
    return time.process_time() - started


def test_ten_times_as_many_claims_take_about_ten_times_as_long():
    """Both measured in one run; comparing each claim with each other would take a hundred times as long."""
    few = min(seconds_to_merge(150) for _ in range(2))
    assert seconds_to_merge(1500) < 30 * few


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
    assert voices == sorted((role, claim.title, claim.severity) for role, claim in set(said))
    assert merged(*said, *shuffled) == findings

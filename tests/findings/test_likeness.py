"""How alike texts are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.findings.likeness import Likeness, terms

TERMS = {
    "identifiers count as a whole and by their parts": (
        "retryCount of HTTPServer in max_body_size",
        [
            "=retrycount",
            "retry",
            "count",
            "=httpserver",
            "http",
            "server",
            "=max_body_size",
            "max",
            "body",
            "size",
        ],
    ),
    "endings are cut where enough is left": (
        "Leaking connections were never closed, is its use safe",
        ["leak", "connection", "never", "clos", "safe"],
    ),
    "words of other alphabets": ("Деление на ноль", ["деление", "на", "ноль"]),
    "scripts without letter cases count by pairs": ("空购物车", ["空购", "购物", "物车"]),
    "one character alone": ("错 a 1 _", ["错"]),
    "numbers of several digits": ("403 for 1 of 0x1f", ["403", "=0x1f"]),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), TERMS.values(), ids=TERMS)
def test_terms(text, expected):
    assert list(terms(text)) == expected


AWAIT = "`refs.forEach(async ...)` is not awaited, so deletions run after the function has returned"
AWAIT_AGAIN = "forEach with an async callback never waits for the deletions, whose errors are lost"
SCOPE = "The condition on retryCount applies to every method, so mails are deleted too"
OTHERS = [AWAIT, AWAIT_AGAIN, SCOPE, "The date is formatted with the wrong locale"]


def test_the_same_problem_in_other_words_is_more_alike_than_another_one():
    likeness = Likeness(OTHERS)
    assert likeness.between(AWAIT, AWAIT_AGAIN) > 0.15
    assert likeness.between(AWAIT, SCOPE) < 0.1
    assert likeness.between(AWAIT, AWAIT) == 1
    assert likeness.between(AWAIT, SCOPE) == likeness.between(SCOPE, AWAIT)
    with pytest.raises(KeyError):
        likeness.between(AWAIT, "never said")


def test_texts_without_a_common_word_are_alike_if_they_resemble_the_same_others():
    """Two reviewers share no word; what others say shares words with both of them."""
    one, two, stranger = "mutex missing around balance", "concurrent transfers lose money", "typo in heading"
    between = [f"without mutex concurrent transfers {n} change balance, money lost" for n in range(40)]
    between += [f"heading {n} has typo" for n in range(40)]
    likeness = Likeness([one, two, stranger, *between])
    assert likeness.in_words(one, two) == likeness.in_words(one, stranger) == 0
    assert likeness.between(one, two) > 0.2
    assert likeness.between(one, stranger) < 0.05


def test_a_large_report_is_compared_through_some_of_its_texts():
    texts = [f"value {n} overflows in row {10 + n % 7}" for n in range(1500)]
    likeness = Likeness(texts)
    assert likeness.between(texts[0], texts[7]) > likeness.between(texts[0], texts[1])
    assert Likeness(reversed(texts)).between(texts[3], texts[10]) == likeness.between(texts[3], texts[10])


sentences = st.lists(
    st.sampled_from(["lock", "thread", "query", "cart", "emptyCart", "loses", "leaks", "the", "空购物车"]),
    max_size=5,
).map(" ".join)


@given(st.lists(sentences, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(texts, chance):
    again = [*texts, *texts]
    chance.shuffle(again)
    one, two = Likeness(texts), Likeness(again)
    for left in texts:
        for right in texts:
            value = one.between(left, right)
            assert value == one.between(right, left) == two.between(left, right)
            assert -1.0001 <= value <= 1.0001
            assert (left != right) or value == 1

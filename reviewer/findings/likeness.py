"""How alike texts about one change are: by their words, and by which of the other texts they resemble."""

import hashlib
import heapq
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

_CONTEXT = 512
"""Texts that others are compared through; more of them cost time and tell little more."""
_HALF = 80
"""With so many texts in the context, what they say about two texts counts as much as the texts themselves."""
_NEAREST, _LEAST_NEAREST, _MOST_NEAREST = 0.2, 8, 64
"""A profile holds the texts of the context that a text resembles most: one in five, within these bounds."""
_COMMON = 0.5
"""A word in more than this share of the context makes no two texts alike; looking it up would cost most."""
_SHARPNESS = 1.5
"""Power of a resemblance in a profile: one strong resemblance says more than many faint ones."""

_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Za-z_]+")
_ENDINGS = (
    *("ations", "ation", "ments", "ment", "ingly", "ing", "edly", "ed", "ies", "es", "ly", "s"),
    *("able", "ible", "ity", "ness", "al"),
)
_STEM = 4
"""Letters that have to be left of a word without its ending."""
_STOP = frozenset(
    [
        "a",
        "all",
        "also",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "before",
        "being",
        "between",
        "both",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "done",
        "during",
        "each",
        "either",
        "for",
        "from",
        "had",
        "has",
        "have",
        "if",
        "in",
        "instead",
        "into",
        "is",
        "it",
        "its",
        "may",
        "might",
        "more",
        "most",
        "must",
        "no",
        "not",
        "of",
        "on",
        "only",
        "or",
        "other",
        "per",
        "same",
        "shall",
        "should",
        "since",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "use",
        "used",
        "uses",
        "using",
        "via",
        "was",
        "were",
        "when",
        "where",
        "which",
        "while",
        "will",
        "with",
        "without",
        "would",
    ]
)


def terms(text: str) -> Iterator[str]:
    """The words of a text that tell what it is about.

    Identifiers count as a whole and by their parts, so that `retryCount` resembles "count of retries".
    Words of a script without letter cases, which mostly has no blanks between words, count as their pairs of
    characters. Numbers of several digits, such as a status, count as they are.
    """
    for word in _WORD.findall(text):
        if word.isdigit():
            if len(word) > 1:
                yield word
            continue
        parts = _PART.findall(word)
        if len(parts) > 1 or (parts and "_" in word):
            yield f"={word.lower()}"
        for part in parts:
            if part.lower() != part.upper():
                small = part.lower()
                if len(small) > 1 and small not in _STOP:
                    yield _stem(small)
            else:
                yield from (part[at : at + 2] for at in range(max(1, len(part) - 1)))


def _stem(word: str) -> str:
    """A word without an English ending; crude, as it only has to bring forms of one word together."""
    for ending in _ENDINGS:
        if len(word) - len(ending) >= _STEM and word.endswith(ending):
            return word[: -len(ending)]
    return word


@dataclass(frozen=True, slots=True)
class _Profile:
    """What a text resembles: by the number of the other text, and sums over it that comparing needs."""

    entries: Mapping[int, float]
    along_mean: float
    length: float


class Likeness:
    """Compares texts with each other: 1 is the same, 0 and less is about something else.

    Two measures are blended. The first is the cosine of weighted words (TF-IDF with damped counts, where
    rare words and identifiers weigh most). The second takes for alike what resembles the same other texts:
    rows of first-order similarities, less their mean, compared by cosine ("second-order co-occurrence",
    Schütze 1998). Two reviewers put one problem in different words, but a third one often shares words with
    both. The more texts there are, the more the second measure tells and the more it counts.

    The result depends on the set of texts only, not on their order or on repetitions.

    Args:
        texts: everything that was said about the change.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = sorted(set(texts))
        self._number = {text: number for number, text in enumerate(self._texts)}
        counted = [Counter(terms(text)) for text in self._texts]
        frequency = Counter(term for counts in counted for term in counts)
        count = len(self._texts)
        weight = {term: math.log((1 + count) / (1 + seen)) + 1 for term, seen in frequency.items()}
        self._vectors = [
            _unit({t: (1 + math.log(n)) * weight[t] for t, n in sorted(c.items())}) for c in counted
        ]
        self._context = self._sample()
        self._nearest = min(_MOST_NEAREST, max(_LEAST_NEAREST, round(_NEAREST * len(self._context))))
        self._share = len(self._context) / (len(self._context) + _HALF)
        self._postings: Mapping[str, list[tuple[int, float]]] = defaultdict(list)
        most = max(_LEAST_NEAREST, _COMMON * len(self._context))
        for number in self._context:
            for term, value in self._vectors[number].items():
                self._postings[term].append((number, value))
        self._postings = {term: found for term, found in self._postings.items() if len(found) <= most}
        self._profiles: dict[int, _Profile] = {}
        self._mean, self._mean_length = self._means()

    def _sample(self) -> Sequence[int]:
        """The context: all texts, or as many as it holds, chosen by their hashes."""
        if len(self._texts) <= _CONTEXT:
            return range(len(self._texts))
        digests = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in self._texts]
        return sorted(sorted(range(len(self._texts)), key=digests.__getitem__)[:_CONTEXT])

    def _means(self) -> tuple[Mapping[int, float], float]:
        """How much each text of the context is resembled on average, and the squared length of that."""
        total: dict[int, float] = defaultdict(float)
        for number in self._context:
            for other, value in self._row(number).items():
                total[other] += value
        count = max(1, len(self._context))
        mean = {other: value / count for other, value in sorted(total.items())}
        return mean, math.fsum(value * value for value in mean.values())

    def _row(self, number: int) -> dict[int, float]:
        """The strongest similarities of a text to those of the context, without the one to itself."""
        row: dict[int, float] = defaultdict(float)
        for term, value in self._vectors[number].items():
            for other, weight in self._postings.get(term, ()):
                row[other] += value * weight
        row.pop(number, None)
        strongest = heapq.nlargest(self._nearest, row, key=lambda other: (row[other], other))
        return {other: row[other] ** _SHARPNESS for other in sorted(strongest)}

    def _profile(self, number: int) -> _Profile:
        known = self._profiles.get(number)
        if known is None:
            row = self._row(number)
            along = math.fsum(value * self._mean.get(other, 0.0) for other, value in row.items())
            square = math.fsum(value * value for value in row.values()) - 2 * along + self._mean_length
            known = self._profiles[number] = _Profile(row, along, math.sqrt(max(0.0, square)))
        return known

    def in_words(self, one: str, two: str) -> float:
        """The first measure alone, which costs little: 0 if no telling word is in both, 1 for the same."""
        first, second = sorted((self._number[one], self._number[two]))
        return 1.0 if first == second else _dot(self._vectors[first], self._vectors[second])

    def between(self, one: str, two: str) -> float:
        """How alike two of the texts are; a text that was not among those given raises KeyError."""
        first, second = sorted((self._number[one], self._number[two]))
        if first == second:
            return 1.0
        direct = self.in_words(one, two)
        left, right = self._profile(first), self._profile(second)
        if not left.length or not right.length:
            return direct
        product = _dot(left.entries, right.entries) - left.along_mean - right.along_mean + self._mean_length
        through_others = product / (left.length * right.length)
        return (1 - self._share) * direct + self._share * through_others


def _unit(vector: Mapping[str, float]) -> dict[str, float]:
    length = math.sqrt(math.fsum(value * value for value in vector.values()))
    return {term: value / length for term, value in vector.items()}


_Key = TypeVar("_Key", str, int)


def _dot(one: Mapping[_Key, float], two: Mapping[_Key, float]) -> float:
    if len(two) < len(one):
        one, two = two, one
    return math.fsum(value * two[key] for key, value in one.items() if key in two)

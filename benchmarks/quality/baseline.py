"""What everybody does: words weighed by TF-IDF, compared by cosine, joined where it reaches a threshold."""

import math
import re
from collections import Counter
from collections.abc import Sequence

JOINED = 0.20
_WORD = re.compile(r"\b\w\w+\b")


class TfIdf:
    """Cosine of TF-IDF vectors with the usual smoothing, fitted on some texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = {text: Counter(_WORD.findall(text.lower())) for text in texts}
        seen = Counter(word for text in texts for word in counted[text])
        idf = {word: math.log((1 + len(texts)) / (1 + count)) + 1 for word, count in seen.items()}
        self._vectors = {}
        for text, counts in counted.items():
            vector = {word: count * idf[word] for word, count in counts.items()}
            length = math.sqrt(math.fsum(value * value for value in vector.values())) or 1.0
            self._vectors[text] = {word: value / length for word, value in vector.items()}

    def between(self, one: str, two: str) -> float:
        """From 0 to 1."""
        left, right = self._vectors[one], self._vectors[two]
        if len(right) < len(left):
            left, right = right, left
        return math.fsum(value * right[word] for word, value in left.items() if word in right)


def groups(texts: Sequence[str], likeness: TfIdf) -> list[list[int]]:
    """Single linkage: whatever a chain of pairs connects is one group."""
    left = list(range(len(texts)))
    found = []
    while left:
        group, reach = [left.pop(0)], 0
        while reach < len(group):
            near = [one for one in left if likeness.between(texts[group[reach]], texts[one]) >= JOINED]
            group += near
            left = [one for one in left if one not in near]
            reach += 1
        found.append(sorted(group))
    return found

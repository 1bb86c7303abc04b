"""The lines of a change, prepared once so that many quotes can be looked up quickly."""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

from reviewer.changes.changeset import ChangeSet, FileChange, LineKind, Side

FUZZY = 0.9
"""How alike a quote and the code must be when they are not the same but for blanks (0 to 1)."""
_LONGEST_FUZZY = 800
"""Characters of a quote that is compared loosely; the time for it grows with the square."""
_WINDOWS = 8
"""How many places are compared loosely: those that share the most words with the quote."""
_COMMON_WORD = 200
"""A word on more lines than this tells nothing about a place."""
_MOST_HITS = 5_000

ELIDED, SIMILAR = 3, 4
"""Qualities of a match of which the middle was left out, and of one that differs in a few characters."""


@dataclass(frozen=True, slots=True)
class Match:
    """A run of lines that is the quote.

    Attributes:
        quality: 0 the same text, 1 a part of a line; 2 and 3 the same but for blanks, or with the middle left
            out; 4 similar.
        side: the version of the file.
        start, end: 1-based numbers of the first and the last line.
        whole_lines: the quote stands for these lines as wholes, not for a part of one.
    """

    quality: int
    side: Side
    start: int
    end: int
    whole_lines: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive lines as one text; `starts` holds the offset of each line, `numbers` its line number."""

    text: str
    starts: Sequence[int]
    numbers: Sequence[int]

    @classmethod
    def of(cls, lines: Sequence[tuple[int, str]]) -> "_Run":
        """Join numbered lines."""
        starts, at = [], 0
        for _, text in lines:
            starts.append(at)
            at += len(text) + 1
        return cls("\n".join(text for _, text in lines), starts, [number for number, _ in lines])

    def line(self, index: int) -> str:
        """The text of a line by its position in the run."""
        end = self.starts[index + 1] - 1 if index + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[index] : end]

    def occurrences(self, needle: str, count: int) -> Iterator[tuple[int, bool]]:
        """Positions of the first lines of every place of a text, and whether it fills its lines.

        Args:
            needle: the text, its lines joined by line feeds.
            count: how many lines it has.
        """
        at = self.text.find(needle)
        while at != -1:
            first = bisect_right(self.starts, at) - 1
            end = at + len(needle)
            fills = at == self.starts[first] and (end == len(self.text) or self.text[end] == "\n")
            yield first, fills
            following = first + 1
            if following + count > len(self.starts):
                return
            at = self.text.find(needle, self.starts[following])


class Version:
    """What is known of one side of a file."""

    def __init__(self, change: FileChange, side: Side) -> None:
        self._change = change
        self._side = side

    @cached_property
    def changed(self) -> frozenset[int]:
        """Numbers of the lines that the change added or removed."""
        return self._change.changed_numbers(self._side)

    @cached_property
    def lines(self) -> Mapping[int, str]:
        """The known lines by number: all of the file, or those of the hunks."""
        whole = self._change.lines(self._side)
        return self._change.hunk_lines(self._side) if whole is None else dict(enumerate(whole, 1))

    def _runs(self, prepare: Callable[[str], str], *, skip_blank: bool) -> list[_Run]:
        """The known lines as runs without gaps: nothing is found across lines that nobody has seen."""
        runs: list[list[tuple[int, str]]] = []
        before = None
        for number, text in self.lines.items():
            if before is None or number != before + 1:
                runs.append([])
            before = number
            prepared = prepare(text)
            if prepared or not skip_blank:
                runs[-1].append((number, prepared))
        return [_Run.of(run) for run in runs if run]

    @cached_property
    def exact(self) -> list[_Run]:
        """Lines as they are, without blanks at their ends."""
        return self._runs(str.rstrip, skip_blank=False)

    @cached_property
    def folded(self) -> list[_Run]:
        """Lines with single blanks, without empty ones."""
        return self._runs(fold_blanks, skip_blank=True)

    @cached_property
    def words(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """Run and position of the lines that hold a word."""
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, run in enumerate(self.folded):
            for position in range(len(run.starts)):
                for word in set(_WORD.findall(run.line(position))):
                    found[word].append((number, position))
        return found

    def find(self, quote: Sequence[str], *, loosely: bool) -> list[Match]:
        """All places of a quote, by the strictest way of comparing that finds any.

        Args:
            quote: its lines.
            loosely: also look for lines that differ in a few characters, if nothing else is found.
        """
        if hits := self._same(self.exact, [line.rstrip() for line in quote], 0):
            return hits
        folded = [line for line in map(fold_blanks, quote) if line]
        if hits := self._same(self.folded, folded, 2):
            return hits
        return list(self._similar(folded)) if loosely else []

    def _same(self, runs: Sequence[_Run], wanted: Sequence[str], quality: int) -> list[Match]:
        needle = "\n".join(wanted)
        if not needle.strip():
            return []
        found: list[Match] = []
        single = len(wanted) == 1
        for run in runs:
            for first, fills in run.occurrences(needle, len(wanted)):
                whole = fills or (single and fold_blanks(needle) == fold_blanks(run.line(first)))
                last = run.numbers[first + len(wanted) - 1]
                grade = quality + (not whole)
                found.append(Match(grade, self._side, run.numbers[first], last, whole or not single))
                if len(found) >= _MOST_HITS:
                    return found
        return found

    def _similar(self, wanted: Sequence[str]) -> Iterator[Match]:
        """Runs of lines that differ from the quote in a few characters only."""
        text = " ".join(wanted)
        if len(text) > _LONGEST_FUZZY:
            return
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(text)
        for (number, first), _ in self._likely(wanted).most_common(_WINDOWS):
            run = self.folded[number]
            last = first + len(wanted) - 1
            if first < 0 or last >= len(run.starts):
                continue
            window = " ".join(run.line(position) for position in range(first, last + 1))
            if abs(len(window) - len(text)) > (1 - FUZZY) * 2 * max(len(window), len(text)):
                continue
            matcher.set_seq1(window)
            if matcher.quick_ratio() >= FUZZY and matcher.ratio() >= FUZZY and says_the_same(text, window):
                yield Match(SIMILAR, self._side, run.numbers[first], run.numbers[last], whole_lines=True)

    def _likely(self, wanted: Sequence[str]) -> Counter[tuple[int, int]]:
        """Where a quote may begin: run and position, by how many of its words are where they should be."""
        votes: Counter[tuple[int, int]] = Counter()
        for offset, line in enumerate(wanted):
            for word in set(_WORD.findall(line)):
                places = self.words.get(word, ())
                if len(places) <= _COMMON_WORD:
                    votes.update((number, position - offset) for number, position in places)
        return votes


_WORD = re.compile(r"\w+")


_TOKEN = re.compile(r"\w+|[^\w\s]")
_SLIPS = frozenset(";,.:)]}'\"`")
"""Marks that a quote may lack or have without saying something else."""
_TYPO = 0.6
"""How alike two words must be for one to be a slip for the other (0 to 1)."""


def says_the_same(quote: str, code: str) -> bool:
    """Whether a quote differs from the code by slips only: a misspelt word, a mark at an end.

    Another operator or keyword, or a word more or less, is another program: `and` for `or`, a lost `not`.
    """
    one, two = _TOKEN.findall(quote), _TOKEN.findall(code)
    if len(one) == len(two):
        return all(left == right or _is_slip(left, right) for left, right in zip(one, two, strict=True))
    for kind, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        left, right = one[a:b], two[c:d]
        if kind == "replace" and len(left) == len(right):
            if not all(map(_is_slip, left, right)):
                return False
        elif kind != "equal" and not _SLIPS.issuperset([*left, *right]):
            return False
    return True


def _is_slip(one: str, two: str) -> bool:
    if one in _SLIPS and two in _SLIPS:
        return True
    words = one.isidentifier() and two.isidentifier() and not {one, two} & _MEANING
    return words and SequenceMatcher(None, one, two, autojunk=False).ratio() >= _TYPO


_MEANING = frozenset(
    ["true", "false", "True", "False", "None", "null", "nil", "and", "or", "not", "in", "is"]
)


class Rows:
    """The rows of a file's hunks as a prompt shows them: removed and added lines one after another."""

    def __init__(self, change: FileChange) -> None:
        self._lines = [line for hunk in change.hunks for line in hunk.lines]
        numbered = [(number, fold_blanks(line.text)) for number, line in enumerate(self._lines)]
        self._run = _Run.of([(number, text) for number, text in numbered if text])

    def find(self, quote: Sequence[str]) -> list[Match]:
        """Places of a quote that goes over removed and added lines; they count by their added lines."""
        wanted = [line for line in map(fold_blanks, quote) if line]
        found: list[Match] = []
        if len(wanted) <= 1:
            return found
        for first, fills in self._run.occurrences("\n".join(wanted), len(wanted)):
            rows = [self._lines[number] for number in self._run.numbers[first : first + len(wanted)]]
            for side, numbers in (
                (Side.NEW, [row.new for row in rows if row.kind is LineKind.ADDED and row.new]),
                (Side.OLD, [row.old for row in rows if row.kind is LineKind.REMOVED and row.old]),
            ):
                if numbers and fills:
                    found.append(Match(_MIXED, side, min(numbers), max(numbers), whole_lines=False))
                    break
        return found


_MIXED = 3
"""Quality of a quote that goes over removed and added lines."""


class Lookup:
    """The versions of all files of a change, each prepared when it is first needed."""

    def __init__(self, changes: ChangeSet) -> None:
        self.changes = changes
        self._versions: dict[tuple[int, Side], Version] = {}
        self._rows: dict[int, Rows] = {}

    def version(self, change: FileChange, side: Side) -> Version:
        """One side of one file of this change."""
        key = (id(change), side)  # the change set keeps its files alive
        if key not in self._versions:
            self._versions[key] = Version(change, side)
        return self._versions[key]

    def rows(self, change: FileChange) -> Rows:
        """The rows of one file's hunks."""
        if id(change) not in self._rows:
            self._rows[id(change)] = Rows(change)
        return self._rows[id(change)]


def fold_blanks(text: str) -> str:
    """The text with runs of blanks as single ones and none at the ends."""
    return " ".join(text.split())

"""Watching an answer while it is written, so that one that will never end is stopped early."""

import zlib

_EVERY = 500
"""Characters between two looks at the end of the text."""
_BLANKS = 200
"""White space in a row; a grammar that allows any amount lets a model emit nothing else."""
_TAIL = 4000
_DENSITY = 0.05
"""Compressed share of the tail below which it says the same again and again."""
_LEAST_REPEATS, _SHORT_REPEATS = 3, 8
_LONG_PERIOD, _SHORT_SPAN = 80, 400
_PROBE = 40
_SPAN = 8000


class Watch:
    """Sees repetition, endless white space, and answers far beyond their limit.

    The thresholds are starting values from reports of such answers: good ones have compressed tails of a
    fifth or more of their length, and no more white space in a row than indented code has.
    """

    def __init__(self, most: int) -> None:
        """Watch one answer.

        Args:
            most: characters that it may have, thoughts included.
        """
        self._most = most
        self._size = 0
        self._tail = ""
        self._unseen = 0

    def add(self, piece: str) -> str:
        """Take the next piece; returns why the answer should be stopped, or an empty text."""
        self._size += len(piece)
        self._tail = (self._tail + piece)[-_SPAN:]
        self._unseen += len(piece)
        if self._size > self._most:
            return f"the answer is longer than {self._most:,} characters, far beyond its limit"
        if self._unseen < _EVERY:
            return ""
        self._unseen = 0
        return _problem(self._tail)


def _problem(tail: str) -> str:
    if len(tail) >= _BLANKS and not tail[-_BLANKS:].strip():
        return "the answer is nothing but white space"
    if len(tail) >= _TAIL and density(tail[-_TAIL:]) < _DENSITY:
        return "the answer repeats itself"
    return "the answer repeats itself" if _repeats(tail) else ""


def density(text: str) -> float:
    """Compressed length by length; low for text that says the same again and again."""
    data = text.encode("utf-8", "replace")
    return len(zlib.compress(data, 6)) / len(data)


def _repeats(tail: str) -> bool:
    """Whether the end is the same piece several times in a row; long pieces need fewer repetitions."""
    if len(tail) < _LONG_PERIOD * _LEAST_REPEATS:
        return False
    probe = tail[-_PROBE:]
    before = tail.rfind(probe, 0, len(tail) - 1)
    if before < 0:
        return False
    period = len(tail) - _PROBE - before
    times = _LEAST_REPEATS if period >= _LONG_PERIOD else _repeats_wanted(period)
    length = period * times
    return length <= len(tail) and tail[-length:] == tail[-period:] * times


def _repeats_wanted(period: int) -> int:
    """For short pieces at least eight, and enough of them to rule out a line of dashes in quoted code."""
    return max(_SHORT_REPEATS, -(-_SHORT_SPAN // period))

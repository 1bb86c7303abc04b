"""What all readers of answers do alike: collect pieces, see when one will not end, and say how it ended."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from reviewer.changes.text import encodable
from reviewer.errors import ContentRefusedError, EndlessError, IncompleteStreamError
from reviewer.models.failures import classify
from reviewer.models.model import Finish, Reply, Usage
from reviewer.models.providers.base import Ask, Reader, asked_of, json_or_none
from reviewer.models.watch import Watch

_CHARACTERS_A_TOKEN = 12
"""More than any language or code has; for bounding an answer by its limit in tokens."""
_LEAST = 20_000
_SHOWN_REFUSAL = 300


class Gathering:
    """What has come of one answer: text, thoughts, why it ended, and what it took."""

    def __init__(self, ask: Ask) -> None:
        self.name = ask.endpoint.name
        self.finish: Finish | None = None
        self.ended = False
        self.model = ""
        self.usage = Usage()
        self.refusal = ""
        self._text: list[str] = []
        self._thoughts: list[str] = []
        most = max(_LEAST, ask.cap * _CHARACTERS_A_TOKEN)
        self._watches = (Watch(most), Watch(most))

    @property
    def partial(self) -> str:
        """The text that has come so far."""
        return "".join(self._text)

    @property
    def finished(self) -> bool:
        """Whether the end has come."""
        return self.ended or self.finish not in {None, Finish.ERROR}

    def add(self, text: str = "", thoughts: str = "") -> None:
        """Take a piece of the answer, or of the thoughts before it.

        Raises:
            EndlessError: it repeats itself or is far longer than it may be.
        """
        self._text.append(text)
        self._thoughts.append(thoughts)
        for piece, watch in zip((text, thoughts), self._watches, strict=True):
            problem = watch.add(piece) if piece else ""
            if problem and not self.ended:
                raise EndlessError(f"{self.name}: {problem}; it was stopped", partial=self.partial)

    def incomplete(self, why: str) -> IncompleteStreamError:
        """The error for an answer that broke off."""
        return IncompleteStreamError(f"{self.name}: {why}", partial=self.partial)

    def reply(self) -> Reply:
        """The answer, once everything has been fed.

        Raises:
            IncompleteStreamError: the end never came.
            ContentRefusedError: the model or a filter refused.
        """
        if self.finish is Finish.ERROR:
            raise self.incomplete("the answer broke off with an error behind the server")
        if self.finish is None and not self.ended:
            raise self.incomplete("the answer broke off before its end")
        if self.refusal:
            said = self.refusal[:_SHOWN_REFUSAL]
            raise ContentRefusedError(f"{self.name}: the model refused: {said}")
        if self.finish is Finish.FILTERED:
            raise ContentRefusedError(f"{self.name}: a content filter stopped the answer")
        return Reply(
            text=encodable(self.partial),
            reasoning=encodable("".join(self._thoughts)),
            finish=self.finish or Finish.UNKNOWN,
            usage=self.usage,
            model=encodable(self.model),
        )


class JsonReader(Reader):
    """Reads answers whose events are JSON objects; a protocol says what it takes from one."""

    def __init__(self, ask: Ask) -> None:
        self.asked = asked_of(ask.endpoint, ask.model.name)
        self.got = Gathering(ask)

    @property
    def finished(self) -> bool:
        """Whether the end of the answer has come."""
        return self.got.finished

    @property
    def partial(self) -> str:
        """The text that has come so far."""
        return self.got.partial

    def event(self, data: str) -> bool:
        """Take the data of one event; True when it says that nothing follows."""
        if not data.strip():
            return False
        chunk = json_or_none(data)
        if not isinstance(chunk, dict):
            raise self.got.incomplete("the stream holds something that is not a JSON object")
        if self.failed(chunk):
            raise classify(self.asked, 200, data, None)
        return self.take(chunk)

    def reply(self) -> Reply:
        """The answer, once everything has been fed."""
        return self.got.reply()

    def failed(self, data: Mapping[str, Any]) -> bool:
        """Whether there is an error inside a success."""
        return bool(data.get("error"))

    @abstractmethod
    def take(self, chunk: Mapping[str, Any]) -> bool:
        """Take one event; True when it says that nothing follows."""

    @abstractmethod
    def body(self, text: str) -> None:
        """Take a whole body instead of events."""

"""What is done to everything before it leaves the machine, and who is told: secrets out, and a list of it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reviewer.changes.changeset import ChangeSet
from reviewer.models.model import Endpoint
from reviewer.prompting.hidden import Unhider
from reviewer.prompting.prompt import Prompt
from reviewer.prompting.redact import Redactor

Note = Callable[[Mapping[str, Any]], None]
"""Writes a line of the list of what was sent."""


@dataclass(slots=True)
class Shield:
    """Stands between this program and the servers of one run.

    Attributes:
        redactor: takes out secrets, the same for all servers.
        unhider: shows what hides.
        note: writes a line for every prompt that is sent, or None.
        time: when it is, for that.
    """

    redactor: Redactor
    unhider: Unhider = field(default_factory=Unhider)
    note: Note | None = None
    time: Callable[[], str] = field(default=lambda: "")

    @classmethod
    def of(cls, keys: Iterable[str], note: Note | None, time: Callable[[], str]) -> "Shield":
        """A shield that knows this program's own keys."""
        return cls(Redactor(keys), note=note, time=time)

    def learn(self, changes: ChangeSet) -> None:
        """Look at a whole change before anything of it is sent."""
        self.redactor.learn(changes)

    def covered(self, prompt: Prompt, endpoint: Endpoint) -> Prompt:
        """The prompt as it may go to a server."""
        shown = self.unhider.prompt(prompt)
        return self.redactor.prompt(shown) if endpoint.redact else shown

    def covered_text(self, text: str, endpoint: Endpoint) -> str:
        """A text as it may go to a server."""
        return self.redactor.redact(text) if endpoint.redact else text

    def uncovered(self, text: str) -> str:
        """What came back, with the true values in it."""
        return self.unhider.hide(self.redactor.restore(text))

    def tell(self, prompt: Prompt, endpoint: Endpoint, model: str) -> None:
        """Note that a prompt is sent: where to and what, by hashes; nothing of its content."""
        if self.note is None:
            return
        texts = [message.text for message in prompt.messages]
        self.note(
            {
                "time": self.time(),
                "provider": endpoint.name,
                "address": endpoint.address,
                "model": model,
                "prompt": prompt.label,
                "purpose": prompt.purpose.value,
                "characters": sum(map(len, texts)),
                "tokens": prompt.tokens,
                "sha256": hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest(),
                "files": list(prompt.paths),
                "secrets": "taken out" if endpoint.redact else "sent as they are: this server is exempt",
                "stand_ins": dict(self.redactor.stand_ins(texts)),
            }
        )

"""Prepared replies in place of a model, for demonstrations and tests; records the prompts it gets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reviewer.errors import ConfigError, ModelMissingError
from reviewer.models.model import USUAL, Backend, Manner, ModelInfo, Reply, Usage
from reviewer.prompting.prompt import Prompt, Purpose

_SUFFIXES = (".json", ".txt", ".md")


class Scripted(Backend):
    """Answers each role with its prepared replies, in turn; the last one is repeated.

    Attributes:
        prompts: what it was asked, in order.
    """

    def __init__(self, replies: Mapping[str, Sequence[str]]) -> None:
        self._replies = {name: list(texts) for name, texts in replies.items()}
        self._asked: dict[str, int] = {}
        self.prompts: list[Prompt] = []

    @classmethod
    def from_folder(cls, folder: Path) -> "Scripted":
        """Read `ROLE.json` (or `.txt`, `.md`), further replies from `ROLE.2.json` and so on.

        `ROLE.verdict.json` holds the closing opinion for changes that need several prompts; `default`
        stands for roles that have no reply of their own.

        Raises:
            ConfigError: the folder is missing or empty.
        """
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder with prepared replies.")
        found: dict[str, list[str]] = {}
        for file in sorted(folder.iterdir()):
            if file.suffix in _SUFFIXES:
                name, _, number = file.stem.rpartition(".")
                key = name if name and number.isdigit() else file.stem
                found.setdefault(key, []).append(file.read_text("utf-8"))
        if not found:
            raise ConfigError(f"{folder}: holds no prepared replies such as architecture.json.")
        return cls(found)

    def has(self, role: str) -> bool:
        """Whether a reply is prepared for a role."""
        return role in self._replies or "default" in self._replies

    async def list_models(self) -> tuple[ModelInfo, ...] | None:
        """Any name will do."""
        return None

    async def ask(self, model: str, prompt: Prompt, manner: Manner = USUAL) -> Reply:
        """The next prepared reply for the prompt's role."""
        del manner  # what is prepared is said
        self.prompts.append(prompt)
        suffix = ".verdict" if prompt.purpose is Purpose.VERDICT else ""
        key = next((k for k in (f"{prompt.role}{suffix}", f"default{suffix}") if k in self._replies), None)
        if key is None:
            raise ModelMissingError(f"no reply is prepared for {prompt.role}{suffix}")
        number = self._asked.get(key, 0)
        self._asked[key] = number + 1
        texts = self._replies[key]
        text = texts[min(number, len(texts) - 1)]
        return Reply(text=text, usage=Usage(prompt.tokens, len(text) // 4), model=model)

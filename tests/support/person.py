"""Somebody who answers prompts, or fails, as a test tells."""

from reviewer.models.model import USUAL, Backend, Manner, ModelInfo, Reply
from reviewer.prompting.prompt import Prompt


class Person(Backend):
    """Answers, or fails, in turn as told; the last outcome repeats. A text is an answer."""

    def __init__(self, *outcomes: str | Reply | Exception) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[Prompt] = []
        self.manners: list[Manner] = []

    async def list_models(self) -> tuple[ModelInfo, ...] | None:
        return None

    async def ask(self, model: str, prompt: Prompt, manner: Manner = USUAL) -> Reply:
        del model  # this person plays all models of a provider
        self.manners.append(manner)
        self.asked.append(prompt)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return Reply(outcome) if isinstance(outcome, str) else outcome

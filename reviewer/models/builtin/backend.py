"""The built-in reviewer as a Backend: the same prompts in, the same reply type out."""

import anyio
from anyio import to_thread

from reviewer.changes.changeset import FileKind
from reviewer.errors import ModelMissingError
from reviewer.models.builtin.observation import Observation, Source, source_of
from reviewer.models.model import USUAL, Backend, Manner, ModelInfo, Reply
from reviewer.prompting.contract import (
    AskedFinding,
    AskedRecommendation,
    AskedReview,
    AskedVerdict,
    Severity,
)
from reviewer.prompting.prompt import Prompt, Purpose
from reviewer.prompting.role import ModelKind

MODEL = "rules"
_COST = {Severity.CRITICAL: 3.0, Severity.MAJOR: 1.5, Severity.MINOR: 0.5}
_ABOUT = "Made by mechanical rules, without understanding of the code."


class BuiltIn(Backend):
    """Answers prompts with mechanical rules, one at a time: some analysers have global settings."""

    def __init__(self) -> None:
        self._turn = anyio.Lock()

    async def list_models(self) -> tuple[ModelInfo, ...] | None:
        """The only one."""
        return (ModelInfo(MODEL, loaded=True),)

    async def ask(self, model: str, prompt: Prompt, manner: Manner = USUAL) -> Reply:
        """Look at the part that the prompt shows."""
        del manner  # there is only one
        if model != MODEL:
            raise ModelMissingError(f"builtin has only the model {MODEL!r}")
        if prompt.purpose is Purpose.VERDICT or prompt.batch is None:
            # The program computes a better opinion on the whole from the parts than rules could.
            verdict = AskedVerdict(strengths=[], recommendations=[], summary=_ABOUT, rating=0)
            return Reply(text=verdict.model_dump_json(exclude={"rating"}), model=model)
        async with self._turn:
            review = await to_thread.run_sync(_review, prompt, abandon_on_cancel=True)
        return Reply(text=review.model_dump_json(), model=model)


def _review(prompt: Prompt) -> AskedReview:
    batch = prompt.batch
    sections = batch.sections if batch else ()
    # What a link leads to is no code, whatever its name is.
    sources = [source_of(s.change) for s in sections if s.change.kind is not FileKind.SYMLINK]
    others = batch.others if batch else ()
    # Whether a change has tests is a question about the whole of it, asked with its first part.
    whole = batch is not None and batch.index == 1 and not batch.snapshot
    observations = _observe(sources, others if whole else None, prompt.kind)
    unread = sum(source.text is None for source in sources)
    summary = f"{_ABOUT} {len(observations)} of its rules apply to {len(sources)} changed files."
    if unread:
        summary += (
            f" The whole text of {unread} of them was not at hand, so that only single lines were checked."
        )
    severities = {item.severity for item in observations}
    advice = []
    if Severity.CRITICAL in severities or Severity.MAJOR in severities:
        advice = [
            AskedRecommendation(
                text="Settle critical and major findings before merging.", horizon="immediate"
            )
        ]
    return AskedReview(
        files_reviewed=list(batch.paths) if batch else [],
        findings=[_finding(item) for item in observations],
        strengths=[],
        recommendations=advice,
        summary=summary,
        rating=max(1, round(10 - sum(_COST[item.severity] for item in observations))),
    )


def _observe(sources: list[Source], others: tuple[str, ...] | None, kind: ModelKind) -> list[Observation]:
    """What the analysers of one kind of role see; a general role gets all of them."""
    # Analysers are slow to import, and listing the model needs none.
    from reviewer.models.builtin import complexity, leftovers, ruff_rules, secrets

    found: list[Observation] = []
    wanted = {kind} if kind is not ModelKind.GENERAL else {*ModelKind}
    found += ruff_rules.find(sources)
    if ModelKind.REASONING in wanted:
        found += secrets.find(sources)
        found += complexity.find(sources)
    if ModelKind.CODING in wanted:
        found += leftovers.find(sources)
    if ModelKind.THINKING in wanted and others is not None:
        found += leftovers.untested(sources, others)
    kept = [item for item in found if item.kind in wanted]
    return sorted(kept, key=lambda item: (item.severity.rank, item.path, item.line, item.title))


def _finding(item: Observation) -> AskedFinding:
    return AskedFinding(
        file=item.path,
        line=item.line,
        quote=item.quote,
        failure_scenario=item.scenario,
        explanation=item.explanation,
        title=item.title,
        category=item.category,
        severity=item.severity.value,
        recommendation=item.recommendation,
        suggestion=None,
        confidence="high",
    )

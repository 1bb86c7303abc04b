"""Asking one model for the summary and the priority actions, from merged and checked findings only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from reviewer.asking import answer_of
from reviewer.crew import Crew
from reviewer.errors import PromptTooLongError
from reviewer.events import RoleFinished, RoleStarted
from reviewer.findings.finding import RULES, Finding
from reviewer.findings.synthesis import read_synthesis
from reviewer.models.answer import Journal
from reviewer.models.model import ModelRef
from reviewer.outputs.report import Report, Synthesis
from reviewer.outputs.summary import labels_of
from reviewer.prompting.contract import AskedSynthesis, describe
from reviewer.prompting.prompt import Prompt, Purpose, Wording, assembled, marker_for
from reviewer.prompting.tokens import estimate_tokens

ROLE = "synthesis"
TEMPLATE = "partials/synthesis.md.j2"
_FINDINGS_TOKENS = 8000
_OUTPUT_TOKENS = 6144


@dataclass(slots=True)
class Writing:
    """What came of asking for a synthesis.

    Attributes:
        synthesis: the synthesis, or why there is none; None if nobody was asked.
        journals: what happened to the prompt.
        bugs: errors that nobody expected.
        prompts, tokens: how many prompts were made, and what they were estimated to have.
    """

    synthesis: Synthesis | None = None
    journals: list[Journal] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)
    prompts: int = 0
    tokens: int = 0


async def write(report: Report, crew: Crew, models: Sequence[ModelRef], record: Writing) -> None:
    """Ask for a synthesis of a report's findings; what comes of it goes into the record."""
    if not report.findings or not models:
        return
    labels = {label: id_ for id_, label in labels_of(report.findings).items()}
    crew.asker.listener(RoleStarted(ROLE, str(models[0]), 1))
    prompt = _prompt(report, crew.wording)
    journal = Journal()
    record.journals.append(journal)
    record.prompts, record.tokens = 1, prompt.tokens
    read = partial(read_synthesis, labels=labels)
    try:
        answer = await answer_of(crew, prompt, crew.candidates(models), journal, read, bugs=record.bugs)
    except PromptTooLongError as error:
        answer = str(error)
    if isinstance(answer, str):
        record.synthesis = Synthesis(problem=answer)
    else:
        said = answer.value
        record.synthesis = Synthesis(str(answer.model), said.sentences, said.actions)
    crew.asker.listener(RoleFinished(ROLE, "failed" if isinstance(answer, str) else "completed"))


def _prompt(report: Report, wording: Wording) -> Prompt:
    """The prompt with the findings, the weightiest first, as many as fit."""
    labels = labels_of(report.findings)
    rows: list[str] = []
    left = _FINDINGS_TOKENS
    for finding in report.findings:
        row = _row(labels[finding.id], finding)
        left -= estimate_tokens(row)
        if left < 0:
            rows.append(f"({len(report.findings) - len(rows)} more findings of less weight are not shown.)")
            break
        rows.append(row)
    text = "\n\n".join(rows)
    variables = {
        "findings": text,
        "snapshot": report.target.snapshot,
        "marker": marker_for(text),
        "contract": describe(AskedSynthesis),
    }
    source = "{% extends '" + TEMPLATE + "' %}"
    system, user = (
        wording.templates.render_block(source, block, variables, name=TEMPLATE)
        for block in ("system", "user")
    )
    return assembled(Purpose.SYNTHESIS, (system, user), role=ROLE, label=ROLE, output_tokens=_OUTPUT_TOKENS)


def _row(label: str, finding: Finding) -> str:
    models = [name for name in finding.votes if not name.startswith(RULES)]
    said = [f"{len(models)} models say so"] if len(models) > 1 else []
    said += [finding.verdict.value] if finding.ruling else []
    place = f"{finding.path}:{finding.line}"
    facts = ", ".join([str(finding.severity), finding.category, place, *said])
    parts = [finding.explanation, finding.failure_scenario, finding.recommendation]
    return f"{label} ({facts}): {finding.title}. {' '.join(part for part in parts if part)}"

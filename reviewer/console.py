"""The terminal: live progress and a short summary on standard error. The only module that imports rich."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, assert_never

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from reviewer.events import (
    Adapted,
    BreakerChanged,
    Corrected,
    Divided,
    Event,
    FailedOver,
    Interrupted,
    PromptAnswered,
    PromptFailed,
    PromptSent,
    RequestEnded,
    Retrying,
    RoleFinished,
    RoleStarted,
    SlowedDown,
)
from reviewer.outputs.neutral import named, spoken
from reviewer.outputs.report import Outcome, Report, RoleReview, Status
from reviewer.outputs.summary import comparison_in_words, gate_in_words, verification_in_words
from reviewer.outputs.wording import counted, few
from reviewer.prompting.contract import Severity

_STYLES = {
    Status.CLEAN: "bold green",
    Status.FINDINGS: "bold yellow",
    Status.INCOMPLETE: "bold red",
    Status.NOTHING: "bold",
}
_SHOWN_MISSING = 5
_SHOWN_FINDINGS = 10
_SHOWN_LEFT_OUT = 2


@dataclass(frozen=True, slots=True)
class Chatter:
    """How much to say.

    Attributes:
        quiet: only errors.
        verbose: every request as a line.
        color: False without colours; None lets the terminal decide (`NO_COLOR` is obeyed).
    """

    quiet: bool = False
    verbose: bool = False
    color: bool | None = None


class _Screen(Console):
    """A console that falls silent when nobody reads it any more; the review goes on."""

    def on_broken_pipe(self) -> None:
        """The reader has gone."""
        self.quiet = True

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, unless it cannot be written any more."""
        try:
            super().print(*objects, **options)
        except OSError:
            self.quiet = True


class Terminal:
    """Says what happens while a review runs, and what came of it."""

    def __init__(self, chatter: Chatter) -> None:
        self.chatter = chatter
        self._console = _Screen(
            stderr=True, no_color=True if chatter.color is False else None, highlight=False, soft_wrap=True
        )
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def say(self, text: str) -> None:
        """A line for the user, unless they want quiet."""
        if not self.chatter.quiet:
            self._console.print(Text(spoken(text)))

    def fail(self, text: str) -> None:
        """A line about something that went wrong, also for users who want quiet."""
        self._console.print(Text(spoken(text)))

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show progress for each role while the context lasts, if anybody can see it."""
        if self.chatter.quiet or self.chatter.verbose or not self._console.is_terminal:
            yield
            return
        columns = (
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=12),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            # Takes the room that is left, so that a long name or reason does not push out the rest.
            TextColumn(
                "{task.fields[state]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
        )
        with Progress(*columns, console=self._console, transient=True, expand=True) as progress:
            self._progress = progress
            yield
        self._progress = None

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show what is waited for while the context lasts, if anybody can see it."""
        if self.chatter.quiet or not self._console.is_terminal:
            yield
            return
        with self._console.status(Text(spoken(text)), spinner="line"):
            yield

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        if self._progress is not None:
            self._show(event, self._progress)
        elif self.chatter.verbose and not self.chatter.quiet:
            self._console.print(Text(spoken(_line(event))))

    def _show(self, event: Event, progress: Progress) -> None:
        match event:
            case RoleStarted(role, model, prompts):
                self._tasks[role] = progress.add_task(role, total=prompts, state=Text(spoken(model)))
            case Interrupted(reason):
                progress.console.print(Text(spoken(f"stopping: {reason}")))
            case PromptAnswered(role) | PromptFailed(role):
                self._advance(self._tasks[role], progress)
                progress.update(self._tasks[role], state=Text(spoken(_brief(event))))
            case RoleFinished(role, outcome):
                progress.update(self._tasks[role], state=Text(outcome))
            case PromptSent() | Retrying() | Corrected() | Adapted() | Divided() | FailedOver():
                progress.update(self._tasks[event.role], state=Text(spoken(_brief(event))))
            case RequestEnded():
                pass
            case BreakerChanged() | SlowedDown():
                progress.console.print(Text(spoken(_line(event))))
            case _:
                assert_never(event)

    @staticmethod
    def _advance(task: TaskID, progress: Progress) -> None:
        """One more prompt is settled; there are more than planned where a server found one too long."""
        known = progress.tasks[progress.task_ids.index(task)]
        done = known.completed + 1
        progress.update(task, completed=done, total=max(done, known.total or 0))

    def summary(self, report: Report) -> None:
        """A few lines about the result."""
        if self.chatter.quiet:
            if report.status is Status.INCOMPLETE:
                self.fail(f"{report.target.title}: {report.summary}")
                for row in islice(_missing(report), 1):
                    self.fail(row)
            return
        line = Text("Review of ")
        line.append(spoken(report.target.title))
        line.append(": ")
        line.append(report.status.value, style=_STYLES[report.status])
        self._console.print(line)
        if report.reviews and report.status is not Status.NOTHING:
            self._console.print(_table(report))
        self._console.print(Text(spoken(report.summary)))
        if checked := verification_in_words(report.verification):
            self._console.print(Text(spoken(checked)))
        if compared := comparison_in_words(report.comparison):
            self._console.print(Text(spoken(compared)))
        if report.gate.fail_on is not None:
            self._console.print(Text(gate_in_words(report.gate)))
        for row in [*_worst(report), *_missing(report)]:
            self._console.print(Text(spoken(row)))
        if not report.language_model:
            self._console.print(Text("No language model was reached: only mechanical rules were applied."))


def _worst(report: Report) -> Iterator[str]:
    """The findings that somebody should look at first, one in a line."""
    worth = [finding for finding in report.findings if finding.severity is not Severity.MINOR]
    for finding in worth[:_SHOWN_FINDINGS]:
        yield f"  {named(finding.path)}:{finding.line}: {finding.severity}: {finding.title}"
    if len(worth) > _SHOWN_FINDINGS:
        yield f"  and {len(worth) - _SHOWN_FINDINGS} more that are not minor"


def _missing(report: Report) -> Iterator[str]:
    """What was not reviewed, and why reviewers did not complete."""
    groups: dict[tuple[str, str], list[str]] = {}
    for part in report.coverage.skipped:
        if not part.expected:
            groups.setdefault((part.role, part.reason), []).append(named(part.path))
    rows = []
    for (role, reason), paths in groups.items():
        what = paths[0] if len(paths) == 1 else f"{paths[0]} and {counted(len(paths) - 1, 'more file')}"
        rows.append(f"not reviewed{f' by {role}' if role else ''}: {what}: {reason}")
    out = [part for part in report.coverage.skipped if part.expected and not part.role]
    if out:
        rows.append(
            f"left out: {few([f'{named(part.path)} ({part.reason})' for part in out], _SHOWN_LEFT_OUT)}"
        )
    said = {reason for _, reason in groups}
    rows += [
        f"{review.title} is {review.status}: {reason}"
        for review in report.reviews
        if review.status in {Outcome.PARTIAL, Outcome.FAILED}
        for reason in review.reasons
        if not any(reason.endswith(known) for known in said)
    ]
    yield from rows[:_SHOWN_MISSING]
    if len(rows) > _SHOWN_MISSING:
        yield f"and {counted(len(rows) - _SHOWN_MISSING, 'more reason')}, named in the report"


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("Reviewer")
    table.add_column("Model", overflow="fold")
    table.add_column("Rating", justify="right")
    for severity in Severity:
        table.add_column(severity.value.capitalize(), justify="right")
    table.add_column("Status")
    for review in report.reviews:
        counts = [str(_count(report, review, severity)) for severity in Severity]
        rating = f"{review.rating}/10" if review.rating else "none"
        style = "" if review.status in {Outcome.COMPLETED, Outcome.SKIPPED} else "red"
        model = review.model
        if review.planned_model not in model.split(", "):
            model += f" instead of {review.planned_model}"
        cells = (review.title, model, rating, *counts)
        table.add_row(*(Text(spoken(cell)) for cell in cells), Text(review.status.value, style=style))
    return table


def _count(report: Report, review: RoleReview, severity: Severity) -> int:
    return sum(
        voice.role == review.role and voice.severity is severity
        for finding in report.findings
        for voice in finding.voices
    )


_Shown = PromptSent | PromptAnswered | PromptFailed | Retrying | Corrected | Adapted | Divided | FailedOver


def _brief(event: _Shown) -> str:
    """An event beside the bar of its role."""
    part = event.label.removeprefix(event.role).strip().partition("/")[0]
    part = f"part {part}" if part.isdigit() else part
    match event:
        case PromptSent():
            said = f"asking {event.model}"
        case PromptAnswered():
            said = f"answered by {event.model}"
        case PromptFailed():
            said = f"failed: {event.reason}"
        case Retrying():
            said = f"again in {event.wait:.0f} s: {event.reason}"
        case Corrected():
            said = "asked to correct its answer"
        case Adapted():
            said = f"again {event.how}: {event.reason}"
        case Divided():
            said = f"divided into {event.pieces}: {event.reason}"
        case FailedOver():
            said = f"goes to {event.successor}: {event.reason}"
        case _:
            assert_never(event)
    return f"{part}: {said}" if part else said


def _line(event: Event) -> str:
    """An event in one line."""
    match event:
        case RoleStarted(role, model, prompts):
            return f"{role}: using model {model}, {counted(prompts, 'prompt')}"
        case RoleFinished(role, outcome):
            return f"{role}: {outcome}"
        case Interrupted(reason):
            return f"stopping: {reason}"
        case BreakerChanged(model, state, reason):
            return f"{model} is left alone for a while: {reason}" if reason else f"{model} is {state} again"
        case SlowedDown(provider, limit, wait):
            held = f", none for {wait:.0f} s" if wait else ""
            return f"{provider} asks for patience: {counted(limit, 'request')} at once from now on{held}"
        case _:
            return _prompt_line(event)


def _prompt_line(event: _Shown | RequestEnded) -> str:
    """What happened to one prompt, in one line."""
    match event:
        case PromptSent(_, label, model, tokens):
            return f"{label}: sent about {tokens:,} tokens to {model}"
        case PromptAnswered(_, label, model, seconds):
            return f"{label}: {model} answered after {seconds:.1f} s"
        case PromptFailed(_, label, reason):
            return f"{label}: failed: {reason}"
        case Retrying(_, label, _, reason, wait):
            return f"{label}: trying again in {wait:.1f} s: {reason}"
        case Corrected(_, label, _, reason):
            return f"{label}: asked for a corrected answer: {reason}"
        case RequestEnded(_, label, model, seconds, problem):
            return f"{label}: {model}: {problem or 'answer'} after {seconds:.1f} s"
        case Adapted(_, label, model, how, reason):
            return f"{label}: asking {model} again {how}: {reason}"
        case Divided(_, label, model, pieces, reason):
            return f"{label}: divided into {counted(pieces, 'piece')} for {model}: {reason}"
        case FailedOver(_, label, model, successor, reason):
            return f"{label}: {model} given up, asking {successor}: {reason}"
        case _:
            assert_never(event)

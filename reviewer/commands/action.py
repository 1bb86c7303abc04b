"""`reviewer action`: one step of a GitHub workflow, from its event to comments, outputs and exit status."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from reviewer.changes.collect import collect
from reviewer.changes.git import Repository
from reviewer.ci import Ci, ci_of
from reviewer.circumstances import circumstances
from reviewer.commands.conducting import Session
from reviewer.commands.pulling import Pulled, pulled, repository_at, where_of
from reviewer.commands.reviewing import check_models, nothing_to_review, ready, selection_of
from reviewer.commands.setup import Setup, chosen_roles, known_keys, own_keys, place_of, prepare
from reviewer.config.environment import process_environment
from reviewer.config.layers import ACTION
from reviewer.console import Chatter, Terminal
from reviewer.errors import UnavailableError, UntrustedError, UsageError, UserError
from reviewer.exits import GATE, INCOMPLETE, OK, USAGE
from reviewer.hosts.connect import connected, token_of
from reviewer.hosts.host import CodeHost
from reviewer.models.answer import Clock
from reviewer.options import Common, RunOptions
from reviewer.outputs import annotations, json_report, markdown
from reviewer.outputs.annotations import command
from reviewer.outputs.files import write
from reviewer.outputs.neutral import visible
from reviewer.outputs.registry import FORMS
from reviewer.outputs.report import Report, Status
from reviewer.outputs.scrub import scrubbed
from reviewer.outputs.wording import counted
from reviewer.prompting.contract import Severity
from reviewer.prompting.redact import Redactor
from reviewer.publishing.bodies import State, summary_body
from reviewer.publishing.publish import publish, why_not
from reviewer.signals import stop_signals

_MODES = ("all", "review", "publish")
_MOST_SUMMARY = 1000 * 1024
"""Bytes; GitHub drops a longer summary of a step as a whole."""
_FORMS = ("md", "json", "sarif")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The action's inputs, as the workflow gave them.

    Attributes:
        values: by the names that they have in `action.yml`; what was not given is not there.
    """

    values: Mapping[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Inputs":
        """From the variables that `action.yml` maps them to."""
        given = {
            name: value for name, value in environment.items() if name.startswith(ACTION) and value.strip()
        }
        return cls(
            {name.removeprefix(ACTION).lower().replace("_", "-"): given[name].strip() for name in given}
        )

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        return self.values.get(name, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes or no: inputs are texts.

        Raises:
            UsageError: it is neither.
        """
        value = self.text(name, "true" if default else "false").lower()
        if value not in {"true", "false"}:
            raise UsageError(f"input {name}: {value!r} is neither true nor false.")
        return value == "true"

    def rows(self, name: str) -> tuple[str, ...]:
        """Lines, or parts between commas."""
        return tuple(
            part.strip() for line in self.text(name).split("\n") for part in line.split(",") if part.strip()
        )


@dataclass(slots=True)
class Workflow:
    """What a step can say to the workflow around it.

    Attributes:
        environment: the process's variables.
        outputs: what the step gives to later ones.
    """

    environment: Mapping[str, str]
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where files go that later steps may read."""
        return Path(self.environment.get("RUNNER_TEMP") or ".") / "reviewer"

    def note(self, kind: str, text: str, **properties: str | int) -> None:
        """An annotation: `notice`, `warning` or `error`."""
        sys.stdout.write(f"{command(kind, visible(text), **properties)}\n")
        sys.stdout.flush()

    @contextmanager
    def muted(self) -> Iterator[None]:
        """While this lasts, nothing that is printed is a command to the runner: it may be anybody's words."""
        token = secrets.token_hex(16)
        sys.stdout.write(f"::stop-commands::{token}\n")
        sys.stdout.flush()
        try:
            yield
        finally:
            sys.stderr.flush()
            sys.stdout.write(f"\n::{token}::\n")
            sys.stdout.flush()

    def finish(self) -> None:
        """Write the outputs: each between delimiters that nobody can guess."""
        place = self.environment.get("GITHUB_OUTPUT", "")
        if not place:
            return
        with Path(place).open("a", encoding="utf-8", errors="backslashreplace") as file:
            for name, value in self.outputs.items():
                delimiter = f"end-{secrets.token_hex(16)}"
                file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def summarise(self, report: Report) -> None:
        """Show the report on the page of the run; where it is too long for that, its short form."""
        place = self.environment.get("GITHUB_STEP_SUMMARY", "")
        if not place:
            return
        text = markdown.render(report)
        if len(text.encode("utf-8", "backslashreplace")) > _MOST_SUMMARY:
            text = summary_body(report, State())
        with Path(place).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


def action(clock: Clock | None = None) -> int:
    """Do what the workflow asks for; returns the exit status. What somebody has to mend is an annotation."""
    environment = process_environment()
    workflow = Workflow(environment, {"status": "skipped"})
    try:
        return anyio.run(_act, Inputs.of(environment), workflow, clock or Clock())
    except UserError as error:
        workflow.note("error", str(error), title="reviewer")
        return USAGE
    finally:
        workflow.finish()


async def _act(inputs: Inputs, workflow: Workflow, clock: Clock) -> int:
    mode = inputs.text("mode", "all")
    if mode not in _MODES:
        raise UsageError(f"input mode: {mode!r} is none of {', '.join(_MODES)}.")
    ci = ci_of(workflow.environment) or Ci()
    if why := _why_skipped(ci, inputs):
        workflow.note("notice", f"Not reviewed: {why}.", title="reviewer")
        return OK
    repository = repository_at(Path.cwd())
    number = inputs.text("pull-request") or str(ci.pull_request.number if ci.pull_request else "")
    if not number:
        raise UsageError(
            f"the event {ci.event_name or 'is none, and it'} has no pull request; run on `pull_request`, or "
            "give the input pull-request."
        )
    place = where_of(number, repository, workflow.environment)
    async with connected(place, token_of(place, workflow.environment), clock) as host:
        job = _Job(ci, inputs, workflow, clock)
        report = await _report(host, place.number, job)
        if report is None:
            return OK
        _put_out(report, workflow)
        if mode != "publish":
            workflow.summarise(report)
        if mode != "review" and inputs.flag("comment", default=True):
            await _tell(host, place.number, report, job)
    return _status(report, inputs, workflow)


@dataclass(frozen=True, slots=True)
class _Job:
    """What a step was started with."""

    ci: Ci
    inputs: Inputs
    workflow: Workflow
    clock: Clock


async def _report(host: CodeHost, number: int, job: _Job) -> Report | None:
    """The report to go on with; None if there is none, which is said.

    Raises:
        UnavailableError: there is no model to ask, although there could be.
    """
    inputs, workflow = job.inputs, job.workflow
    if inputs.text("mode") == "publish":
        return _loaded(inputs, workflow)
    found = await pulled(host, number, repository_at(Path.cwd()))
    try:
        with workflow.muted():
            return await _reviewed(found, inputs, workflow, job.clock)
    except (UnavailableError, UntrustedError) as error:
        if not job.ci.has_no_secrets:
            raise
        why = f"Not reviewed: this change has no access to keys. {error}"
        workflow.note("notice", why, title="reviewer")
        return None


async def _tell(host: CodeHost, number: int, report: Report, job: _Job) -> None:
    """Post what there is to post, or else show it as annotations."""
    # The token of a change from outside may not write: what it may not do is not tried.
    may_write = job.ci.event_name != "pull_request" or not job.ci.has_no_secrets
    if may_write:
        check = job.inputs.flag("check")
        may_write = await _published(host, number, report, job.workflow, check=check)
    if not may_write:
        sys.stdout.write(annotations.render(report))
        sys.stdout.flush()


def _why_skipped(ci: Ci, inputs: Inputs) -> str:
    """Why there is nothing to do, or an empty text.

    Raises:
        UsageError: untrusted code is checked out where secrets are.
    """
    event = ci.pull_request
    if event is None:
        return ""
    if event.action == "closed":
        return f"pull request {event.number} is closed"
    if event.draft and not inputs.flag("drafts"):
        return f"pull request {event.number} is a draft (input drafts)"
    if ci.event_name == "pull_request_target" and _checked_out(event.head):
        raise UsageError(
            "the head of the pull request is checked out under pull_request_target, beside secrets and a "
            "token that may write. Check out nothing, or the base: the change is read through the API."
        )
    return ""


def _checked_out(commit: str) -> bool:
    repository: Repository | None = repository_at(Path.cwd())
    return repository is not None and repository.line("rev-parse", "HEAD") == commit


async def _reviewed(found: Pulled, inputs: Inputs, workflow: Workflow, clock: Clock) -> Report:
    """The review of a pull request, without secrets.

    Raises:
        UnavailableError: there is no model to ask.
    """
    common = _common(inputs, workflow)
    setup: Setup = prepare(common, found.target, found.authority, found.purpose)
    roles = chosen_roles(setup, inputs.rows("roles"))
    run = RunOptions(common, found.target, inputs.rows("roles"))
    selection = selection_of(run, setup)
    collected = await to_thread.run_sync(collect, found.target, selection, place_of(common, setup))
    changes = found.described(collected)
    terminal = Terminal(Chatter(color=False))
    if not changes.files:
        return nothing_to_review(changes, setup.wording)
    with circumstances(run, clock, own_keys(setup)) as around:
        session = Session(run, setup, terminal, around)
        async with AsyncExitStack() as servers:
            prepared = await servers.enter_async_context(ready(session, changes, roles))
            check_models(prepared)
            with stop_signals() as stop:
                made = await prepared.carried_out(stop)
            terminal.summary(made.report)
    if made.bugs:
        _write_reports(made.report, workflow)
        raise ExceptionGroup("a part of the review was lost", made.bugs)
    return made.report


def _common(inputs: Inputs, workflow: Workflow) -> Common:
    """The inputs as flags.

    Raises:
        ConfigError: the settings cannot be kept.
    """
    flags: dict[str, tuple[str, Any]] = {}
    for name, key in _SETTINGS.items():
        value: Any = inputs.rows(name) if name in {"include", "exclude"} else inputs.text(name)
        if value:
            flags[key] = (f"input {name}", value)
    models: dict[str, tuple[str, ...]] = {}
    for row in inputs.text("model").split("\n"):
        role, _, chain = row.strip().rpartition("=")
        if role:
            models[role] = tuple(part.strip() for part in chain.split(",") if part.strip())
        elif chain:
            flags["defaults.model"] = ("input model", chain)
    own = None
    if settings := inputs.text("settings"):
        own = workflow.folder / "settings.toml"
        write(own, settings + "\n")
    return Common(Path.cwd(), flags=flags, role_models=models, color=False, user_file=own)


_SETTINGS = {
    "fail-on": "gate.fail_on",
    "min-severity": "report.min_severity",
    "verify": "verify.mode",
    "include": "scope.include",
    "exclude": "scope.exclude",
    "timeout": "run.timeout",
}


def _loaded(inputs: Inputs, workflow: Workflow) -> Report:
    """The report of another job: what is in it may be anybody's words.

    Raises:
        UsageError: none is named.
        OutputError: it is none.
    """
    name = inputs.text("report")
    if not name:
        raise UsageError("mode publish needs the input report: the JSON report of the job that has reviewed.")
    report = json_report.load(name)
    return scrubbed(report, Redactor(known_keys(workflow.environment)).scrub)


def _put_out(report: Report, workflow: Workflow) -> None:
    """The outputs, and the reports that they name."""
    counts = {severity: sum(one.severity is severity for one in report.findings) for severity in Severity}
    tokens = [(one.prompt_tokens or 0) + (one.completion_tokens or 0) for one in report.usage.models]
    paths = _write_reports(report, workflow)
    cost = report.usage.cost
    workflow.outputs |= {
        "status": report.status.value,
        **{severity.value: str(count) for severity, count in counts.items()},
        "report": str(paths["md"]),
        "report-json": str(paths["json"]),
        "sarif": str(paths["sarif"]),
        "tokens": str(sum(tokens)),
        "cost": "" if cost is None else f"{cost:.6f}",
    }


def _write_reports(report: Report, workflow: Workflow) -> Mapping[str, Path]:
    paths = {form: workflow.folder / f"review.{FORMS[form].suffix}" for form in _FORMS}
    for form, path in paths.items():
        write(path, FORMS[form].render(report))
    return paths


async def _published(host: CodeHost, number: int, report: Report, workflow: Workflow, *, check: bool) -> bool:
    """Post what there is to post; returns whether the token may do that."""
    pull = await host.pull_request(number)
    if why := why_not(pull, report):
        workflow.note("notice", f"Nothing is posted: {why}.", title="reviewer")
        return True
    done = await publish(host, pull, report, check=check)
    with workflow.muted():
        for note in done.notes:
            sys.stdout.write(f"{visible(note)}\n")
        if done.permitted:
            sys.stdout.write(
                f"Posted: the summary and {counted(done.comments, 'new comment')} beside lines.\n"
            )
    return done.permitted


def _status(report: Report, inputs: Inputs, workflow: Workflow) -> int:
    """The gate decides; what is incomplete is said, and fails the job only if it is wanted."""
    if report.status is Status.INCOMPLETE:
        workflow.note("warning", report.summary, title="Review incomplete")
    if report.gate.reached:
        return GATE
    wanted = inputs.flag("fail-when-incomplete")
    return INCOMPLETE if wanted and report.status is Status.INCOMPLETE else OK

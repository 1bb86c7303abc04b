"""`reviewer action`: one step of a GitHub workflow, from its event to comments, outputs and exit status."""

import re
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
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
from reviewer.commands.setup import Setup, chosen_roles, own_keys, place_of, prepare
from reviewer.commands.workflow import Inputs, Workflow
from reviewer.config.environment import process_environment
from reviewer.console import Chatter, Terminal
from reviewer.credentials import credentials
from reviewer.errors import HostError, MissingKeyError, SourceError, UsageError, UserError
from reviewer.exits import GATE, INCOMPLETE, OK, USAGE
from reviewer.hosts.connect import connected, token_of
from reviewer.hosts.host import CodeHost, PullRequest
from reviewer.models.answer import Clock
from reviewer.options import Common, RunOptions
from reviewer.outputs import annotations, json_report, sarif
from reviewer.outputs.files import write
from reviewer.outputs.neutral import visible
from reviewer.outputs.registry import FORMS
from reviewer.outputs.report import Report, Status
from reviewer.outputs.scrub import scrubbed
from reviewer.prompting.contract import Severity
from reviewer.prompting.redact import Redactor
from reviewer.publishing.marks import NAME, review_name
from reviewer.publishing.publish import Wish, checked, posted, publish, why_not
from reviewer.signals import stop_signals

_MODES = ("all", "review", "publish")
_FORMS = ("md", "json", "sarif")


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
    name = _name(inputs)  # looked at before anybody is asked anything
    ci = ci_of(workflow.environment) or Ci()
    if why := _why_skipped(ci, inputs):
        workflow.note("notice", f"Not reviewed: {why}.", title="reviewer")
        return OK
    job = _Job(ci, inputs, workflow, clock, _at_hand(workflow))
    number = inputs.text("pull-request") or str(ci.pull_request.number if ci.pull_request else "")
    if not number:
        raise UsageError(
            f"the event {ci.event_name or 'is none, and it'} has no pull request; run on `pull_request`, or "
            "give the input pull-request."
        )
    place = where_of(number, job.repository, workflow.environment)
    async with connected(place, token_of(place, workflow.environment), clock) as host:
        report = await _report(host, place.number, job)
        if report is None:
            return OK
        _put_out(report, workflow, name)
        if mode != "publish":
            workflow.summarise(report)
        if mode != "review":
            await _tell(host, place.number, report, job)
    return _status(report, inputs, workflow)


@dataclass(frozen=True, slots=True)
class _Job:
    """What a step was started with."""

    ci: Ci
    inputs: Inputs
    workflow: Workflow
    clock: Clock
    repository: Repository | None


def _at_hand(workflow: Workflow) -> Repository | None:
    """The clone to read from, if there is one that git opens: in a container it may be somebody else's."""
    try:
        return repository_at(Path.cwd())
    except SourceError as error:
        why = f"The clone is not used, and the change is read through the API: {error}"
        workflow.note("notice", why, title="reviewer")
        return None


async def _report(host: CodeHost, number: int, job: _Job) -> Report | None:
    """The report to go on with; None if there is none, which is said.

    Raises:
        MissingKeyError: there is no model to ask, although there could be.
    """
    inputs, workflow = job.inputs, job.workflow
    if inputs.text("mode") == "publish":
        return _loaded(inputs, workflow)
    found = await pulled(host, number, job.repository)
    if why := _why_not_read(found.pull, inputs):
        workflow.note("notice", f"Not reviewed: {why}.", title="reviewer")
        return None
    try:
        with workflow.muted():
            return await _reviewed(found, inputs, workflow, job.clock)
    except MissingKeyError as error:
        if not job.ci.has_no_secrets:
            raise
        why = f"Not reviewed: this change has no access to keys. {error}"
        workflow.note("notice", why, title="reviewer")
        return None


async def _tell(host: CodeHost, number: int, report: Report, job: _Job) -> None:
    """Post what there is to post; where readers do not see all of it then, show it as annotations.

    Raises:
        HostError: it cannot be posted for another reason than rights, and nothing else was to be done.
    """
    seen, failed = False, None
    rows: list[str] = []
    try:
        pull = await host.pull_request(number)
        if why := why_not(pull, report):
            job.workflow.note("notice", f"Nothing is posted: {why}.", title="reviewer")
            return
        seen, rows = await _written(host, pull, report, job)
    except HostError as error:
        failed = error
    with job.workflow.muted():
        sys.stdout.writelines(f"{visible(row)}\n" for row in rows)
    if not seen:
        sys.stdout.write(annotations.render(report))
        sys.stdout.flush()
    if failed is not None:
        if job.inputs.text("mode") == "publish":
            raise failed
        job.workflow.note("warning", f"Not everything was posted: {failed}", title="reviewer")


async def _written(host: CodeHost, pull: PullRequest, report: Report, job: _Job) -> tuple[bool, list[str]]:
    """Post what is wanted; whether readers see all of it, and what there is to say about that.

    Raises:
        HostError: it cannot be posted for another reason than rights.
    """
    if job.ci.pull_request and job.ci.pull_request.from_fork and job.ci.event_name == "pull_request":
        # What it may not do is not tried.
        return False, ["Nothing is posted: the token of a run for a fork may not write."]
    wish = Wish(_name(job.inputs), job.inputs.flag("check"))
    if not job.inputs.flag("comment", default=True):
        return False, await checked(host, pull, report, wish) if wish.check else []
    done = await publish(host, pull, report, wish)
    return done.summary, [*done.notes, *([posted(done)] if done.summary else [])]


def _name(inputs: Inputs) -> str:
    """What this review is called.

    Raises:
        UsageError: it cannot be called that.
    """
    return review_name(inputs.text("name", NAME))


def _why_skipped(ci: Ci, inputs: Inputs) -> str:
    """Why there is nothing to do, as far as the event says, or an empty text.

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


def _why_not_read(pull: PullRequest, inputs: Inputs) -> str:
    """Why a pull request is not reviewed, whatever the event says, or an empty text."""
    if not pull.open:
        return f"pull request {pull.number} is closed"
    if pull.draft and not inputs.flag("drafts"):
        return f"pull request {pull.number} is a draft (input drafts)"
    return ""


def _checked_out(head: str) -> bool:
    """Whether a clone in the workspace, or in a folder of it, has a commit checked out.

    Raises:
        SourceError: there is one that git does not open, so that nobody knows.
    """
    below = [place for place in Path.cwd().iterdir() if (place / ".git").exists()]
    clones = [repository_at(place) for place in (Path.cwd(), *below)]
    return any(_has_checked_out(clone, head) for clone in clones if clone is not None)


def _has_checked_out(repository: Repository, head: str) -> bool:
    """Whether it is just that commit, or was made of it, as GitHub's merge is."""
    here = repository.line("rev-parse", "HEAD")
    # Its parents are in the commit itself, even where the clone ends with it.
    made_of = re.findall(r"^parent ([0-9a-f]+)$", _raw(repository, here), re.MULTILINE) if here else []
    if head in {here, *made_of}:
        return True
    return repository.run("merge-base", "--is-ancestor", "--end-of-options", head, "HEAD").status == 0


def _raw(repository: Repository, commit: str) -> str:
    text = repository.output("cat-file", "commit", commit).decode("utf-8", "replace")
    return text.partition("\n\n")[0]


async def _reviewed(found: Pulled, inputs: Inputs, workflow: Workflow, clock: Clock) -> Report:
    """The review of a pull request, without secrets.

    Raises:
        MissingKeyError: there is no model to ask.
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
        _write_reports(made.report, workflow, _name(inputs))
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
    return scrubbed(report, Redactor(credentials(workflow.environment)).scrub)


def _put_out(report: Report, workflow: Workflow, name: str) -> None:
    """The outputs, and the reports that they name."""
    counts = {severity: sum(one.severity is severity for one in report.findings) for severity in Severity}
    tokens = [(one.prompt_tokens or 0) + (one.completion_tokens or 0) for one in report.usage.models]
    paths = _write_reports(report, workflow, name)
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


def _write_reports(report: Report, workflow: Workflow, name: str) -> Mapping[str, Path]:
    paths = {form: workflow.folder / f"review.{FORMS[form].suffix}" for form in _FORMS}
    for form, path in paths.items():
        write(path, sarif.render(report, name) if form == "sarif" else FORMS[form].render(report))
    return paths


def _status(report: Report, inputs: Inputs, workflow: Workflow) -> int:
    """The gate decides; what is incomplete is said, and fails the job only if it is wanted."""
    if report.status is Status.INCOMPLETE:
        workflow.note("warning", report.summary, title="Review incomplete")
    if report.gate.reached:
        return GATE
    wanted = inputs.flag("fail-when-incomplete")
    return INCOMPLETE if wanted and report.status is Status.INCOMPLETE else OK

"""`reviewer run`: collect, plan, ask, check, report."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import anyio
from anyio import to_thread

from reviewer.assemble import Frame, assemble
from reviewer.changes.changeset import ChangeSet, SkipKind
from reviewer.changes.collect import collect
from reviewer.changes.surroundings import surroundings_of
from reviewer.changes.target import Place, Selection, Worktree
from reviewer.circumstances import Circumstances, circumstances, clock_for
from reviewer.commands.delivery import check_destination, deliver, formats_of
from reviewer.commands.setup import Setup, chosen_roles, newest_report, prepare, shown_path
from reviewer.config.load import cache_folder
from reviewer.console import Chatter, Terminal
from reviewer.crew import Crew
from reviewer.errors import ConfigError
from reviewer.events import Event, Listener, PromptAnswered
from reviewer.examining import Examiners
from reviewer.exits import INTERRUPTED, OK, of_report
from reviewer.models.answer import Clock
from reviewer.models.ask import Asker
from reviewer.models.breaker import BreakerPolicy
from reviewer.models.health import Health
from reviewer.models.repeats import RetryPolicy
from reviewer.options import RunOptions
from reviewer.outputs import json_report
from reviewer.outputs.files import write_standard_output
from reviewer.outputs.report import Report
from reviewer.outputs.wording import counted
from reviewer.pipeline import Outcome, Stop, review
from reviewer.plan import Plan, make_plan
from reviewer.policy import RunPolicy
from reviewer.preview import preview
from reviewer.prompting.contract import Severity
from reviewer.prompting.role import Role
from reviewer.prompting.tokens import Calibration, estimate_tokens
from reviewer.shared_breakers import BreakerFile
from reviewer.signals import stop_signals
from reviewer.since import Since, narrow
from reviewer.staffing import BUILTIN, Staff, check_names, staff


def run(options: RunOptions, clock: Clock | None = None) -> int:
    """Review a target; returns the exit status."""
    usual, virtual = clock_for(options)
    if virtual is not None:
        return anyio.run(virtual.run, _run, options, usual)
    return anyio.run(_run, options, clock or usual)


async def _run(options: RunOptions, clock: Clock) -> int:
    common = options.common
    terminal = Terminal(Chatter(common.quiet, common.verbose, common.color))
    setup = prepare(common)
    formats = formats_of(options, setup)
    roles = chosen_roles(setup, options.roles)
    check_names(roles, setup.loaded, setup.environment)
    changes = await to_thread.run_sync(
        collect, options.target, _selection(options, setup), Place(common.directory)
    )
    if not changes.files:
        report = _nothing(options, changes, setup, terminal)
        if options.output and not options.dry_run:
            deliver(report, options, setup, formats, terminal)
        return of_report(report)
    narrowed, since = _going_on(options, setup, changes, roles, terminal)
    with circumstances(options, clock) as around:
        session = _Session(options, setup, terminal, around, since)
        return await _review_changes(session, narrowed, roles, formats)


def _going_on(
    options: RunOptions, setup: Setup, changes: ChangeSet, roles: Mapping[str, Role], terminal: Terminal
) -> tuple[ChangeSet, Since | None]:
    """What is to be read, and the earlier run that this one goes on from, if there is one.

    Raises:
        OutputError: its report cannot be read.
    """
    if not options.since:
        return changes, None
    name = options.since
    if name == _LAST:
        newest = newest_report(options.common.directory / setup.loaded.settings.report.directory)
        if newest is None:
            terminal.say("There is no earlier report to go on from: everything is read.")
            return changes, None
        name = shown_path(newest, options.common.directory)
    report = json_report.load(str(options.common.directory / name))
    terminal.say(f"Going on from {name} ({report.target.title}).")
    return narrow(changes, report, name, roles.values())


_LAST = "last"
"""What stands for the newest report."""


@dataclass(frozen=True, slots=True)
class _Session:
    """What all steps of one run share.

    Attributes:
        options: what was asked for.
        setup: settings, roles and templates.
        terminal: where it is said what happens.
        around: servers, time and files.
        since: the run that this one goes on from, if any.
    """

    options: RunOptions
    setup: Setup
    terminal: Terminal
    around: Circumstances
    since: Since | None = None


async def _review_changes(
    session: _Session, changes: ChangeSet, roles: Mapping[str, Role], formats: Sequence[str]
) -> int:
    options, setup, terminal, around = session.options, session.setup, session.terminal, session.around
    found = staff(roles, setup.loaded, setup.environment, say=terminal.say, access=around.access)
    async with AsyncExitStack() as open_servers:
        with terminal.waiting("Asking the model servers what they offer"):
            crew_list = await open_servers.enter_async_context(found)
            calibration = await _calibrated(around.calibration, crew_list, changes)
        _check_votes(setup, crew_list)
        plan = make_plan(
            changes, crew_list.assignments, setup.wording, windows=crew_list.windows, calibration=calibration
        )
        plan = replace(plan, since=session.since)
        if options.dry_run:
            examiners = _examiners(plan.code, crew_list, session)
            write_standard_output(preview(plan, examiners.models if examiners else ()))
            return OK
        check_destination(options, setup)
        observer = _Observer(calibration, (terminal, *around.listeners))
        with stop_signals() as stop:
            with terminal.live():
                outcome = await _review(plan, crew_list, session, observer, around.stop or stop)
            report = around.timed(outcome.report)
            deliver(report, options, setup, formats, terminal)
            for problem in around.finish(observer.calibration, outcome.stopped, report.usage):
                terminal.fail(problem)
    if outcome.bugs:
        raise ExceptionGroup("a part of the review was lost", outcome.bugs)
    return INTERRUPTED if any("interrupted" in note for note in report.notes) else of_report(report)


async def _review(plan: Plan, crew: Staff, session: _Session, observer: "_Observer", stop: Stop) -> Outcome:
    setup, around = session.setup, session.around
    settings = setup.loaded.settings
    attempts = settings.run.attempts
    usual = BreakerPolicy()
    breakers = BreakerPolicy(in_a_row=max(usual.in_a_row, attempts), window=max(usual.window, 2 * attempts))
    shared = _shared_breakers(crew) if around.live else None
    health = Health(breakers, limits=crew.limits, shared=shared)
    asker = Asker(RetryPolicy(attempts=attempts), around.clock, observer, health)
    policy = RunPolicy(
        created=around.created,
        timeout=settings.run.timeout if around.live else math.inf,
        role_timeout=settings.run.role_timeout or math.inf,
        fail_on=None if settings.gate.fail_on == "none" else Severity(settings.gate.fail_on),
        min_severity=Severity(settings.report.min_severity),
        min_votes=settings.report.min_votes,
        local=crew.local,
        prices={model: info.price for model, info in crew.infos.items() if info and info.price},
        examiners=_examiners(plan.code, crew, session),
        no_examiners=_no_examiners(crew, session),
        writers=crew.writers,
        baseline=setup.baseline,
        baseline_name=setup.loaded.settings.baseline.file if setup.baseline else "",
    )
    return await review(
        plan,
        Crew(asker, crew.backends, setup.wording, crew.windows, plan.calibration),
        policy,
        stop,
    )


def _check_votes(setup: Setup, crew: Staff) -> None:
    """See that findings can get as many votes as they need.

    Raises:
        ConfigError: there are fewer models than that.
    """
    wanted = setup.loaded.settings.report.min_votes
    models = {assignment.chain[0] for assignment in crew.assignments} | set(crew.examiners)
    able = len(models - {BUILTIN})
    if wanted > able > 0:
        raise ConfigError(
            f"report.min_votes is {wanted}, and no more than {counted(able, 'model')} can say or confirm a "
            "finding: every one would be set aside. Assign more models, or lower it."
        )


_NO_EXAMINERS = "findings are not checked by a second model, as there is none: name one in verify.models"


def _no_examiners(crew: Staff, session: _Session) -> str:
    """What to say where a second pass is wanted and cannot be."""
    wanted = session.setup.loaded.settings.verify.mode == "on"
    return _NO_EXAMINERS if wanted and not _several_models(crew) else ""


def _several_models(crew: Staff) -> bool:
    """Whether there is a model that could check what another one has found."""
    models = {model for assignment in crew.assignments for model in assignment.chain} | set(crew.examiners)
    return bool(crew.examiners) and len(models - {BUILTIN}) > 1


def _examiners(changes: ChangeSet, crew: Staff, session: _Session) -> Examiners | None:
    """Who checks findings: somebody, if there is a model that does not check its own."""
    verify = session.setup.loaded.settings.verify
    if verify.mode == "off" or not _several_models(crew):
        return None
    options = session.options
    around = surroundings_of(changes, options.target, Place(options.common.directory))
    return Examiners(crew.examiners, Severity(verify.min_severity), around, crew.local)


def _shared_breakers(crew: Staff) -> BreakerFile:
    """What other runs on this machine know of models that fail, without what has just been found out."""
    addresses = {name: endpoint.address for name, endpoint in crew.endpoints.items()}
    shared = BreakerFile(cache_folder(), addresses)
    for model, info in crew.infos.items():
        if info is not None:
            shared.reached(model)
    return shared


async def _calibrated(calibration: Calibration, crew: Staff, changes: ChangeSet) -> Calibration:
    """What servers on this machine that count tokens for nothing say about a piece of this change."""
    texts = ("\n".join(line.text for hunk in file.hunks for line in hunk.lines) for file in changes.files)
    sample = "\n".join(islice(texts, _SAMPLED_FILES))[:_SAMPLE]
    for model in {assignment.chain[0] for assignment in crew.assignments}:
        if model.provider in crew.local and sample:
            counted = await crew.count_tokens(model, sample)
            if counted:
                estimated = estimate_tokens(sample)
                calibration = calibration.exact(str(model), estimated=estimated, counted=counted)
    return calibration


_SAMPLE, _SAMPLED_FILES = 8000, 50
"""Characters of a change that are counted exactly, and files that they are taken from."""


def _selection(options: RunOptions, setup: Setup) -> Selection:
    """The user's patterns, and reports of this and an earlier run, which are no part of the change."""
    scope = setup.loaded.settings.scope
    exclude = scope.exclude
    for report in (options.output, options.since):
        place = Path(os.path.normpath(options.common.directory / report))
        if report and place != setup.loaded.root and place.is_relative_to(setup.loaded.root):
            name = place.relative_to(setup.loaded.root).as_posix()
            exclude = (*exclude, "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", name))
    return Selection(scope.include, exclude, scope.max_file_bytes)


_NAMED = 10


def _nothing(options: RunOptions, changes: ChangeSet, setup: Setup, terminal: Terminal) -> Report:
    """Say why nothing is reviewed; the report says it too, for those who asked for one."""
    for part in changes.skipped[:_NAMED]:
        terminal.say(f"{part.kind}: {part.path}: {part.reason}")
    if len(changes.skipped) > _NAMED:
        terminal.say(f"and {counted(len(changes.skipped) - _NAMED, 'more file')}")
    impossible = sum(part.kind is SkipKind.IMPOSSIBLE for part in changes.skipped)
    why = f" ({'; '.join(changes.notes)})" if changes.notes else ""
    if impossible:
        what = counted(impossible, "file")
        terminal.fail(f"Nothing was reviewed of {changes.title}: {what} could not be.")
    elif changes.skipped:
        what = counted(len(changes.skipped), "file")
        terminal.say(f"Nothing to review in {changes.title}: every changed file is left out ({what}).")
    else:
        terminal.say(f"Nothing to review in {changes.title}{why}.")
        if isinstance(options.target, Worktree) and changes.notes:
            terminal.say(
                "To review the last commit: reviewer run --commit HEAD. "
                "To review all files: reviewer run --all."
            )
    return assemble(Plan(changes, (), setup.wording), (), Frame(RunPolicy(datetime.now(UTC)), 0.0))


class _Observer:
    """Learns from every answer how the models count tokens, and passes all events on."""

    def __init__(self, calibration: Calibration, listeners: Sequence[Listener]) -> None:
        self.calibration = calibration
        self._listeners = listeners

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, PromptAnswered) and event.counted:
            self.calibration = self.calibration.observe(
                event.model, estimated=event.estimated, counted=event.counted
            )
        for listener in self._listeners:
            listener(event)

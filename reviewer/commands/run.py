"""`reviewer run`: collect, plan, ask, check, report."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio
from anyio import to_thread

from reviewer.chains import check_names
from reviewer.changes.changeset import ChangeSet, SkipKind
from reviewer.changes.collect import collect
from reviewer.changes.git import Repository
from reviewer.changes.target import PullRequest, Worktree
from reviewer.circumstances import circumstances, clock_for
from reviewer.commands.conducting import Session, examiners_of
from reviewer.commands.delivery import check_destination, deliver, formats_of
from reviewer.commands.pulling import Pulled, pulled, repository_at, where_of
from reviewer.commands.reviewing import LAST, Earlier, nothing_to_review, ready, selection_of
from reviewer.commands.setup import (
    Setup,
    chosen_roles,
    newest_report,
    own_keys,
    place_of,
    prepare,
    shown_path,
)
from reviewer.config.environment import process_environment
from reviewer.console import Chatter, Terminal
from reviewer.errors import SourceError
from reviewer.exits import INTERRUPTED, OK, of_report
from reviewer.hosts.connect import connected, token_of
from reviewer.models.answer import Clock
from reviewer.options import RunOptions
from reviewer.outputs import json_report
from reviewer.outputs.files import write_standard_output
from reviewer.outputs.report import Report
from reviewer.outputs.wording import counted
from reviewer.preview import preview
from reviewer.prompting.role import Role
from reviewer.signals import stop_signals


def run(options: RunOptions, clock: Clock | None = None) -> int:
    """Review a target; returns the exit status."""
    usual, virtual = clock_for(options)
    if virtual is not None:
        return anyio.run(virtual.run, _run, options, usual)
    return anyio.run(_run, options, clock or usual)


async def _run(options: RunOptions, clock: Clock) -> int:
    if not isinstance(options.target, PullRequest):
        return await _run_on(options, clock, None)
    environment = process_environment()
    repository = repository_at(options.common.directory)
    place = where_of(options.target.name, repository, environment)
    async with connected(place, token_of(place, environment), clock) as host:
        found = await pulled(host, place.number, repository)
    return await _run_on(replace(options, target=found.target), clock, found)


async def _run_on(options: RunOptions, clock: Clock, pull: Pulled | None) -> int:
    common = options.common
    terminal = Terminal(Chatter(common.quiet, common.verbose, common.color))
    if pull is None:
        setup = prepare(common, options.target)
    else:
        setup = prepare(common, options.target, pull.authority, pull.purpose)
    formats = formats_of(options, setup)
    roles = chosen_roles(setup, options.roles)
    check_names(roles, setup.loaded, setup.environment)
    changes = await to_thread.run_sync(
        collect, options.target, selection_of(options, setup), place_of(common, setup)
    )
    if pull is not None:
        changes = pull.described(changes)
    if not changes.files:
        report = _nothing(options, changes, setup, terminal)
        if options.output and not options.dry_run:
            deliver(report, options, setup, formats, terminal)
        return of_report(report)
    earlier = _earlier(options, setup, terminal)
    with circumstances(options, clock, own_keys(setup)) as around:
        session = Session(options, setup, terminal, around)
        return await _review_changes(session, changes, roles, formats, earlier)


def _earlier(options: RunOptions, setup: Setup, terminal: Terminal) -> Earlier | None:
    """The run to go on from, if there is one.

    Raises:
        OutputError: its report cannot be read.
    """
    if not options.since:
        return None
    name = options.since
    if name == LAST:
        newest = newest_report(
            options.common.directory / setup.loaded.settings.report.directory,
            but=_tracked(options.common.directory),
        )
        if newest is None:
            terminal.say("There is no earlier report to go on from: everything is read.")
            return None
        name = shown_path(newest, options.common.directory)
    report = json_report.load(str(options.common.directory / name))
    terminal.say(f"Going on from {name} ({report.target.title}).")
    return Earlier(name, report)


def _tracked(directory: Path) -> frozenset[Path]:
    """Files that git tracks: a report among them is a part of the change perhaps, not what a run has left."""
    try:
        repository = Repository.open(directory)
    except SourceError:
        return frozenset()
    names = repository.output("ls-files", "-z", "--", "*review-*.json").split(b"\0")
    return frozenset(repository.root / os.fsdecode(name) for name in names if name)


async def _review_changes(
    session: Session,
    changes: ChangeSet,
    roles: Mapping[str, Role],
    formats: Sequence[str],
    earlier: Earlier | None,
) -> int:
    options, setup, terminal = session.options, session.setup, session.terminal
    async with ready(session, changes, roles, earlier) as prepared:
        if options.dry_run:
            examiners = examiners_of(prepared.plan.code, prepared.crew, session)
            write_standard_output(preview(prepared.plan, examiners.models if examiners else ()))
            return OK
        check_destination(options, setup)
        with stop_signals() as stop:
            with terminal.live():
                made = await prepared.carried_out(stop)
            deliver(made.report, options, setup, formats, terminal)
            for problem in prepared.finish(made):
                terminal.fail(problem)
    if made.bugs:
        raise ExceptionGroup("a part of the review was lost", made.bugs)
    return INTERRUPTED if made.interrupted else of_report(made.report)


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
    return nothing_to_review(changes, setup.wording)

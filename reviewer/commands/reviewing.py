"""What commands that review have in common: which files, a plan for real servers, and carrying it out."""

import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from reviewer.assemble import Frame, assemble
from reviewer.changes.changeset import ChangeSet
from reviewer.changes.target import Selection
from reviewer.commands.conducting import Observer, Session, calibrated, check_votes, conduct, either
from reviewer.commands.setup import Setup
from reviewer.errors import MissingKeyError
from reviewer.options import RunOptions
from reviewer.outputs.report import Report
from reviewer.outputs.scrub import scrubbed
from reviewer.pipeline import Outcome, Stop
from reviewer.plan import Plan, make_plan
from reviewer.policy import RunPolicy
from reviewer.prompting.prompt import Wording
from reviewer.prompting.role import Role
from reviewer.since import narrow
from reviewer.staffing import BUILTIN, Staff, staff

LAST = "last"
"""What stands for the newest report."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The run that this one goes on from: its report, and what to call that."""

    name: str
    report: Report


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a review.

    Attributes:
        report: without secrets.
        outcome: all of it.
    """

    report: Report
    outcome: Outcome

    @property
    def bugs(self) -> Sequence[Exception]:
        """Errors that nobody expected."""
        return self.outcome.bugs

    @property
    def interrupted(self) -> bool:
        """Somebody stopped it."""
        return "interrupted" in self.outcome.stopped


@dataclass(frozen=True, slots=True)
class Ready:
    """A review with everything that it needs, before anything of the change is sent.

    Attributes:
        session: settings, circumstances, terminal.
        crew: who reviews.
        plan: what will be asked.
        observer: who is told.
    """

    session: Session
    crew: Staff
    plan: Plan
    observer: Observer

    async def carried_out(self, stop: Stop) -> Made:
        """Ask, check and put the report together, until it is done or to be stopped."""
        around = self.session.around
        outcome = await conduct(self.plan, self.crew, self.session, self.observer, either(around.stop, stop))
        return Made(scrubbed(around.timed(outcome.report), around.shield.redactor.scrub), outcome)

    def finish(self, made: Made) -> Sequence[str]:
        """Remember what was learned; returns what could not be written, one sentence each."""
        around = self.session.around
        return around.finish(self.observer.calibration, made.outcome.stopped, made.report.usage)


@asynccontextmanager
async def ready(
    session: Session, changes: ChangeSet, roles: Mapping[str, Role], earlier: Earlier | None = None
) -> AsyncIterator[Ready]:
    """Find who reviews, and plan what they will be asked.

    Raises:
        ConfigError: a model, a server or a key is missing or wrong.
    """
    setup, terminal, around = session.setup, session.terminal, session.around
    found = staff(roles, setup.loaded, setup.environment, say=terminal.say, access=around.access)
    async with AsyncExitStack() as open_servers:
        with terminal.waiting("Asking the model servers what they offer"):
            crew = await open_servers.enter_async_context(found)
            calibration = await calibrated(around.calibration, crew, changes)
        check_votes(setup, crew)
        since = None
        if earlier is not None:
            changes, since = narrow(changes, earlier.report, earlier.name, crew.assignments, setup.wording)
        plan = make_plan(
            changes, crew.assignments, setup.wording, windows=crew.windows, calibration=calibration
        )
        observer = Observer(calibration, (terminal, *around.listeners))
        yield Ready(session, crew, replace(plan, since=since), observer)


def nothing_to_review(changes: ChangeSet, wording: Wording) -> Report:
    """The report on a change without files to review."""
    return assemble(Plan(changes, (), wording), (), Frame(RunPolicy(datetime.now(UTC)), 0.0))


def check_models(prepared: Ready) -> None:
    """See that rules do not stand in for models that nobody named.

    Raises:
        MissingKeyError: they do.
    """
    settings = prepared.session.setup.loaded.settings
    named = bool(settings.defaults.model) or any(own.models for own in settings.roles.values())
    if not named and all(one.chain == (BUILTIN,) for one in prepared.crew.assignments):
        raise MissingKeyError("no model server answers and no key is set (`reviewer doctor` says more)")


def selection_of(options: RunOptions, setup: Setup) -> Selection:
    """The user's patterns, and reports of this and an earlier run, which are no part of the change."""
    scope = setup.loaded.settings.scope
    exclude = scope.exclude
    for report in (options.output, "" if options.since == LAST else options.since):
        place = Path(os.path.normpath(options.common.directory / report))
        if report and place != setup.loaded.root and place.is_relative_to(setup.loaded.root):
            name = place.relative_to(setup.loaded.root).as_posix()
            exclude = (*exclude, "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", name))
    return Selection(scope.include, exclude, scope.max_file_bytes)

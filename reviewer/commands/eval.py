"""`reviewer eval`: how good reviews are on a folder of cases."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from reviewer import __version__
from reviewer.assignment import Assignment
from reviewer.changes.target import Patch
from reviewer.circumstances import Circumstances, circumstances, clock_for
from reviewer.commands.conducting import Observer, Session, calibrated, check_votes, conduct
from reviewer.commands.setup import Setup, chosen_roles, prepare
from reviewer.console import Chatter, Terminal
from reviewer.crew import Crew
from reviewer.errors import ConfigError, ModelError
from reviewer.evaluation.cases import FINDINGS, RECORDING, REPLIES, Case, load_cases
from reviewer.evaluation.figures import Evaluation, Result, figures
from reviewer.evaluation.judging import by_judge, judge_prompt, read_matches
from reviewer.evaluation.matching import Said, by_rule, marked, missed
from reviewer.evaluation.rendering import as_json, as_text, load
from reviewer.evaluation.sources import Reviewed, change_of, given, of_report
from reviewer.exits import GATE, INCOMPLETE, INTERRUPTED, OK
from reviewer.models.answer import Clock, Journal
from reviewer.models.ask import Asker
from reviewer.models.health import Health
from reviewer.models.model import ModelRef
from reviewer.models.providers.scripted import Scripted
from reviewer.models.repeats import RetryPolicy
from reviewer.options import Common, RunOptions
from reviewer.outputs.files import write, write_standard_output
from reviewer.plan import make_plan
from reviewer.prompting.role import Role, Task
from reviewer.signals import stop_signals
from reviewer.staffing import Staff, staff

SOURCES = ("live", "recording", "replies", "findings")
_STORED = "stored"
"""The provider of prepared replies."""


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """`reviewer eval`.

    Attributes:
        common: what every command takes.
        cases: the folder.
        source: where findings come from, one of `SOURCES`.
        findings: the file in each case that holds given findings.
        only: names or patterns of the cases to take; all if empty.
        roles: names of the roles to run; all enabled ones if empty.
        tolerance: lines that a finding may be away from a problem.
        record: folder in which every exchange with a server is kept, a sub-folder for each case; or empty.
        output: file for the result as JSON, or empty.
        against: an earlier result to compare with, or empty.
        fail_under: exit 1 if F1 is less, as a percentage; None for never.
        every: list every finding.
        judge: the model that decides what is the same; empty for the rule.
    """

    common: Common
    cases: Path
    source: str = "live"
    findings: str = FINDINGS
    only: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tolerance: int = 3
    record: str = ""
    output: str = ""
    against: str = ""
    fail_under: float | None = None
    every: bool = False
    judge: str = ""


def evaluate(options: EvalOptions) -> int:
    """Review every case, and print what was found of it; returns the exit status.

    Raises:
        ConfigError: a case is broken, or lacks what the source needs.
        OutputError: a file cannot be read or written.
    """
    setup = prepare(options.common)
    cases = load_cases(options.common.directory / options.cases, options.only)
    before = load(str(options.common.directory / options.against)) if options.against else None
    terminal = Terminal(Chatter(options.common.quiet, options.common.verbose, options.common.color))
    desk = _Desk(options, setup, terminal)
    results: list[Result] = []
    reviewers: dict[str, None] = {}
    stopped = ""
    for number, case in enumerate(cases, 1):
        reviewed = desk.review(case)
        reviewers |= dict.fromkeys(reviewed.reviewers)
        results.append(desk.result(case, reviewed))
        terminal.say(f"{number} of {len(cases)}: {_progress(results[-1])}")
        if stopped := reviewed.stopped:
            break
    evaluation = Evaluation(
        tool=f"reviewer {__version__}",
        created=datetime.now(UTC),
        source=options.findings if options.source == "findings" else options.source,
        reviewers=tuple(reviewers),
        tolerance=options.tolerance,
        judge=options.judge,
        results=tuple(results),
    )
    if options.output:
        write(options.common.directory / options.output, as_json(evaluation))
    write_standard_output(as_text(evaluation, before=before, every=options.every))
    if stopped:
        terminal.fail(f"Stopped after {len(results)} of {len(cases)} cases: {stopped}.")
        return INTERRUPTED
    return _status(evaluation, options.fail_under)


def _progress(result: Result) -> str:
    found = sum(one.mark == "right" for one in result.found)
    state = "" if result.complete else ", not reviewed completely"
    return f"{result.case}: {found} of {result.expected} found, {len(result.found)} reported{state}"


def _status(evaluation: Evaluation, fail_under: float | None) -> int:
    f1 = next(figure.value for figure in figures(evaluation.results) if figure.name == "F1")
    if fail_under is not None and 100 * (f1 or 0.0) < fail_under:
        return GATE
    return OK if all(result.complete for result in evaluation.results) else INCOMPLETE


@dataclass(frozen=True, slots=True)
class _Desk:
    """Reviews cases.

    Attributes:
        options: what was asked for.
        setup: settings, roles and templates.
        terminal: where it is said what happens.
    """

    options: EvalOptions
    setup: Setup
    terminal: Terminal

    def review(self, case: Case) -> Reviewed:
        """What is found in a case.

        Raises:
            ConfigError: the case lacks what the source needs, or its change cannot be read.
        """
        if self.options.source == "findings":
            return given(case, self.options.findings)
        return self._ask(case)

    def result(self, case: Case, reviewed: Reviewed) -> Result:
        """What is right about it, and what is missing."""
        said, tolerance = reviewed.said, self.options.tolerance
        same, forbidden = (by_rule(said, problems, tolerance) for problems in (case.expected, case.forbidden))
        problem = ""
        if self.options.judge and said and (case.expected or case.forbidden):
            matches = anyio.run(self._judged, case, said)
            if isinstance(matches, str):
                problem = matches
            else:
                same = by_judge(matches, case.expected)
                forbidden = by_judge(matches, case.forbidden, len(case.expected))
        found = marked(said, case, same, forbidden)
        left = [case.expected[number] for number in missed(case, found)]
        return Result(
            case=case.name,
            found=found,
            missed=tuple(f"{one.file}:{one.line or '-'}: {one.text}".rstrip(": ") for one in left),
            expected=len(case.expected),
            clean=case.clean,
            answers=reviewed.answers,
            unreadable=reviewed.unreadable,
            complete=reviewed.complete,
            judge_problem=problem,
        )

    async def _judged(self, case: Case, said: Sequence[Said]) -> Mapping[int, int | None] | str:
        """Which problem each finding is about, as a model says, or why it does not."""
        common = self.options.common
        flags = {**common.flags, "verify.models": ("--judge", (self.options.judge,))}
        setup = prepare(replace(common, flags=flags))
        run = RunOptions(common, Patch(case.patch, case.name))
        read = partial(read_matches, findings=len(said), problems=len(case.expected) + len(case.forbidden))
        prompt = judge_prompt(case, said, setup.wording)
        with circumstances(run, Clock()) as around:
            async with staff({}, setup.loaded, setup.environment, say=self.terminal.say) as found:
                asker = Asker(
                    RetryPolicy(), around.clock, Terminal(Chatter(quiet=True)), Health(limits=found.limits)
                )
                crew = Crew(asker, found.backends, setup.wording, found.windows)
                candidates = crew.candidates(found.examiners)
                try:
                    answer = await asker.ask(prompt, candidates, read, Journal())
                except ModelError as error:
                    return str(error)
        return answer.value

    def _ask(self, case: Case) -> Reviewed:
        options = self.options
        folder = case.folder / RECORDING
        if options.source == "recording" and not folder.is_dir():
            raise ConfigError(f"{folder}: there is no recording of this case; make one with --record.")
        run = RunOptions(
            replace(options.common, quiet=not options.common.verbose),
            Patch(case.patch, case.name),
            roles=options.roles,
            record=str(Path(options.record) / case.name / RECORDING) if options.record else "",
            replay=str(folder) if options.source == "recording" else "",
        )
        clock, virtual = clock_for(run)

        async def asked() -> Reviewed:
            with circumstances(run, clock) as around:
                return await self._asked(case, run, around)

        return anyio.run(virtual.run, asked) if virtual is not None else anyio.run(asked)

    async def _asked(self, case: Case, run: RunOptions, around: Circumstances) -> Reviewed:
        setup, terminal = self.setup, self.terminal
        changes = change_of(case)
        roles = chosen_roles(setup, run.roles)
        session = Session(run, setup, Terminal(Chatter(quiet=True)), around)
        async with AsyncExitStack() as open_servers:
            if self.options.source == "replies":
                crew = _stored(case, roles)
            else:
                found = staff(roles, setup.loaded, setup.environment, say=terminal.say, access=around.access)
                crew = await open_servers.enter_async_context(found)
            calibration = await calibrated(around.calibration, crew, changes)
            check_votes(setup, crew)
            plan = make_plan(
                changes, crew.assignments, setup.wording, windows=crew.windows, calibration=calibration
            )
            observer = Observer(calibration, (session.terminal, *around.listeners))
            with stop_signals() as stop:
                outcome = await conduct(plan, crew, session, observer, around.stop or stop)
            around.finish(observer.calibration, outcome.stopped, outcome.report.usage)
        if outcome.bugs:
            raise ExceptionGroup("a part of the review was lost", outcome.bugs)
        return replace(of_report(outcome.report), stopped=outcome.stopped if around.live else "")


def _stored(case: Case, roles: Mapping[str, Role]) -> Staff:
    """Prepared replies in place of models, for the roles that have some.

    Raises:
        ConfigError: there are none.
    """
    replies = Scripted.from_folder(case.folder / REPLIES)
    model = ModelRef(_STORED, REPLIES)
    having = [role for role in roles.values() if role.task is Task.REVIEW and replies.has(role.name)]
    if not having:
        raise ConfigError(f"{case.folder / REPLIES}: has no reply for {' or '.join(roles)}.")
    return Staff(tuple(Assignment(role, (model,)) for role in having), {}, {_STORED: replies}, {}, {})

"""`reviewer eval`: how good reviews are on a folder of cases."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from reviewer import __version__
from reviewer.assignment import Assignment
from reviewer.chains import check_names
from reviewer.changes.target import Patch
from reviewer.circumstances import Circumstances, circumstances, clock_for
from reviewer.commands.conducting import Observer, Session, calibrated, check_votes, conduct, either
from reviewer.commands.setup import Setup, chosen_roles, own_keys, prepare
from reviewer.console import Chatter, Terminal
from reviewer.crew import Crew
from reviewer.errors import ConfigError, ModelError
from reviewer.evaluation.cases import FINDINGS, JUDGEMENT, RECORDING, REPLIES, Case, load_cases
from reviewer.evaluation.figures import Evaluation, Result, f1
from reviewer.evaluation.judging import by_judge, judge_prompt, read_matches
from reviewer.evaluation.matching import Mark, Said, by_rule, marked, missed
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
from reviewer.outputs.neutral import named
from reviewer.pipeline import until
from reviewer.plan import make_plan
from reviewer.prompting.role import Role, Task
from reviewer.signals import stop_signals
from reviewer.staffing import Staff, staff

SOURCES = ("live", "recording", "replies", "findings")
_DIGITS = 6
"""Of a percentage that is compared; 58 of 100 is not less than 58 %."""
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
    desk.check_judge()
    for case in cases:
        desk.check(case)
    results: list[Result] = []
    reviewers: dict[str, None] = {}
    stopped = ""
    try:
        for number, case in enumerate(cases, 1):
            reviewed = desk.review(case)
            reviewers |= dict.fromkeys(reviewed.reviewers)
            if stopped := reviewed.stopped:
                break
            result = desk.result(case, reviewed)
            if result is None:
                stopped = "interrupted"
                break
            results.append(result)
            terminal.say(f"{number} of {len(cases)}: {_progress(result)}")
    finally:
        # An error in one case must not cost those that were reviewed before it.
        evaluation = _evaluation(options, reviewers, results)
        if results:
            _deliver(evaluation, options, before)
    if stopped:
        terminal.fail(f"Stopped after {len(results)} of {len(cases)} cases: {stopped}.")
        return INTERRUPTED
    return _status(evaluation, options.fail_under)


def _evaluation(options: EvalOptions, reviewers: Iterable[str], results: Sequence[Result]) -> Evaluation:
    return Evaluation(
        tool=f"reviewer {__version__}",
        created=datetime.now(UTC),
        source=options.findings if options.source == "findings" else options.source,
        reviewers=tuple(reviewers),
        tolerance=options.tolerance,
        judge=options.judge,
        results=tuple(results),
    )


def _deliver(evaluation: Evaluation, options: EvalOptions, before: Evaluation | None) -> None:
    """Write and print the result.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        if options.output:
            write(options.common.directory / options.output, as_json(evaluation))
    finally:
        write_standard_output(as_text(evaluation, before=before, every=options.every))


def _progress(result: Result) -> str:
    found = result.count(Mark.RIGHT)
    state = "" if result.complete else ", not reviewed completely"
    return f"{named(result.case)}: {found} of {result.expected} found, {len(result.found)} reported{state}"


def _status(evaluation: Evaluation, fail_under: float | None) -> int:
    reached = f1(evaluation.results)
    if fail_under is not None and reached is not None and round(100 * reached, _DIGITS) < fail_under:
        return GATE
    return OK if all(result.complete for result in evaluation.results) else INCOMPLETE


@dataclass(slots=True)
class _Judged:
    """What came of asking the judge: the problem of each finding, or why there is none."""

    matches: Mapping[int, int | None] = field(default_factory=dict)
    problem: str = ""
    stopped: str = ""


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

    def check_judge(self) -> None:
        """See before anything is asked whether the judge's name means something.

        Raises:
            ConfigError: it does not.
        """
        if self.options.judge:
            setup = self._setup_of_judge()
            check_names({}, setup.loaded, setup.environment)

    def _setup_of_judge(self) -> Setup:
        common = self.options.common
        own = {"verify.models": ("--judge", (self.options.judge,)), "verify.mode": ("--judge", "on")}
        return prepare(replace(common, flags={**common.flags, **own}))

    def check(self, case: Case) -> None:
        """See, before anything is asked, whether a case has what the source needs.

        Raises:
            ConfigError: it lacks that.
            SourceError: its change is no diff.
        """
        change_of(case)
        folder = case.folder / RECORDING
        if self.options.source == "recording" and not folder.is_dir():
            raise ConfigError(f"{folder}: there is no recording of this case; make one with --record.")
        if self.options.source == "replies":
            _stored(case, chosen_roles(self.setup, self.options.roles))
        if self.options.source == "findings":
            given(case, self.options.findings)

    def review(self, case: Case) -> Reviewed:
        """What is found in a case."""
        return given(case, self.options.findings) if self.options.source == "findings" else self._ask(case)

    def result(self, case: Case, reviewed: Reviewed) -> Result | None:
        """What is right about it, and what is missing; None if the judge was interrupted."""
        said, tolerance = reviewed.said, self.options.tolerance
        paths = {file.path for file in change_of(case).files}
        same, forbidden = (
            by_rule(said, problems, tolerance, paths) for problems in (case.expected, case.forbidden)
        )
        problem = ""
        if self.options.judge and said and (case.expected or case.forbidden):
            judged = self._ask_judge(case, said)
            if judged.stopped:
                return None
            problem = judged.problem
            if not problem:
                same = by_judge(judged.matches, case.expected)
                forbidden = by_judge(judged.matches, case.forbidden, len(case.expected))
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
            digest=case.digest,
        )

    def _ask_judge(self, case: Case, said: Sequence[Said]) -> "_Judged":
        """Which problem each finding is about, as a model says; from the recording, if there is one of it."""
        options = self.options
        folder = case.folder / JUDGEMENT
        run = RunOptions(
            options.common,
            Patch(case.patch, case.name),
            record=str(Path(options.record) / case.name / JUDGEMENT) if options.record else "",
            replay=str(folder) if options.source == "recording" and folder.is_dir() else "",
        )
        clock, virtual = clock_for(run)
        work = partial(self._judged, case, said, run, clock)
        return anyio.run(virtual.run, work) if virtual is not None else anyio.run(work)

    async def _judged(self, case: Case, said: Sequence[Said], run: RunOptions, clock: Clock) -> "_Judged":
        setup = self._setup_of_judge()
        read = partial(read_matches, findings=len(said), problems=len(case.expected) + len(case.forbidden))
        prompt = judge_prompt(case, said, setup.wording)
        judged = _Judged()
        with circumstances(run, clock, own_keys(setup)) as around:
            loaded, environment = setup.loaded, setup.environment
            async with staff({}, loaded, environment, say=self.terminal.say, access=around.access) as found:
                listener = Terminal(Chatter(quiet=True))
                asker = Asker(RetryPolicy(), around.clock, listener, Health(limits=found.limits))
                candidates = Crew(asker, found.backends, setup.wording, found.windows).candidates(
                    found.examiners
                )

                async def ask() -> None:
                    try:
                        judged.matches = (await asker.ask(prompt, candidates, read, Journal())).value
                    except ModelError as error:
                        judged.problem = str(error)

                with stop_signals() as stop:
                    judged.stopped = await until(ask, stop)
        return judged

    def _ask(self, case: Case) -> Reviewed:
        options = self.options
        run = RunOptions(
            replace(options.common, quiet=not options.common.verbose),
            Patch(case.patch, case.name),
            roles=options.roles,
            record=str(Path(options.record) / case.name / RECORDING) if options.record else "",
            replay=str(case.folder / RECORDING) if options.source == "recording" else "",
        )
        clock, virtual = clock_for(run)

        async def asked() -> Reviewed:
            with circumstances(run, clock, own_keys(self.setup)) as around:
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
                interrupted: list[str] = []

                async def wanted() -> str:
                    interrupted.append(await stop())
                    return interrupted[0]

                outcome = await conduct(plan, crew, session, observer, either(around.stop, wanted))
            around.finish(observer.calibration, outcome.stopped, outcome.report.usage)
        if outcome.bugs:
            raise ExceptionGroup("a part of the review was lost", outcome.bugs)
        return replace(of_report(outcome.report), stopped="".join(interrupted))


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

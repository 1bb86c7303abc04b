"""`reviewer hook`: a review at the moment of a commit or a push: quick, quiet, and never in the way."""

import sys
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import anyio
from anyio import to_thread

from reviewer.changes.changeset import ChangeSet, Side, SkipKind
from reviewer.changes.collect import collect
from reviewer.changes.git import Repository
from reviewer.changes.revision import default_fork, merge_base, resolve
from reviewer.changes.target import Range, Selection, Staged, Target
from reviewer.circumstances import circumstances
from reviewer.commands.conducting import Session
from reviewer.commands.reviewing import Made, Ready, check_models, ready, selection_of
from reviewer.commands.setup import Setup, chosen_roles, own_keys, place_of, prepare, shown_path
from reviewer.config.environment import process_environment
from reviewer.config.places import cache_folder
from reviewer.console import Chatter, Terminal
from reviewer.errors import ConfigError, UnavailableError, UntrustedError
from reviewer.exits import GATE, INCOMPLETE, INTERRUPTED, OK
from reviewer.findings.finding import Finding
from reviewer.hookcache import Kept, merge_heads, save
from reviewer.models.answer import Clock
from reviewer.options import Common, RunOptions
from reviewer.outputs.files import write_all
from reviewer.outputs.neutral import named, spoken
from reviewer.outputs.plain import line, title
from reviewer.outputs.registry import FORMS
from reviewer.outputs.report import Outcome, Report, Status
from reviewer.outputs.summary import gate_in_words
from reviewer.outputs.wording import counted, few
from reviewer.signals import stop_signals
from reviewer.staffing import BUILTIN

_SHOWN = 20
"""Findings that are printed; the report has all."""


_FLAG = "--when-unavailable"


class Stage(StrEnum):
    """At which moment a hook runs."""

    COMMIT = "commit"
    PUSH = "push"


class Unavailable(StrEnum):
    """What to do where no model has read the change, or not all of it."""

    PASS = "pass"  # noqa: S105  # no password: let the commit pass
    BLOCK = "block"
    BUILTIN = "builtin"


@dataclass(frozen=True, slots=True)
class HookOptions:
    """`reviewer hook`.

    Attributes:
        stage: the moment.
        policy: what to do where nobody could review.
        roles: names from `--role`, empty for all enabled ones.
        refs: the two ends of a range, from the variables of pre-commit; empty for the index.
        remote: the name of the remote that is pushed to; empty for a commit.
        key: names the content in the cache; empty if it is not to be kept.
    """

    common: Common
    stage: Stage
    policy: Unavailable
    roles: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    remote: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a hook has to say.

    Attributes:
        status: its exit status.
        lines: what it prints.
        files: reports that it has written.
        lasting: the same content would get the same answer again.
    """

    status: int = OK
    lines: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    lasting: bool = True


def hook(options: HookOptions, clock: Clock | None = None) -> int:
    """Review what is about to be committed or pushed; returns the exit status."""
    said = anyio.run(_hook, options, clock or Clock())
    text = spoken("".join(f"{row}\n" for row in said.lines))
    sys.stdout.write(text)
    if options.key and said.lasting:
        save(hook_folder(), options.key, Kept(said.status, text, tuple(map(str, said.files))))
    return said.status


def hook_folder() -> Path:
    """Where answers of hooks are kept."""
    return cache_folder() / "hooks"


async def _hook(options: HookOptions, clock: Clock) -> _Said:
    if options.stage is Stage.PUSH or options.refs:
        refs = _pushed(Repository.open(options.common.directory), options)
        if isinstance(refs, str):
            return _Said(lines=(refs,) if refs else (), lasting=False)
        options = replace(options, refs=refs)
    try:
        return await _reviewed(options, clock)
    except (UnavailableError, UntrustedError) as error:
        return await _without_model(options, clock, error)


def _pushed(repository: Repository, options: HookOptions) -> tuple[str, str] | str:
    """The two ends of what is pushed, or what to say instead: nothing, if a branch is deleted."""
    if options.refs and not options.refs[1].strip("0"):
        return ""
    if options.refs and options.refs[0].strip("0"):
        return options.refs[0], options.refs[1]
    end = options.refs[1] if options.refs else "HEAD"
    if not options.refs and not options.remote:  # started by hand
        upstream = repository.line("rev-parse", "--verify", "--quiet", "@{upstream}")
        return upstream or default_fork(repository, resolve(repository, end)).commit, end
    known = f"--remotes={options.remote or 'origin'}"
    new = repository.line("rev-list", "--reverse", end, "--not", known)
    before = repository.line("rev-parse", "--verify", "--quiet", f"{new}^") if new else ""
    return (before, end) if before else _FIRST


_FIRST = "reviewer: not reviewed: the first push of a repository; `reviewer run --all` reviews all of it"


async def _without_model(options: HookOptions, clock: Clock, error: ConfigError) -> _Said:
    """What to do where there is nobody to ask."""
    why = line(str(error))
    if options.policy is Unavailable.BUILTIN:
        # What a repository says about servers does not matter for rules.
        trusted = not isinstance(error, UntrustedError)
        common = replace(options.common, use_files=options.common.use_files and trusted)
        roles = prepare(common, _target(options)).roles
        flags = {
            **common.flags,
            "verify.mode": (_FLAG, "off"),
            "synthesis.models": (_FLAG, ()),
        }
        common = replace(common, flags=flags, role_models=dict.fromkeys(roles, (str(BUILTIN),)))
        said = await _reviewed(replace(options, common=common), clock)
        return replace(said, lines=(f"reviewer: by rules only: {why}", *said.lines), lasting=False)
    blocks = options.policy is Unavailable.BLOCK
    hint = "" if blocks else " (--when-unavailable block makes this fail)"
    return _Said(INCOMPLETE if blocks else OK, (f"reviewer: not reviewed: {why}{hint}",), lasting=False)


async def _reviewed(options: HookOptions, clock: Clock) -> _Said:
    """Review within the time box.

    Raises:
        UnavailableError: there is no model to ask.
    """
    started = clock.now()
    common = replace(options.common, quiet=True, verbose=False)
    target = _target(options)
    setup = prepare(common, target)
    roles = chosen_roles(setup, options.roles)
    run = RunOptions(common, target, options.roles)
    selection = await to_thread.run_sync(_selection, options, setup, run)
    changes = await to_thread.run_sync(collect, target, selection, place_of(common, setup))
    box = setup.loaded.settings.run.timeout
    if not changes.files:
        return _nothing(changes, options)
    with circumstances(run, clock, own_keys(setup)) as around:
        session = Session(run, setup, Terminal(Chatter(quiet=True)), around)
        async with AsyncExitStack() as servers:
            prepared = await _in_time(servers.enter_async_context(ready(session, changes, roles)), box)
            check_models(prepared)
            left = max(0.0, round(box - (clock.now() - started), 1))
            with stop_signals() as stop:
                made = await replace(prepared, session=replace(session, limit=left)).carried_out(stop)
            prepared.finish(made)
    if made.bugs:
        raise ExceptionGroup("a part of the review was lost", made.bugs)
    report = made.report
    if report.status is Status.INCOMPLETE and not report.coverage.reviewed and not report.findings:
        raise UnavailableError(_why(report))
    return _told(made, options, setup)


async def _in_time(opening: Awaitable[Ready], box: float) -> Ready:
    """What is needed for a review, if the servers say in time what they offer.

    Raises:
        UnavailableError: they do not.
    """
    try:
        with anyio.fail_after(box):
            return await opening
    except TimeoutError as error:
        raise UnavailableError(f"no model server has answered within the time box of {box:g} s") from error


def _target(options: HookOptions) -> Target:
    return Range(options.refs[0], options.refs[1], symmetric=True) if options.refs else Staged()


def _selection(options: HookOptions, setup: Setup, run: RunOptions) -> Selection:
    """The usual files; in a merge, only those that were changed here."""
    selection = selection_of(run, setup)
    repository = Repository.open(options.common.directory)
    only = _changed_in_push(repository, options) if options.refs else _changed_in_merge(repository)
    return replace(selection, only=only)


def _changed_in_merge(repository: Repository) -> frozenset[str] | None:
    """While a merge is committed: files that differ from all sides. None if there is no merge."""
    place = repository.root / repository.line("rev-parse", "--git-path", "MERGE_HEAD")
    heads = merge_heads(place, process_environment())
    if not heads:
        return None
    sides = (
        frozenset(_names(repository, "diff", "--cached", "--name-only", "--no-renames", "-z", side))
        for side in ("HEAD", *heads)
    )
    return frozenset.intersection(*sides)


def _changed_in_push(repository: Repository, options: HookOptions) -> frozenset[str] | None:
    """With merges among the pushed commits: files that these or the others change. None without merges.

    Raises:
        SourceError: the two ends have no common ancestor.
    """
    start, end = options.refs
    new = [f"{merge_base(repository, start, end)}..{end}"]
    if not repository.line("rev-list", "--merges", "--max-count=1", *new):
        return None
    known = ["--not", f"--remotes={options.remote}"] if options.remote else []
    log = ("log", "--name-only", "--no-renames", "--format=", "-z")
    own = _names(repository, *log, "--no-merges", *new, *known)
    # Of the merges themselves, what differs from all sides: somebody has resolved it.
    resolved = _names(repository, *log, "--merges", "-c", *new, *known)
    return frozenset((*own, *resolved))


def _names(repository: Repository, *arguments: str) -> Iterator[str]:
    data = repository.output(*arguments).decode("utf-8", "backslashreplace")
    return (name.strip("\n") for name in data.split("\0") if name.strip("\n"))


def _nothing(changes: ChangeSet, options: HookOptions) -> _Said:
    """Silent, unless something could not be reviewed."""
    left = [part for part in changes.skipped if part.kind is SkipKind.IMPOSSIBLE]
    rows = tuple(f"reviewer: not reviewed: {named(part.path)}: {line(part.reason)}" for part in left[:_SHOWN])
    blocks = bool(left) and options.policy is Unavailable.BLOCK
    return _Said(INCOMPLETE if blocks else OK, rows, lasting=not left)


def _told(made: Made, options: HookOptions, setup: Setup) -> _Said:
    """What a review comes to for a hook: nothing if it is clean."""
    report = made.report
    complete = report.status is not Status.INCOMPLETE
    if report.status in {Status.CLEAN, Status.NOTHING}:
        return _Said()
    files = _written(report, options, setup)
    rows = [*_rows(report.findings)]
    if not complete:
        rows.append(f"reviewer: not reviewed completely: {_why(report)}")
    if report.gate.reached:
        rows.append(f"reviewer: {gate_in_words(report.gate)}")
    rows.append(f"reviewer: report: {shown_path(files[0], options.common.directory)}")
    if made.interrupted:
        return _Said(INTERRUPTED, tuple(rows), files, lasting=False)
    status = OK if complete or options.policy is not Unavailable.BLOCK else INCOMPLETE
    return _Said(GATE if report.gate.reached else status, tuple(rows), files, lasting=complete)


def _rows(findings: Sequence[Finding]) -> Iterator[str]:
    """The worst findings as compilers write theirs."""
    for finding in findings[:_SHOWN]:
        removed = finding.side is Side.OLD
        where = f" (removed line {finding.line})" if removed else ""
        place = f"{named(finding.path)}:{1 if removed else finding.line or 1}"
        yield f"{place}: {finding.severity}: {title(finding)}{where}"
    if len(findings) > _SHOWN:
        yield f"reviewer: {counted(len(findings) - _SHOWN, 'more finding')} in the report"


def _why(report: Report) -> str:
    """Why a review is not complete, in one line."""
    alike: dict[str, list[str]] = {}
    for review in report.reviews:
        if review.status in {Outcome.FAILED, Outcome.PARTIAL}:
            alike.setdefault("; ".join(review.reasons), []).append(review.title)
    everybody = len(alike) == 1 and not report.coverage.reviewed
    reasons = [why if everybody else f"{', '.join(titles)}: {why}" for why, titles in alike.items()]
    reasons += [
        f"{part.path}: {part.reason}"
        for part in report.coverage.skipped
        if not part.expected and not part.role
    ]
    return line(few(reasons, 3)) or line(report.summary)


def _written(report: Report, options: HookOptions, setup: Setup) -> tuple[Path, ...]:
    """The report beside those of other runs.

    Raises:
        OutputError: it cannot be written.
    """
    texts = {FORMS[form].suffix: FORMS[form].render(report) for form in ("md", "json")}
    folder = options.common.directory / setup.loaded.settings.report.directory
    return tuple(write_all(folder, report.created, texts).values())

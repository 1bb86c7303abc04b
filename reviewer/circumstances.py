"""What surrounds one run: live servers or a recording of them, time, and what is remembered and written."""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TextIO, TypeVar

from pydantic import BaseModel, ValidationError

from reviewer import __version__
from reviewer.config.places import cache_folder
from reviewer.errors import OutputError, ReplayError
from reviewer.events import Listener
from reviewer.logfile import LogFile
from reviewer.memory import load_calibration, load_capabilities, save_calibration, save_capabilities
from reviewer.models.answer import Clock
from reviewer.models.capabilities import Capabilities, from_data, to_data
from reviewer.models.model import Endpoint
from reviewer.models.recording import FORMAT, Exchange, Recorder, Replay
from reviewer.models.registry import Access, over_http
from reviewer.models.shield import Shield
from reviewer.models.tracing import Tracer
from reviewer.models.virtual_time import VirtualTime
from reviewer.models.wire import Wire
from reviewer.options import RunOptions
from reviewer.outputs.files import write
from reviewer.outputs.report import Report, Spread, Usage
from reviewer.pipeline import Stop
from reviewer.prompting.redact import Redactor
from reviewer.prompting.tokens import Calibration

_ABOUT = "run.json"


class Durations(BaseModel):
    """What was measured of one model's requests."""

    latency: Spread | None
    queue: Spread | None


class Times(BaseModel):
    """What was measured in a run: seconds of the whole, and of each model's requests."""

    seconds: float
    models: dict[str, Durations]

    @classmethod
    def of(cls, usage: Usage) -> Self:
        """The measured parts of the figures of a run."""
        models = {one.model: Durations(latency=one.latency, queue=one.queue) for one in usage.models}
        return cls(seconds=usage.seconds, models=models)

    def put_into(self, usage: Usage) -> Usage:
        """The figures of a run with these in place of what was measured."""
        models = [
            replace(one, **dict(self.models[one.model])) if one.model in self.models else one
            for one in usage.models
        ]
        return replace(usage, seconds=self.seconds, models=tuple(models))


class About(BaseModel):
    """What a recording says about its run as a whole."""

    format: int
    created: datetime
    stopped: str = ""
    calibration: dict[str, float] = {}
    capabilities: list[Any] = []
    times: Times | None = None


@dataclass(slots=True)
class Circumstances:
    """Everything about a run that is neither its change nor its settings.

    Attributes:
        clock: time and chance.
        created: when it began.
        access: how servers are reached.
        calibration: what is known about token estimates.
        shield: what is done to everything that is sent.
        listeners: who is told besides the terminal.
        stop: what ends a replay where the recorded run ended.
        live: real servers answer; limits of time hold, and what is learned is remembered.
        folder: where the run is recorded, or None.
        about: what a recording says about the run.
        times: what was measured in the run that is replayed, or None.
        problems: what could not be written.
    """

    clock: Clock
    created: datetime
    access: Access
    calibration: Calibration
    shield: Shield = field(default_factory=lambda: Shield(Redactor()))
    listeners: tuple[Listener, ...] = ()
    stop: Stop | None = None
    live: bool = True
    folder: Path | None = None
    about: dict[str, Any] = field(default_factory=dict)
    times: Times | None = None
    problems: list[str] = field(default_factory=list)

    def timed(self, report: Report) -> Report:
        """A report with the times of the run that is replayed: it is about that run."""
        return replace(report, usage=self.times.put_into(report.usage)) if self.times else report

    def finish(self, calibration: Calibration, stopped: str, usage: Usage) -> Sequence[str]:
        """Remember what was learned, and note in a recording how the run ended and what was measured.

        Returns:
            What could not be written on the way, one sentence each: no reason to lose a review.
        """
        if self.live:
            save_calibration(cache_folder(), calibration)
            save_capabilities(cache_folder(), self.access.known)
        if self.folder is not None:
            ended = {"stopped": stopped, "times": Times.of(usage).model_dump()}
            _keeper(self.folder, self.problems)(_ABOUT, self.about | ended)
        return tuple(dict.fromkeys(self.problems))


def clock_for(options: RunOptions) -> tuple[Clock, VirtualTime | None]:
    """The clock of a run; a replay has one of its own, which waits for nobody."""
    if not options.replay:
        return Clock(), None
    virtual = VirtualTime()
    chance = random.Random(0)  # noqa: S311  # the same pauses in every replay; nothing is to be kept secret
    return Clock(virtual.now, virtual.sleep, chance.uniform), virtual


@contextmanager
def circumstances(options: RunOptions, clock: Clock, keys: Iterable[str] = ()) -> Iterator[Circumstances]:
    """Set up what surrounds a run, and close its files at the end.

    Args:
        options: what was asked for.
        clock: time and chance.
        keys: values of this program's own keys, which are never sent or written.

    Raises:
        OutputError: a file cannot be written.
        ReplayError: a recording cannot be read.
    """
    problems: list[str] = []
    with ExitStack() as files:
        listeners: list[Listener] = []
        if options.log_file:
            lines = _lines(options.common.directory / options.log_file, files, problems)
            listeners.append(LogFile(lines, lambda: datetime.now(UTC)))
        if options.replay:
            made = _replayed(options.common.directory / options.replay, clock)
        else:
            made = _live(options, clock, files, problems)
        audit = None
        if options.audit:
            audit = _lines(options.common.directory / options.audit, files, problems)
        shield = Shield.of(keys, audit, lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
        made.access = replace(made.access, shield=shield)
        made.shield = shield
        made.listeners = tuple(listeners)
        made.problems = problems
        yield made


def _live(options: RunOptions, clock: Clock, files: ExitStack, problems: list[str]) -> Circumstances:
    known = load_capabilities(cache_folder())
    calibration = load_calibration(cache_folder())
    created = datetime.now(UTC)
    layers: list[Callable[[Wire, Endpoint], Wire]] = []
    about: dict[str, Any] = {}
    folder = None
    if options.record:
        folder = options.common.directory / options.record
        about = _about(created, known, calibration)
        _begin_recording(folder, about)
        layers.append(Recorder(_keeper(folder, problems), clock).wire)
    if options.trace:
        lines = _lines(options.common.directory / options.trace, files, problems)
        layers.append(Tracer(lines, clock).wire)

    def wire(endpoint: Endpoint) -> Wire:
        made = over_http(endpoint)
        for layer in layers:
            made = layer(made, endpoint)
        return made

    access = Access(wire, known)
    return Circumstances(clock, created, access, calibration, folder=folder, about=about)


def _about(created: datetime, known: Capabilities, calibration: Calibration) -> dict[str, Any]:
    """What a replay has to know besides the exchanges: what requests depend on and settings do not say."""
    return {
        "format": FORMAT,
        "tool": f"reviewer {__version__}",
        "created": created.isoformat(),
        "calibration": dict(sorted(calibration.factors.items())),
        "capabilities": to_data(known),
    }


def _begin_recording(folder: Path, about: Mapping[str, Any]) -> None:
    """Write the first file of a recording.

    Raises:
        OutputError: the folder has something in it, or cannot be written.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"{folder}: there is something in this folder; a recording needs one of its own.")
    _write_json(folder / _ABOUT, about)


def _keeper(folder: Path, problems: list[str]) -> Callable[[str, Mapping[str, Any]], None]:
    """Writes the files of a recording; what cannot be written is noted, and costs no answer."""

    def keep(name: str, data: Mapping[str, Any]) -> None:
        try:
            _write_json(folder / name, data)
        except OutputError as error:
            problems.append(f"The recording is not complete: {error}")

    return keep


def _write_json(file: Path, data: Mapping[str, Any]) -> None:
    write(file, json.dumps(data, indent=1, ensure_ascii=True) + "\n")
    file.chmod(0o600)  # it holds code


def _lines(place: Path, files: ExitStack, problems: list[str]) -> Callable[[Mapping[str, Any]], None]:
    """Writes lines of JSON; after the first one that cannot be written, no more."""
    stream = files.enter_context(_opened(place))
    broken = False

    def line(data: Mapping[str, Any]) -> None:
        nonlocal broken
        if broken:
            return
        try:
            stream.write(json.dumps(data) + "\n")
            stream.flush()
        except OSError as error:
            broken = True
            problems.append(f"{place}: is not complete: {error.strerror}.")

    return line


@contextmanager
def _opened(place: Path) -> Iterator[TextIO]:
    """A file for lines, readable by its owner only, as it may hold code.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        stream = place.open("w", encoding="utf-8")
        place.chmod(0o600)
    except OSError as error:
        raise OutputError(f"{place}: cannot be written: {error.strerror}.") from error
    try:
        yield stream
    finally:
        with suppress(OSError):
            stream.close()


def _replayed(folder: Path, clock: Clock) -> Circumstances:
    about = _read_json(folder / _ABOUT, About)
    if about.format != FORMAT:
        raise ReplayError(f"{folder / _ABOUT}: not a recording that this program can replay.")
    exchanges = [_read_json(file, Exchange) for file in sorted(folder.glob("[0-9]*.json"))]
    replay = Replay.of(folder, exchanges, clock, stopped=bool(about.stopped))

    async def stop() -> str:
        await replay.stopped.wait()
        return about.stopped or "the recorded run was stopped here"

    access = Access(replay.wire, from_data(about.capabilities), live=False)
    calibration = Calibration(about.calibration)
    return Circumstances(clock, about.created, access, calibration, stop=stop, live=False, times=about.times)


_Part = TypeVar("_Part", bound=BaseModel)


def _read_json(file: Path, kind: type[_Part]) -> _Part:
    """One file of a recording.

    Raises:
        ReplayError: it cannot be read, or something of it is missing.
    """
    try:
        data = json.loads(file.read_text("utf-8"))
        return kind.model_validate(data)
    except OSError as error:
        raise ReplayError(f"{file}: cannot be read: {error.strerror}. Is this a recording?") from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the whole"
        raise ReplayError(f"{file}: is no part of a recording: {where}: {problem['msg']}.") from error
    except ValueError as error:
        raise ReplayError(f"{file}: is not JSON: {error}.") from error

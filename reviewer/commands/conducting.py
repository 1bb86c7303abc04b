"""What commands that review share: a session, and carrying out a plan in it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import anyio
from anyio import to_thread

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.surroundings import Surroundings, surroundings_of
from reviewer.changes.target import Place
from reviewer.circumstances import Circumstances
from reviewer.commands.setup import Setup
from reviewer.config.places import cache_folder
from reviewer.console import Terminal
from reviewer.crew import Crew
from reviewer.endpoints import IN_PROCESS
from reviewer.errors import ConfigError
from reviewer.events import Event, Listener, PromptAnswered
from reviewer.examining import Examiners
from reviewer.models.ask import Asker
from reviewer.models.breaker import BreakerPolicy
from reviewer.models.health import Health
from reviewer.models.repeats import RetryPolicy
from reviewer.options import RunOptions
from reviewer.outputs.wording import counted
from reviewer.pipeline import Outcome, Stop, review
from reviewer.plan import Plan
from reviewer.policy import RunPolicy
from reviewer.prompting.contract import Severity
from reviewer.prompting.tokens import Calibration, estimate_tokens
from reviewer.shared_breakers import BreakerFile
from reviewer.staffing import BUILTIN, Staff


@dataclass(frozen=True, slots=True)
class Session:
    """What all steps of one run share.

    Attributes:
        options: what was asked for.
        setup: settings, roles and templates.
        terminal: where it is said what happens.
        around: servers, time and files.
        limit: seconds for asking, if less than the settings give.
    """

    options: RunOptions
    setup: Setup
    terminal: Terminal
    around: Circumstances
    limit: float = math.inf


def either(one: Stop | None, other: Stop) -> Stop:
    """Stops when one of two does: a replay where its run was stopped, any run when somebody wants it."""
    if one is None:
        return other
    ends = (one, other)

    async def first() -> str:
        reasons: list[str] = []
        async with anyio.create_task_group() as group:

            async def wait_for(end: Stop) -> None:
                reasons.append(await end())
                group.cancel_scope.cancel()

            for end in ends:
                group.start_soon(wait_for, end)
        return reasons[0]

    return first


async def conduct(plan: Plan, crew: Staff, session: Session, observer: "Observer", stop: Stop) -> Outcome:
    """Carry out a plan under the settings and circumstances of a session."""
    setup, around = session.setup, session.around
    settings = setup.loaded.settings
    attempts = settings.run.attempts
    usual = BreakerPolicy()
    breakers = BreakerPolicy(in_a_row=max(usual.in_a_row, attempts), window=max(usual.window, 2 * attempts))
    shared = _shared_breakers(crew) if around.live else None
    health = Health(breakers, limits=crew.limits, shared=shared)
    if any(endpoint.redact and endpoint.kind not in IN_PROCESS for endpoint in crew.endpoints.values()):
        await to_thread.run_sync(around.shield.learn, plan.code)
    asker = Asker(RetryPolicy(attempts=attempts), around.clock, observer, health)
    policy = RunPolicy(
        created=around.created,
        timeout=min(settings.run.timeout, session.limit) if around.live else math.inf,
        role_timeout=settings.run.role_timeout or math.inf,
        fail_on=None if settings.gate.fail_on == "none" else Severity(settings.gate.fail_on),
        min_severity=Severity(settings.report.min_severity),
        min_votes=settings.report.min_votes,
        local=crew.local,
        prices={model: info.price for model, info in crew.infos.items() if info and info.price},
        examiners=examiners_of(plan.code, crew, session),
        no_examiners=_no_examiners(crew, session),
        surroundings=_surroundings(plan.code, session),
        writers=crew.writers,
        baseline=setup.baseline,
        baseline_name=setup.loaded.settings.baseline.file if setup.baseline else "",
        redactor=around.shield.redactor,
        unhider=around.shield.unhider,
        may_excuse_itself=setup.authority.may_excuse_itself,
    )
    return await review(
        plan,
        Crew(asker, crew.backends, setup.wording, crew.windows, plan.calibration),
        policy,
        stop,
    )


def check_votes(setup: Setup, crew: Staff) -> None:
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


def _no_examiners(crew: Staff, session: Session) -> str:
    """What to say where a second pass is wanted and cannot be."""
    wanted = session.setup.loaded.settings.verify.mode == "on"
    return _NO_EXAMINERS if wanted and not _several_models(crew) else ""


def _several_models(crew: Staff) -> bool:
    """Whether there is a model that could check what another one has found."""
    models = {model for assignment in crew.assignments for model in assignment.chain} | set(crew.examiners)
    return bool(crew.examiners) and len(models - {BUILTIN}) > 1


def examiners_of(changes: ChangeSet, crew: Staff, session: Session) -> Examiners | None:
    """Who checks findings: somebody, if there is a model that does not check its own."""
    verify = session.setup.loaded.settings.verify
    if verify.mode == "off" or not _several_models(crew):
        return None
    around = _surroundings(changes, session)
    return Examiners(crew.examiners, Severity(verify.min_severity), around, crew.local)


def _surroundings(changes: ChangeSet, session: Session) -> Surroundings | None:
    """Where code comes from that a prompt does not show."""
    options = session.options
    return surroundings_of(changes, options.target, Place(options.common.directory))


def _shared_breakers(crew: Staff) -> BreakerFile:
    """What other runs on this machine know of models that fail, without what has just been found out."""
    addresses = {name: endpoint.address for name, endpoint in crew.endpoints.items()}
    shared = BreakerFile(cache_folder(), addresses)
    for model, info in crew.infos.items():
        if info is not None:
            shared.reached(model)
    return shared


async def calibrated(calibration: Calibration, crew: Staff, changes: ChangeSet) -> Calibration:
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


class Observer:
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

"""One prompt to one model, repeated while that may help: turns, pauses and health. The door to tenacity."""

from dataclasses import dataclass, field, replace

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from reviewer.errors import CircuitOpenError, LoadingError, ModelError, RateLimitedError
from reviewer.events import BreakerChanged, Listener, PromptSent, RequestEnded, Retrying, SlowedDown, nobody
from reviewer.models.answer import Candidate, Clock, Journal, Try
from reviewer.models.breaker import State
from reviewer.models.health import Health
from reviewer.models.model import Manner, ModelRef, Reply
from reviewer.models.repeats import Repeats, RetryPolicy
from reviewer.prompting.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked, and where that is noted.

    Attributes:
        candidate: the model.
        journal: what happens to the prompt.
        last: nobody else is left to ask.
    """

    candidate: Candidate
    journal: Journal
    last: bool


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends prompts to models by one policy.

    Attributes:
        policy: how often and how long.
        clock: time and chance.
        listener: who is told.
        health: what is known about the models, shared by all prompts of a run.
    """

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Clock = field(default_factory=Clock)
    listener: Listener = nobody
    health: Health = field(default_factory=Health)

    async def send(self, prompt: Prompt, manner: Manner, target: Target) -> Reply:
        """Ask one model; failures that may pass are repeated, after the pause that the server wants.

        Raises:
            ModelError: it did not answer; journal and health know of it.
        """
        candidate = target.candidate
        model = candidate.model
        repeats = Repeats(self.policy, self.clock.chance)

        async def once() -> Reply:
            now = replace(manner, whole=repeats.broken_streams >= _STREAMS)
            try:
                return await self._in_turn(prompt, now, target)
            except ModelError as error:
                said = repeats.note(error)
                self._note_failure(model, said)
                if said is error:
                    raise
                raise said from error

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            self.listener(Retrying(prompt.role, prompt.label, str(model), str(error), repeats.next_pause))

        async def sleep(seconds: float) -> None:
            await self.clock.sleep(seconds)
            error = noted[-1]
            repeats.waited(error, seconds)
            if isinstance(error, LoadingError):
                await self._wait_until_loaded(candidate, repeats, error)

        noted: list[BaseException] = []

        def may(error: BaseException) -> bool:
            noted.append(error)
            return repeats.may(error)

        return await AsyncRetrying(
            sleep=sleep,
            wait=lambda _: repeats.next_pause,
            retry=retry_if_exception(may),
            before_sleep=tell,
            reraise=True,
        )(once)

    async def _wait_until_loaded(self, candidate: Candidate, repeats: Repeats, error: LoadingError) -> None:
        """Look now and then whether the server is ready, so that the prompt is not sent in vain."""
        while repeats.may(error):
            try:
                if await candidate.backend.ready():
                    return
            except ModelError:
                return  # the next request will tell what is wrong
            await self.clock.sleep(self.policy.load_poll)
            repeats.waited(error, self.policy.load_poll)

    async def _wait_for_health(self, model: ModelRef, *, last: bool) -> None:
        """Let a request pass only if the model is not left alone just now.

        The last model of a chain is waited for, if it has answered in this run before: it may only be
        starting again.

        Raises:
            ModelError: it is not to be asked.
        """
        health, policy = self.health, self.policy
        if (out := health.why_out(model, self.clock.now())) is not None:
            raise out
        health.join(model, self.clock.now())
        breaker = health.breaker(model)
        waited = 0.0
        while (wait := breaker.wait(self.clock.now())) != 0:
            inherited = last and not breaker.answered and not breaker.opened_here
            if inherited and breaker.state is State.OPEN:
                breaker.probe_next()
                continue
            pause = _PROBE_POLL if wait is None else wait
            waited += pause
            if not ((last and breaker.answered) or inherited) or waited > policy.longest_wait:
                raise health.open_error(model)
            await self.clock.sleep(pause)

    async def _in_turn(self, prompt: Prompt, manner: Manner, target: Target) -> Reply:
        """One request when it is its turn and the model may be asked; both can change while it waits."""
        model, clock = target.candidate.model, self.clock
        queued = clock.now()
        while True:
            await self._wait_for_health(model, last=target.last)
            async with self.health.pace(model.provider).turn(clock.now, clock.sleep) as begun:
                breaker = self.health.breaker(model)
                if self.health.why_out(model, begun) is not None or breaker.wait(begun) != 0:
                    continue
                probe = breaker.begin()
                try:
                    return await self._request(prompt, manner, target, (queued, begun))
                finally:
                    if probe:
                        breaker.end_probe()

    async def _request(
        self, prompt: Prompt, manner: Manner, target: Target, times: tuple[float, float]
    ) -> Reply:
        """One request; what came of it is noted."""
        model, journal = target.candidate.model, target.journal
        (queued, begun), name = times, str(model)
        self.listener(PromptSent(prompt.role, prompt.label, name, prompt.tokens, begun - queued))
        begin = Try(model, "stopped before the answer", kind=_STOPPED, queued=begun - queued)
        journal.tries.append(begin)
        position = len(journal.tries) - 1
        try:
            reply = await target.candidate.backend.ask(model.model, prompt, manner)
        except ModelError as error:
            seconds, kind = self.clock.now() - begun, type(error).__name__
            journal.tries[position] = replace(
                begin, problem=str(error), kind=kind, seconds=seconds, refused=error.refused
            )
            if error.partial.strip():
                journal.broken.append(error.partial)
            status = error.details.status
            self.listener(RequestEnded(prompt.role, prompt.label, name, seconds, kind, status))
            if isinstance(error, RateLimitedError):
                self._slow_down(model, begun, error)
            raise
        seconds = self.clock.now() - begun
        journal.tries[position] = replace(
            begin, problem="", kind="", usage=reply.usage, seconds=seconds, refused=reply.refused
        )
        self.listener(RequestEnded(prompt.role, prompt.label, name, seconds))
        changed = self.health.note_success(model)
        if changed is not None:
            self.listener(BreakerChanged(name, changed, ""))
        return reply

    def _slow_down(self, model: ModelRef, begun: float, error: RateLimitedError) -> None:
        pace, now, wait = self.health.pace(model.provider), self.clock.now(), error.retry_after or 0.0
        if wait > self.policy.longest_wait:
            self.health.hold(model, now + wait, error)
            wait = 0.0
        if pace.slow_down(now, begun, wait):
            self.listener(SlowedDown(model.provider, max(1, int(pace.limit)), wait))

    def _note_failure(self, model: ModelRef, error: ModelError) -> None:
        if isinstance(error, CircuitOpenError):
            return
        changed = self.health.note_failure(model, error, self.clock.now())
        if changed is State.OPEN:
            self.listener(BreakerChanged(str(model), changed, str(error)))


_STREAMS = 2
"""Streams that broke off before the answer is asked for in one piece."""
_STOPPED = "stopped"
_PROBE_POLL = 1.0
"""Seconds between two looks whether the probe of a breaker has come back."""

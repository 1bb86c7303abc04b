"""A server behind HTTP as a Backend: a protocol, a wire, and what was learned about its models."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Self, TypeVar

import anyio

from reviewer.errors import (
    ConnectionFailedError,
    IncompleteStreamError,
    ModelError,
    RefusedRequestError,
    RejectedOutputError,
    StalledError,
)
from reviewer.models.capabilities import Capabilities
from reviewer.models.failures import failure
from reviewer.models.model import USUAL, Backend, Endpoint, Finish, Manner, ModelInfo, Reply
from reviewer.models.providers.base import (
    Ask,
    Conversation,
    HttpProtocol,
    HttpRequest,
    HttpResponse,
    Reader,
    Shape,
    asked_of,
)
from reviewer.models.rephrase import blames, looser, output_limit, simpler
from reviewer.models.servers import Output, server_of
from reviewer.models.shield import Shield
from reviewer.models.wire import MAX_ERROR, Event, Framing, Incoming, Wire, framing_of
from reviewer.prompting.prompt import Prompt

_LISTING = 15.0
"""Seconds for all that is asked about models; a review is not to wait longer for what it can do without."""
_MOST_CHANGES = 6
"""How often one request is rephrased after refusals."""
T = TypeVar("T")


class HttpBackend(Backend):
    """Asks one server and remembers for the rest of the run, and in a file beyond it, how its models want it.

    Use as an asynchronous context manager; it closes its connections at the end.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        protocol: HttpProtocol,
        wire: Wire,
        known: Capabilities | None = None,
        shield: Shield | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._shield = shield
        self._protocol = protocol
        self._wire = wire
        self._known = known or Capabilities()
        self._shapes: dict[str, Shape] = {}
        self._infos: dict[str, ModelInfo] = {}

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._wire.__aexit__(*error)

    @contextmanager
    def _masking(self) -> Iterator[None]:
        """No error with the key in it."""
        try:
            yield
        except ModelError as error:
            error.args = (self._endpoint.masked(str(error)),)
            error.partial = self._endpoint.masked(self._home(error.partial))
            raise

    def _home(self, text: str) -> str:
        """What came back, with the true values of what was hidden before it was sent."""
        return text if self._shield is None else self._shield.uncovered(text)

    async def list_models(self) -> tuple[ModelInfo, ...] | None:
        """The models that the server lists, or None when it has no list that can be read."""
        found = await self._talk(self._protocol.listing(self._endpoint))
        self._infos |= {info.name: info for info in found or ()}
        return found

    async def describe(self, info: ModelInfo) -> ModelInfo:
        """What the server says about one model beyond its list."""
        if self._protocol.facts is not None:
            info = await self._talk(self._protocol.facts(self._endpoint, info))
        self._infos[info.name] = info
        return info

    def mode(self, model: str) -> str:
        """The structured-output mode in which a model is asked."""
        return self.shape_for(model).output.value

    async def ready(self) -> bool:
        """Whether the server has finished loading."""
        if self._protocol.health is None:
            return True
        return (await self._send(self._protocol.health(self._endpoint))).good

    async def count_tokens(self, model: str, text: str) -> int | None:
        """The exact number of tokens of a text, where the server counts for nothing."""
        if self._protocol.count is None:
            return None
        sent = text if self._shield is None else self._shield.covered_text(text, self._endpoint)
        return await self._talk(self._protocol.count(self._endpoint, model, sent))

    async def _talk(self, conversation: Conversation[T]) -> T:
        """Hold a conversation and return its value."""
        with self._masking(), anyio.move_on_after(_LISTING):
            try:
                request = next(conversation)
                while True:
                    request = conversation.send(await self._send(request))
            except StopIteration as end:
                value: T = end.value
                return value
        raise StalledError(f"{self._endpoint.name}: no answer about its models within {_LISTING:g} s")

    async def _send(self, request: HttpRequest) -> HttpResponse:
        async with self._wire.open(request) as incoming:
            return HttpResponse(incoming.status, incoming.headers, await incoming.text())

    def shape_for(self, model: str) -> Shape:
        """How to ask a model: as learned in this run, or before, or as told by the server."""
        if model in self._shapes:
            return self._shapes[model]
        learned = self._known.shape(self._endpoint.address, model)
        if learned is not None:
            return learned
        usual = server_of(self._endpoint.kind, self._endpoint.base_url).outputs
        told = self._infos[model].outputs if model in self._infos else None
        fitting = [mode for mode in usual if told is None or mode in told]
        return Shape((fitting or [Output.PROMPT])[0])

    async def ask(self, model: str, prompt: Prompt, manner: Manner = USUAL) -> Reply:
        """Ask once; what the server refuses of the request is changed and asked again.

        How to ask is remembered for the rest of the run once it has worked.
        """
        server = server_of(self._endpoint.kind, self._endpoint.base_url)
        if self._shield is not None:
            prompt = self._shield.covered(prompt, self._endpoint)
        shape = self.shape_for(model)
        first = shape
        if manner.looser:
            shape = looser(shape, server.outputs, manner.looser) or shape
        sure, refused = True, 0
        while True:
            try:
                reply = await self._ask_once(model, prompt, shape, manner)
            except ModelError as error:
                error.refused = refused
                if not isinstance(error, RefusedRequestError) or refused == _MOST_CHANGES:
                    raise
                refused += 1
                if self._learn_limit(model, error):
                    continue
                simple = simpler(shape, server, error)
                if simple is None:
                    raise
                shape, sure = simple, sure and blames(server, error)
            else:
                if not manner.looser:
                    self._learn(model, shape, changed=sure and shape != first)
                return replace(reply, refused=refused)

    def _learn_limit(self, model: str, error: ModelError) -> bool:
        """Take note of how much a model can write, if a refusal says so; False if nothing new was said."""
        limit, info = output_limit(error), self._infos.get(model, ModelInfo(model))
        if limit is None or (info.max_output is not None and info.max_output <= limit):
            return False
        self._infos[model] = replace(info, max_output=limit)
        return True

    def _learn(self, model: str, shape: Shape, *, changed: bool) -> None:
        self._shapes[model] = shape
        if changed:
            self._known.learn(self._endpoint.address, model, shape)

    async def _ask_once(self, model: str, prompt: Prompt, shape: Shape, manner: Manner) -> Reply:
        with self._masking():
            reply = await self._answer(model, prompt, shape, manner)
        masked = self._endpoint.masked
        text, reasoning = masked(self._home(reply.text)), masked(self._home(reply.reasoning))
        return replace(reply, text=text, reasoning=reasoning)

    async def _answer(self, model: str, prompt: Prompt, shape: Shape, manner: Manner) -> Reply:
        info = self._infos.get(model, ModelInfo(model))
        ask = Ask(self._endpoint, info, prompt, shape, manner)
        reader = self._protocol.reader(ask)
        if self._shield is not None:
            self._shield.tell(prompt, self._endpoint, model)
        try:
            async with self._wire.open(self._protocol.request(ask)) as incoming:
                await self._read(incoming, reader, model)
            return reader.reply()
        except RejectedOutputError as error:
            # Whether it is a review is for the reader of reviews to say.
            return Reply(error.partial, finish=Finish.UNKNOWN, model=model)
        except (ConnectionFailedError, IncompleteStreamError, StalledError) as error:
            if reader.finished:
                return reader.reply()  # the answer is complete; only the connection ended badly
            if reader.partial and not isinstance(error, IncompleteStreamError):
                raise IncompleteStreamError(str(error), partial=reader.partial) from error
            error.partial = error.partial or reader.partial
            raise
        except ModelError as error:
            error.partial = error.partial or reader.partial
            raise

    async def _read(self, incoming: Incoming, reader: Reader, model: str) -> None:
        """Feed an answer to its reader, event by event or as a whole."""
        asked = asked_of(self._endpoint, model)
        if incoming.status not in range(200, 300):
            raise failure(asked, incoming.status, incoming.headers, await incoming.text(MAX_ERROR))
        if framing_of(incoming.headers) is Framing.WHOLE:
            reader.body(await incoming.text())
            return
        async with aclosing(incoming.events()) as events:
            async for event in events:
                if event.name == "error":
                    raise failure(asked, incoming.status, incoming.headers, event.data)
                if reader.event(event.data):
                    await _drain(events)
                    return


async def _drain(events: AsyncGenerator[Event, None]) -> None:
    """Read what follows the end of an answer, mostly nothing: only then can the connection be kept."""
    with anyio.move_on_after(_PATIENCE):
        async for _ in events:
            pass


_PATIENCE = 0.25
"""Seconds for the end of a body after the end of the answer in it."""

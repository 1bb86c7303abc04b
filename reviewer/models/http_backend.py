"""A server behind HTTP as a Backend: a protocol, a few connections, and what was learned about its models."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

import anyio

from reviewer.errors import ModelError, RefusedRequestError
from reviewer.models.model import Endpoint, ModelInfo, Reply
from reviewer.models.providers.base import HttpFailure, HttpProtocol, Shape
from reviewer.models.servers import server_of
from reviewer.models.transport import Client, exchange, fetch, new_client
from reviewer.prompting.prompt import Prompt

_MOST_CHANGES = 6
"""How often one request is rephrased after refusals."""


class HttpBackend:
    """Asks one server, with at most `endpoint.concurrency` requests at once, a connection for each.

    Use as an asynchronous context manager; it closes its connections at the end.
    """

    def __init__(self, endpoint: Endpoint, protocol: HttpProtocol) -> None:
        self._endpoint = endpoint
        self._protocol = protocol
        self._shapes: dict[str, Shape] = {}
        self._idle: list[Client] = []
        self._limit = anyio.CapacityLimiter(max(1, endpoint.concurrency))
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        async with self._limit:
            client = self._idle.pop() if self._idle else await self._new_client()
            try:
                yield client
            finally:
                self._idle.append(client)

    async def _new_client(self) -> Client:
        return await self._open.enter_async_context(new_client(self._endpoint))

    def _failure(self, failed: HttpFailure) -> ModelError:
        return self._protocol.failure(self._endpoint, failed)

    async def list_models(self) -> tuple[ModelInfo, ...] | None:
        """The models that the server lists, or None when it has no list that can be read."""
        request = self._protocol.list_request(self._endpoint)
        async with self._client() as client:
            text = await fetch(client, request, self._endpoint, self._failure)
        return self._protocol.models(self._endpoint, text)

    async def ask(self, model: str, prompt: Prompt) -> Reply:
        """Ask once; what the server refuses of the request is changed and asked again.

        How to ask is remembered for the rest of the run once it has worked.
        """
        server = server_of(self._endpoint.kind, self._endpoint.base_url)
        shape = self._shapes.get(model, Shape(server.outputs[0]))
        for _ in range(_MOST_CHANGES):
            try:
                reply = await self._ask_once(model, prompt, shape)
            except RefusedRequestError as error:
                simpler = self._protocol.simpler(shape, self._endpoint, error)
                if simpler is None:
                    raise
                shape = simpler
            else:
                self._shapes[model] = shape
                return reply
        return await self._ask_once(model, prompt, shape)

    async def _ask_once(self, model: str, prompt: Prompt, shape: Shape) -> Reply:
        request = self._protocol.request(self._endpoint, model, prompt, shape)
        reader = self._protocol.reader(self._endpoint)
        async with self._client() as client:
            await exchange(client, request, self._endpoint, reader, self._failure)
        try:
            return reader.reply()
        except ModelError as error:
            error.partial = error.partial or reader.partial
            raise

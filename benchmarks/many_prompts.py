"""300 prompts to a server that takes half a second for each, 50 at once: how near to the ideal.

    python benchmarks/many_prompts.py [PROMPTS CONCURRENCY SECONDS]

The server is another process on loopback. The ideal is PROMPTS / CONCURRENCY * SECONDS. Everything that a
review does for a prompt is done: its turn, the request with its schema, the stream, and reading the answer.
As in a review, the server has been asked for its models before; that is not counted.
"""

import asyncio
import json
import re
import resource
import subprocess
import sys
import time

import anyio

from reviewer.findings.reply import read_review
from reviewer.models.answer import Candidate
from reviewer.models.ask import Asker
from reviewer.models.health import Health
from reviewer.models.model import Endpoint, ModelRef
from reviewer.models.registry import Access, backend_for, opened
from reviewer.prompting.batch import Batch
from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.role import ModelKind

ANSWER = json.dumps(
    {
        "files_reviewed": ["a.py"],
        "findings": [],
        "strengths": ["Small."],
        "recommendations": [],
        "summary": "A change.",
        "rating": 8,
    }
)
FACTOR, MEGABYTES = 1.15, 150


def stream() -> bytes:
    """The response to every prompt."""
    rows = [{"choices": [{"delta": {"content": ANSWER[at : at + 20]}}]} for at in range(0, len(ANSWER), 20)]
    rows.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    return response(
        "text/event-stream", "".join(f"data: {json.dumps(row)}\n\n" for row in rows) + "data: [DONE]\n\n"
    )


def response(kind: str, body: str) -> bytes:
    start = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return (start + body).encode()


RESPONSE = stream()
MODELS = response("application/json", json.dumps({"data": [{"id": "m"}]}))
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Answer requests on one connection, each after a pause."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        if head.startswith(b"GET"):
            writer.write(MODELS)
            continue
        found = LENGTH.search(head)
        await reader.readexactly(int(found[1]) if found else 0)
        await asyncio.sleep(seconds)
        writer.write(RESPONSE)


async def serve(seconds: float) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer, seconds)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def prompt_for(number: int) -> Prompt:
    code = "\n".join(f"{line:>4} +|    value_{line} = compute({number}, {line})" for line in range(200))
    messages = (Message(Speaker.SYSTEM, "Review the change."), Message(Speaker.USER, code))
    return Prompt("r", ModelKind.CODING, Purpose.REVIEW, messages, Batch(1, 1, ()), 4000, 4096, f"r {number}")


async def ask_all(port: int, prompts: int, concurrency: int) -> float:
    endpoint = Endpoint("lab", "openai", f"http://127.0.0.1:{port}/v1", concurrency=concurrency)
    async with opened({"lab": backend_for(endpoint, Access())}) as backends:
        asker = Asker(health=Health(limits={"lab": concurrency}))
        await backends["lab"].list_models()
        chain = [Candidate(ModelRef("lab", "m"), backends["lab"])]
        made = [prompt_for(number) for number in range(prompts)]
        started = time.perf_counter()
        async with anyio.create_task_group() as group:
            for prompt in made:
                group.start_soon(asker.ask, prompt, chain, read_review)
        return time.perf_counter() - started


def main() -> int:
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(float(sys.argv[2])))
        return 0
    given = sys.argv[1:] or ("300", "50", "0.5")
    prompts, concurrency, seconds = int(given[0]), int(given[1]), float(given[2])
    server = subprocess.Popen(
        [sys.executable, __file__, "serve", str(seconds)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        took = anyio.run(ask_all, port, prompts, concurrency)
    finally:
        server.terminate()
        server.wait()
    ideal = prompts / concurrency * seconds
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{prompts} prompts, {concurrency} at once, {seconds:g} s each: {took:.2f} s")
    factor = f"ideal {ideal:.2f} s, factor {took / ideal:.3f} (limit {FACTOR})"
    print(f"{factor}; {memory:.0f} MB (limit {MEGABYTES})")
    return 0 if took <= FACTOR * ideal and memory < MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())

"""A whole review against servers that misbehave on purpose: real HTTP over loopback, time that only counts."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from reviewer.changes.target import Range
from reviewer.commands.run import run
from reviewer.models.answer import Clock
from reviewer.options import Common, RunOptions
from reviewer.outputs import json_report, markdown
from reviewer.outputs.report import Report
from tests.support.repository import Builder
from tests.support.server import ChatServer, Reply, honest, running

KEY = "sk-laboratory-secret"


_SPACE = 0.05
"""Between the beginnings of requests; not worth counting."""


@dataclass
class CountingClock:
    """Sleeping only moves it on."""

    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0, "a real clock refuses to wait for what has passed"
        if seconds >= 1800:
            await anyio.sleep_forever()  # the limit of the run
        if not 0 < seconds < _SPACE:
            self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()

    @property
    def clock(self) -> Clock:
        return Clock(lambda: sum(self.slept), self.sleep, lambda low, high: high)


@dataclass(frozen=True)
class Outcome:
    """What came of a review.

    `calls` counts requests by model, `failures` errors by class, `said` is everything that a person gets to read.
    """

    exit: int
    report: Report
    calls: Mapping[str, int]
    failures: Mapping[str, int]
    slept: Sequence[float]
    page: str
    said: str
    bodies: Sequence[dict[str, Any]]
    headers: Sequence[Mapping[str, str]]

    @property
    def status(self) -> str:
        return self.report.status.value


class Laboratory:
    """A repository with a change of two files, and servers."""

    def __init__(self, repo: Builder, capsys) -> None:
        self.repo = repo
        self.capsys = capsys
        self.waiting = threading.Event()
        line = "def total_{0}(items):\n    return sum(items) / len(items) + {0}\n"
        repo.commit({f"shop/part_{n}.py": line.format(n) for n in range(2)})
        repo.commit(
            {
                f"shop/part_{n}.py": "".join(
                    line.format(m + 100 * n).replace("sum", "max") for m in range(12)
                )
                for n in range(2)
            }
        )

    def review(
        self,
        replies: Mapping[str, Sequence[Reply]],
        *,
        chain: Sequence[str] = ("lab/big",),
        provider: str = "",
        settings: str = "",
        models: Sequence[Any] = ("big", "small"),
        address: str = "",
    ) -> Outcome:
        """Review with these replies by model; models without any answer honestly."""
        with ExitStack() as stack:
            server = stack.enter_context(
                running(ChatServer(models=models, default=honest, hanging=self.waiting))
            )
            server.replies = {model: list(queue) for model, queue in replies.items()}
            return self._run(server, chain, provider, settings, address)

    def _run(
        self, server: ChatServer, chain: Sequence[str], provider: str, settings: str, address: str
    ) -> Outcome:
        root: Path = self.repo.root
        file = root.parent / "lab.toml"
        kind = "" if 'kind = "' in provider else 'kind = "openai"\n'
        file.write_text(
            f'[providers.lab]\n{kind}base_url = "{address or server.url}"\napi_key_env = "LAB_KEY"\n{provider}\n'
            f"[roles.code_quality]\nmodels = {list(chain)}\n{settings}\n"
        )
        time = CountingClock()
        output = root.parent / "report.json"
        options = RunOptions(
            common=Common(root, config=file, verbose=True),
            target=Range("HEAD~1", "HEAD", symmetric=False),
            roles=("code_quality",),
            output=str(output),
        )
        self.capsys.readouterr()
        status = run(options, time.clock)
        text = output.read_text("utf-8")
        report = json_report.parse(text, name="report")
        shown = self.capsys.readouterr()
        page = markdown.render(report)
        failures: Counter[str] = Counter()
        for usage in report.usage.models:
            failures.update({failure.kind: failure.count for failure in usage.failures})
        return Outcome(
            status,
            report,
            Counter(body.get("model", "") for body in server.requests),
            failures,
            time.slept,
            page,
            text + page + shown.out + shown.err,
            list(server.requests),
            list(server.headers),
        )

"""The workflow around a step of GitHub Actions: its inputs, and what can be said to it."""

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reviewer.config.layers import ACTION
from reviewer.errors import UsageError
from reviewer.outputs import markdown
from reviewer.outputs.annotations import command
from reviewer.outputs.neutral import visible
from reviewer.outputs.report import Report
from reviewer.publishing.bodies import State, summary_body

_MOST_SUMMARY = 1000 * 1024
"""Bytes; GitHub drops a longer summary of a step as a whole."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The action's inputs, as the workflow gave them.

    Attributes:
        values: by the names that they have in `action.yml`; what was not given is not there.
    """

    values: Mapping[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Inputs":
        """From the variables that `action.yml` maps them to."""
        given = {
            name: value for name, value in environment.items() if name.startswith(ACTION) and value.strip()
        }
        return cls(
            {name.removeprefix(ACTION).lower().replace("_", "-"): given[name].strip() for name in given}
        )

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        return self.values.get(name, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes or no: inputs are texts.

        Raises:
            UsageError: it is neither.
        """
        value = self.text(name, "true" if default else "false").lower()
        if value not in {"true", "false"}:
            raise UsageError(f"input {name}: {value!r} is neither true nor false.")
        return value == "true"

    def rows(self, name: str) -> tuple[str, ...]:
        """Lines, or parts between commas."""
        return tuple(
            part.strip() for line in self.text(name).split("\n") for part in line.split(",") if part.strip()
        )


@dataclass(slots=True)
class Workflow:
    """What a step can say to the workflow around it.

    Attributes:
        environment: the process's variables.
        outputs: what the step gives to later ones.
    """

    environment: Mapping[str, str]
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where files go that later steps may read."""
        return Path(self.environment.get("RUNNER_TEMP") or ".") / "reviewer"

    def note(self, kind: str, text: str, **properties: str | int) -> None:
        """An annotation: `notice`, `warning` or `error`."""
        sys.stdout.write(f"{command(kind, visible(text), **properties)}\n")
        sys.stdout.flush()

    @contextmanager
    def muted(self) -> Iterator[None]:
        """While this lasts, nothing that is printed is a command to the runner: it may be anybody's words."""
        token = secrets.token_hex(16)
        sys.stdout.write(f"::stop-commands::{token}\n")
        sys.stdout.flush()
        try:
            yield
        finally:
            sys.stderr.flush()
            sys.stdout.write(f"\n::{token}::\n")
            sys.stdout.flush()

    def finish(self) -> None:
        """Write the outputs: each between delimiters that nobody can guess."""
        place = self.environment.get("GITHUB_OUTPUT", "")
        if not place:
            return
        with Path(place).open("a", encoding="utf-8", errors="backslashreplace") as file:
            for name, value in self.outputs.items():
                delimiter = f"end-{secrets.token_hex(16)}"
                file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def summarise(self, report: Report) -> None:
        """Show the report on the page of the run; where it is too long for that, its short form."""
        place = self.environment.get("GITHUB_STEP_SUMMARY", "")
        if not place:
            return
        text = markdown.render(report)
        if len(text.encode("utf-8", "backslashreplace")) > _MOST_SUMMARY:
            text = summary_body(report, State())
        with Path(place).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)

"""`reviewer doctor`: try everything that a run needs, and say what to do about what does not work."""

import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import anyio
from anyio import run as run_async

from reviewer import __version__
from reviewer.changes.git import Repository
from reviewer.commands.setup import Setup, prepare
from reviewer.errors import InvalidReplyError, ModelError, UserError
from reviewer.findings.reply import read_review
from reviewer.models.builtin.ruff_rules import program
from reviewer.models.model import Backend, ModelRef
from reviewer.options import Common
from reviewer.outputs.neutral import visible
from reviewer.prompting.batch import Batch
from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.role import ModelKind
from reviewer.staffing import Staff, staff

_PATIENCE = 90.0
"""Seconds for the answer to a tiny question; a local model may have to be loaded first."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried.

    Attributes:
        name: what.
        fine: whether it works.
        text: what was seen, or what to do.
    """

    name: str
    fine: bool
    text: str


def doctor(common: Common) -> int:
    """Try git, the settings, the roles, every server and every assigned model; 0 if all is well, else 2."""
    checks: list[Check] = []

    def note(check: Check) -> None:
        checks.append(check)
        if check.fine and common.quiet:
            return
        mark = "ok  " if check.fine else "FAIL"
        sys.stdout.write(visible(f"{mark} {check.name}: {check.text}\n"))
        sys.stdout.flush()

    note(Check("reviewer", fine=True, text=f"{__version__}, Python {platform.python_version()}"))
    note(_git(common))
    note(_ruff())
    try:
        setup = prepare(common)
    except UserError as error:
        note(Check("settings", fine=False, text=str(error)))
        return 2
    files = ", ".join(map(str, setup.loaded.files)) or "no files, defaults only"
    note(Check("settings", fine=True, text=files))
    note(Check("roles", fine=True, text=", ".join(setup.roles)))
    try:
        run_async(_models, setup, note)
    except UserError as error:
        note(Check("models", fine=False, text=str(error)))
    return 0 if all(check.fine for check in checks) else 2


def _ruff() -> Check:
    try:
        return Check("ruff", fine=True, text=str(program()))
    except ModelError as error:
        return Check("ruff", fine=False, text=str(error))


def _git(common: Common) -> Check:
    try:
        repository = Repository.open(common.directory)
    except UserError as error:
        return Check("git", fine=False, text=str(error))
    return Check("git", fine=True, text=f"{repository.line('--version')}, repository {repository.root}")


async def _models(setup: Setup, note: Callable[[Check], None]) -> None:
    doubts: list[str] = []
    async with staff(setup.roles, setup.loaded, setup.environment, say=doubts.append) as who:
        for doubt in doubts:
            note(Check("models", fine="could not be checked" not in doubt, text=doubt))
        for model, roles in _uses(who).items():
            note(await _try(model, who.backends[model.provider], roles, who.windows.get(model)))


def _uses(who: Staff) -> dict[ModelRef, list[str]]:
    uses: dict[ModelRef, list[str]] = {}
    for assignment in who.assignments:
        for model in assignment.chain:
            uses.setdefault(model, []).append(assignment.role.name)
    return uses


async def _try(model: ModelRef, backend: Backend, roles: list[str], window: int | None) -> Check:
    """Ask a model one tiny question with the schema of a review."""
    name = f"{model} for {', '.join(roles)}"
    started = time.monotonic()
    reply = None
    try:
        with anyio.move_on_after(_PATIENCE):
            reply = await backend.ask(model.model, _tiny_prompt())
    except ModelError as error:
        return Check(name, fine=False, text=str(error))
    if reply is None:
        return Check(name, fine=False, text=f"no answer to a tiny question within {_PATIENCE:g} s")
    took = time.monotonic() - started
    facts = ", ".join(_facts(took, window, reasoning=bool(reply.reasoning)))
    try:
        read_review(reply)
    except InvalidReplyError as error:
        return Check(name, fine=False, text=f"{facts}, but its reviews would be unreadable: {error}")
    return Check(name, fine=True, text=facts)


def _facts(took: float, window: int | None, *, reasoning: bool) -> Iterator[str]:
    yield f"answered in {took:.1f} s"
    yield f"window {window:,} tokens" if window else "window not told"
    if reasoning:
        yield "thinks in a channel of its own"


def _tiny_prompt() -> Prompt:
    messages = (
        Message(Speaker.SYSTEM, "Answer with one JSON object and nothing else."),
        Message(
            Speaker.USER,
            "There is nothing to review; this tests the connection. Return JSON with files_reviewed [], "
            'findings [], strengths [], recommendations [], summary "ready" and rating 10.',
        ),
    )
    return Prompt("doctor", ModelKind.GENERAL, Purpose.REVIEW, messages, Batch(1, 1, ()), 100, 2048, "doctor")

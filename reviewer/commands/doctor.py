"""`reviewer doctor`: try everything that a run needs, and say what to do about what does not work."""

import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import anyio
from anyio import run as run_async

from reviewer import __version__
from reviewer.changes.git import Repository
from reviewer.commands.setup import Setup, chosen_roles, is_enabled, prepare
from reviewer.config.places import cache_folder
from reviewer.errors import InvalidReplyError, ModelError, UserError
from reviewer.findings.reply import read_review
from reviewer.memory import load_capabilities, save_capabilities
from reviewer.models.builtin.ruff_rules import program
from reviewer.models.model import ModelRef, Reply
from reviewer.models.presets import facts_of
from reviewer.models.registry import Access
from reviewer.options import Common
from reviewer.outputs.neutral import visible
from reviewer.prompting.batch import Batch
from reviewer.prompting.prompt import Message, Prompt, Purpose, Speaker
from reviewer.prompting.role import Role
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


def doctor(common: Common, *, live: bool) -> int:
    """Try git, the settings, the roles and every server; 0 if all is well, else 2.

    Args:
        common: what every command takes.
        live: also ask every assigned model a small question, once for each role.
    """
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
    off = [name for name in setup.roles if not is_enabled(setup, name)]
    names = [f"{name} (off)" if name in off else name for name in setup.roles]
    note(Check("roles", fine=True, text=", ".join(names)))
    try:
        run_async(partial(_models, setup, note, live=live))
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


async def _models(setup: Setup, note: Callable[[Check], None], *, live: bool) -> None:
    doubts: list[str] = []
    access = Access(known=load_capabilities(cache_folder()))
    roles = chosen_roles(setup, ())
    async with staff(roles, setup.loaded, setup.environment, say=doubts.append, access=access) as who:
        for doubt in doubts:
            note(Check("models", fine="could not be checked" not in doubt, text=doubt))
        for model, uses in _uses(who).items():
            if live:
                for role in uses:
                    note(await _try(model, who, role))
            elif (info := who.infos.get(model)) is not None:
                names = ", ".join(role.name for role in uses)
                facts = ", ".join(facts_of(info)) or "listed"
                note(Check(f"{model} for {names}", fine=True, text=facts))
        if not live:
            hint = "`reviewer doctor --live` asks each of them a small question for each role"
            note(Check("models", fine=True, text=hint))
    # What was found out about output modes need not be found out again by the next run.
    save_capabilities(cache_folder(), access.known)


def _uses(who: Staff) -> dict[ModelRef, list[Role]]:
    uses: dict[ModelRef, list[Role]] = {}
    for assignment in who.assignments:
        for model in assignment.chain:
            uses.setdefault(model, []).append(assignment.role)
    return uses


async def _try(model: ModelRef, who: Staff, role: Role) -> Check:
    """Ask a model one small question with the schema of a review, as the role would."""
    backend, window = who.backends[model.provider], who.windows.get(model)
    name = f"{model} for {role.name}"
    started = time.monotonic()
    reply = None
    try:
        with anyio.move_on_after(_PATIENCE):
            reply = await backend.ask(model.model, _tiny_prompt(role))
    except ModelError as error:
        return Check(name, fine=False, text=str(error))
    if reply is None:
        return Check(name, fine=False, text=f"no answer to a tiny question within {_PATIENCE:g} s")
    took = time.monotonic() - started
    facts = ", ".join(_facts(took, window, backend.mode(model.model), reply))
    try:
        read_review(reply)
    except InvalidReplyError as error:
        return Check(name, fine=False, text=f"{facts}, but its reviews would be unreadable: {error}")
    return Check(name, fine=True, text=facts)


def _facts(took: float, window: int | None, mode: str, reply: Reply) -> Iterator[str]:
    yield f"answered in {took:.1f} s"
    if not mode:
        return  # rules have neither mode nor window
    yield f"output mode {mode}"
    yield f"window {window:,} tokens" if window else "window not told"
    if reply.reasoning:
        yield "thinks in a channel of its own"
    elif "</think" in reply.text:
        yield "thinks in its answer"


def _tiny_prompt(role: Role) -> Prompt:
    messages = (
        Message(Speaker.SYSTEM, "Answer with one JSON object and nothing else."),
        Message(
            Speaker.USER,
            "There is nothing to review; this tests the connection. Return JSON with files_reviewed [], "
            'findings [], strengths [], recommendations [], summary "ready" and rating 10.',
        ),
    )
    batch = Batch(1, 1, ())
    return Prompt(role.name, role.kind, Purpose.REVIEW, messages, batch, 100, 2048, "doctor", room=8192)

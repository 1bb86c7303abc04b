"""`reviewer roles` and `reviewer prompt`: which roles there are, and exactly what they would ask."""

import json
import sys

from anyio import run as run_async
from anyio import to_thread

from reviewer.changes.changeset import ChangeSet
from reviewer.changes.collect import collect
from reviewer.changes.target import Place, Selection, Target
from reviewer.commands.setup import chosen_roles, prepare
from reviewer.errors import SourceError
from reviewer.options import Common
from reviewer.outputs.neutral import visible
from reviewer.plan import Assignment, make_plan
from reviewer.prompting.prompt import overhead_tokens
from reviewer.prompting.tokens import Calibration
from reviewer.staffing import BUILTIN


def list_roles(common: Common) -> int:
    """Print every role with its focus, its models and where its file is."""
    setup = prepare(common)
    configured = setup.loaded.settings.roles
    default = setup.loaded.settings.defaults.model or "the first model that is found"
    for role in setup.roles.values():
        own = configured.get(role.name)
        models = ", then ".join(own.models) if own and own.models else default
        state = "" if own is None or own.enabled else " (switched off)"
        tokens = overhead_tokens(role, setup.wording, snapshot=False)
        rows = [
            f"{role.name}{state}: {role.title}",
            f"  focus   {role.focus}",
            f"  kind    {role.kind} model",
            f"  models  {models}",
            f"  files   {', '.join(role.globs) or 'all'}",
            f"  limits  {role.limits.findings} findings, {role.limits.prompt_tokens:,} tokens a prompt "
            f"(about {tokens:,} of them instructions), {role.limits.output_tokens:,} a reply",
            f"  source  {role.source}",
        ]
        sys.stdout.write("\n".join(map(visible, rows)) + "\n")
    return 0


def print_prompt(common: Common, role: str, target: Target, *, as_json: bool) -> int:
    """Print the prompts of a role for a target, as they would be sent."""
    setup = prepare(common)
    roles = chosen_roles(setup, (role,))
    scope = setup.loaded.settings.scope
    selection = Selection(scope.include, scope.exclude, scope.max_file_bytes)
    changes: ChangeSet = run_async(to_thread.run_sync, collect, target, selection, Place(common.directory))
    if not changes.files:
        raise SourceError(f"nothing to review in {changes.title}, so there is no prompt.")
    plan = make_plan(
        changes, [Assignment(roles[role], (BUILTIN,))], setup.wording, windows={}, calibration=Calibration()
    )
    for prompt in plan.roles[0].prompts:
        if as_json:
            messages = [
                {"role": message.speaker.value, "content": message.text} for message in prompt.messages
            ]
            row = {
                "label": prompt.label,
                "tokens": prompt.tokens,
                "messages": messages,
                "schema": prompt.schema,
            }
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
            continue
        sys.stdout.write(f"##### {prompt.label}: about {prompt.tokens:,} tokens, digest {prompt.digest}\n")
        for message in prompt.messages:
            sys.stdout.write(f"##### {message.speaker.value}\n{message.text}")
    return 0

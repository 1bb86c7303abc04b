"""`reviewer prompt`: exactly what a role would be asked."""

import json
import sys

from anyio import run as run_async
from anyio import to_thread

from reviewer.assignment import Assignment
from reviewer.changes.changeset import ChangeSet
from reviewer.changes.collect import collect
from reviewer.changes.target import Selection, Target
from reviewer.commands.setup import chosen_roles, own_keys, place_of, prepare
from reviewer.errors import SourceError, UsageError
from reviewer.models.shield import Shield
from reviewer.options import Common
from reviewer.plan import make_plan
from reviewer.prompting.role import Task
from reviewer.prompting.tokens import Calibration
from reviewer.staffing import BUILTIN


def print_prompt(common: Common, role: str, target: Target, *, as_json: bool) -> int:
    """Print the prompts of a role for a target, as they would be sent to a server that is not exempt.

    Somebody may put them into a chat by hand: secrets are taken out, and what hides is shown.
    """
    setup = prepare(common, target)
    roles = chosen_roles(setup, (role,))
    if roles[role].task is Task.FIX:
        raise UsageError(
            f"role {role} is asked about confirmed findings, which there are none of before a run."
        )
    scope = setup.loaded.settings.scope
    selection = Selection(scope.include, scope.exclude, scope.max_file_bytes)
    changes: ChangeSet = run_async(to_thread.run_sync, collect, target, selection, place_of(common, setup))
    if not changes.files:
        raise SourceError(f"nothing to review in {changes.title}, so there is no prompt.")
    plan = make_plan(
        changes, [Assignment(roles[role], (BUILTIN,))], setup.wording, windows={}, calibration=Calibration()
    )
    if not plan.roles[0].prompts:
        raise SourceError(
            f"no file of {changes.title} matches the patterns of role {role}, so there is no prompt."
        )
    shield = Shield.of(own_keys(setup), None, str)
    shield.learn(changes)
    for prompt in plan.roles[0].prompts:
        sent = shield.redactor.prompt(shield.unhider.prompt(prompt))
        if as_json:
            messages = [{"role": message.speaker.value, "content": message.text} for message in sent.messages]
            row = {
                "label": prompt.label,
                "tokens": prompt.tokens,
                "messages": messages,
                "schema": prompt.schema,
            }
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
            continue
        sys.stdout.write(f"##### {prompt.label}: about {prompt.tokens:,} tokens, digest {prompt.digest}\n")
        for message in sent.messages:
            sys.stdout.write(f"##### {message.speaker.value}\n{message.text}")
    return 0

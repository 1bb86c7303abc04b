"""`reviewer roles`: which roles there are, and who plays them."""

import sys

from reviewer.commands.setup import Setup, is_enabled, prepare
from reviewer.options import Common
from reviewer.outputs.neutral import visible
from reviewer.prompting.prompt import overhead_tokens
from reviewer.prompting.role import Role, Task


def list_roles(common: Common) -> int:
    """Print every role with its focus, its models and where its file is."""
    setup = prepare(common)
    configured = setup.loaded.settings.roles
    default = setup.loaded.settings.defaults.model or "the first model that is found"
    for role in setup.roles.values():
        own = configured.get(role.name)
        models = ", then ".join(own.models) if own and own.models else default
        state = "" if is_enabled(setup, role.name) else " (switched off)"
        rows = [
            f"{role.name}{state}: {role.title}",
            f"  focus   {role.focus}",
            f"  kind    {role.kind} model",
            f"  models  {models}",
            f"  files   {', '.join(role.globs) or 'all'}",
            *([f"  after   {', '.join(role.after)}"] if role.after else []),
            *_limits(role, setup),
            f"  source  {role.source}",
        ]
        sys.stdout.write("\n".join(map(visible, rows)) + "\n")
    return 0


def _limits(role: Role, setup: Setup) -> list[str]:
    limits = role.limits
    if role.task is Task.FIX:
        return [f"  limits  {limits.output_tokens:,} tokens a reply"]
    tokens = overhead_tokens(role, setup.wording, snapshot=False)
    return [
        f"  limits  {limits.findings} findings, {limits.output_tokens:,} tokens a reply",
        f"          {limits.prompt_tokens:,} tokens a prompt, of which {tokens:,} are instructions",
    ]

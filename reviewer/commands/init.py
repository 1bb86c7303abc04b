"""`reviewer init`: write a commented configuration for what is found on this machine."""

import sys
from pathlib import Path

from anyio import run as run_async

from reviewer.commands.setup import prepare, shown_path
from reviewer.config.load import REPOSITORY_FILE
from reviewer.detect import Found, look_around
from reviewer.errors import UsageError
from reviewer.models.model import ModelRef
from reviewer.options import Common
from reviewer.outputs.files import write
from reviewer.prompting.role import Role

_HEAD = """\
# Settings of reviewer (https://toml.io). Every key: `reviewer config keys`; what is in force and why:
# `reviewer config show`. Flags and REVIEWER_* variables win over this file.
"""


def init(common: Common, *, force: bool) -> int:
    """Write `reviewer.toml` into the repository's root.

    Raises:
        UsageError: there is one already, and `force` is not given.
    """
    setup = prepare(common)
    file = setup.loaded.root / REPOSITORY_FILE
    if file.exists() and not force:
        raise UsageError(f"{file} exists already; --force replaces it.")
    found = run_async(look_around, setup.loaded, setup.environment)
    write(file, configuration(found, list(setup.roles.values())))
    chosen = next((item.choice for item in found if item.choice), None)
    sys.stdout.write(f"Written: {shown_path(Path(file), common.directory)}\n")
    if chosen is None:
        sys.stdout.write("No model server was found; the built-in reviewer is used until one is there.\n")
    else:
        sys.stdout.write(f"Default model: {chosen}. `reviewer doctor` tries it.\n")
    return 0


def configuration(found: list[Found], roles: list[Role]) -> str:
    """The text of a configuration file for what was found."""
    chosen: ModelRef | None = next((item.choice for item in found if item.choice), None)
    rows = [_HEAD, "[defaults]"]
    if chosen is None:
        rows += ['# model = "ollama/qwen3-coder"   # provider/model, for roles that name none']
    else:
        rows += [f'model = "{chosen}"   # for roles that name none']
    rows += ['# guidance = "We support Python 3.11 and later."   # every reviewer gets this', ""]
    for item in found:
        names = [model.name for model in item.listing.models or () if model.chat]
        if names:
            rows.append(f"# {item.endpoint.name} at {item.endpoint.address} offers: {', '.join(names[:12])}")
    rows += ["", "# A server of your own that speaks OpenAI's chat completions:", "# [providers.lab]"]
    rows += ['# kind = "openai"', '# base_url = "http://127.0.0.1:9000/v1"', '# api_key_env = "LAB_KEY"', ""]
    for role in roles:
        rows += [
            f"# {role.title}: {role.focus}; best on a {role.kind} model",
            f"# [roles.{role.name}]",
            '# models = ["provider/model", "provider/fallback"]',
            "",
        ]
    rows += ["[gate]", 'fail_on = "none"   # critical, major, minor: exit 1 from this severity on', ""]
    rows += ["[scope]", 'exclude = []   # such as "docs/" or "*.generated.ts"', ""]
    return "\n".join(rows)

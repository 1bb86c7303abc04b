"""`reviewer init`: write a commented configuration for what is found on this machine."""

import sys
from collections.abc import Sequence
from pathlib import Path

from anyio import run as run_async

from reviewer.commands.setup import prepare, shown_path
from reviewer.config.foreign import seal
from reviewer.config.layers import REPOSITORY_FILE
from reviewer.config.load import Sources, about_servers
from reviewer.detect import Found, look_around
from reviewer.errors import UsageError
from reviewer.models.model import Endpoint
from reviewer.models.servers import SERVERS
from reviewer.options import Common
from reviewer.outputs.files import write
from reviewer.prompting.role import Role
from reviewer.trust import remember

_HEAD = """\
# Settings of reviewer (https://toml.io). Every key: `reviewer config keys`; what is in force and why:
# `reviewer config show`. Flags and REVIEWER_* variables win over this file.
"""
_SHOWN = 12


def init(common: Common, *, force: bool) -> int:
    """Write `reviewer.toml` into the repository's root.

    Raises:
        UsageError: there is one already, and `force` is not given.
    """
    setup = prepare(common)
    root = setup.loaded.root
    file = root / REPOSITORY_FILE
    if file.exists() and not force:
        raise UsageError(f"{file} exists already; --force replaces it.")
    if not force and str(root / "pyproject.toml") in setup.loaded.files:
        raise UsageError(
            f"{root / 'pyproject.toml'} holds settings in [tool.reviewer]; two files would clash."
        )
    found = run_async(look_around, setup.loaded, setup.environment)
    write(file, configuration(found, list(setup.roles.values())))
    if servers := about_servers(Sources(common.directory, {}, {})):
        # Who has it written has seen what was found, and has not read it from somebody else.
        remember(root, seal(servers), tuple(servers))
    if common.quiet:
        return 0
    where = "" if (root / ".git").exists() else " (there is no git repository here)"
    sys.stdout.write(f"Written: {shown_path(Path(file), common.directory)}{where}\n")
    chosen = _chosen(found)
    if chosen is None:
        sys.stdout.write("No model server was found; the built-in reviewer is used until one is there.\n")
    else:
        names = _names(chosen)
        of = f", one of {len(names)} models there" if len(names) > 1 else ""
        sys.stdout.write(f"Default model: {chosen.choice}{of}. `reviewer doctor` tries it.\n")
    return 0


def _chosen(found: Sequence[Found]) -> Found | None:
    return next((item for item in found if item.choice), None)


def _names(item: Found) -> list[str]:
    return [model.name for model in item.listing.models or () if model.chat]


def configuration(found: Sequence[Found], roles: Sequence[Role]) -> str:
    """The text of a configuration file for what was found."""
    chosen = _chosen(found)
    model = str(chosen.choice) if chosen else "ollama/qwen3-coder"
    rows = [_HEAD, "[defaults]"]
    if chosen is None:
        rows += [f'# model = "{model}"   # provider/model, for roles that name none']
    else:
        rows += [f'model = "{model}"   # for roles that name none']
    rows += ['# guidance = "We support Python 3.11 and later."   # every reviewer gets this', ""]
    rows += [
        f"# {item.endpoint.name} at {item.endpoint.address} offers: {', '.join(names[:_SHOWN])}"
        for item in found
        if (names := _names(item))
    ]
    if chosen is not None:
        rows += ["", *_provider(chosen.endpoint)]
    rows += ["", "# A server of your own that speaks OpenAI's chat completions:", "# [providers.lab]"]
    rows += ['# kind = "openai"', '# base_url = "http://127.0.0.1:9000/v1"', '# api_key_env = "LAB_KEY"', ""]
    for role in roles:
        rows += [
            f"# {role.title}: {role.focus}; best on a {role.kind} model",
            f"# [roles.{role.name}]",
            *(
                []
                if role.enabled
                else ["# enabled = true   # it is off until this is set, or --role names it"]
            ),
            f'# models = ["{model}", "ollama/gpt-oss:20b"]   # the second one is asked if the first fails',
            "",
        ]
    rows += ["[gate]", 'fail_on = "none"   # critical, major, minor: exit 1 from this severity on', ""]
    rows += ["[scope]", 'exclude = []   # such as "docs/" or "*.generated.ts"', ""]
    return "\n".join(rows)


def _provider(endpoint: Endpoint) -> list[str]:
    """The table that this file needs for a server, unless its name says all."""
    known = SERVERS.get(endpoint.name)
    if known is not None and endpoint.base_url == known.urls[0]:
        return []
    if endpoint.base_url != endpoint.address:
        return [f"# The address of {endpoint.name} has a password in it and stays in your own settings."]
    rows = [f"[providers.{endpoint.name}]", f'kind = "{endpoint.kind}"', f'base_url = "{endpoint.base_url}"']
    return [*rows, *([f'api_key_env = "{endpoint.key_name}"'] if endpoint.key_name else [])]

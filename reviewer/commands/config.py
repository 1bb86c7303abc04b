"""`reviewer config`: the settings in force with where each comes from, and all keys that there are."""

import json
import sys

from pydantic import BaseModel

from reviewer.chains import check_names
from reviewer.commands.setup import check_formats, prepare, settings
from reviewer.config.keys import flag_key, named_key
from reviewer.config.load import Loaded
from reviewer.config.places import user_file
from reviewer.config.schema import NAMED, Settings
from reviewer.models.model import shown_address
from reviewer.options import Common
from reviewer.outputs.neutral import visible


def show(common: Common) -> int:
    """Print every value and its origin."""
    loaded = settings(common).loaded
    for file in loaded.files:
        sys.stdout.write(visible(f"# read: {file}\n"))
    if not loaded.files:
        sys.stdout.write(
            f"# no configuration file; yours would be {user_file()}, a repository's reviewer.toml\n"
        )
    for key, value, origin in _rows(loaded):
        sys.stdout.write(visible(f"{key} = {value}  # {origin}\n"))
    return 0


def validate(common: Common) -> int:
    """Check settings, role files, models and providers; an error is raised for what is wrong."""
    setup = prepare(common)
    check_names(setup.roles, setup.loaded, setup.environment)
    check_formats(setup.loaded.settings.report.formats)
    read = ", ".join(map(str, setup.loaded.files)) or "no files"
    sys.stdout.write(visible(f"valid: {read}; {len(setup.roles)} roles\n"))
    return 0


def keys(common: Common) -> int:
    """Print every key with its default and what it means."""
    del common  # the same everywhere
    for section, field in Settings.model_fields.items():
        table = NAMED.get(section, field.annotation)
        if not (isinstance(table, type) and issubclass(table, BaseModel)):
            raise TypeError(f"{section} is no table")
        name = f"{section}.NAME" if section in NAMED else section
        for key, item in table.model_fields.items():
            default = "not set" if item.default is None else _written(item.default)
            sys.stdout.write(f"{name}.{key} = {default}  # {item.description}\n")
    return 0


def _rows(loaded: Loaded) -> list[tuple[str, str, str]]:
    rows = []
    for section, content in loaded.settings.model_dump().items():
        tables = content.items() if section in NAMED else [(None, content)]
        for name, table in tables:
            for key, value in table.items():
                inner = flag_key(f"{section}.{key}") if name is None else named_key(section, name, key)
                shown = f"{section}.{key}" if name is None else f"{section}.{name}.{key}"
                written = "not set" if value is None else _written(value)
                rows.append((shown, written, loaded.origin(inner)))
    return rows


def _written(value: object) -> str:
    """A value as TOML has it, without passwords in addresses."""
    if isinstance(value, str):
        value = shown_address(value)
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)

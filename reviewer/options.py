"""What a command was asked to do, as values: the command line's side of every command."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reviewer.changes.target import Target


@dataclass(frozen=True, slots=True)
class Common:
    """What every command takes.

    Attributes:
        directory: where the command was started.
        config: the file of `--config`.
        use_files: False for `--no-config`.
        flags: settings from flags by dotted key, with the flag's name.
        role_models: models from `--model ROLE=...` by role.
        prompts: further folders with role files.
        quiet, verbose: how much to say.
        color: False for `--no-color`.
        settings_from: `--settings-from`; empty where it is not given.
        user_file: a file in place of the user's own, or None.
    """

    directory: Path
    config: Path | None = None
    use_files: bool = True
    flags: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    role_models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prompts: tuple[Path, ...] = ()
    quiet: bool = False
    verbose: bool = False
    color: bool | None = None
    settings_from: str = ""
    user_file: Path | None = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`reviewer run`.

    Attributes:
        target: what to review.
        roles: names from `--role`, empty for all enabled ones.
        output: `--output`: a file, or `-` for standard output.
        formats: `--format`, empty for the configured ones.
        since: the JSON report of an earlier run to go on from, or `last` for the newest one; empty for none.
        dry_run: list what would be asked, and ask nothing.
        record: folder in which every exchange with a server is kept.
        replay: folder with a recording that answers in place of the servers.
        trace: file for all that goes to servers and comes back.
        log_file: file for what happens, as lines of JSON.
        audit: file for what was sent where, as lines of JSON without contents.
    """

    common: Common
    target: Target
    roles: tuple[str, ...] = ()
    output: str = ""
    formats: tuple[str, ...] = ()
    since: str = ""
    dry_run: bool = False
    record: str = ""
    replay: str = ""
    trace: str = ""
    log_file: str = ""
    audit: str = ""

"""The flags that several commands share, and the values that they mean."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from reviewer.changes.target import Target
    from reviewer.options import Common


TARGET_WORDS = "A..B | PATH"
"""How the words that name a target are shown."""


def add_common(parser: argparse.ArgumentParser) -> None:
    """Flags about settings and how much to say."""
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--config", metavar="FILE", type=Path, help="use this file instead of the repository's"
    )
    group.add_argument("--no-config", action="store_true", help="read no configuration files")
    group.add_argument(
        "--prompts", metavar="DIR", type=Path, action="append", default=[], help="further role files"
    )
    group.add_argument(
        "--settings-from",
        metavar="auto|worktree|base|REV",
        default="",
        help="which version of the repository's own settings and prompts counts. auto (default): what lies "
        "on the disk; in CI, and where others changed it on this branch, the commit that is compared with",
    )
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    group.add_argument("-v", "--verbose", action="store_true", help="a line for every request")
    group.add_argument("--no-color", action="store_true", help="no colours (NO_COLOR works too)")


def add_models(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """The flag that assigns models."""
    parser.add_argument(
        "--model",
        metavar="[ROLE=]PROVIDER/MODEL",
        action="append",
        default=[],
        help="model for all roles, or for one: ROLE=A,B asks B if A fails (repeatable)",
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    """Flags and words that say what to review."""
    group = parser.add_argument_group("what to review (one of)")
    group.add_argument(
        "target",
        nargs="*",
        metavar=TARGET_WORDS,
        help="a range of commits; with --all, files or folders. Default: all that this branch has over the "
        "default branch, committed or not",
    )
    group.add_argument("--uncommitted", action="store_true", help="what the working tree has over HEAD")
    group.add_argument("--staged", action="store_true", help="what the index has over HEAD")
    group.add_argument("--base", metavar="REF", help="everything since this branch left REF")
    group.add_argument("--commit", metavar="REV", help="one commit")
    group.add_argument("--all", action="store_true", help="whole files of the working tree")
    group.add_argument("--patch", metavar="FILE", help="a unified diff; - for standard input")
    group.add_argument("--pr", metavar="N|URL", help="a pull request on GitHub, read with GITHUB_TOKEN")
    parser.add_argument("--include", metavar="GLOB", action="append", default=[], help="only these files")
    parser.add_argument("--exclude", metavar="GLOB", action="append", default=[], help="not these files")


_FLAGS = {
    "include": ("scope.include", "--include"),
    "exclude": ("scope.exclude", "--exclude"),
    "concurrency": ("run.concurrency", "--concurrency"),
    "timeout": ("run.timeout", "--timeout"),
    "fail_on": ("gate.fail_on", "--fail-on"),
    "min_severity": ("report.min_severity", "--min-severity"),
    "verify": ("verify.mode", "--verify"),
}
"""Settings that have a flag, by the flag's name in the parsed arguments."""


def common_of(arguments: argparse.Namespace) -> "Common":
    """What every command takes.

    Raises:
        UsageError: flags exclude each other, or a model is written wrongly.
    """
    from reviewer.errors import UsageError
    from reviewer.options import Common

    if arguments.quiet and arguments.verbose:
        raise UsageError("--quiet and --verbose exclude each other.")
    if arguments.config and arguments.no_config:
        raise UsageError("--config and --no-config exclude each other.")
    flags: dict[str, tuple[str, Any]] = {}
    for name, (key, flag) in _FLAGS.items():
        value = getattr(arguments, name, None)
        if value not in (None, []):
            flags[key] = (flag, value)
    role_models: dict[str, tuple[str, ...]] = {}
    for text in getattr(arguments, "model", []):
        role, _, names = text.rpartition("=")
        chain = tuple(part.strip() for part in names.split(",") if part.strip())
        if not chain:
            raise UsageError(f"--model {text!r}: no model is named.")
        if role:
            role_models[role] = (*role_models.get(role, ()), *chain)
        elif len(chain) > 1 or "defaults.model" in flags:
            raise UsageError("--model without a role takes one model; name fallbacks as ROLE=A,B.")
        else:
            flags["defaults.model"] = ("--model", chain[0])
    return Common(
        directory=Path.cwd(),
        config=arguments.config,
        use_files=not arguments.no_config,
        flags=flags,
        role_models=role_models,
        prompts=tuple(arguments.prompts),
        quiet=arguments.quiet,
        verbose=arguments.verbose,
        color=False if arguments.no_color else None,
        settings_from=arguments.settings_from,
    )


def target_of(arguments: argparse.Namespace) -> "Target":  # a table of flags
    """The one target that the flags name.

    Raises:
        UsageError: they name several.
    """
    from reviewer.changes import target as targets
    from reviewer.errors import UsageError

    words = arguments.target
    _refuse_empty(arguments)
    made: dict[str, tuple[bool, Callable[[], Target]]] = {
        "--uncommitted": (arguments.uncommitted, targets.Uncommitted),
        "--staged": (arguments.staged, targets.Staged),
        "--base": (arguments.base is not None, lambda: targets.Base(arguments.base)),
        "--commit": (arguments.commit is not None, lambda: targets.Commit(arguments.commit)),
        "--all": (arguments.all, lambda: targets.Snapshot(tuple(words))),
        "--patch": (arguments.patch is not None, lambda: _patch(arguments.patch)),
        "--pr": (arguments.pr is not None, lambda: targets.PullRequest(arguments.pr)),
    }
    named = {flag: make for flag, (given, make) in made.items() if given}
    if words and not arguments.all:
        if len(words) > 1:
            raise UsageError(f"one range is reviewed at a time, not {len(words)}: {' '.join(words)}")
        named[words[0]] = lambda: targets.parse_range(words[0])
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} exclude each other: name one thing to review.")
    return next(iter(named.values()), targets.Worktree)()


def _refuse_empty(arguments: argparse.Namespace) -> None:
    """An empty value is a variable that was not set; guessing another target would review something else."""
    from reviewer.errors import UsageError

    for flag in ("base", "commit", "patch", "pr", "since", "include", "exclude", "output"):
        given = getattr(arguments, flag, None)
        if "" in (given if isinstance(given, list) else [given]):
            raise UsageError(f"--{flag} is empty; is a variable unset?")


def _patch(name: str) -> "Target":
    from reviewer.changes.target import Patch
    from reviewer.errors import SourceError

    if name == "-":
        if sys.stdin is None:
            raise SourceError("standard input is closed; give the patch as a file, or pipe it in.")
        return Patch(_bounded(sys.stdin.buffer, name), "standard input")
    try:
        with Path(name).open("rb") as file:
            return Patch(_bounded(file, name), name)
    except OSError as error:
        raise SourceError(f"{name}: cannot be read: {error.strerror}.") from error


def _bounded(file: "BinaryIO", name: str) -> bytes:
    """The whole of a patch, if it is not larger than what can be reviewed.

    Raises:
        SourceError: it is.
    """
    from reviewer.changes.git import MAX_DIFF_BYTES
    from reviewer.errors import SourceError

    data = file.read(MAX_DIFF_BYTES + 1)
    if len(data) > MAX_DIFF_BYTES:
        raise SourceError(
            f"{name}: the patch has over {MAX_DIFF_BYTES // 2**20} MiB, more than can be reviewed."
        )
    return data

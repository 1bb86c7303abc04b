"""Arguments to exit status: which commands there are, and the only broad handler."""

import argparse
import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from reviewer import __version__
from reviewer.flags import TARGET_WORDS, add_common, add_models, add_target, common_of, target_of

_OK, _USAGE, _BUG, _INTERRUPTED = 0, 2, 4, 130
_EXIT_STATUS = """exit status:
  0  clean, or findings below the gate     3  incomplete: something was not reviewed
  1  the gate (--fail-on) was reached      4  a bug in reviewer
  2  wrong usage, configuration or source  130  interrupted
"""


class _Parser(argparse.ArgumentParser):
    """argparse with the nearest flag in its errors."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments: "):
            from difflib import get_close_matches

            given = message.split(": ", 1)[1].split(maxsplit=1)[0].partition("=")[0]
            near = get_close_matches(given, self._option_string_actions, n=1)
            if given in near:
                message += f" (write it behind the command: {self.prog} {given})"
            elif near:
                message += f" (did you mean {near[0]}?)"
        # A positional argument of any number, none included, is not required, whatever argparse says.
        message = message.replace(f", {TARGET_WORDS}", "")
        self.exit(_USAGE, f"{self.prog}: error: {message}\nTry: {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the arguments without the program's name; those of the process by default.

    Returns:
        The exit status.
    """
    # A stream that the caller has closed is None.
    nowhere = Path(os.devnull)
    sys.stdout = sys.stdout or nowhere.open("w", encoding="utf-8")  # until the process ends
    sys.stderr = sys.stderr or nowhere.open("w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character gets its number, not a crash.
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    try:
        arguments, rest = parser.parse_known_args(argv)
        if rest and hasattr(arguments, "target") and not any(word.startswith("-") for word in rest):
            # argparse takes words for a target only in one piece; they may stand behind flags too.
            arguments.target, rest = [*arguments.target, *rest], []
        if rest:
            arguments.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return _guarded(arguments.handler, arguments)


def _guarded(handler: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    from reviewer.errors import UserError
    from reviewer.outputs.files import flush, silence

    try:
        status = handler(arguments)
        flush()
    except KeyboardInterrupt:
        _tell("\nreviewer: interrupted\n")
        return _INTERRUPTED
    except BrokenPipeError:
        # Who reads our output has gone, as `reviewer ... | head` does.
        silence()
        return _OK
    except BaseExceptionGroup as group:  # what a task group makes of a single error too
        single = _only_user_errors(group)
        if single is None:
            return _crashed(group)
        _tell(f"reviewer: error: {single}\n")
        return _USAGE
    except UserError as error:
        _tell(f"reviewer: error: {error}\n")
        return _USAGE
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _crashed(error)
        _tell(f"reviewer: error: standard output: cannot be written: {error.strerror}.\n")
        silence()
        return _USAGE
    except Exception as error:  # noqa: BLE001  # the one place where everything else ends
        return _crashed(error)

    else:
        return status


def _tell(text: str) -> None:
    """Say something on standard error; if nobody can hear it, the exit status still tells."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _crashed(error: BaseException) -> int:
    from reviewer.crash import CrashLog

    return CrashLog.write(error, status=_BUG)


def _only_user_errors(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """The first error of a task group, if all of them are the user's to mend."""
    from reviewer.errors import UserError

    _, rest = group.split(UserError)
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if rest is None else None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="reviewer",
        description="Code review by several language models, with findings checked against the code.",
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"reviewer {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text, build in _COMMANDS:
        sub = commands.add_parser(
            name,
            aliases=["review"] if name == "run" else [],
            help=text,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        build(sub)
        sub.set_defaults(parser=sub)
    return parser


def _build_run(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "--since",
        metavar="REPORT",
        default=None,
        help="read only what has changed since this report (JSON, or `last`), and check what it found first",
    )
    group = parser.add_argument_group("who reviews")
    group.add_argument(
        "--role", metavar="NAME", action="append", default=[], help="only this role (repeatable)"
    )
    add_models(group)
    group.add_argument("--concurrency", metavar="N", help="requests at once to each server")
    group.add_argument("--timeout", metavar="TIME", help="for the whole run: 300, 90s, 10m")
    group.add_argument(
        "--verify",
        metavar="WHEN",
        help="have findings checked by another model: auto (if there are two), on, off",
    )
    group = parser.add_argument_group("result")
    group.add_argument(
        "--fail-on", metavar="SEVERITY", help="exit 1 from here on: critical, major, minor, none"
    )
    group.add_argument("--min-severity", metavar="SEVERITY", help="do not show less severe findings")
    group.add_argument(
        "-o", "--output", metavar="FILE", default=None, help="write one report here; - for standard output"
    )
    group.add_argument(
        "-f", "--format", metavar="FORM", action="append", default=[], help="md, json or prom (repeatable)"
    )
    group.add_argument(
        "--dry-run", action="store_true", help="list files, models, prompts and tokens; ask nothing"
    )
    group = parser.add_argument_group("seeing what happens")
    group.add_argument("--log-file", metavar="FILE", default="", help="what happens, as lines of JSON")
    group.add_argument(
        "--trace", metavar="FILE", default="", help="every request and answer, without keys; holds your code"
    )
    group.add_argument("--record", metavar="DIR", default="", help="keep every exchange with the servers")
    group.add_argument("--replay", metavar="DIR", default="", help="ask a recording in place of servers")
    add_common(parser)
    parser.set_defaults(handler=_run)


def _run(arguments: argparse.Namespace) -> int:
    from reviewer.commands.run import run
    from reviewer.errors import UsageError
    from reviewer.options import RunOptions

    if arguments.replay and (arguments.record or arguments.trace):
        raise UsageError("--replay asks no server, so that there is nothing to --record or --trace.")
    return run(
        RunOptions(
            common=common_of(arguments),
            target=target_of(arguments),
            roles=tuple(arguments.role),
            output=arguments.output or "",
            formats=tuple(arguments.format),
            since=arguments.since or "",
            dry_run=arguments.dry_run,
            record=arguments.record,
            replay=arguments.replay,
            trace=arguments.trace,
            log_file=arguments.log_file,
        )
    )


def _build_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--everything", action="store_true", help="all models of services with many")
    add_common(parser)
    parser.set_defaults(handler=_models)


def _models(arguments: argparse.Namespace) -> int:
    from reviewer.commands.models import list_models

    return list_models(common_of(arguments), as_json=arguments.json, everything=arguments.everything)


def _build_roles(parser: argparse.ArgumentParser) -> None:
    add_models(parser)
    add_common(parser)
    parser.set_defaults(handler=_roles)


def _roles(arguments: argparse.Namespace) -> int:
    from reviewer.commands.roles import list_roles

    return list_roles(common_of(arguments))


def _build_prompt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="whose prompt to print")
    parser.add_argument("--json", action="store_true", help="a JSON object for each prompt, with the schema")
    add_target(parser)
    add_common(parser)
    parser.set_defaults(handler=_prompt)


def _prompt(arguments: argparse.Namespace) -> int:
    from reviewer.commands.prompt import print_prompt

    return print_prompt(common_of(arguments), arguments.role, target_of(arguments), as_json=arguments.json)


def _build_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.json", help="a report in JSON; - for standard input")
    parser.add_argument("-f", "--format", metavar="FORM", default="md", help="md, json or prom")
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="default: standard output")
    parser.set_defaults(handler=_report)


def _report(arguments: argparse.Namespace) -> int:
    from reviewer.commands.report import render_again

    return render_again(arguments.file, arguments.format, arguments.output)


def _build_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    add_common(parser)
    parser.set_defaults(handler=_init)


def _init(arguments: argparse.Namespace) -> int:
    from reviewer.commands.init import init

    return init(common_of(arguments), force=arguments.force)


def _build_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--live", action="store_true", help="ask every assigned model a small question for each role"
    )
    add_models(parser)
    add_common(parser)
    parser.set_defaults(handler=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from reviewer.commands.doctor import doctor

    return doctor(common_of(arguments), live=arguments.live)


def _build_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=("show", "validate", "keys"),
        default="show",
        help="show (default): values in force and their origin; validate: check them; keys: list all",
    )
    add_models(parser)
    add_common(parser)
    parser.set_defaults(handler=_config)


def _config(arguments: argparse.Namespace) -> int:
    from reviewer.commands import config

    act = {"show": config.show, "validate": config.validate, "keys": config.keys}[arguments.what]
    return act(common_of(arguments))


def _build_baseline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "report", nargs="?", metavar="REPORT.json", default="", help="default: the newest one in reports"
    )
    parser.add_argument(
        "--only", metavar="ID", action="append", default=[], help="only this finding (repeatable)"
    )
    parser.add_argument("--reason", metavar="TEXT", default="", help="why they are accepted")
    parser.add_argument("--expires", metavar="DAY", default="", help="they count again from 2027-01-31 on")
    parser.add_argument("--prune", action="store_true", help="forget what the report shows to be gone")
    parser.add_argument("--list", action="store_true", help="show what is accepted, change nothing")
    add_common(parser)
    parser.set_defaults(handler=_baseline)


def _baseline(arguments: argparse.Namespace) -> int:
    from reviewer.commands.baseline import BaselineOptions, baseline

    return baseline(
        BaselineOptions(
            common=common_of(arguments),
            report=arguments.report,
            only=tuple(arguments.only),
            reason=arguments.reason,
            expires=arguments.expires,
            prune=arguments.prune,
            show=arguments.list,
        )
    )


def _build_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("earlier", metavar="A.json", help="a report in JSON")
    parser.add_argument("later", metavar="B.json", help="a later one; - for standard input")
    parser.add_argument("--json", action="store_true", help="ids as JSON")
    parser.set_defaults(handler=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from reviewer.commands.compare import compare

    return compare(arguments.earlier, arguments.later, as_json=arguments.json)


_COMMANDS: tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...] = (
    ("run", "Review a change or files and write a report.", _build_run),
    ("models", "List what every model server that can be reached offers.", _build_models),
    ("roles", "List the roles and who plays them.", _build_roles),
    ("prompt", "Print exactly what a role would be asked.", _build_prompt),
    ("report", "Render a JSON report again.", _build_report),
    ("compare", "Show what is new, still there or gone between two reports.", _build_compare),
    ("baseline", "Accept findings of a report, so that later runs talk about new ones.", _build_baseline),
    ("init", "Write a commented reviewer.toml for what is found here.", _build_init),
    ("doctor", "Try everything a run needs and say what to do.", _build_doctor),
    ("config", "Show, check or list settings.", _build_config),
)

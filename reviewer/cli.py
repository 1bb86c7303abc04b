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
from reviewer.flags import TARGET_WORDS
from reviewer.subcommands import COMMANDS

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
    for command in COMMANDS:
        sub = commands.add_parser(
            command.name,
            aliases=["review"] if command.name == "run" else [],
            help=command.text,
            description=command.text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.build(sub)
        sub.set_defaults(parser=sub)
    return parser

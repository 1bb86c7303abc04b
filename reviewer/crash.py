"""What to do about our own bugs: one line for the user, and a log file with everything."""

import platform
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from reviewer import __version__


class CrashLog:
    """Writes log files of crashes into the user's folder for logs."""

    @staticmethod
    def write(error: BaseException, *, status: int) -> int:
        """Log an unexpected error and tell the user where; returns the exit status."""
        now = datetime.now(UTC)
        cause = error
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        versions = f"reviewer {__version__}, Python {platform.python_version()}, {platform.platform()}"
        text = f"{now.isoformat()}\n{versions}\n\n{''.join(traceback.format_exception(error))}"
        summary = " ".join(str(cause).split())[:200]
        line = f"reviewer: this is a bug in reviewer: {type(cause).__name__}: {summary}"
        try:
            folder = Path(platformdirs.user_log_dir("reviewer", appauthor=False))
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / now.strftime("crash-%Y%m%d-%H%M%S-%f.log")
            file.write_text(text, "utf-8", "replace")
        except OSError:
            sys.stderr.write(f"{text}\n{line}\n")
        else:
            sys.stderr.write(f"{line}\nDetails are in {file}; please report them.\n")
        return status

"""`reviewer report`: render a JSON report again, without any model."""

import sys
from pathlib import Path

from reviewer.errors import OutputError, UsageError
from reviewer.exits import of_report
from reviewer.outputs import json_report
from reviewer.outputs.files import write, write_standard_output
from reviewer.outputs.registry import RENDERERS


def render_again(file: str, form: str, output: str) -> int:
    """Read a report, write it in a form, and return the exit status that its run had.

    Raises:
        OutputError: the file is no report.
        UsageError: there is no such form.
    """
    if form not in RENDERERS:
        raise UsageError(f"there is no report format {form!r}; known ones: {', '.join(RENDERERS)}.")
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except OSError as error:
        raise OutputError(f"{file}: cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise OutputError(f"{file}: is not a report: it is not text in UTF-8.") from error
    report = json_report.parse(text, name=file)
    rendered = RENDERERS[form](report)
    if output in {"", "-"}:
        write_standard_output(rendered)
    else:
        write(Path(output), rendered)
    return of_report(report)

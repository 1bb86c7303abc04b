"""`reviewer report`: render a JSON report again, without any model."""

from pathlib import Path

from reviewer.errors import UsageError
from reviewer.exits import of_report
from reviewer.outputs import json_report
from reviewer.outputs.files import write, write_standard_output
from reviewer.outputs.registry import FORMS


def render_again(file: str, form: str, output: str) -> int:
    """Read a report, write it in a form, and return the exit status that its run had.

    Raises:
        OutputError: the file is no report.
        UsageError: there is no such form.
    """
    if form not in FORMS:
        raise UsageError(f"there is no report format {form!r}; known ones: {', '.join(FORMS)}.")
    report = json_report.load(file)
    rendered = FORMS[form].render(report)
    if output in {"", "-"}:
        write_standard_output(rendered)
    else:
        write(Path(output), rendered)
    return of_report(report)

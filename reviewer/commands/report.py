"""`reviewer report`: render a JSON report again, without any model."""

from pathlib import Path

from reviewer.errors import UsageError
from reviewer.exits import of_report
from reviewer.outputs import json_report, sarif
from reviewer.outputs.files import write, write_standard_output
from reviewer.outputs.registry import FORMS
from reviewer.publishing.marks import review_name


def render_again(file: str, form: str, output: str, category: str = "") -> int:
    """Read a report, write it in a form, and return the exit status that its run had.

    Args:
        file: the report in JSON.
        form: which form.
        output: where to; `-` for standard output.
        category: of the analysis, for SARIF.

    Raises:
        OutputError: the file is no report.
        UsageError: there is no such form, or it has no such category.
    """
    if form not in FORMS:
        raise UsageError(f"there is no report format {form!r}; known ones: {', '.join(FORMS)}.")
    if category and form != "sarif":
        raise UsageError(f"--category is for SARIF; the form {form} has none.")
    report = json_report.load(file)
    rendered = sarif.render(report, review_name(category)) if category else FORMS[form].render(report)
    if output in {"", "-"}:
        write_standard_output(rendered)
    else:
        write(Path(output), rendered)
    return of_report(report)

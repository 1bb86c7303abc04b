"""Exit statuses, and what a report means for them."""

from reviewer.outputs.report import Report, Status

OK = 0
GATE = 1
USAGE = 2
INCOMPLETE = 3
BUG = 4
INTERRUPTED = 130


def of_report(report: Report) -> int:
    """The exit status of a finished run: what was found decides before what could not be looked at."""
    if report.gate.reached:
        return GATE
    return INCOMPLETE if report.status is Status.INCOMPLETE else OK

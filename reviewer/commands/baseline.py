"""`reviewer baseline`: accept findings of a report, with a reason, and until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from reviewer.commands.setup import baseline_of, newest_report, settings, shown_path
from reviewer.errors import UsageError
from reviewer.exits import OK
from reviewer.findings.baseline import Accepted, Baseline, render, with_accepted
from reviewer.findings.finding import Finding
from reviewer.findings.identity import known
from reviewer.options import Common
from reviewer.outputs import json_report
from reviewer.outputs.files import write, write_standard_output
from reviewer.outputs.neutral import named, visible
from reviewer.outputs.report import Report, wholly_read
from reviewer.outputs.wording import counted, few

_NAMED = 5


@dataclass(frozen=True, slots=True)
class BaselineOptions:
    """`reviewer baseline`.

    Attributes:
        report: the report's JSON file; empty for the newest one in the folder for reports.
        only: ids, or beginnings of them, of the findings to accept; all if empty.
        reason: why.
        expires: the day from which they count again, `2027-01-31`; or empty.
        prune: forget accepted findings that the report shows to be gone.
        show: list what is accepted, and change nothing.
    """

    common: Common
    report: str = ""
    only: tuple[str, ...] = ()
    reason: str = ""
    expires: str = ""
    prune: bool = False
    show: bool = False


def baseline(options: BaselineOptions, today: date | None = None) -> int:
    """Write the accepted findings; returns the exit status.

    Raises:
        UsageError: there is no report, an id means no finding, or a day is none.
        OutputError: the report cannot be read, or the file not written.
        ConfigError: the existing file is no baseline.
    """
    today = today or datetime.now(UTC).date()
    loaded = settings(options.common).loaded
    existing, place = baseline_of(loaded)
    shown = shown_path(place, options.common.directory)
    if options.show:
        write_standard_output(_listing(existing or Baseline(), today))
        return OK
    file = options.report or _newest(options.common.directory / loaded.settings.report.directory)
    report = json_report.load(file)
    every = [known(item) for item in _every(report)]
    # Forgetting is all that is asked for, unless something is named too.
    chosen = [] if options.prune and not options.only else _chosen(report, options.only)
    expires = _day(options.expires)
    before = existing or Baseline()
    if options.prune:
        gone = set(before.gone(every, wholly_read(report.coverage)))
        before = Baseline(tuple(entry for entry in before.accepted if entry.finding not in gone))
    after = with_accepted(
        before,
        [known(item) for item in chosen],
        every,
        reason=options.reason,
        today=today,
        expires=expires,
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    write(place, render(after))
    pruned = len((existing or Baseline()).accepted) - len(before.accepted)
    more = f", {counted(pruned, 'finding')} forgotten" if options.prune else ""
    added = len(after.accepted) - len(before.accepted)
    write_standard_output(
        f"{shown}: {counted(added, 'finding')} accepted{more}, {len(after.accepted):,} in all. "
        "Commit it, so that everybody's reviews know.\n"
    )
    return OK


def _every(report: Report) -> list[Finding]:
    """All findings of a report that have a place, those set aside among them."""
    return [*report.findings, *(item.finding for item in report.set_aside)]


def _chosen(report: Report, only: Sequence[str]) -> list[Finding]:
    """The findings to accept.

    Raises:
        UsageError: an id means none of them, or several.
    """
    if not only:
        return list(report.findings)
    every = _every(report)
    made = []
    for wanted in only:
        found = [item for item in every if item.id.startswith(wanted)]
        if len(found) != 1:
            ids = few([item.id for item in found or every], _NAMED)
            what = "means several findings" if found else "is the id of no finding in this report"
            raise UsageError(f"{wanted!r} {what}: {ids}.")
        made += found
    return made


def _newest(folder: Path) -> str:
    """The newest report.

    Raises:
        UsageError: there is none.
    """
    found = newest_report(folder)
    if found is None:
        raise UsageError(f"there is no report in {folder}; run `reviewer run` first, or name a report.")
    return str(found)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"{text!r} is no day; write it as 2027-01-31.") from error


def _listing(current: Baseline, today: date) -> str:
    rows = list(_rows(current.accepted, today)) or ["Nothing is accepted."]
    return "\n".join(visible(row) for row in rows) + "\n"


def _rows(accepted: Iterable[Accepted], today: date) -> Iterable[str]:
    for entry in accepted:
        item = entry.finding
        until = "" if entry.expires is None else f", until {entry.expires}"
        expired = "" if entry.holds(today) else " (expired: counts again)"
        yield f"{item.id}  {item.severity}  {named(item.path)}:{item.line or '-'}  {item.title}"
        yield f"    {entry.reason or 'no reason given'}; since {entry.since or 'unknown'}{until}{expired}"

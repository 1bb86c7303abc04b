"""`reviewer compare`: what two reports have in common, and what not."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.exits import OK
from reviewer.findings.finding import Finding
from reviewer.findings.identity import known, pair
from reviewer.outputs import json_report
from reviewer.outputs.files import write_standard_output
from reviewer.outputs.neutral import named, visible
from reviewer.outputs.report import Report, Status, wholly_read
from reviewer.outputs.wording import counted


@dataclass(frozen=True, slots=True)
class Difference:
    """Two reports side by side.

    Attributes:
        new: findings of the second one only.
        persisting: pairs of findings of both, the earlier one first.
        resolved: findings of the first one that are gone although their files were read again.
        unknown: findings of the first one whose files the second one has not read.
    """

    new: tuple[Finding, ...]
    persisting: tuple[tuple[Finding, Finding], ...]
    resolved: tuple[Finding, ...]
    unknown: tuple[Finding, ...]


def compare(earlier: str, later: str, *, as_json: bool) -> int:
    """Print the difference of two reports in JSON; returns the exit status.

    Raises:
        OutputError: one of them cannot be read.
    """
    one, two = json_report.load(earlier), json_report.load(later)
    difference = differ(one, two)
    text = (
        _as_json(one, two, difference)
        if as_json
        else "\n".join(visible(row) for row in _rows(one, two, difference))
    )
    write_standard_output(f"{text}\n")
    return OK


def differ(one: Report, two: Report) -> Difference:
    """What is new, still there, gone, or not looked at again; whatever was set aside counts as found."""
    before, after = _every(one), _every(two)
    paired = pair([known(item) for item in before], [known(item) for item in after])
    left = [item for number, item in enumerate(before) if number not in set(paired.values())]
    readers = {file.path: set(file.roles) for file in two.coverage.reviewed}
    whole = wholly_read(two.coverage)

    def looked(item: Finding) -> bool:
        """Whether one of those who found it has read all of its file again."""
        return item.path in whole and bool(readers[item.path] & set(item.reviewers))

    return Difference(
        new=tuple(item for number, item in enumerate(after) if number not in paired),
        persisting=tuple((before[paired[number]], after[number]) for number in sorted(paired)),
        resolved=tuple(item for item in left if looked(item)),
        unknown=tuple(item for item in left if not looked(item)),
    )


def _every(report: Report) -> Sequence[Finding]:
    return [*report.findings, *(item.finding for item in report.set_aside)]


def _rows(one: Report, two: Report, difference: Difference) -> Iterator[str]:
    yield f"Earlier: {one.target.title} ({one.status.value})"
    yield f"Later:   {two.target.title} ({two.status.value})"
    if Status.INCOMPLETE in {one.status, two.status}:
        yield "One of them is incomplete: what is missing there was perhaps not looked at."
    persisting = [f"{_one(after)}{_change(before, after)}" for before, after in difference.persisting]
    groups = (
        ("New", [_one(item) for item in difference.new]),
        ("Persisting", persisting),
        ("Resolved", [_one(item) for item in difference.resolved]),
        ("Not looked at again", [_one(item) for item in difference.unknown]),
    )
    for title, rows in groups:
        if rows:
            yield from ("", f"{title}: {counted(len(rows), 'finding')}", *(f"  {row}" for row in rows))
    if not any(rows for _, rows in groups):
        yield "Neither has a finding."


def _one(finding: Finding) -> str:
    return f"{finding.id}  {named(finding.path)}:{finding.line or '-'}: {finding.severity}: {finding.title}"


def _change(before: Finding, after: Finding) -> str:
    """What is different about a finding that is still there."""
    said = []
    if before.severity is not after.severity:
        said.append(f"was {before.severity}")
    if before.verdict is not after.verdict:
        said.append(f"{after.verdict}, was {before.verdict}")
    return f" ({'; '.join(said)})" if said else ""


def _as_json(one: Report, two: Report, difference: Difference) -> str:
    return json.dumps(
        {
            "status": [one.status.value, two.status.value],
            "new": [item.id for item in difference.new],
            "persisting": [[before.id, after.id] for before, after in difference.persisting],
            "resolved": [item.id for item in difference.resolved],
            "not_looked_at": [item.id for item in difference.unknown],
        },
        indent=2,
    )

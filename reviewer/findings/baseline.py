"""Findings that somebody has accepted, with the reason, and until when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from pydantic import TypeAdapter, ValidationError

from reviewer.errors import ConfigError
from reviewer.findings.identity import Known, pair

VERSION = 1


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted finding.

    Attributes:
        finding: how it is known again.
        reason: why it is accepted.
        since: the day it was accepted.
        expires: the day from which it counts again, or None for never.
    """

    finding: Known
    reason: str = ""
    since: date | None = None
    expires: date | None = None

    def holds(self, today: date) -> bool:
        """Whether it is still accepted."""
        return self.expires is None or today < self.expires


@dataclass(frozen=True, slots=True)
class Baseline:
    """All accepted findings.

    Attributes:
        accepted: in the order of their places.
        version: of the file's form.
    """

    accepted: tuple[Accepted, ...] = ()
    version: int = VERSION

    def match(self, findings: Sequence[Known]) -> dict[str, Accepted]:
        """The accepted ones among findings, by the id of the finding.

        What is of another category, or worse than what was accepted, is another finding.
        """
        paired = pair([entry.finding for entry in self.accepted], findings)
        return {
            findings[later].id: self.accepted[earlier]
            for later, earlier in paired.items()
            if _covers(self.accepted[earlier].finding, findings[later])
        }

    def gone(self, findings: Sequence[Known], paths: Iterable[str]) -> tuple[Known, ...]:
        """Accepted findings that are no longer found, although their files were read."""
        read = set(paths)
        paired = set(pair([entry.finding for entry in self.accepted], findings).values())
        return tuple(
            entry.finding
            for number, entry in enumerate(self.accepted)
            if number not in paired and entry.finding.path in read
        )


def _covers(accepted: Known, finding: Known) -> bool:
    return accepted.category == finding.category and accepted.severity.rank <= finding.severity.rank


def with_accepted(  # noqa: PLR0913  # what is accepted, and how
    baseline: Baseline,
    findings: Sequence[Known],
    every: Sequence[Known],
    *,
    reason: str,
    today: date,
    expires: date | None,
) -> Baseline:
    """The baseline with more findings in it; known ones keep their reason unless one is given.

    Args:
        baseline: what is accepted so far.
        findings: what is to be accepted.
        every: all findings of the report, so that each accepted one is paired with its own.
        reason: why.
        today: since when.
        expires: the day from which they count again, or None; a day that is over is forgotten.
    """
    wanted = {item.id for item in findings}
    known = {id_: entry for id_, entry in baseline.match(every).items() if id_ in wanted}
    added = {id(known[item.id]): item for item in findings if item.id in known}
    kept = [
        Accepted(
            added[id(entry)],
            reason or entry.reason,
            entry.since,
            expires or (entry.expires if entry.holds(today) else None),
        )
        if id(entry) in added
        else entry
        for entry in baseline.accepted
    ]
    fresh = [Accepted(item, reason, today, expires) for item in findings if item.id not in known]
    all_ = sorted(
        [*kept, *fresh], key=lambda entry: (entry.finding.path, entry.finding.line or 0, entry.finding.id)
    )
    return Baseline(tuple(all_))


@cache
def _adapter() -> TypeAdapter[Baseline]:
    return TypeAdapter(Baseline)


def render(baseline: Baseline) -> str:
    """The file's text: indented, in a fixed order, so that changes to it can be reviewed."""
    return _adapter().dump_json(baseline, indent=2).decode() + "\n"


def parse(text: str, *, name: str) -> Baseline:
    """Read a baseline.

    Raises:
        ConfigError: the text is none, or one of another version.
    """
    try:
        baseline = _adapter().validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise ConfigError(f"{name}: not a baseline: {place}: {problem['msg']}") from error
    if baseline.version != VERSION:
        raise ConfigError(f"{name}: has version {baseline.version}; this program reads {VERSION}.")
    return baseline

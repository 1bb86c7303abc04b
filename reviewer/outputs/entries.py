"""What a page says about findings: their labels, who agrees, what else was said, what became of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.changes.languages import fence_name
from reviewer.findings.finding import Finding, Voice
from reviewer.outputs.markdown_filters import place_code
from reviewer.outputs.neutral import Safe, inline, path_code
from reviewer.outputs.report import Earlier, Fate, Report
from reviewer.outputs.summary import labels_of
from reviewer.prompting.contract import Severity

_SHOWN_IN_FULL = {Severity.CRITICAL: 1000, Severity.MAJOR: 200, Severity.MINOR: 50}
"""Findings of a severity that get a section of their own; the rest is listed, one in a line."""
TITLES = {Severity.CRITICAL: "Critical", Severity.MAJOR: "Major", Severity.MINOR: "Minor"}


@dataclass(frozen=True, slots=True)
class Group:
    """Things under a common heading, and how many more there are."""

    title: str
    entries: Sequence[Safe]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """Another reviewer's words about a finding; what is the same as somebody's before is left out."""

    title_of_role: str
    severity: Severity
    place: Safe
    text: str
    scenario: str
    recommendation: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding with what its heading needs."""

    label: str
    finding: Finding
    found_by: str
    language: str
    agreement: str
    also: tuple[Said, ...] = ()


def labelled(findings: Sequence[Finding], titles: dict[str, str], *, prefix: str = "") -> list[Entry]:
    """Findings with what their headings need, numbered behind a prefix, or by their severity without one."""
    made = []
    labels = labels_of(findings)
    for number, finding in enumerate(findings, 1):
        made.append(
            Entry(
                label=f"{prefix}{number}" if prefix else labels[finding.id],
                finding=finding,
                found_by=", ".join(titles.get(role, role) for role in finding.reviewers),
                language=fence_name(finding.path),
                agreement=_agreement(finding, titles),
                also=tuple(_also(finding, titles)),
            )
        )
    return made


@dataclass(frozen=True, slots=True)
class AsideEntry:
    """A finding that does not count, with why."""

    entry: Entry
    why: str
    reason: str


def asides(report: Report, titles: dict[str, str]) -> list[AsideEntry]:
    """The findings that do not count, with the reasons."""
    entries = labelled([item.finding for item in report.set_aside], titles, prefix="A")
    return [
        AsideEntry(entry, item.why.value, item.reason)
        for entry, item in zip(entries, report.set_aside, strict=True)
    ]


def earlier_entries(earlier: Sequence[Earlier]) -> list[Group]:
    """What has become of earlier findings: those that are settled first."""
    made = []
    for fate in (Fate.FIXED, Fate.PERSISTS, Fate.UNKNOWN):
        rows = [
            Safe(
                f"{path_code(f'{entry.finding.path}:{entry.finding.line}')}: {inline(entry.finding.title)} "
                f"({inline(entry.finding.severity)}): {inline(entry.reason)}"
            )
            for entry in earlier
            if entry.fate is fate
        ]
        if rows:
            title = f"{fate.value.capitalize()} ({len(rows)})"
            made.append(Group(title, rows))
    return made


def _agreement(finding: Finding, titles: dict[str, str]) -> str:
    """How far reviewers agree: models that say the same, severities that differ, and who did not look."""
    said = []
    if len(finding.votes) > 1:
        said.append(f"{len(finding.votes)} models say this")
    severities = {voice.severity for voice in finding.voices}
    if len(severities) > 1:
        judged = [
            f"{severity} for {', '.join(dict.fromkeys(titles.get(v.role, v.role) for v in voices))}"
            for severity in Severity
            if (voices := [voice for voice in finding.voices if voice.severity is severity])
        ]
        said.append("; ".join(judged))
    if finding.unseen_by:
        said.append(f"not seen by {', '.join(titles.get(role, role) for role in finding.unseen_by)}")
    return ". ".join(text[:1].upper() + text[1:] for text in said)


def _also(finding: Finding, titles: dict[str, str]) -> Iterator[Said]:
    """What the other voices of a finding say that the first one, or one before them, does not."""
    leader = finding.voices[0]
    known = {in_one(leader), leader.failure_scenario, leader.recommendation, finding.suggestion, ""}
    for voice in finding.voices[1:]:
        parts = (in_one(voice), voice.failure_scenario, voice.recommendation, voice.suggestion)
        text, scenario, recommendation, suggestion = ("" if part in known else part for part in parts)
        known.update(parts)
        if not (text or scenario or recommendation or suggestion):
            continue
        yield Said(
            titles.get(voice.role, voice.role),
            voice.severity,
            place_code(finding.path, voice.line, voice.end_line)
            if voice.line not in {None, finding.line}
            else Safe(""),
            text or in_one(voice),
            scenario,
            recommendation,
            suggestion,
        )


def in_one(voice: Voice) -> str:
    """Title and explanation as one text."""
    if voice.explanation.startswith(voice.title):
        return voice.explanation
    return f"{voice.title.rstrip('.')}: {voice.explanation}"


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one severity: those shown in full, and the rest."""

    title: str
    count: int
    entries: Sequence[Entry]
    rest: Sequence[Entry]


def sections(entries: Sequence[Entry]) -> list[Section]:
    """The findings by severity: those that are shown in full, and the others."""
    made = []
    for severity in Severity:
        found = [entry for entry in entries if entry.finding.severity is severity]
        if found:
            full = _SHOWN_IN_FULL[severity]
            made.append(Section(TITLES[severity], len(found), found[:full], found[full:]))
    return made

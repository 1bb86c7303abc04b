"""The report as Markdown that reads well raw and rendered."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from reviewer.changes.languages import fence_name
from reviewer.errors import RoleError
from reviewer.findings.finding import Finding, Voice
from reviewer.outputs.markdown_filters import FILTERS, HORIZONS, place, place_code
from reviewer.outputs.neutral import Safe, inline, path_code
from reviewer.outputs.report import (
    Earlier,
    Fate,
    Outcome,
    Report,
    SkippedPart,
    Status,
    Synthesis,
)
from reviewer.outputs.summary import comparison_in_words, gate_in_words, labels_of, verification_in_words
from reviewer.outputs.wording import few
from reviewer.prompting.contract import Horizon, Severity
from reviewer.prompting.template import Templates

_TEMPLATE = "report.md.j2"
_MOST_ACTIONS = 10
_MOST_LABELS = 5
_SHOWN_IN_FULL = {Severity.CRITICAL: 1000, Severity.MAJOR: 200, Severity.MINOR: 50}
"""Findings of a severity that get a section of their own; the rest is listed, one in a line."""
_MOST_LEFT_OUT = 200
_TITLES = {Severity.CRITICAL: "Critical", Severity.MAJOR: "Major", Severity.MINOR: "Minor"}
_STATUS = {
    Status.CLEAN: "clean: reviewed completely, nothing found",
    Status.FINDINGS: "findings: reviewed completely",
    Status.INCOMPLETE: "**incomplete**: not everything was reviewed, see Coverage",
    Status.NOTHING: "nothing to review",
}
_STATUS_OF_RULES = {
    Status.CLEAN: "clean: no mechanical rule applies",
    Status.FINDINGS: "findings: checked by mechanical rules only",
}


@dataclass(frozen=True, slots=True)
class _Group:
    """Things under a common heading, and how many more there are."""

    title: str
    entries: Sequence[Safe]
    more: int = 0


@dataclass(frozen=True, slots=True)
class _Said:
    """Another reviewer's words about a finding; what is the same as somebody's before is left out."""

    title_of_role: str
    severity: Severity
    place: Safe
    text: str
    scenario: str
    recommendation: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A finding with what its heading needs."""

    label: str
    finding: Finding
    found_by: str
    language: str
    agreement: str
    also: tuple[_Said, ...] = ()


@dataclass(frozen=True, slots=True)
class _Counts:
    """Findings by severity."""

    critical: int
    major: int
    minor: int


@dataclass(frozen=True, slots=True)
class _Lines:
    """Changed lines of all reviewed files."""

    added: int
    removed: int


def render(report: Report) -> str:
    """The whole report. Nothing that a model or a repository wrote can leave its place on the page."""
    titles = {review.role: review.title for review in report.reviews}
    entries = _labelled(report.findings, titles)
    labels = {entry.finding.id: entry.label for entry in entries}
    own = {review.role: _own_words(review.role, report, labels) for review in report.reviews}
    missing = [part for part in report.coverage.skipped if not part.expected]
    left_out = [part for part in report.coverage.skipped if part.expected]
    variables = {
        "report": report,
        "reviewers": _reviewers(report),
        "target": _target(report),
        "status": _status(report),
        "gate": gate_in_words(report.gate) if report.gate.fail_on else "",
        "counts": {review.role: _counts(_voices(review.role, report)) for review in report.reviews},
        "totals": _counts(report.findings),
        "groups": _groups(entries),
        "own": own,
        "unverified": _labelled(report.unverified, titles, prefix="U"),
        "aside": _asides(report, titles),
        "earlier": _earlier(report.earlier),
        "compared": comparison_in_words(report.comparison),
        "checked": verification_in_words(report.verification),
        "actions": _written(report.synthesis, labels) or _actions(entries, report),
        "sentences": _sentences(report.synthesis, labels),
        "missing": _grouped(missing, titles),
        "unfinished": [r for r in report.reviews if r.status in {Outcome.PARTIAL, Outcome.FAILED}],
        "left_out": _shortened(left_out),
        "lines": _Lines(
            sum(file.added for file in report.coverage.reviewed),
            sum(file.removed for file in report.coverage.reviewed),
        ),
    }
    source = (resources.files("reviewer.outputs") / _TEMPLATE).read_text("utf-8")
    try:
        return _templates().render(source, variables, name=_TEMPLATE)
    except RoleError as error:  # what is wrong with a template of ours nobody else can mend
        raise RuntimeError(str(error)) from error


@cache
def _templates() -> Templates:
    return Templates({}, filters=FILTERS, finalize=_only_safe)


def _only_safe(value: object) -> object:
    """Refuse to write a text that no filter has made safe: forgetting one is a bug, not a hole."""
    if isinstance(value, Safe | int):
        return value
    raise TypeError(f"a text was not made safe: {value!r}")


def _labelled(findings: Sequence[Finding], titles: dict[str, str], *, prefix: str = "") -> list[_Entry]:
    made = []
    labels = labels_of(findings)
    for number, finding in enumerate(findings, 1):
        made.append(
            _Entry(
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
class _Aside:
    """A finding that does not count, with why."""

    entry: _Entry
    why: str
    reason: str


def _asides(report: Report, titles: dict[str, str]) -> list[_Aside]:
    entries = _labelled([item.finding for item in report.set_aside], titles, prefix="A")
    return [
        _Aside(entry, item.why.value, item.reason)
        for entry, item in zip(entries, report.set_aside, strict=True)
    ]


def _earlier(earlier: Sequence[Earlier]) -> list[_Group]:
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
            made.append(_Group(title, rows))
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


def _also(finding: Finding, titles: dict[str, str]) -> Iterator[_Said]:
    """What the other voices of a finding say that the first one, or one before them, does not."""
    leader = finding.voices[0]
    known = {_in_one(leader), leader.failure_scenario, leader.recommendation, finding.suggestion, ""}
    for voice in finding.voices[1:]:
        parts = (_in_one(voice), voice.failure_scenario, voice.recommendation, voice.suggestion)
        text, scenario, recommendation, suggestion = ("" if part in known else part for part in parts)
        known.update(parts)
        if not (text or scenario or recommendation or suggestion):
            continue
        yield _Said(
            titles.get(voice.role, voice.role),
            voice.severity,
            place_code(finding.path, voice.line, voice.end_line)
            if voice.line not in {None, finding.line}
            else Safe(""),
            text or _in_one(voice),
            scenario,
            recommendation,
            suggestion,
        )


def _in_one(voice: Voice) -> str:
    """Title and explanation as one text."""
    if voice.explanation.startswith(voice.title):
        return voice.explanation
    return f"{voice.title.rstrip('.')}: {voice.explanation}"


def _status(report: Report) -> Safe:
    return Safe((not report.language_model and _STATUS_OF_RULES.get(report.status)) or _STATUS[report.status])


@dataclass(frozen=True, slots=True)
class _Section:
    """The findings of one severity: those shown in full, and the rest."""

    title: str
    count: int
    entries: Sequence[_Entry]
    rest: Sequence[_Entry]


def _groups(entries: Sequence[_Entry]) -> list[_Section]:
    made = []
    for severity in Severity:
        found = [entry for entry in entries if entry.finding.severity is severity]
        if found:
            full = _SHOWN_IN_FULL[severity]
            made.append(_Section(_TITLES[severity], len(found), found[:full], found[full:]))
    return made


def _voices(role: str, report: Report) -> list[Voice]:
    return [voice for finding in report.findings for voice in finding.voices if voice.role == role]


def _counts(items: Iterable[Finding] | Iterable[Voice]) -> _Counts:
    severities = [item.severity for item in items]
    return _Counts(*(severities.count(severity) for severity in Severity))


def _own_words(role: str, report: Report, labels: dict[str, str]) -> list[_Group]:
    """What one reviewer reported, in its own words, with the number of the merged finding."""
    made = []
    for severity in Severity:
        said = [
            Safe(f"**{labels[finding.id]}** {inline(_in_one(voice))} ({place(finding)})")
            for finding in report.findings
            for voice in finding.voices
            if voice.role == role and voice.severity is severity
        ]
        said += [
            Safe(f"{inline(_in_one(voice))} (unverified)")
            for finding in report.unverified
            for voice in finding.voices
            if voice.role == role and voice.severity is severity
        ]
        said += [
            Safe(f"{inline(_in_one(voice))} ({inline(item.why)})")
            for item in report.set_aside
            for voice in item.finding.voices
            if voice.role == role and voice.severity is severity
        ]
        if said:
            made.append(_Group(_TITLES[severity], said))
    return made


def _sentences(synthesis: Synthesis | None, labels: dict[str, str]) -> Safe:
    """The summary that a model wrote, each sentence with the findings that it rests on."""
    said = [
        f"{inline(cited.text)} ({', '.join(labels[id_] for id_ in cited.findings)})"
        for cited in (synthesis.sentences if synthesis else ())
    ]
    return Safe(" ".join(said))


def _written(synthesis: Synthesis | None, labels: dict[str, str]) -> list[_Group]:
    """The actions that a model wrote, by when they are due; empty if there are none."""
    made: dict[Horizon, list[Safe]] = {horizon: [] for horizon in Horizon}
    for action in synthesis.actions if synthesis else ():
        named = ", ".join(labels[id_] for id_ in action.findings)
        made[action.horizon].append(Safe(f"**{named}** {inline(action.text)}"))
    return [_Group(HORIZONS[horizon], texts) for horizon, texts in made.items() if texts]


def _actions(entries: Sequence[_Entry], report: Report) -> list[_Group]:
    """What to do when: critical and major findings at once, minor ones soon, advice as its author said.

    Findings with the same recommendation are one action.
    """
    made: dict[Horizon, list[Safe]] = {horizon: [] for horizon in Horizon}
    alike: dict[tuple[Horizon, str], list[_Entry]] = {}
    for entry in entries:
        when = Horizon.SHORT if entry.finding.severity is Severity.MINOR else Horizon.IMMEDIATE
        alike.setdefault((when, entry.finding.recommendation or entry.finding.title), []).append(entry)
    for (when, text), same in alike.items():
        made[when].append(_action(text, same))
    for advice in report.recommendations:
        made[advice.horizon].append(inline(advice.text))
    return [
        _Group(HORIZONS[horizon], texts[:_MOST_ACTIONS], max(0, len(texts) - _MOST_ACTIONS))
        for horizon, texts in made.items()
        if texts
    ]


def _action(text: str, entries: Sequence[_Entry]) -> Safe:
    labels = few([entry.label for entry in entries], _MOST_LABELS)
    if len(entries) > 1:
        return Safe(f"**{labels}** {inline(text)}")
    finding = entries[0].finding
    title = f"{inline(finding.title.rstrip('.'))}. " if finding.recommendation else ""
    return Safe(f"**{labels}** {title}{inline(text)} ({place(finding)})")


def _reviewers(report: Report) -> str:
    return ", ".join(f"{review.title} ({review.model})" for review in report.reviews) or "none"


def _target(report: Report) -> str:
    target = report.target
    ids = " to ".join(commit[:12] for commit in (target.base, target.head) if commit)
    parts = [target.title, *([ids] if ids and not target.snapshot else []), *target.notes]
    return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class _Missing:
    """Files that the same roles did not see for the same reason."""

    paths: tuple[str, ...]
    reason: str
    roles: str


def _grouped(parts: Sequence[SkippedPart], titles: dict[str, str]) -> list[_Missing]:
    """What was not reviewed, with files and roles of the same reason put together."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        by_reason.setdefault((part.reason, titles.get(part.role, part.role)), []).append(part.path)
    roles: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (reason, role), paths in by_reason.items():
        roles.setdefault((reason, tuple(paths)), []).append(role)
    return [
        _Missing(paths, reason, ", ".join(filter(None, names))) for (reason, paths), names in roles.items()
    ]


def _shortened(parts: Sequence[SkippedPart]) -> list[SkippedPart]:
    """The first parts; the JSON report has all of them."""
    if len(parts) <= _MOST_LEFT_OUT:
        return list(parts)
    rest = SkippedPart("…", f"and {len(parts) - _MOST_LEFT_OUT} more, all named in the JSON report")
    return [*parts[:_MOST_LEFT_OUT], rest]

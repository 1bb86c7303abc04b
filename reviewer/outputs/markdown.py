"""The report as Markdown that reads well raw and rendered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from reviewer.errors import RoleError
from reviewer.findings.finding import Finding, Voice
from reviewer.outputs.entries import TITLES, Entry, Group, asides, earlier_entries, in_one, labelled, sections
from reviewer.outputs.markdown_filters import FILTERS, HORIZONS, place
from reviewer.outputs.neutral import Safe, inline
from reviewer.outputs.report import (
    Outcome,
    Report,
    SkippedPart,
    Status,
    Synthesis,
)
from reviewer.outputs.summary import comparison_in_words, gate_in_words, verification_in_words
from reviewer.outputs.wording import few
from reviewer.prompting.contract import Horizon, Severity
from reviewer.prompting.template import Templates

_TEMPLATE = "report.md.j2"
_MOST_ACTIONS = 10
_MOST_LABELS = 5
_MOST_LEFT_OUT = 200
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
    entries = labelled(report.findings, titles)
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
        "groups": sections(entries),
        "own": own,
        "unverified": labelled(report.unverified, titles, prefix="U"),
        "aside": asides(report, titles),
        "earlier": earlier_entries(report.earlier),
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


def _status(report: Report) -> Safe:
    return Safe((not report.language_model and _STATUS_OF_RULES.get(report.status)) or _STATUS[report.status])


def _voices(role: str, report: Report) -> list[Voice]:
    return [voice for finding in report.findings for voice in finding.voices if voice.role == role]


def _counts(items: Iterable[Finding] | Iterable[Voice]) -> _Counts:
    severities = [item.severity for item in items]
    return _Counts(*(severities.count(severity) for severity in Severity))


def _own_words(role: str, report: Report, labels: dict[str, str]) -> list[Group]:
    """What one reviewer reported, in its own words, with the number of the merged finding."""
    made = []
    for severity in Severity:
        said = [
            Safe(f"**{labels[finding.id]}** {inline(in_one(voice))} ({place(finding)})")
            for finding in report.findings
            for voice in finding.voices
            if voice.role == role and voice.severity is severity
        ]
        said += [
            Safe(f"{inline(in_one(voice))} (unverified)")
            for finding in report.unverified
            for voice in finding.voices
            if voice.role == role and voice.severity is severity
        ]
        said += [
            Safe(f"{inline(in_one(voice))} ({inline(item.why)})")
            for item in report.set_aside
            for voice in item.finding.voices
            if voice.role == role and voice.severity is severity
        ]
        if said:
            made.append(Group(TITLES[severity], said))
    return made


def _sentences(synthesis: Synthesis | None, labels: dict[str, str]) -> Safe:
    """The summary that a model wrote, each sentence with the findings that it rests on."""
    said = [
        f"{inline(cited.text)} ({', '.join(labels[id_] for id_ in cited.findings)})"
        for cited in (synthesis.sentences if synthesis else ())
    ]
    return Safe(" ".join(said))


def _written(synthesis: Synthesis | None, labels: dict[str, str]) -> list[Group]:
    """The actions that a model wrote, by when they are due; empty if there are none."""
    made: dict[Horizon, list[Safe]] = {horizon: [] for horizon in Horizon}
    for action in synthesis.actions if synthesis else ():
        named = ", ".join(labels[id_] for id_ in action.findings)
        made[action.horizon].append(Safe(f"**{named}** {inline(action.text)}"))
    return [Group(HORIZONS[horizon], texts) for horizon, texts in made.items() if texts]


def _actions(entries: Sequence[Entry], report: Report) -> list[Group]:
    """What to do when: critical and major findings at once, minor ones soon, advice as its author said.

    Findings with the same recommendation are one action.
    """
    made: dict[Horizon, list[Safe]] = {horizon: [] for horizon in Horizon}
    alike: dict[tuple[Horizon, str], list[Entry]] = {}
    for entry in entries:
        when = Horizon.SHORT if entry.finding.severity is Severity.MINOR else Horizon.IMMEDIATE
        alike.setdefault((when, entry.finding.recommendation or entry.finding.title), []).append(entry)
    for (when, text), same in alike.items():
        made[when].append(_action(text, same))
    for advice in report.recommendations:
        made[advice.horizon].append(inline(advice.text))
    return [
        Group(HORIZONS[horizon], texts[:_MOST_ACTIONS], max(0, len(texts) - _MOST_ACTIONS))
        for horizon, texts in made.items()
        if texts
    ]


def _action(text: str, entries: Sequence[Entry]) -> Safe:
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

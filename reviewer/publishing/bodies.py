"""The texts of comments, as Markdown in which nothing that a model or a repository wrote is active."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.changes.languages import fence_name
from reviewer.findings.finding import Finding
from reviewer.findings.identity import Known, known
from reviewer.outputs import plain
from reviewer.outputs.entries import TITLES
from reviewer.outputs.markdown_filters import place
from reviewer.outputs.neutral import Safe, cell, fence, inline, path_code, prose
from reviewer.outputs.report import Report, Status
from reviewer.outputs.summary import gate_in_words, labels_of, verdict_of
from reviewer.outputs.wording import counted
from reviewer.publishing.anchors import Place
from reviewer.publishing.marks import SUMMARY, finding_mark, known_mark

MOST = 65_000
"""Characters of a comment; GitHub takes 65,536."""
_MOST_INLINE = 20_000
_MOST_GAPS = 50


@dataclass(frozen=True, slots=True)
class State:
    """How the findings of a report stand beside what is on the host already.

    Attributes:
        beside: ids of findings that have a comment beside their lines, new or old.
        earlier: ids of findings that were there in the run before.
        settled: ids of findings whose thread somebody has resolved.
        fixed: what was found before and is gone.
    """

    beside: frozenset[str] = frozenset()
    earlier: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()
    fixed: tuple[Known, ...] = ()


def inline_body(finding: Finding, where: Place) -> str:
    """The comment beside the lines of a finding."""
    head = f"**{TITLES[finding.severity]}: {inline(plain.title(finding))}** ({inline(finding.category)})"
    parts = [head, *(str(prose(text)) for text in plain.paragraphs(finding))]
    if where.replacement is not None:
        parts.append(_suggestion(where.replacement))
    elif finding.patch:
        parts += [
            "Suggested change (applies, and the file still parses; not tested):",
            fence(finding.patch, "diff"),
        ]
    elif finding.suggestion:
        parts += ["Suggested code (not tested):", fence(finding.suggestion, fence_name(finding.path))]
    body = "\n\n".join(parts)
    if len(body) > _MOST_INLINE:
        body = (
            f"{head}\n\n{inline(plain.line(plain.text(finding))[:1000])} … The whole text is in the report."
        )
    return f"{body}\n\n{finding_mark(known(finding))}"


def _suggestion(lines: Sequence[str]) -> Safe:
    """A block that the host offers to apply: letter by letter what is to stand there."""
    block = fence("\n".join(lines))
    ticks = block[: len(block) - len(block.lstrip("`"))]
    text = "".join(f"{line}\n" for line in lines)
    return Safe(f"{ticks}suggestion\n{text}{ticks}")


def review_body(count: int, mark: str) -> str:
    """The text of the review that brings comments beside lines."""
    said = counted(count, "new finding", "new findings")
    return f"{said} beside the lines; the summary below the description has all of them.\n\n{mark}"


def summary_body(report: Report, state: State) -> str:
    """The one comment on the whole, which later runs replace. Cut by whole findings where it is too long."""
    findings = list(report.findings)
    shown = len(findings)
    hidden = known_mark([known(finding) for finding in findings])
    head = [SUMMARY, "## Code review", *_head(report)]
    tail = [*_fixed(state), *_gaps(report), *_foot(report), hidden]
    room = MOST - sum(len(part) + 2 for part in (*head, *tail)) - 200
    rows = list(_rows(findings, state))
    while rows and sum(len(row) + 1 for row in rows[:shown]) > room:
        shown -= max(1, shown // 10)
    table = ["\n".join(rows[:shown])] if shown > 0 and rows else []
    if rows and shown < len(rows):
        table.append(f"{counted(len(rows) - max(shown, 0), 'more finding')} in the whole report.")
    return "\n\n".join((*head, *table, *tail))


def unchanged_summary(report: Report, before: str) -> str:
    """The summary of the run before, under a line that the newest run could not review anything."""
    rest = before.replace(SUMMARY, "", 1).strip()
    if rest.startswith("> "):
        rest = rest.partition("\n\n")[2]
    commit = f" of {inline(report.target.head[:12])}" if report.target.head else ""
    why = "; ".join(f"{gap.path}: {gap.text}" if gap.path else gap.text for gap in plain.gaps(report)[:5])
    notice = f"> The newest run{commit} could not review anything: {inline(why)}. What follows is older."
    return f"{SUMMARY}\n\n{notice}\n\n{rest}"[:MOST]


def _head(report: Report) -> Iterator[str]:
    words = {
        Status.CLEAN: "**Clean.**",
        Status.FINDINGS: "**Findings.**",
        Status.INCOMPLETE: "**Incomplete: not everything was reviewed.**",
        Status.NOTHING: "**Nothing to review.**",
    }
    gate = f" {inline(gate_in_words(report.gate))}" if report.gate.fail_on else ""
    yield f"{words[report.status]} {inline(verdict_of(report))}{gate}"
    for note in report.notes:
        yield f"> {inline(note)}"
    edits = [note for note in report.target.notes if "decide how it is reviewed" in note]
    yield from (f"> {inline(note[:1].upper() + note[1:])}." for note in edits)
    if report.reviews:
        rows = ["| Reviewer | Model | Rating | Status |", "| --- | --- | ---: | --- |"]
        rows += [
            f"| {cell(review.title)} | {cell(review.model or review.planned_model)} | "
            f"{f'{review.rating}/10' if review.rating else 'none'} | {cell(review.status)} |"
            for review in report.reviews
        ]
        yield "\n".join(rows)


def _rows(findings: Sequence[Finding], state: State) -> Iterator[str]:
    """A line for each finding, worst first."""
    labels = labels_of(findings)
    for finding in findings:
        facts = [finding.severity.value]
        if finding.id in state.settled:
            facts.append("settled")
        elif finding.id in state.earlier:
            facts.append("still there")
        elif state.earlier or state.fixed:
            facts.append("new")
        beside = "" if finding.id in state.beside else f" {inline(finding.explanation)}"
        title = inline(plain.title(finding))
        yield f"- **{labels[finding.id]}** {place(finding)} ({', '.join(facts)}): {title}.{beside}"


def _fixed(state: State) -> Iterator[str]:
    if state.fixed:
        rows = [
            f"- {path_code(item.path)}: {inline(item.title)}" if item.title else f"- {path_code(item.path)}"
            for item in state.fixed[:_MOST_GAPS]
        ]
        yield f"**Fixed since the last review** ({len(state.fixed)})"
        yield "\n".join(rows)


def _gaps(report: Report) -> Iterator[str]:
    missing = plain.gaps(report)
    if missing:
        yield "**Not reviewed**"
        rows = [
            f"- {path_code(gap.path)}: {inline(gap.text)}" if gap.path else f"- {inline(gap.text)}"
            for gap in missing[:_MOST_GAPS]
        ]
        if len(missing) > _MOST_GAPS:
            rows.append(f"- and {len(missing) - _MOST_GAPS} more")
        yield "\n".join(rows)


def _foot(report: Report) -> Iterator[str]:
    usage = report.usage
    facts = [f"commit {report.target.head[:12]}"] if report.target.head else []
    tokens = [
        (one.prompt_tokens or 0) + (one.completion_tokens or 0)
        for one in usage.models
        if one.prompt_tokens is not None
    ]
    if tokens:
        facts.append(f"{sum(tokens):,} tokens")
    if usage.cost is not None:
        facts.append(f"{usage.cost:.4f} US dollars")
    left_out = sum(part.expected for part in report.coverage.skipped)
    facts.append(f"{counted(len(report.coverage.reviewed), 'file')} read, {left_out} left out")
    if report.set_aside:
        facts.append(f"{counted(len(report.set_aside), 'finding')} set aside")
    if report.unverified:
        facts.append(f"{counted(len(report.unverified), 'claim')} not found in the code")
    yield f"{report.created:%Y-%m-%d %H:%M} UTC · {' · '.join(map(str, map(inline, facts)))}"

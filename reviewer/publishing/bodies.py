"""The texts of comments, as Markdown in which nothing that a model or a repository wrote is active."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from reviewer.changes.languages import fence_name
from reviewer.findings.finding import Finding
from reviewer.findings.identity import Known
from reviewer.outputs import plain
from reviewer.outputs.entries import TITLES
from reviewer.outputs.markdown_filters import place
from reviewer.outputs.neutral import Safe, cell, fence, inline, named, path_code, prose, visible
from reviewer.outputs.report import Report, Status
from reviewer.outputs.summary import gate_in_words, labels_of, verdict_of
from reviewer.outputs.wording import counted
from reviewer.publishing.anchors import Place
from reviewer.publishing.marks import (
    NAME,
    Told,
    finding_mark,
    known_mark,
    summary_mark,
    told,
    without_known,
)

MOST = 65_000
"""Characters of a comment; GitHub takes 65,536."""
_MOST_INLINE = 20_000
_MOST_ROWS, _MOST_OF_LIST, _MOST_OF_HEAD = 50, 6_000, 10_000
"""Rows and characters of a list beside that of the findings, and characters of what stands before that."""
_MOST_PATH, _MOST_SAID = 300, 1_500
"""Characters of a path or a title, and of a model's words, in a row."""


@dataclass(frozen=True, slots=True)
class State:
    """How the findings of a report stand beside what is on the host already.

    Attributes:
        beside: ids of findings that have a comment beside their lines, new or old.
        earlier: ids of findings that were there in the run before.
        settled: ids of findings whose thread somebody has resolved.
        fixed: what was found before, and its code is gone.
        unsaid: what was found before and is not reported any more, although its code may be the same.
        unchecked: what was found before and was not looked at this time.
    """

    beside: frozenset[str] = frozenset()
    earlier: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()
    fixed: tuple[Known, ...] = ()
    unsaid: tuple[Told, ...] = ()
    unchecked: tuple[Told, ...] = ()


def inline_body(finding: Finding, where: Place, name: str = NAME) -> str:
    """The comment beside the lines of a finding."""
    title, category = (_cut(text, _MOST_PATH) for text in (plain.title(finding), finding.category))
    head = f"**{TITLES[finding.severity]}: {inline(title)}** ({inline(category)})"
    parts = [head, *(str(prose(text)) for text in plain.paragraphs(finding))]
    # What is applied with one click has to be what is seen.
    if where.replacement is not None and all(visible(line) == line for line in where.replacement):
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
    return f"{body}\n\n{finding_mark(told(finding), name)}"


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


def summary_body(report: Report, state: State, name: str = NAME) -> str:
    """The one comment on the whole, which later runs replace. Cut by whole rows where it is too long."""
    hidden = known_mark([*map(told, report.findings), *state.unchecked])
    heading = "## Code review" if name == NAME else f"## Code review: {inline(name)}"
    head = [summary_mark(name), heading, *_within(_head(report), _MOST_OF_HEAD)]
    tail = [*_earlier(state), *_gaps(report), *_foot(report), hidden]
    room = MOST - sum(len(part) + 2 for part in (*head, *tail)) - 200
    rows = list(_rows(report.findings, state))
    shown = list(_within(rows, room))
    table = ["\n".join(shown)] if shown else []
    if len(shown) < len(rows):
        table.append(f"{counted(len(rows) - len(shown), 'more finding')} in the whole report.")
    return "\n\n".join((*head, *table, *tail))


def _within(rows: Iterable[str], room: int) -> Iterator[str]:
    """The first rows that fit into so many characters."""
    for row in rows:
        room -= len(row) + 2
        if room < 0:
            return
        yield row


def unchanged_summary(report: Report, before: str, name: str = NAME) -> str:
    """The summary of the run before, under a line that the newest run could not review anything."""
    # Who edits a comment in a browser leaves other line ends.
    shown, hidden = without_known(before.replace("\r\n", "\n"))
    rest = shown.replace(summary_mark(name), "", 1).strip()
    if rest.startswith("> The newest run"):
        rest = rest.partition("\n\n")[2]
    commit = f" of {inline(report.target.head[:12])}" if report.target.head else ""
    why = "; ".join(
        f"{_shortened(gap.path)}: {gap.text}" if gap.path else gap.text for gap in plain.gaps(report)[:5]
    )
    said = inline(_cut(why, _MOST_SAID))
    notice = f"> The newest run{commit} could not review anything: {said}. What follows is older."
    start = f"{summary_mark(name)}\n\n{notice}\n\n"
    # By whole lines: half of one could be active where the whole is not.
    kept = "\n".join(_within(rest.split("\n"), MOST - len(start) - len(hidden) - 2))
    return f"{start}{kept}\n\n{hidden}".rstrip()


def _head(report: Report) -> Iterator[str]:
    words = {
        Status.CLEAN: "**Clean.**",
        Status.FINDINGS: "**Findings.**",
        Status.INCOMPLETE: "**Incomplete: not everything was reviewed.**",
        Status.NOTHING: "**Nothing to review.**",
    }
    gate = f" {inline(gate_in_words(report.gate))}" if report.gate.fail_on else ""
    yield f"{words[report.status]} {inline(verdict_of(report))}{gate}"
    edits = [note for note in report.target.notes if "decide how it is reviewed" in note]
    notes = [*report.notes, *(f"{note[:1].upper()}{note[1:]}." for note in edits)]
    yield from (f"> {inline(_cut(note, _MOST_SAID))}" for note in notes)
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
        elif state.earlier or state.fixed or state.unsaid or state.unchecked:
            facts.append("new")
        said = "" if finding.id in state.beside else f" {inline(_cut(finding.explanation, _MOST_SAID))}"
        title = inline(_cut(plain.title(finding), _MOST_PATH))
        where = place(replace(finding, path=_shortened(finding.path)))
        yield f"- **{labels[finding.id]}** {where} ({', '.join(facts)}): {title}.{said}"


def _cut(text: str, most: int) -> str:
    """The beginning of a text, counted as it is shown: what hides in it is written as escapes there."""
    shown = visible(text)
    return shown if len(shown) <= most else f"{shown[:most]} …"


def _shortened(path: str) -> str:
    """A path with its middle left out where it is too long to read."""
    half, shown = _MOST_PATH // 2, named(path)
    return shown if len(shown) <= _MOST_PATH else f"{shown[:half]}…{shown[-half:]}"


def _earlier(state: State) -> Iterator[str]:
    """What became of what the summary before had."""
    lists = (
        ("Fixed since the last review", state.fixed),
        ("Not reported this time", [one.finding for one in state.unsaid]),
        ("Found before, not looked at this time", [one.finding for one in state.unchecked]),
    )
    for heading, items in lists:
        rows = [_item(item) for item in items]
        yield from _list(f"**{heading}** ({len(rows)})", rows)


def _item(item: Known) -> str:
    where = path_code(_shortened(item.path))
    return f"- {where}: {inline(_cut(item.title, _MOST_PATH))}" if item.title else f"- {where}"


def _list(heading: str, rows: Sequence[str]) -> Iterator[str]:
    """A heading and rows below it, if there are any."""
    if rows:
        shown = list(_within(rows[:_MOST_ROWS], _MOST_OF_LIST))
        more = [f"- and {len(rows) - len(shown)} more"] if len(shown) < len(rows) else []
        yield heading
        yield "\n".join((*shown, *more))


def _gaps(report: Report) -> Iterator[str]:
    yield from _list(
        "**Not reviewed**",
        [
            f"- {path_code(_shortened(gap.path))}: {inline(_cut(gap.text, _MOST_PATH))}"
            if gap.path
            else f"- {inline(_cut(gap.text, _MOST_SAID))}"
            for gap in plain.gaps(report)
        ],
    )


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

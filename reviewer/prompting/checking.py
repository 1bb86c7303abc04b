"""Claims to a prompt for a second reader: the bare claim and the code around it, without rhetoric."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from reviewer.changes.changeset import FileChange, Side
from reviewer.changes.text import one_line
from reviewer.prompting.contract import AskedChecks, AskedFinalChecks, describe
from reviewer.prompting.prompt import Prompt, Purpose, Wording, assembled, marker_for

TEMPLATE = "partials/verify.md.j2"
ROLE = "verification"
"""What the second pass is called where roles have their names."""
_LONGEST_PLACE = 40
"""Lines of a place that are shown; of a longer one, the first."""
_LONGEST_LINE = 240
_OUTPUT_TOKENS, _OUTPUT_TOKENS_A_CLAIM = 4096, 800
"""For thinking, and for each verdict."""


@dataclass(frozen=True, slots=True)
class Question:
    """A claim to be checked.

    Attributes:
        number: what the reply calls it, from 1.
        text: the bare claim.
        path: its file.
        lines: where it is there, for people: `line 12`, `lines 12 to 14`; empty where that is not known.
        before: how the place read when the claim was made, if that was another version; else empty.
        gone: nothing like that is in the file any more; what is shown stands where it was.
    """

    number: int
    text: str
    path: str
    lines: str = ""
    before: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Code that claims are about.

    Attributes:
        path: its file.
        claims: their numbers.
        former: the lines are those of the version before the change.
        code: numbered lines.
    """

    path: str
    claims: tuple[int, ...]
    former: bool
    code: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Code that the second reader has asked for, or what there is to say about it."""

    name: str
    text: str


def check_prompt(  # noqa: PLR0913  # what is asked, and in which words
    questions: Sequence[Question],
    excerpts: Sequence[Excerpt],
    wording: Wording,
    *,
    label: str,
    snapshot: bool,
    shown: Sequence[Shown] | None = None,
) -> Prompt:
    """The prompt that has some claims checked.

    Args:
        questions: the claims.
        excerpts: the code that they are about.
        wording: the templates.
        label: which part of the examination this is.
        snapshot: whole files were reviewed.
        shown: what was asked for in the first round; None if this is it.

    Raises:
        RoleError: the template is broken.
    """
    final = shown is not None
    variables = {
        "claims": tuple(questions),
        "excerpts": tuple(excerpts),
        "shown": tuple(shown or ()),
        "snapshot": snapshot,
        "final": final,
        "rewritten": any(question.before for question in questions),
        "contract": describe(AskedFinalChecks if final else AskedChecks),
        "marker": marker_for(
            *(text for q in questions for text in (q.text, q.before) if text),
            *(e.code for e in excerpts),
            *(s.text for s in shown or ()),
        ),
    }
    source = "{% extends '" + TEMPLATE + "' %}"
    texts = tuple(
        wording.templates.render_block(source, block, variables, name=TEMPLATE)
        for block in ("system", "user")
    )
    prompt = assembled(
        Purpose.FINAL_CHECK if final else Purpose.CHECK,
        (texts[0], texts[1]),
        role=ROLE,
        label=label,
        output_tokens=_OUTPUT_TOKENS + _OUTPUT_TOKENS_A_CLAIM * len(questions),
    )
    return replace(prompt, about=(*(e.path for e in excerpts), *(one.name for one in shown or ())))


def excerpt(change: FileChange, side: Side, places: Collection[int], shown: Collection[int]) -> str:
    """Lines of a file with their numbers, changed ones marked, some of them pointed at.

    Lines that the change removed stand where they were. Without the whole file, the lines of its hunks.

    Args:
        change: the file.
        side: the version in which lines are counted.
        places: 1-based numbers of the lines to point at.
        shown: numbers of the lines to show; those that are not known are left out.
    """
    known = _known(change, side)
    changed = change.changed_numbers(side)
    removed = _removed_before(change) if side is Side.NEW else {}
    mark = "+" if side is Side.NEW else "-"
    rows: list[str] = []
    before = None
    for number in sorted({*shown, *places} & known.keys()):
        if before is not None and number != before + 1:
            rows.append("  ...")
        before = number
        rows += [_row(old, "-", " ", text) for old, text in removed.get(number, ())]
        pointer = ">" if number in places else " "
        rows.append(_row(number, mark if number in changed else " ", pointer, known[number]))
    return "\n".join(rows)


def place_lines(start: int, end: int) -> range:
    """The lines of a place that are pointed at: all of them, or of a long one the first."""
    return range(start, min(end, start + _LONGEST_PLACE) + 1)


def _row(number: int, mark: str, pointer: str, text: str) -> str:
    shown = one_line(text.removesuffix("\r"))
    if len(shown) > _LONGEST_LINE:
        shown = f"{shown[:_LONGEST_LINE]} …"
    return f"{pointer}{number:>5} {mark}| {shown}"


def _known(change: FileChange, side: Side) -> Mapping[int, str]:
    whole = change.lines(side)
    return change.hunk_lines(side) if whole is None else dict(enumerate(whole, 1))


def _removed_before(change: FileChange) -> dict[int, list[tuple[int, str]]]:
    """Removed lines by the number of the next line of the new version."""
    found: dict[int, list[tuple[int, str]]] = {}
    for hunk in change.hunks:
        waiting: list[tuple[int, str]] = []
        for line in hunk.lines:
            if line.new is None and line.old is not None:
                waiting.append((line.old, line.text))
            elif line.new is not None and waiting:
                found[line.new] = waiting
                waiting = []
        if waiting:
            found.setdefault(hunk.new_start + hunk.new_count, []).extend(waiting)
    return found

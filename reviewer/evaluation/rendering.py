"""An evaluation for a terminal, and as JSON that a later one can be compared with."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reviewer.changes.text import one_line
from reviewer.errors import OutputError
from reviewer.evaluation.figures import (
    SCHEMA_VERSION,
    Difference,
    Evaluation,
    Figure,
    Result,
    comparable,
    compared,
    figures,
    totals,
)
from reviewer.evaluation.matching import Mark
from reviewer.outputs.neutral import named, visible
from reviewer.outputs.wording import counted

_WIDTH = 32
_FEW = 10
"""Cases; the intervals of fewer are too narrow."""


@cache
def _adapter() -> TypeAdapter[Evaluation]:
    return TypeAdapter(Evaluation)


def as_json(evaluation: Evaluation) -> str:
    """The evaluation with its figures; the figures are computed anew when it is read."""
    data = json.loads(_adapter().dump_json(evaluation))
    data["figures"] = [asdict(figure) for figure in figures(evaluation.results)]
    return json.dumps(data, indent=2) + "\n"


def load(file: str) -> Evaluation:
    """An evaluation from its JSON.

    Raises:
        OutputError: there is no such file, or it is none.
    """
    try:
        data = json.loads(Path(file).read_text("utf-8"))
        if isinstance(data, dict):
            data.pop("figures", None)
            version = data.get("schema_version", SCHEMA_VERSION)
            if version != SCHEMA_VERSION:
                raise OutputError(
                    f"{file}: has version {version} of its form; this program reads {SCHEMA_VERSION}."
                )
        return _adapter().validate_python(data, strict=False)
    except OSError as error:
        raise OutputError(f"{file}: cannot be read: {error.strerror or error}.") from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise OutputError(f"{file}: not an evaluation: {place}: {problem['msg']}") from error
    except ValueError as error:
        raise OutputError(f"{file}: not an evaluation: {error}") from error


def as_text(evaluation: Evaluation, *, before: Evaluation | None = None, every: bool = False) -> str:
    """The evaluation for people.

    Args:
        evaluation: the results.
        before: an earlier one to compare it with.
        every: list every finding, not only what is wrong or missed.
    """
    results = evaluation.results
    rows = [row for result in results for row in _case(result, every=every)]
    rows += ["", _how(evaluation), ""]
    counts = totals(results)
    rows.append(
        f"{counted(len(results), 'case')}: {counts['right']} right, {counts['wrong']} wrong, "
        f"{counts['forbidden']} forbidden, {counts['missed']} missed, {counts['repeat']} repeated, "
        f"{counts['unknown']} unknown"
    )
    rows += [_figure(figure) for figure in figures(results)]
    rows += _caveats(evaluation)
    if before is not None:
        rows += ["", *_compared(before, evaluation)]
    return "\n".join(rows) + "\n"


def _caveats(evaluation: Evaluation) -> Iterator[str]:
    """What a reader of the figures should know."""
    if len(evaluation.results) < _FEW:
        yield from ("", f"Of {counted(len(evaluation.results), 'case')}, intervals say little: take more.")
    left = [named(result.case) for result in evaluation.results if not result.complete]
    if left:
        yield from ("", f"Not reviewed completely, so that problems count as missed: {', '.join(left)}.")
    ruled = [named(result.case) for result in evaluation.results if result.judge_problem]
    if ruled:
        yield from ("", f"The judge has failed, so that the rule has decided: {', '.join(ruled)}.")


def _how(evaluation: Evaluation) -> str:
    apart = f"at most {counted(evaluation.tolerance, 'line')} apart"
    rule = f"the same is what is in one file, {apart}, in like words"
    same = f"{evaluation.judge} decides what is the same" if evaluation.judge else rule
    who = f" by {', '.join(evaluation.reviewers)}" if evaluation.reviewers else ""
    return f"Findings: {evaluation.source}{who}; {same}."


def _case(result: Result, *, every: bool) -> Iterator[str]:
    state = "" if result.complete else ", not reviewed completely"
    yield (
        f"{named(result.case)}: {result.count(Mark.RIGHT)} of {result.expected} found, "
        f"{result.noise} wrong{state}"
    )
    for one in result.found:
        if every or one.mark in {Mark.WRONG, Mark.FORBIDDEN}:
            place = f"{named(one.said.path)}:{one.said.line or '-'}"
            yield f"  {one.mark.value:<9} {place}: {visible(one_line(one.said.title))}"
    for text in result.missed:
        yield f"  {'missed':<9} {visible(one_line(text))}"


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return f"  {figure.name:<{_WIDTH}} nothing to count"
    within = f"  (95 %: {_number(figure.low, figure)} to {_number(figure.high, figure)})"
    return f"  {figure.name:<{_WIDTH}} {_number(figure.value, figure):>7}{within}"


def _number(value: float | None, figure: Figure) -> str:
    if value is None:
        return "?"
    return f"{100 * value:.1f} %" if figure.share else f"{value:.2f}"


def _compared(before: Evaluation, after: Evaluation) -> Iterator[str]:
    shared, left = comparable(before, after)
    if left:
        yield f"Not compared, as they differ or one of the two is incomplete: {', '.join(map(named, left))}."
    if not shared:
        if not left:
            yield "The other evaluation has none of these cases."
        return
    yield f"Beside the other one, on {counted(len(shared), 'case')} that both have (this less that, 95 %):"
    if (before.tolerance, before.judge) != (after.tolerance, after.judge):
        yield "  What counts as the same was decided in another way there."
    for difference in compared(before, after):
        yield _difference(difference)


def _difference(difference: Difference) -> str:
    if difference.value is None or difference.low is None or difference.high is None:
        return f"  {difference.name:<{_WIDTH}} nothing to compare"
    span = f"{difference.low:+.3f} to {difference.high:+.3f}"
    chance = "" if difference.chance is None else f", p {difference.chance:.3f}"
    return f"  {difference.name:<{_WIDTH}} {difference.value:+.3f}  ({span}{chance})  {difference.verdict}"

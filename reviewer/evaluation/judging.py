"""Asking a model which findings are about which known problems, in place of the rule."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reviewer.errors import InvalidReplyError
from reviewer.evaluation.cases import Case, Expected
from reviewer.evaluation.matching import Said, Same
from reviewer.findings.extract import MAX_CHARACTERS, last_first
from reviewer.findings.fields import first, fold, number_of
from reviewer.models.model import Reply
from reviewer.prompting.contract import AskedMatches, describe
from reviewer.prompting.prompt import Prompt, Purpose, Wording, assembled, marker_for

NAME = "judge"
_TEMPLATE = "partials/judge.md.j2"
_OUTPUT_TOKENS, _OUTPUT_TOKENS_A_FINDING = 2048, 200
_NOTHING = re.compile(r"(?:no|n/a|null|-|0\b|\Z)", re.IGNORECASE)
_NUMBER = re.compile(r"(?:problem|p|#)?\s*(\d{1,4})", re.IGNORECASE)
_LONGEST = 2000
"""Characters of a finding that are shown."""


@dataclass(frozen=True, slots=True)
class _Shown:
    number: int
    place: str
    text: str


def judge_prompt(case: Case, findings: Sequence[Said], wording: Wording) -> Prompt:
    """The prompt that puts findings beside the problems of a case, the forbidden ones last."""
    known = (*case.expected, *case.forbidden)
    problems = tuple(
        _Shown(number, _place(one.file, one.line, one.end_line), one.text or "(no words: the place says it)")
        for number, one in enumerate(known, 1)
    )
    said = tuple(
        _Shown(number, _place(one.path, one.line, one.end_line), one.text[:_LONGEST])
        for number, one in enumerate(findings, 1)
    )
    variables = {
        "problems": problems,
        "findings": said,
        "marker": marker_for(*(text for one in (*problems, *said) for text in (one.text, one.place))),
        "contract": describe(AskedMatches),
    }
    source = "{% extends '" + _TEMPLATE + "' %}"
    system, user = (
        wording.templates.render_block(source, block, variables, name=_TEMPLATE)
        for block in ("system", "user")
    )
    tokens = _OUTPUT_TOKENS + _OUTPUT_TOKENS_A_FINDING * len(findings)
    return assembled(
        Purpose.JUDGEMENT, (system, user), role=NAME, label=f"{NAME} {case.name}", output_tokens=tokens
    )


def _place(path: str, line: int | None, end_line: int | None) -> str:
    if line is None:
        return path
    return f"{path}, line {line}" if end_line in {None, line} else f"{path}, lines {line} to {end_line}"


def read_matches(reply: Reply, findings: int, problems: int) -> Mapping[int, int | None]:
    """Which problem each finding is about, both by their number from 0; None for no problem.

    Args:
        reply: the reply.
        findings: how many there are.
        problems: how many there are.

    Raises:
        InvalidReplyError: a finding has no entry, or a number means nothing.
    """
    text = (reply.text or reply.reasoning)[:MAX_CHARACTERS]
    problem = 'there is no JSON object with a list named "matches"'
    for candidate in last_first(text):
        entries = (
            first(candidate.value, ("matches", "results")) if isinstance(candidate.value, dict) else None
        )
        if not isinstance(entries, list) or candidate.cut:
            continue
        found: dict[int, int | None] = {}
        for entry in entries:
            found.update(_match(entry, findings, problems))
        missing = [str(number + 1) for number in range(findings) if number not in found]
        if not missing:
            return found
        problem = f"there is no usable entry for finding {', '.join(missing)}"
    raise InvalidReplyError("the judgement could not be read", text=text, problems=(problem,))


def _match(entry: Any, findings: int, problems: int) -> Mapping[int, int | None]:
    """One entry, or nothing if it does not say which finding is about which problem."""
    if not isinstance(entry, dict) or not any(fold(key) == "problem" for key in entry):
        return {}
    finding, problem = number_of(first(entry, ("finding",))), str(first(entry, ("problem",))).strip()
    if finding is None or not 1 <= finding <= findings:
        return {}
    if _NOTHING.match(problem):
        return {finding - 1: None}
    number = _NUMBER.fullmatch(problem)
    return {finding - 1: int(number[1]) - 1} if number and 1 <= int(number[1]) <= problems else {}


def by_judge(matches: Mapping[int, int | None], problems: Sequence[Expected], skipped: int = 0) -> Same:
    """What a judge has decided, for one of the two lists of a case.

    Args:
        matches: the problem of each finding, counted through both lists.
        problems: the list.
        skipped: how many problems stand before it.
    """
    return partial(_same, matches, len(problems), skipped)


def _same(matches: Mapping[int, int | None], count: int, skipped: int, number: int, problem: int) -> float:
    return float(problem < count and matches.get(number) == problem + skipped)

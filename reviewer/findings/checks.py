"""From the reply of a second reader to verdicts: tolerant of form, strict about what counts as one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reviewer.errors import InvalidReplyError
from reviewer.findings.extract import MAX_CHARACTERS, last_first
from reviewer.findings.fields import first, number_of, severity_of, text_of
from reviewer.findings.finding import Verdict
from reviewer.models.model import Reply
from reviewer.prompting.contract import Severity

_LISTS = ("checks", "verdicts", "results", "claims", "findings", "answers")
_NUMBERS = ("claim", "id", "number", "claim_id", "claim_number", "index")
_CONFIRMED = r"confirm|valid|true|real|correct|upheld|agree|accept|yes"
_REFUTED = (
    r"refut|reject|false|invalid|wrong|incorrect|disprov|disagree|dismiss|unfounded|untrue|unreal|"
    r"no(?:\W*\Z|[,.:;]| (?:issue|bug|problem))|"
    r"not (?:an? |the )?(?:confirm|valid|real|true|correct|upheld|accept|issue|bug|problem)"
)
_UNVERIFIABLE = (
    r"unverifi|unclear|unknown|uncertain|unconfirm|undecid|inconclusive|cannot|can't|insufficient|partial|"
    r"not (?:sure|enough|verifi)|needs? (?:more )?(?:context|info)"
)
_WORDS: tuple[tuple[Verdict, re.Pattern[str]], ...] = tuple(
    (verdict, re.compile(pattern, re.IGNORECASE))
    for verdict, pattern in (
        # "Not refuted" and "not a false positive" say what is not so.
        (Verdict.UNVERIFIABLE, r"\bnot (?:an? |the )?(?:refut|reject|false|invalid|wrong|incorrect|disprov)"),
        # How it begins decides: "Confirmed: line 3 is wrong".
        (Verdict.UNVERIFIABLE, rf"\A\W*(?:{_UNVERIFIABLE})"),
        (Verdict.REFUTED, rf"\A\W*(?:{_REFUTED})"),
        (Verdict.CONFIRMED, rf"\A\W*(?:{_CONFIRMED})"),
        # Else what is doubted or denied anywhere is not confirmed.
        (Verdict.UNVERIFIABLE, rf"\b(?:{_UNVERIFIABLE})"),
        (Verdict.REFUTED, rf"\b(?:{_REFUTED})"),
        (Verdict.CONFIRMED, rf"\b(?:{_CONFIRMED})"),
    )
)
"""How verdicts are told by their words: the first that is found."""
_MOST_NEEDS = 5
_LONGEST = 600
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class Check:
    """A second reader's verdict on one claim.

    Attributes:
        claim: the claim's number in the prompt.
        verdict: what was decided.
        reason: one sentence.
        severity: how bad it would be; None where the reply does not say.
    """

    claim: int
    verdict: Verdict
    reason: str
    severity: Severity | None


@dataclass(frozen=True, slots=True)
class Need:
    """A name that a second reader wants to see, and the claim that depends on it."""

    claim: int
    name: str


@dataclass(frozen=True, slots=True)
class ReadChecks:
    """A reply that was understood: one check for a claim at most, and what is asked for."""

    checks: tuple[Check, ...]
    needs: tuple[Need, ...] = ()


def read_checks(reply: Reply) -> ReadChecks:
    """Understand a reply as verdicts.

    Of several values the last one with a list of verdicts counts: drafts come first. Two different verdicts
    on one claim are none: the reader did not make up its mind.

    Raises:
        InvalidReplyError: there is no verdict in it.
    """
    text = (reply.text or reply.reasoning)[:MAX_CHARACTERS]
    for candidate in last_first(text):
        found = _checks_in(candidate.value)
        if found is not None and (found.checks or found.needs):
            return found
    problem = 'there is no JSON object with a list named "checks" whose entries have "claim" and "verdict"'
    raise InvalidReplyError("the verdicts could not be read", text=text, problems=(problem,))


def _checks_in(value: Any) -> ReadChecks | None:
    entries = value if isinstance(value, list) else None
    needs: Any = ()
    if isinstance(value, dict):
        entries = first(value, _LISTS)
        needs = first(value, ("needs", "requests", "needed"))
        if isinstance(entries, dict):
            entries = [{"claim": key, **part} for key, part in entries.items() if isinstance(part, dict)]
        elif entries is None:
            entries = [value] if _number(value) is not None else []
    if not isinstance(entries, list):
        return None
    checks: dict[int, Check | None] = {}
    for entry in entries:
        check = _check(entry)
        if check is not None:
            known = checks.get(check.claim, check)
            checks[check.claim] = check if known is not None and known.verdict is check.verdict else None
    found = tuple(check for check in checks.values() if check is not None)
    return ReadChecks(found, tuple(_needs(needs)))


def _check(entry: Any) -> Check | None:
    if not isinstance(entry, dict):
        return None
    number = _number(entry)
    verdict = verdict_of(text_of(first(entry, ("verdict", "decision", "status", "conclusion", "result"))))
    if number is None or verdict is None:
        return None
    severity = first(entry, ("severity", "level"))
    reason = text_of(first(entry, ("reason", "reasoning", "explanation", "justification", "why")))
    return Check(
        number,
        verdict,
        reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]} …",
        severity_of(severity) if isinstance(severity, str) and severity.strip() else None,
    )


def _number(entry: Mapping[str, Any]) -> int | None:
    """The number of the claim."""
    return number_of(first(entry, _NUMBERS))


def verdict_of(text: str) -> Verdict | None:
    """The verdict that a text means, or None."""
    return next((verdict for verdict, pattern in _WORDS if pattern.search(text)), None)


def _needs(value: Any) -> Iterator[Need]:
    entries = value if isinstance(value, list) else []
    for entry in entries[:_MOST_NEEDS]:
        if isinstance(entry, dict):
            name, number = text_of(first(entry, ("name", "symbol", "path", "file"))), _number(entry)
        else:
            name, number = text_of(entry), None
        if name.strip():
            yield Need(number or 0, name.strip()[:_LONGEST])

"""Claims of several reviewers to findings: one for each problem, with everybody's words."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reviewer.changes.changeset import ChangeSet
from reviewer.findings.finding import Claim, Finding, Grounding, Verdict, Voice
from reviewer.findings.ground import Anchor, ground
from reviewer.findings.lookup import Lookup, fold_blanks

_NEAR = 2
"""Lines; claims about places no further apart than this may be about the same problem."""
_WIDE = 20
"""Lines; no further apart than this, claims in nearly the same words are about the same problem."""
_ALIKE = 0.4
_ALIKE_IN_CATEGORY = 0.2
_NEARLY_THE_SAME = 0.8
"""Share of the shorter text's words that both use, for two claims to count as the same problem."""
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "can",
        "for",
        "from",
        "has",
        "have",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "no",
        "not",
        "of",
        "on",
        "only",
        "or",
        "so",
        "than",
        "that",
        "the",
        "then",
        "there",
        "this",
        "to",
        "was",
        "when",
        "which",
        "will",
        "with",
        "would",
    ]
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim with its author and its true place."""

    claim: Claim
    role: str
    model: str
    order: int
    anchor: Anchor


def ground_claims(
    claims: Iterable[tuple[str, str, Claim]], changes: ChangeSet, roles: Sequence[str]
) -> tuple[Statement, ...]:
    """Look up the places of claims.

    Args:
        claims: role, model and claim, in any order.
        changes: the change that the quotes are looked up in.
        roles: names in the order in which reviewers are reported.
    """
    lookup = Lookup(changes)
    return tuple(
        Statement(claim, role, model, roles.index(role), ground(claim, lookup))
        for role, model, claim in claims
    )


def merge(statements: Sequence[Statement]) -> tuple[Finding, ...]:
    """One finding for each problem, worst first; independent of the order of the statements."""
    ordered = sorted(statements, key=_canonical)
    clusters = [_finding(cluster) for cluster in _clusters(ordered)]
    clusters.sort(key=_reading_order)
    return _with_ids(clusters)


def _canonical(statement: Statement) -> tuple[object, ...]:
    anchor, claim = statement.anchor, statement.claim
    return (
        anchor.path,
        anchor.side,
        anchor.line or 0,
        statement.order,
        claim.severity.rank,
        claim.title,
        claim.explanation,
        claim.quote,
        statement.model,
        claim.line or 0,
        claim.category,
        claim.failure_scenario,
        claim.recommendation,
        claim.suggestion,
        claim.confidence,
    )


def _clusters(statements: Sequence[Statement]) -> list[list[Statement]]:
    """Statements about the same problem: each joins the first group in which it is so with every member.

    With every one, because neighbours of neighbours may be about something else.
    """
    groups: dict[tuple[str, str, bool], list[_Group]] = defaultdict(list)
    for statement in statements:  # by place, so that only the last groups can be near
        anchor = statement.anchor
        weighed = _Weighed(statement, _words(statement.claim))
        known = groups[anchor.path, anchor.side, anchor.line is None]
        group = _group_for(weighed, known)
        if group is None:
            reach = max(_end(anchor), known[-1].reach if known else 0)
            known.append(_Group([weighed], reach))
        else:
            group.members.append(weighed)
    return [[weighed.statement for weighed in group.members] for known in groups.values() for group in known]


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A statement with the words that tell what it is about."""

    statement: Statement
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Group:
    """Statements about one problem; `reach` is the last line of it and of all groups before it."""

    members: list[_Weighed]
    reach: int


def _end(anchor: Anchor) -> int:
    return anchor.end_line or anchor.line or 0


def _group_for(weighed: _Weighed, known: Sequence[_Group]) -> _Group | None:
    line = weighed.statement.anchor.line
    for group in reversed(known):
        if line is not None and line - group.reach > _WIDE:
            return None  # this one and all before it end too far above
        if all(_same(member, weighed) for member in group.members):
            return group
    return None


def _same(one: _Weighed, two: _Weighed) -> bool:
    mine, other = one.statement, two.statement
    if mine.anchor.line is None or other.anchor.line is None:
        return _said(mine.claim) == _said(other.claim)
    if (mine.role, mine.model) == (other.role, other.model) and mine.anchor.line != other.anchor.line:
        return False  # a reviewer who names two places means two problems
    first, second = sorted((mine.anchor, other.anchor), key=lambda anchor: anchor.line or 0)
    distance = (second.line or 0) - _end(first)
    shared = len(one.words & two.words) / max(1, min(len(one.words), len(two.words)))
    if distance <= _WIDE and shared >= _NEARLY_THE_SAME:
        return True
    if distance > _NEAR or mine.anchor.in_change != other.anchor.in_change:
        return False  # what the change did not touch must not lend its severity to what it did
    return shared >= (_ALIKE_IN_CATEGORY if mine.claim.category == other.claim.category else _ALIKE)


def _said(claim: Claim) -> tuple[str, ...]:
    """What makes two claims without a place the same."""
    return tuple(map(fold_blanks, (claim.file, claim.quote, claim.title, claim.explanation)))


def _words(claim: Claim) -> frozenset[str]:
    text = f"{claim.title} {claim.explanation} {claim.failure_scenario}".lower()
    found = set()
    for word in re.findall(r"[^\W\d]\w+", text):
        if word.isascii() or any(character.lower() != character.upper() for character in word):
            found.add(word)
        else:
            # A script without letter cases is mostly one without blanks between words: pairs of characters.
            found |= {word[at : at + 2] for at in range(len(word) - 1)}
    return frozenset(found - _STOP)


def _finding(cluster: Sequence[Statement]) -> Finding:
    leader = min(cluster, key=_leadership)
    claim, anchor = leader.claim, leader.anchor
    rest = sorted((s for s in cluster if s is not leader), key=lambda s: (s.order, _canonical(s)))
    members = [leader, *rest]
    reviewers = tuple(dict.fromkeys(s.role for s in sorted(cluster, key=lambda s: s.order)))
    return Finding(
        id="",
        severity=min((s.claim.severity for s in cluster), key=lambda severity: severity.rank),
        category=claim.category,
        title=claim.title,
        path=anchor.path,
        line=anchor.line,
        end_line=anchor.end_line,
        side=anchor.side,
        quote=anchor.quote,
        explanation=claim.explanation,
        failure_scenario=claim.failure_scenario,
        recommendation=claim.recommendation,
        suggestion=claim.suggestion,
        confidence=claim.confidence,
        grounding=anchor.grounding,
        grounding_note=anchor.note,
        in_change=any(s.anchor.in_change for s in cluster),
        verdict=Verdict.UNCHECKED,
        reviewers=reviewers,
        voices=tuple(_voice(statement) for statement in members),
    )


def _leadership(statement: Statement) -> tuple[object, ...]:
    """Who speaks for a cluster: a verified place, the worst severity, the surest, the earliest role."""
    claim, anchor = statement.claim, statement.anchor
    certainty = [grade.value for grade in type(claim.confidence)].index(claim.confidence)
    return (
        list(Grounding).index(anchor.grounding),
        claim.severity.rank,
        certainty,
        statement.order,
        _canonical(statement),
    )


def _voice(statement: Statement) -> Voice:
    claim = statement.claim
    return Voice(
        role=statement.role,
        model=statement.model,
        title=claim.title,
        explanation=claim.explanation,
        failure_scenario=claim.failure_scenario,
        recommendation=claim.recommendation,
        severity=claim.severity,
        confidence=claim.confidence,
        line=statement.anchor.line,
        end_line=statement.anchor.end_line,
        quote=statement.anchor.quote,
        suggestion=claim.suggestion,
    )


def _reading_order(finding: Finding) -> tuple[object, ...]:
    return (
        finding.severity.rank,
        not finding.in_change,
        -len(finding.reviewers),
        finding.path,
        finding.line or 0,
        finding.title,
        finding.explanation,
    )


def _with_ids(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Give each finding a name made of category, path and code, so that moved lines do not change it."""
    keys = [f"{item.category}\n{item.path}\n{fold_blanks(item.quote)}" for item in findings]
    by_place = sorted(range(len(findings)), key=lambda n: (keys[n], findings[n].line or 0, n))
    occurrence: Counter[str] = Counter()
    named = list(findings)
    for number in by_place:
        digest = hashlib.sha256(f"{keys[number]}\n{occurrence[keys[number]]}".encode()).hexdigest()
        occurrence[keys[number]] += 1
        named[number] = replace(findings[number], id=digest[:12])
    return tuple(named)

"""Claims of several reviewers to findings: one for each problem, with everybody's words."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from reviewer.changes.changeset import ChangeSet, Side
from reviewer.findings.agreement import NEVER, Pair, central, groups, votes
from reviewer.findings.finding import Claim, Finding, Grounding, Verdict, Voice
from reviewer.findings.ground import Anchor, ground
from reviewer.findings.identity import with_ids
from reviewer.findings.likeness import Likeness
from reviewer.findings.lookup import Lookup, fold_blanks
from reviewer.findings.outside import outside_world
from reviewer.findings.ranking import ranked
from reviewer.prompting.contract import Severity

_NEAR = 2
"""Lines; claims about places no further apart than this may be about the same problem."""
_SAME, _NEARBY, _APART = 0.88, 0.65, 0.56
"""What the places of two claims leave of their likeness: the same lines, a few lines away, further away.

Claims that are further apart have to share words: in one file much resembles the same other claims.
"""
_OTHER_CATEGORY = 0.65
_OTHER_SIDE = 0.5
"""What is left of it if only one of them is about lines that the change touched."""
_AGREES_IN_PLACE = 0.2
"""Where the places speak for it as well, so much is a vote for what another reviewer says."""
_NEIGHBOURS = 60
"""How many claims a claim is compared with: the next ones in the file."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim with its author, its true place, and why it cannot be checked, if so."""

    claim: Claim
    role: str
    model: str
    order: int
    anchor: Anchor
    outside_world: str = ""

    @property
    def severity(self) -> Severity:
        """As the reviewer judged it; a step less for what cannot be known from the code."""
        ranks = list(Severity)
        return ranks[min(self.claim.severity.rank + bool(self.outside_world), len(ranks) - 1)]


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
    text = cache(partial(_text, changes))
    return tuple(
        Statement(claim, role, model, roles.index(role), ground(claim, lookup), outside_world(claim, text))
        for role, model, claim in claims
    )


def _text(changes: ChangeSet) -> str:
    """All that a change says: its title, its paths and its known lines."""
    parts = [changes.title]
    for change in changes.files:
        parts.append(change.path)
        for side in Side:
            parts += change.lines(side) or change.hunk_lines(side).values()
    return "\n".join(parts)


def merge(statements: Iterable[Statement]) -> tuple[Finding, ...]:
    """One finding for each problem, the weightiest first; independent of order and repetition of statements.

    Claims are compared with those that quote the same file near by, and are about one problem if place,
    category and words say so together. Claims whose quote was not found are one only if they are the same.
    """
    ordered = sorted(set(statements), key=_canonical)
    clusters = _clusters(ordered)
    return ranked(with_ids([cluster.finding() for cluster in clusters]))


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


def _clusters(statements: Sequence[Statement]) -> list["_Cluster"]:
    """Statements about the same problem."""
    likeness = Likeness(text_of(statement.claim) for statement in statements)
    by_place: dict[tuple[object, ...], list[Statement]] = defaultdict(list)
    for statement in statements:
        anchor = statement.anchor
        by_place[_nowhere(statement) if anchor.line is None else (anchor.path, anchor.side)].append(statement)
    made: list[_Cluster] = []
    for near in by_place.values():
        comparison = _Comparison(near, [text_of(statement.claim) for statement in near], likeness)
        made += [_Cluster(group, comparison) for group in comparison.groups()]
    return made


def _nowhere(statement: Statement) -> tuple[object, ...]:
    """What makes two claims without a place the same."""
    claim = statement.claim
    return (None, *map(fold_blanks, (claim.file, claim.quote, claim.title, claim.explanation)))


def text_of(claim: Claim) -> str:
    """What a claim says, for comparing it with others."""
    return f"{claim.title}\n{claim.explanation}\n{claim.failure_scenario}"


@dataclass(slots=True)
class _Comparison:
    """Statements that quote one file, in the order of their places, or that all say the same of no place.

    Attributes:
        statements: in canonical order.
        texts: what they say.
        likeness: compares their words.
        known: strengths that have been computed.
    """

    statements: Sequence[Statement]
    texts: Sequence[str]
    likeness: Likeness
    known: dict[Pair, float] = field(default_factory=dict)

    def groups(self) -> list[list[int]]:
        """The statements of each problem, by their numbers here."""
        if self.statements[0].anchor.line is None:
            return [list(range(len(self.statements)))]
        for one in range(len(self.statements)):
            for two in range(one + 1, min(one + 1 + _NEIGHBOURS, len(self.statements))):
                self.strength(one, two)
        return groups(len(self.statements), self.known)

    def strength(self, one: int, two: int) -> float:
        """How much two statements say the same: the likeness of their words, weighed by their places."""
        pair = (one, two) if one < two else (two, one)
        if pair not in self.known:
            self.known[pair] = self._strength(*pair)
        return self.known[pair]

    def _strength(self, one: int, two: int) -> float:
        mine, other = self.statements[one], self.statements[two]
        if mine.anchor.line is None:
            return 1.0
        if (mine.role, mine.model) == (other.role, other.model) and mine.anchor.line != other.anchor.line:
            return NEVER  # a reviewer who names two places means two problems
        distance = _distance(mine.anchor, other.anchor)
        texts = self.texts[one], self.texts[two]
        if distance > _NEAR:
            alike = _APART * self.likeness.in_words(*texts)
        else:
            alike = (_NEARBY if distance else _SAME) * self.likeness.between(*texts)
        if mine.claim.category != other.claim.category:
            alike *= _OTHER_CATEGORY
        if mine.anchor.in_change != other.anchor.in_change:
            alike *= _OTHER_SIDE  # what the change did not touch must not lend its severity to what it did
        return alike


def _distance(first: Anchor, second: Anchor) -> int:
    """Lines from the end of one place to the beginning of another one that does not begin before it."""
    return max(0, (second.line or 0) - (first.end_line or first.line or 0))


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The statements of one problem, by their numbers in a comparison."""

    members: Sequence[int]
    comparison: _Comparison

    def finding(self) -> Finding:
        """The problem in the words of the statement that speaks for all, with the others' beside them."""
        statements, strength = self.comparison.statements, self.comparison.strength
        centrality = central(self.members, strength)
        speaker = min(self.members, key=lambda one: _leadership(statements[one], centrality[one]))
        agreeing = votes(
            speaker, self.members, strength, lambda one: statements[one].model, agrees=_AGREES_IN_PLACE
        )
        cluster = [statements[one] for one in self.members]
        return _finding(statements[speaker], cluster, agreeing)


def _finding(leader: Statement, cluster: Sequence[Statement], agreeing: tuple[str, ...]) -> Finding:
    claim, anchor = leader.claim, leader.anchor
    rest = sorted((s for s in cluster if s is not leader), key=lambda s: (s.order, _canonical(s)))
    return Finding(
        id="",
        severity=min((s.severity for s in cluster), key=lambda severity: severity.rank),
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
        reviewers=tuple(dict.fromkeys(s.role for s in sorted(cluster, key=lambda s: s.order))),
        voices=tuple(_voice(statement) for statement in (leader, *rest)),
        votes=agreeing,
        code=anchor.code,
        named=anchor.named if anchor.grounding is Grounding.RELOCATED else "",
        outside_world="" if any(not s.outside_world for s in cluster) else leader.outside_world,
    )


def _leadership(statement: Statement, centrality: float) -> tuple[object, ...]:
    """Who speaks for a cluster: a verified place, the worst severity, the one most like the others."""
    claim, anchor = statement.claim, statement.anchor
    certainty = [grade.value for grade in type(claim.confidence)].index(claim.confidence)
    return (
        list(Grounding).index(anchor.grounding),
        statement.severity.rank,
        -round(centrality, 6),
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

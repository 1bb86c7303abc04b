"""Whether order and repetition change a report, and how the time for merging grows."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cases import diff, quoted_comments, rows
from figures import Figure

from reviewer.assemble import Frame, assemble
from reviewer.changes.changeset import ChangeSet, Side
from reviewer.findings.finding import Claim, Grounding
from reviewer.findings.ground import Anchor
from reviewer.findings.merge import Statement, ground_claims, merge
from reviewer.outputs.json_report import render as to_json
from reviewer.outputs.markdown import render as to_markdown
from reviewer.plan import Plan
from reviewer.policy import RunPolicy
from reviewer.prompting.contract import CATEGORIES, Severity
from reviewer.prompting.prompt import Wording
from reviewer.prompting.template import Templates

_ROLES = ("architecture", "code_quality", "deep_analysis")
_SHUFFLES = 10
_FEW, _MANY = 1_700, 17_000
_A_FILE, _A_PLACE = 40, 3
"""How many findings are about one file, and about one place of it."""


def measure(folder: Path) -> Iterator[Figure]:
    """Reports of shuffled and repeated replies that differ; growth of the time for ten times the findings."""
    chance = random.Random(1)
    different = compared = 0
    for name in sorted({row["pr_id"] for row in quoted_comments(folder)}):
        changes = diff(folder, name)
        said = _said(folder, name, chance)
        usual = _report(said, changes)
        for _ in range(_SHUFFLES):
            again = [*said, *chance.choices(said, k=len(said))]
            chance.shuffle(again)
            compared += 1
            different += _report(again, changes) != usual
    yield Figure("reports that differ after shuffling and repeating", different, 0, most=True, of=compared)
    few, many = (_seconds(_statements(folder, count)) for count in (_FEW, _MANY))
    yield Figure(
        f"time for {_MANY:,} findings as a multiple of that for {_FEW:,}",
        many / few,
        15,
        most=True,
        note=f"{1000 * few / _FEW:.2f} and {1000 * many / _MANY:.2f} ms a finding here",
    )


def _said(folder: Path, name: str, chance: random.Random) -> list[tuple[str, str, Claim]]:
    """What three reviewers say: people's comments, each told by some of them in its own words or line."""
    said = []
    for row in quoted_comments(folder):
        if row["pr_id"] != name:
            continue
        claim = Claim(
            row["path"],
            row["note"][:60],
            row["note"],
            Severity.MAJOR,
            line=row["from_line"],
            quote="\n".join(row["anchored_text"][:3]),
        )
        for role in chance.sample(_ROLES, 2):
            words = row["note"].split()
            chance.shuffle(words)
            severity = chance.choice(list(Severity))
            said.append((role, f"lab/{role}", replace(claim, explanation=" ".join(words), severity=severity)))
    return said


def _report(said: Sequence[tuple[str, str, Claim]], changes: ChangeSet) -> str:
    """A whole report of these claims, as JSON and as Markdown."""
    findings = merge(ground_claims(said, changes, _ROLES))
    nothing = assemble(
        Plan(changes, (), Wording(Templates({}))), (), Frame(RunPolicy(datetime(2026, 1, 1, tzinfo=UTC)), 0.0)
    )
    report = replace(
        nothing,
        findings=tuple(item for item in findings if item.grounding is not Grounding.UNVERIFIED),
        unverified=tuple(item for item in findings if item.grounding is Grounding.UNVERIFIED),
    )
    return to_json(report) + to_markdown(report)


def _statements(folder: Path, count: int) -> list[Statement]:
    """So many findings of real tools, a few about each place of many files."""
    texts = sorted({row["text"] for row in rows(folder, "martian", "judged_candidates.jsonl")})
    random.Random(2).shuffle(texts)
    made = []
    for number in range(count):
        file, place = number // _A_FILE, number % _A_FILE // _A_PLACE
        path, line = f"src/module_{file}.py", 1 + 12 * place
        text = f"{texts[number % len(texts)]} {'again ' * (number // len(texts))}".strip()
        claim = Claim(
            path,
            text[:60],
            text,
            Severity.MINOR,
            CATEGORIES[number % 4],
            line=line,
            quote=f"value_{line} = compute()",
        )
        anchor = Anchor(Grounding.VERIFIED, "", path, Side.NEW, line, line, claim.quote, in_change=True)
        role = number % len(_ROLES)
        made.append(Statement(claim, _ROLES[role], f"lab/{_ROLES[role]}", role, anchor))
    return made


def _seconds(statements: Sequence[Statement]) -> float:
    started = time.process_time()
    merge(statements)
    return time.process_time() - started

"""Whether quotes find their lines, and whether foreign comments are turned away."""

from collections.abc import Callable, Iterator
from pathlib import Path

from cases import Row, diff, quoted_comments
from figures import Figure, share

from reviewer.changes.changeset import ChangeSet, FileChange
from reviewer.findings.finding import Claim, Grounding
from reviewer.findings.ground import Anchor, ground
from reviewer.findings.lookup import Lookup
from reviewer.prompting.contract import Severity

DRESSES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "a/ in front": "a/{}".format,
    "b/ in front": "b/{}".format,
    "./ in front": "./{}".format,
    "/ in front": "/{}".format,
    "back-slashes": lambda path: path.replace("/", "\\"),
    "name of the file alone": lambda path: path.rpartition("/")[2],
    "folder of the machine in front": "/home/me/work/{}".format,
    "back-ticks around": "`{}`".format,
}
SHIFTS = (10, -10, 50, -50)


def measure(folder: Path) -> Iterator[Figure]:
    """The share of comments whose lines are found again, as stated, shifted, and with dressed paths."""
    comments = quoted_comments(folder)
    lookups = {row["pr_id"]: Lookup(diff(folder, row["pr_id"])) for row in comments}

    def found(change: Callable[[Row, Claim], Claim]) -> float:
        hits = 0
        for row in comments:
            anchor = ground(change(row, _claim(row)), lookups[row["pr_id"]])
            hits += anchor.line is not None and row["from_line"] <= anchor.line <= row["to_line"]
        return share(hits, len(comments))

    count = len(comments)
    yield Figure("true line kept", found(lambda _, claim: claim), 1, of=count)
    for shift in SHIFTS:
        yield Figure(f"in range again, stated {shift:+d} lines off", found(_shifted(shift)), 0.95, of=count)
    for name, dress in DRESSES.items():
        yield Figure(f"in range again, 10 off, path: {name}", found(_shifted(10, dress)), 0.95, of=count)
    yield from _grounding(folder, lookups)


def _shifted(lines: int, dress: Callable[[str], str] = str) -> Callable[[Row, Claim], Claim]:
    def change(row: Row, claim: Claim) -> Claim:
        return _claim(row, line=max(1, (claim.line or 1) + lines), path=dress(claim.file))

    return change


def _claim(row: Row, *, line: int | None = None, path: str | None = None) -> Claim:
    return Claim(
        path or row["path"],
        row["note"][:60],
        row["note"],
        Severity.MAJOR,
        line=line or row["from_line"],
        quote="\n".join(row["anchored_text"]),
    )


def _grounding(folder: Path, lookups: dict[str, Lookup]) -> Iterator[Figure]:
    """Comments on their own change, and the same on every other one."""
    comments = quoted_comments(folder)
    own = [_accepted(ground(_claim(row), lookups[row["pr_id"]])) for row in comments]
    yield Figure("comments on their own change accepted", share(sum(own), len(own)), 0.97, of=len(own))
    foreign = [
        _accepted(ground(_claim(row), lookup))
        for row in comments
        for name, lookup in lookups.items()
        if name != row["pr_id"]
    ]
    yield Figure(
        "comments on another change accepted",
        share(sum(foreign), len(foreign)),
        0.03,
        most=True,
        of=len(foreign),
    )
    renamed = [
        _accepted(ground(_claim(row, path=_largest(lookup.changes).path), lookup))
        for row in comments
        for name, lookup in lookups.items()
        if name != row["pr_id"]
    ]
    yield Figure(
        "the same with the name of a file of that change",
        share(sum(renamed), len(renamed)),
        0.03,
        most=True,
        of=len(renamed),
    )


def _largest(changes: ChangeSet) -> FileChange:
    return max(changes.files, key=lambda change: change.added)


def _accepted(anchor: Anchor) -> bool:
    return anchor.grounding is not Grounding.UNVERIFIED

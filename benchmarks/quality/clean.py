"""Whether a clean change stays clean."""

import re
from collections.abc import Iterator
from pathlib import Path

from cases import rows
from figures import Figure, share
from reviews import reply, review


def measure(folder: Path) -> Iterator[Figure]:
    """Clean changes with empty replies, and with replies that say nothing that can be read."""
    found = clean = passed = looked_clean = 0
    cases = [row for row in rows(folder, "bcbench", "codereview.jsonl") if not row["expected_comments"]]
    for row in cases:
        patch = row["patch"].encode()
        paths = re.findall(r"^\+\+\+ b/(.*)$", row["patch"], re.MULTILINE)
        made = review(patch, reply(paths))
        found += len(made.report["findings"]) + len(made.report["unverified"])
        clean += made.report["status"] == "clean"
        passed += made.status == 0
        looked_clean += review(patch, "I have no remarks.").report["status"] == "clean"
    yield Figure("findings on clean changes with empty replies", found, 0, most=True, of=len(cases))
    yield Figure("clean changes whose report is clean", share(clean, len(cases)), 1, of=len(cases))
    yield Figure("clean changes with exit status 0", share(passed, len(cases)), 1, of=len(cases))
    yield Figure(
        "the same, nothing readable in the reply: reports that are clean", looked_clean, 0, most=True
    )

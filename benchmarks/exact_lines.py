"""Check that every line read from the last commits of repositories equals the blob's, on both sides.

    python benchmarks/exact_lines.py REPOSITORY... [--commits 200]

The reader takes the new text from the old blob and the hunks; this compares it, and every single line of
every hunk, with what `git cat-file` has for the path at the commit. Prints a line a repository, exit
status 1 if anything differs.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from reviewer.changes.changeset import FileChange, Side
from reviewer.changes.collect import collect
from reviewer.changes.target import Commit, Place, Selection
from reviewer.changes.text import decode_lines


def blob(repository: Path, revision: str, path: str) -> list[str]:
    command = ["git", "-C", str(repository), "cat-file", "blob", f"{revision}:{path}"]
    return decode_lines(subprocess.run(command, capture_output=True, check=True).stdout)


def compare(repository: Path, change: FileChange, revisions: dict[Side, str]) -> tuple[int, int]:
    """Lines compared, and lines that differ."""
    compared = wrong = 0
    for side, path in ((Side.OLD, change.old_path or change.path), (Side.NEW, change.path)):
        shown = change.hunk_lines(side)
        if not shown:
            continue
        true = blob(repository, revisions[side], path)
        wrong += list(change.lines(side) or ()) != true
        wrong += sum(true[number - 1] != text for number, text in shown.items())
        compared += len(shown)
    return compared, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--commits", type=int, default=200)
    arguments = parser.parse_args()
    failed = 0
    for repository in arguments.repositories:
        command = ["git", "-C", str(repository), "rev-list", f"-n{arguments.commits}", "HEAD"]
        commits = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        compared = wrong = 0
        for commit in commits:
            changes = collect(Commit(commit), Selection(), Place(repository))
            for change in changes.files:
                one, two = compare(repository, change, {Side.OLD: changes.base, Side.NEW: changes.head})
                compared, wrong = compared + one, wrong + two
        print(f"{repository}: {len(commits)} commits, {compared} lines compared, {wrong} differ")
        failed += wrong
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Measure how far findings can be trusted, on a folder of cases, and compare with what it has to be.

    python benchmarks/quality [--cases ../shared/cases] [--only duplicates,voting] [--json FILE]

Method and meaning of every figure: docs/quality.md. Exit status 1 if a target is missed, 2 without cases.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import anchoring
import clean
import duplicates
import hostile
import matching
import order
import parsing
import voting

PARTS = {
    "parsing": parsing.measure,
    "anchoring": anchoring.measure,
    "duplicates": duplicates.measure,
    "voting": voting.measure,
    "order": order.measure,
    "clean": clean.measure,
    "hostile": hostile.measure,
    "matching": matching.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    beside = Path(__file__).resolve().parents[3] / "shared" / "cases"
    parser.add_argument("--cases", type=Path, default=beside, help="the folder of cases")
    parser.add_argument("--only", default="", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if not arguments.cases.is_dir():
        print(f"{arguments.cases}: there is no such folder with cases", file=sys.stderr)
        return 2
    chosen = [name for name in arguments.only.split(",") if name] or list(PARTS)
    missed, made = 0, {}
    for name in chosen:
        started = time.monotonic()
        print(name)
        made[name] = []
        for figure in PARTS[name](arguments.cases):
            print(figure.line(), flush=True)
            made[name].append(figure.row())
            missed += not figure.met
        print(f"    ({time.monotonic() - started:.0f} s)")
    if arguments.json:
        arguments.json.write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    print(f"{missed} figures miss their target" if missed else "every figure reaches its target")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Data and servers that lie beside a checkout, where somebody put them there."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


def require(*parts: str) -> Path:
    """A path under the shared folder; the test is skipped, with the reason, where it is missing."""
    place = SHARED.joinpath(*parts)
    if not place.exists():
        pytest.skip(f"no {Path('shared', *parts)} beside this checkout")
    return place


def rows(*parts: str) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in require(*parts).read_text("utf-8").splitlines() if line]


def github_home() -> Path:
    """Where the GitHub on loopback is installed, with the checkers that belong to it."""
    if "RIG_HOME" not in os.environ:
        pytest.skip("RIG_HOME is not set: no GitHub to test against")
    place = Path(os.environ["RIG_HOME"])
    found = next(
        (one for one in (place / "github", place) if (one / "venv" / "bin" / "python").exists()), None
    )
    if found is None:
        pytest.skip(f"no GitHub is installed in {place}")
    return found

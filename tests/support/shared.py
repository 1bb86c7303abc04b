"""Data and servers that lie beside a checkout, where somebody put them there."""

import json
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

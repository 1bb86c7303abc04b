"""Whole reviews through the real command, with prepared replies in place of models."""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.cli import main as reviewer


@dataclass(frozen=True)
class Reviewed:
    """What came of it: the exit status, the report as data, and as Markdown."""

    status: int
    report: dict[str, Any]
    page: str


def review(patch: bytes, reply: str, *flags: str) -> Reviewed:
    """Run `reviewer run --patch` with one reply for every role."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "change.diff").write_bytes(patch)
        (folder / "replies").mkdir()
        (folder / "replies" / "default.json").write_text(reply, "utf-8")
        (folder / "replies" / "default.verdict.json").write_text(_VERDICT, "utf-8")
        (folder / "reviewer.toml").write_text(_SETTINGS, "utf-8")
        arguments = ["run", "--patch", "change.diff", "--config", "reviewer.toml", "--quiet", *flags]
        with contextlib.chdir(folder), _own_home(folder), contextlib.redirect_stderr(io.StringIO()) as said:
            status = reviewer(arguments)
        reports = sorted(folder.glob("reports/*.json"))
        if not reports:
            raise RuntimeError(f"no report: {said.getvalue()}")
        return Reviewed(
            status,
            json.loads(reports[0].read_text("utf-8")),
            reports[0].with_suffix(".md").read_text("utf-8"),
        )


@contextlib.contextmanager
def _own_home(folder: Path) -> Iterator[None]:
    """Keep what the program learns out of the home of whoever measures."""
    usual = dict(os.environ)
    os.environ |= {"HOME": str(folder), "XDG_CACHE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= usual


def reply(files: Sequence[str], findings: Sequence[dict[str, Any]] = (), **fields: Any) -> str:
    """A reply in the form that is asked for."""
    return json.dumps(
        {
            "files_reviewed": list(files),
            "findings": list(findings),
            "strengths": [],
            "recommendations": [],
            "summary": "Read.",
            "rating": 8,
        }
        | fields
    )


_SETTINGS = """\
[defaults]
model = "prepared/replies"
[providers.prepared]
kind = "scripted"
replies = "replies"
"""
_VERDICT = json.dumps({"strengths": [], "recommendations": [], "summary": "Read.", "rating": 8})

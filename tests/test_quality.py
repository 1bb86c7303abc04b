"""How far findings can be trusted, measured on the shared cases: every figure reaches its target."""

import os
import subprocess
import sys

import pytest

from tests.support.shared import ROOT, require

# Counting which lines it runs would double the time that it takes, and other tests run them.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
ENVIRONMENT["PYTHONPATH"] = str(ROOT)


@pytest.mark.parametrize(
    "part", ["parsing", "anchoring", "duplicates", "voting", "order", "clean", "hostile", "matching"]
)
def test_figures(part):
    folder = require("cases")
    command = [sys.executable, "benchmarks/quality", "--cases", str(folder), "--only", part]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every figure reaches its target" in done.stdout


def test_without_cases_the_command_says_so(tmp_path):
    command = [sys.executable, "benchmarks/quality", "--cases", str(tmp_path / "none")]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no such folder with cases" in done.stderr

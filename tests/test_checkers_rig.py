"""The action, its workflows, SARIF and the hooks before other people's checkers, where somebody has set them up.

RIG_HOME names the folder they live in (a `github` below it, or itself). Skipped, with the reason, where they are not.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from reviewer.outputs.registry import FORMS
from reviewer.prompting.contract import CATEGORIES, Severity
from tests.outputs.test_forms import REPORTS
from tests.support.reports import finding as a_finding
from tests.support.reports import report as a_report
from tests.support.shared import github_home, require

pytestmark = pytest.mark.rig


@pytest.mark.parametrize("target", ["action.yml", "docs"])
def test_linters(target, tmp_path, monkeypatch):
    folder, where = require("rigs", "github"), github_home()
    monkeypatch.chdir(tmp_path)
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        ["bash", str(folder / "lint_actions.sh"), *map(str, workflows(root, target))],
        env={**os.environ, "RIG_HOME": str(where), "HOME": str(where)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def workflows(root: Path, target: str) -> list[Path]:
    if target == "action.yml":
        return [root / target]
    folder = Path.cwd() / "workflows" / ".github" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    text = (root / "docs" / "github-action.md").read_text("utf-8")
    found = re.findall(r"^```yaml\n(name: .*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 3
    for number, workflow_text in enumerate(found):
        (folder / f"w{number}.yml").write_text(workflow_text.replace("OWNER/reviewer", "acme/reviewer"))
    return [folder.parents[1]]


COUNTS = (0, 1, 200, 6000)


@pytest.mark.parametrize("count", COUNTS)
def test_sarif_is_as_github_wants_it(count, tmp_path):
    folder, where = require("rigs", "github"), github_home()
    found = [
        a_finding(
            line=n,
            end_line=n,
            code=f"x = {n}",
            category=(*CATEGORIES, "other")[n % 11],
            severity=list(Severity)[n % 3],
        )
        for n in range(1, count + 1)
    ]
    files = [tmp_path / "counted.sarif"]
    files[0].write_text(FORMS["sarif"].render(a_report(found)))
    if count == 1:
        for name, made in REPORTS.items():
            files.append(tmp_path / f"{name.replace(' ', '-')}.sarif")
            files[-1].write_text(FORMS["sarif"].render(made))
    done = subprocess.run(
        [str(where / "venv" / "bin" / "python"), str(folder / "sarif_check.py"), "--ai", *map(str, files)],
        env={**os.environ, "RIG_HOME": str(where)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, [row for row in done.stdout.splitlines() if "note:" not in row]


def test_the_hooks_in_pre_commit(tmp_path):
    """The manifest is sound, and both hooks run from an environment that pre-commit has made."""
    folder, where = require("rigs", "github"), github_home()
    root = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "RIG_HOME": str(where), "REVIEWER_DETECT": "false"}
    manifest = [
        str(where / "venv" / "bin" / "pre-commit"),
        "validate-manifest",
        str(root / ".pre-commit-hooks.yaml"),
    ]
    subprocess.run(manifest, env=environment, check=True)
    said = {
        "reviewer": ("pre-commit", "reviewer: not reviewed: no model server answers", 0),
        "reviewer-push": ("manual", "this repository has no commits yet", 1),
    }
    for hook, (stage, words, status) in said.items():
        done = subprocess.run(
            ["bash", str(folder / "precommit_try.sh"), str(root), hook, "--hook-stage", stage],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if "No matching distribution" in done.stdout or "Could not find a version" in done.stdout:
            pytest.skip("no package registry can be reached")
        assert words in done.stdout, done.stdout + done.stderr
        assert done.returncode == status

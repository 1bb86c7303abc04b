"""Where reports go: whole or not at all, through links and into pipes, and never lost."""

import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reviewer.errors import OutputError
from reviewer.outputs.files import check_place, rescue, write
from tests.support.shared import ROOT


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path):
    place = tmp_path / "deep/er/r.md"
    write(place, "one\n")
    assert place.stat().st_mode & 0o777 == 0o644
    place.chmod(0o600)
    write(place, "two \udce9\n")
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("two \\udce9\n", 0o600)
    assert [path.name for path in place.parent.iterdir()] == ["r.md"], "no temporary file is left"


def test_a_name_as_long_as_a_name_may_be(tmp_path):
    place = tmp_path / ("x" * 252 + ".md")
    write(place, "x")
    assert place.read_text() == "x"


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "link.md").symlink_to("real.md")
    write(tmp_path / "link.md", "new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write(pipe, "text")
    reader.join()
    assert got == ["text"]
    assert pipe.is_fifo()


def test_places_that_cannot_be_written_are_known_early(tmp_path):
    (tmp_path / "file").touch()
    check_place(tmp_path / "new/folder/r.md")
    for place, reason in [(tmp_path, "is a folder"), (tmp_path / "file/x/r.md", "is not a folder")]:
        with pytest.raises(OutputError, match=reason):
            check_place(place)
        with pytest.raises(OutputError, match="cannot be written"):
            write(place, "x")


def test_a_report_without_a_place_is_rescued(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    places = rescue({"md": "m", "json": "j"})
    assert [place.read_text() for place in places] == ["m", "j"]


def reviewer(
    folder: Path, *arguments: str, output: Path | None = None, **environment: str
) -> tuple[int, str, str]:
    """The command in a process of its own; status, output and errors."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "reviewer", *arguments]
    with (output or Path(os.devnull)).open("wb") as stream:
        done = subprocess.run(
            command,
            cwd=folder,
            env=env,
            check=False,
            stdout=stream if output else subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    return done.returncode, (done.stdout or b"").decode("utf-8", "replace"), done.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
@pytest.mark.parametrize("arguments", [["config"], ["run", "--all", "--model", "builtin", "-q", "-o", "-"]])
def test_a_full_disk_is_an_error_for_people(repo, arguments):
    repo.commit({"a.py": "x = 1\n"})
    status, _, said = reviewer(repo.root, *arguments, output=Path("/dev/full"), TMPDIR=str(repo.root.parent))
    *kept, error = said.splitlines()
    assert (status, error) == (
        2,
        "reviewer: error: standard output: cannot be written: No space left on device.",
    )
    assert len(kept) == (arguments[0] == "run"), "a report is kept elsewhere"
    assert len(list(repo.root.parent.glob("reviewer-report-*/review.md"))) == len(kept)


def test_any_terminal_can_show_any_name(repo):
    repo.commit({"日本.py": "x = 1\n"})
    status, said, _ = reviewer(
        repo.root, "run", "--all", "--model", "builtin", "-o", "-", PYTHONIOENCODING="ascii"
    )
    assert status == 0
    assert "日本.py" in said
    status, said, _ = reviewer(repo.root, "run", "--all", "--dry-run", PYTHONIOENCODING="ascii")
    assert (status, "日本.py" in said) == (0, True)


def test_a_missing_git_is_an_error_for_people(repo, tmp_path):
    status, _, said = reviewer(repo.root, "run", "--all", PATH=str(tmp_path))
    assert (status, said) == (2, "reviewer: error: git was not found. Install git, or add it to PATH.\n")


def test_a_patch_needs_no_git(tmp_path):
    (tmp_path / "p.diff").write_text("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n")
    status, page, said = reviewer(
        tmp_path, "run", "--patch", "p.diff", "--model", "builtin", "-o", "-", PATH=str(tmp_path / "nothing")
    )
    assert (status, "x.py" in page) == (0, True), said


@pytest.mark.parametrize("flags", [[], ["-v"]])
def test_nobody_listening_changes_neither_report_nor_status(repo, flags):
    """As in `reviewer run 2>&1 | head -1`, and with standard error closed."""
    repo.commit({"a.py": "def f():\n    return nope\n"})
    command = [
        sys.executable,
        "-m",
        "reviewer",
        "run",
        "--all",
        "--model",
        "builtin",
        "--fail-on",
        "critical",
        *flags,
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    reading, writing = os.pipe()
    os.close(reading)
    for output, place in ((None, "r1.md"), (writing, "r2.md")):
        done = subprocess.run(
            [*command, "-o", f"../{place}"],
            cwd=repo.root,
            env=env,
            check=False,
            stdout=output,
            stderr=writing,
        )
        assert done.returncode == 1, "the gate was reached"
        assert (repo.root.parent / place).exists()
    os.close(writing)
    closed = " ".join(map(shlex.quote, [*command, "-o", "../r3.md"]))
    assert (
        subprocess.run(f"{closed} 2>&- >&-", shell=True, cwd=repo.root, env=env, check=False).returncode == 1
    )
    wrong = f"{shlex.quote(sys.executable)} -m reviewer run --commit nosuch 2>&-"
    assert subprocess.run(wrong, shell=True, cwd=repo.root, env=env, check=False).returncode == 2
    stdin = f"{shlex.quote(sys.executable)} -m reviewer run --patch - <&-"
    done = subprocess.run(stdin, shell=True, cwd=repo.root, env=env, check=False, capture_output=True)
    assert (done.returncode, b"standard input is closed" in done.stderr) == (2, True)


def test_a_reader_that_has_seen_enough_is_no_error(repo):
    repo.commit({"a.py": "value = compute(1, 2)\n" * 400})
    command = f"{shlex.quote(sys.executable)} -m reviewer prompt architecture --all"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    # The shell gives the status of the first command; the reader ends before anything is written.
    piped = ["bash", "-c", f"{command} | true; exit ${{PIPESTATUS[0]}}"]
    done = subprocess.run(piped, cwd=repo.root, env=env, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")

"""A pull request on a code host, a model, and a folder to work from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.github import NAME, OWNER, GitHubServer, serving
from tests.support.repository import Builder

BEFORE = {"a.py": "def run(text):\n    return int(text)\n", "b.py": "def other():\n    return 1\n"}
WORSE = {"a.py": "def run(text):\n    return eval(text)\n"}
BETTER = {"a.py": "def run(text):\n    return float(text)\n"}


@contextmanager
def desk(repo: Builder, model_url: str, folder: Path, monkeypatch: Any) -> Iterator[GitHubServer]:
    """A folder that is no repository, with the settings for a model, and a token that may write."""
    repo.commit(BEFORE)
    repo.branch("topic").commit(WORSE)
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("lab.toml").write_text(
        f'[defaults]\nmodel = "lab/big"\n[providers.lab]\nkind = "openai"\nbase_url = "{model_url}"\n'
    )
    with serving(GitHubServer(repo)) as server:
        server.pull("topic")
        monkeypatch.setenv("GITHUB_API_URL", server.url)
        monkeypatch.setenv("GITHUB_SERVER_URL", server.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", f"{OWNER}/{NAME}")
        monkeypatch.setenv("GITHUB_TOKEN", "t-bot")
        monkeypatch.setenv("REVIEWER_DETECT", "false")
        yield server

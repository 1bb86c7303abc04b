"""Real git repositories in temporary folders."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}


@dataclass(frozen=True)
class Builder:
    """Builds a repository step by step; every method returns the builder or what git printed."""

    root: Path

    @classmethod
    def create(cls, root: Path, *options: str) -> "Builder":
        root.mkdir(parents=True, exist_ok=True)
        builder = cls(root)
        builder.git("init", "-q", "-b", "main", *options)
        return builder

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        return self.output(*arguments, stdin=stdin).strip()

    def output(self, *arguments: str, stdin: bytes = b"") -> str:
        """What git printed, to the last blank."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, **_IDENTITY},
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout.decode("utf-8", "replace")

    def write(self, path: str, content: str | bytes) -> "Builder":
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def commit(self, files: Mapping[str, str | bytes] | None = None, message: str = "change") -> str:
        for path, content in (files or {}).items():
            self.write(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str) -> "Builder":
        self.git("checkout", "-q", "-b", name)
        return self

    def blob(self, revision: str, path: str) -> bytes:
        return self.blob_of(f"{revision}:{path}")

    def blob_of(self, name: str) -> bytes:
        done = subprocess.run(
            ["git", "cat-file", "blob", name], cwd=self.root, capture_output=True, check=True
        )
        return done.stdout

"""The door to git: the only module that starts it, through GitPython's command wrapper."""

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reviewer.changes.text import decode_path
from reviewer.errors import NoRepositoryError, SourceError

if TYPE_CHECKING:
    import git

_NO_GIT = "git was not found. Install git, or add it to PATH."
_SETTINGS = (
    "core.quotePath=true",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.bigFileThreshold=16m",
    "color.ui=false",
    "diff.autoRefreshIndex=true",
    "diff.interHunkContext=0",
    "diff.mnemonicPrefix=false",
    "diff.noprefix=false",
    "diff.relative=false",
    "diff.suppressBlankEmpty=false",
    "diff.wsErrorHighlight=none",
)
"""Overrides for settings of the user that would change what git prints, or that start programs.

Files over `core.bigFileThreshold` are shown as binary, which bounds the memory a diff can take.
"""

_ENVIRONMENT = {
    "GIT_DIFF_OPTS": "",  # would win over --unified
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}

_DIFF = (
    "diff",
    "--patch",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--full-index",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=histogram",
    "--find-renames",
    "--find-copies",
    "-l1000",
    "-O/dev/null",
    "--submodule=short",
    "--ignore-submodules=dirty",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--no-relative",
)
MAX_FILES = 50_000
"""A change of more files is refused: nobody could review it, and it would take minutes only to list it."""
MAX_DIFF_BYTES = 512 * 1024 * 1024
"""A larger diff is refused: it could not be reviewed and would not fit into memory."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a git command returned."""

    status: int
    stdout: bytes
    stderr: str


class Repository:
    """One repository, addressed from a directory inside it.

    Attributes:
        root: top of the working tree, or the git directory of a bare repository.
        prefix: the start directory relative to the root with a trailing slash, empty at the root.
        bare: there is no working tree.
    """

    def __init__(self, root: Path, *, prefix: str, bare: bool) -> None:
        self.root = root
        self.prefix = prefix
        self.bare = bare
        self._git = _command(root)

    @classmethod
    def open(cls, directory: Path) -> "Repository":
        """Find the repository that holds a directory.

        Raises:
            NoRepositoryError: the directory is in no repository.
            SourceError: git is missing, or would not open it.
        """
        command = _command(directory)
        found = _run(
            command, ("rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--absolute-git-dir")
        )
        if found.status:
            raise _why_not_opened(directory, found.stderr)
        is_bare, inside, git_dir = found.stdout.decode().splitlines()[:3]
        if is_bare == "true" or inside != "true":
            return cls(Path(git_dir), prefix="", bare=True)
        places = _run(command, ("rev-parse", "--show-toplevel", "--show-prefix"))
        root, _, rest = places.stdout.decode("utf-8", "surrogateescape").partition("\n")
        return cls(Path(root), prefix=rest.partition("\n")[0], bare=False)

    @classmethod
    def empty(cls, folder: Path) -> "tuple[Repository, Mapping[str, str]]":
        """A new repository in an empty folder, and the environment that its commands need.

        Raises:
            SourceError: git is missing.
        """
        env = {
            "GIT_DIR": str(folder / ".git"),
            "GIT_WORK_TREE": str(folder),
            "GIT_INDEX_FILE": str(folder / "index"),
        }
        repository = cls(folder, prefix="", bare=False)
        repository.output("init", "--quiet", "--template=", env=env)
        return repository, env

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Result:
        """Run a git command at the root and return what it said, whatever its exit status."""
        return _run(self._git, arguments, env=env, stdin=stdin)

    def output(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        fine: Collection[int] = (0,),
    ) -> bytes:
        """Run a git command that has to succeed: to end with one of the statuses that are fine.

        Raises:
            SourceError: it failed; carries git's own words.
        """
        result = self.run(*arguments, env=env, stdin=stdin)
        if result.status not in fine:
            raise SourceError(f"git {arguments[0]} failed: {result.stderr.strip() or result.status}")
        return result.stdout

    def line(self, *arguments: str) -> str:
        """The first line of a command's output, or an empty text if the command fails."""
        result = self.run(*arguments)
        return "" if result.status else result.stdout.decode("utf-8", "replace").partition("\n")[0]

    def diff(self, *arguments: str, env: Mapping[str, str] | None = None) -> bytes:
        """A patch in one fixed form, whatever the user's settings say.

        Raises:
            SourceError: git failed, or the patch is larger than `MAX_DIFF_BYTES`.
        """
        data = self.output(*_DIFF, *arguments, "--", env=env)
        if len(data) > MAX_DIFF_BYTES:
            raise SourceError(
                f"the diff has {len(data) // 2**20} MiB, more than can be reviewed. "
                "Narrow it with a range, or give paths with --include."
            )
        check_count(data.count(b"\ndiff --git "), "changed files", "Narrow it with a range")
        return data

    def blob(self, object_id: str) -> bytes | None:
        """The content of a blob, or None where the repository does not have it."""
        try:
            return self._git.get_object_data(object_id)[3]
        except ValueError:
            return None

    def close(self) -> None:
        """End the helper processes that reading blobs keeps open."""
        self._git.clear_cache()

    def index_with_untracked(self, folder: Path) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """Environment with a copy of the index that knows the untracked files too, and nested repositories.

        The copy lies in `folder`, so nothing in the repository changes. Untracked files are entered by
        name only (`--intent-to-add`), which makes `git diff` show them as added, normalised like tracked
        ones, and lets it recognise renames among them.
        """
        index = Path(os.fsdecode(self.output("rev-parse", "--git-path", "index").rstrip(b"\n")))
        copy = folder / "index"
        source = self.root / index
        if source.exists():
            # With its time stamp: git compares it with those of the files to see which entries it has to
            # look at again although their size is the same (git's "racy" entries).
            shutil.copy2(source, copy)
        env = {"GIT_INDEX_FILE": str(copy)}
        names = self.output("ls-files", "-z", "--others", "--exclude-standard", env=env)
        listed = [name for name in names.split(b"\0") if name]
        check_count(len(listed), "untracked files", "Put what is made into .gitignore")
        # A nested repository is listed with a trailing slash; it is not part of this one.
        files = [name for name in listed if not name.endswith(b"/")]
        nested = tuple(decode_path(name.rstrip(b"/")) for name in listed if name.endswith(b"/"))
        if files:
            self.output(
                "--literal-pathspecs",
                "add",
                "--intent-to-add",
                "--ignore-errors",
                "--pathspec-from-file=-",
                "--pathspec-file-nul",
                env=env,
                stdin=b"\0".join(files) + b"\0",
            )
        return env, nested

    def attributes(
        self, name: str, paths: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The value of a git attribute for each path: `set`, `unset`, `unspecified` or a text.

        Args:
            name: of the attribute.
            paths: from the root.
            env: names an index whose attributes count in place of those in the working tree.
        """
        # A patch may name places outside of any repository.
        paths = [path for path in paths if not path.startswith("/") and ".." not in path.split("/")]
        if not paths or self.bare:
            return {}
        stdin = b"".join(os.fsencode(path) + b"\0" for path in paths)
        source = ("--cached",) if env else ()
        fields = self.output("check-attr", *source, "-z", "--stdin", name, env=env, stdin=stdin).split(b"\0")
        return {
            os.fsdecode(path): value.decode("utf-8", "replace")
            for path, value in zip(fields[0::3], fields[2::3], strict=False)
        }


def check_count(count: int, what: str, advice: str) -> None:
    """Refuse more files than can be reviewed.

    Raises:
        SourceError: there are more.
    """
    if count > MAX_FILES:
        raise SourceError(
            f"there are {count:,} {what}, more than the {MAX_FILES:,} that can be reviewed. {advice}."
        )


def _command(directory: Path) -> "git.Git":
    """Git in a directory.

    Imported here because the library looks for the program as soon as it is imported: a patch can be reviewed
    without either.

    Raises:
        SourceError: there is no git.
    """
    try:
        import git
    except ImportError as error:
        raise SourceError(_NO_GIT) from error
    return git.Git(directory)


def _run(
    command: "git.Git", arguments: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Result:
    from git.exc import GitCommandNotFound  # late for the same reason as in `_command`

    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    environment = {**_ENVIRONMENT, **(env or {})}
    with tempfile.TemporaryFile() as source:
        source.write(stdin)
        source.seek(0)
        try:
            status, stdout, stderr = command.execute(
                [command.GIT_PYTHON_GIT_EXECUTABLE or "git", *settings, *arguments],
                istream=source,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                env=environment,
            )
        except GitCommandNotFound as error:
            raise SourceError(_NO_GIT) from error
    return Result(status, stdout, stderr)


def _why_not_opened(directory: Path, stderr: str) -> SourceError:
    if "dubious ownership" in stderr:
        return SourceError(f"git does not trust this repository's owner: {stderr.strip()}")
    if "not a git repository" in stderr:
        return NoRepositoryError(
            f"{directory} is not in a git repository. Go to one, or review a diff with "
            "`reviewer run --patch FILE` (`-` for standard input)."
        )
    return SourceError(f"git cannot open the repository at {directory}: {stderr.strip()}")

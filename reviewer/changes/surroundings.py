"""What the repository says beyond the change: files and definitions by name, at the reviewed revision."""

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reviewer.changes.changeset import ChangeSet, FileStatus, Side
from reviewer.changes.git import Repository
from reviewer.changes.languages import fence_name
from reviewer.changes.target import Patch, Place, Staged, Target
from reviewer.changes.text import decode_lines, looks_binary
from reviewer.errors import SourceError

PLACES_APART = "\n\n\n"
"""Stands between the places of a name."""
_MOST_NAMED = 10
"""Files of one name that are listed."""
_MOST_PLACES = 4
"""How many places of a name are shown."""
_AROUND = 15
"""Lines that are shown behind a place where a name is used."""
_DEFINED = 60
"""Lines that are shown of a definition."""
_MOST_LINES, _MOST_OF_A_FILE = 160, 320
"""Lines of all places of a name together, and of a file."""
_LONGEST_LINE = 240
_NAME = re.compile(r"[A-Za-z_$][\w$]{1,100}")
_DEFINITION = (
    r"\b(?:def|class|func|function|fn|type|interface|struct|enum|trait|const|let|var|val|module|sub|macro)\b"
)
_NO_NAME = "There is no file and no definition of this name in the repository."
_NOT_HERE = (
    "It is not in the change. The rest of the repository is not at hand, so that it may well be there."
)
_LINE = re.compile(rb"([^\0]+)\0(\d+)[\0:](.*)", re.DOTALL)


class Surroundings(Protocol):
    """Who can be asked for code that the change does not show."""

    def find(self, name: str, near: str = "") -> str:
        """The code that a name means, with line numbers, or a sentence that says why there is none.

        Args:
            name: of a definition, or the path of a file.
            near: the file from which it is asked for; what is defined there is meant first.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Hit:
    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Around:
    """The files of a change, and the rest of the repository at the same revision.

    Nothing outside the repository is read: names of files are looked up in git's own lists, links are not
    followed, and every answer is bounded.

    Attributes:
        changes: the change; its texts come first.
        repository: the repository, or None where the change is a patch of none.
        revision: what git calls the reviewed version: a commit, `--cached` for the index, or empty for the
            working tree.
    """

    changes: ChangeSet
    repository: Repository | None
    revision: str

    def find(self, name: str, near: str = "") -> str:
        """The code that a name means: a file by its path, else definitions before other places of a name.

        Definitions in the file from which it is asked for hide those of the same name elsewhere, and those in
        the change hide those in the rest of the repository.
        """
        wanted = name.strip().strip("`\"'")
        if not wanted.isprintable():
            return "There is no such file, and it is not a name that could be searched for."
        plain = wanted.removeprefix("./").replace("\\", "/")
        head = re.split(r"[:#]", plain, maxsplit=1)[0]
        as_path = head if "/" in head or fence_name(head) else plain
        lines = self._file(as_path)
        if lines is None and fence_name(as_path):
            as_path, lines = self._by_tail(as_path)
        if isinstance(lines, str):
            return lines
        if lines is not None:
            start = _line_in(plain, len(lines))
            return _numbered(
                as_path, lines, start, min(len(lines), start + _MOST_OF_A_FILE - 1), total=len(lines)
            )
        if "/" in as_path or fence_name(as_path):
            return self._nothing("There is no such file in the repository.")
        symbol = _symbol(wanted)
        if not _NAME.fullmatch(symbol):
            return "There is no such file, and it is not a name that could be searched for."
        hits = sorted(self._hits(symbol), key=lambda hit: (hit.path, hit.line))
        if not hits:
            return self._nothing(_NO_NAME)
        defined = [hit for hit in hits if _defines(hit, symbol)]
        changed = {change.path for change in self.changes.files}
        defined = (
            [hit for hit in defined if hit.path == near]
            or [hit for hit in defined if hit.path in changed]
            or defined
        )
        shown = PLACES_APART.join(self._shown(defined or hits, _DEFINED if defined else _AROUND))
        return shown or self._nothing(_NO_NAME)

    def _nothing(self, text: str) -> str:
        """What to say where nothing was found; of a repository that is not here nobody knows."""
        return text if self.repository is not None else _NOT_HERE

    def _shown(self, hits: Sequence[_Hit], behind: int) -> Iterator[str]:
        """The first places, as far as there is room.

        Args:
            hits: the places.
            behind: lines that are shown after each.
        """
        room = _MOST_LINES
        seen: list[tuple[str, range]] = []
        for hit in hits:
            if len(seen) == _MOST_PLACES or room <= 0:
                return
            if any(path == hit.path and hit.line in lines for path, lines in seen):
                continue
            found = self._file(hit.path)
            if found is None or isinstance(found, str):
                continue
            lines = found
            start = max(1, hit.line - _AROUND // 3)
            end = min(len(lines), hit.line + behind, start + room)
            if behind == _DEFINED:
                end = max(min(end, hit.line + _AROUND), min(_block_end(lines, hit.line), start + room))
            seen.append((hit.path, range(start, end + 1)))
            room -= end - start
            yield _numbered(hit.path, lines, start, end, total=len(lines))

    def _file(self, path: str) -> tuple[str, ...] | str | None:
        """The lines of a file of the repository, why they cannot be shown, or None if there is none."""
        for change in self.changes.files:
            if change.path == path and change.lines(Side.NEW) is not None:
                return change.lines(Side.NEW)
        if self.repository is None or not path or path.startswith(("/", "-")) or ".." in path.split("/"):
            return None
        entry = self._entry(path)
        if entry is None:
            return None
        mode, object_id = entry
        if not mode.startswith("100"):
            return f"{path} is there, but no regular file: it cannot be shown."
        data = self._worktree(path) if not self.revision else self.repository.blob(object_id)
        if data is None or looks_binary(data) or len(data) > _LARGEST:
            return f"{path} is there, but cannot be shown: it is no text, too large, or not readable."
        return tuple(decode_lines(data))

    def _by_tail(self, tail: str) -> tuple[str, tuple[str, ...] | str | None]:
        """The only file whose path ends like this, with its lines; None where there is none, or several."""
        paths = {change.path for change in self.changes.files if f"/{change.path}".endswith(f"/{tail}")}
        if self.repository is not None and ".." not in tail.split("/") and not tail.startswith(("/", "-")):
            pattern = f":(glob)**/{glob.escape(tail)}"
            if self.revision in {"", "--cached"}:
                listed = self.repository.run("ls-files", "-z", "--", pattern).stdout
            else:
                listed = self.repository.run("ls-tree", "-r", "-z", "--name-only", self.revision).stdout
            names = listed.decode("utf-8", "surrogateescape").split("\0")
            paths |= {name for name in names if f"/{name}".endswith(f"/{tail}")}
        if len(paths) > 1:
            named = ", ".join(sorted(paths)[:_MOST_NAMED])
            return tail, f"There are {len(paths)} such files: {named}. Name one with its folders."
        if not paths:
            return tail, None
        path = paths.pop()
        return path, self._file(path)

    def _entry(self, path: str) -> tuple[str, str] | None:
        """Mode and blob id of a path as git lists it."""
        if self.repository is None:
            return None
        if self.revision in {"", "--cached"}:
            found = self.repository.line("--literal-pathspecs", "ls-files", "--stage", "-z", "--", path)
        else:
            found = self.repository.line("--literal-pathspecs", "ls-tree", "-z", self.revision, "--", path)
        # `MODE ID STAGE` from the index, `MODE TYPE ID` from a tree; then a tab and the path.
        match = re.match(r"(\d+) (?:[a-z]+ )?([0-9a-f]{40,64})(?: \d)?\t([^\0]*)", found)
        return (match[1], match[2]) if match is not None and match[3] == path else None

    def _worktree(self, path: str) -> bytes | None:
        """The bytes of a file in the working tree, unless a link leads out of it."""
        if self.repository is None:
            return None
        root = self.repository.root.resolve()
        file = root / path
        if file.is_symlink() or not file.is_file() or file.resolve() != file:
            return None
        return file.read_bytes() if file.stat().st_size <= _LARGEST else None

    def _hits(self, symbol: str) -> Iterator[_Hit]:
        """Lines that hold a name, in the files of the change and in the rest of the repository."""
        whole = re.compile(rf"(?<![\w$]){re.escape(symbol)}(?![\w$])")
        known = set()
        for change in self.changes.files:
            lines = change.lines(Side.NEW)
            if lines is None:
                continue
            known.add(change.path)
            for number, text in enumerate(lines, 1):
                if whole.search(text):
                    yield _Hit(change.path, number, text)
        if self.repository is None:
            return
        where = [self.revision] if self.revision else []
        flags = ("-I", "-n", "-w", "-F", "-z", "--full-name", "--max-count=500")
        # Status 1: nothing was found.
        found = self.repository.output("grep", *flags, "-e", symbol, *where, "--", fine=(0, 1))
        prefix = f"{self.revision}:".encode() if self.revision not in {"", "--cached"} else b""
        for row in found.split(b"\n")[:_MOST_HITS]:
            match = _LINE.fullmatch(row.removeprefix(prefix))
            if match is None:
                continue
            path = match[1].decode("utf-8", "surrogateescape")
            if path not in known:
                yield _Hit(path, int(match[2]), match[3].decode("utf-8", "replace"))


_MOST_HITS = 20_000
_LARGEST = 2_000_000


def _block_end(lines: Sequence[str], first: int) -> int:
    """The last line of what begins at a line, by its indentation.

    Args:
        lines: the whole text.
        first: 1-based number of the line with the name.
    """
    margin = _indent(lines[first - 1])
    end = first
    for number in range(first + 1, len(lines) + 1):
        text = lines[number - 1]
        if not text.strip():
            continue
        closes = text.lstrip()[:1] in _CLOSING
        if _indent(text) < margin or (_indent(text) == margin and not closes):
            break
        end = number
        if _indent(text) == margin and closes and not text.rstrip().endswith(_OPENING):
            break
    return end


_CLOSING, _OPENING = frozenset(")]}"), (":", "{", "(", "[", "->", ",")


def _indent(text: str) -> int:
    expanded = text.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())


def _line_in(name: str, count: int) -> int:
    """Where to begin in a file that was asked for with a line: `a/b.py:120`."""
    found = re.search(r"[:#]L?(\d{1,7})$", name)
    return max(1, min(int(found[1]) - _AROUND, count - _MOST_OF_A_FILE + 1)) if found else 1


def _symbol(name: str) -> str:
    """The name in what was asked for: `Cart.total`, `money::round_up(value)`, `class Foo(Base):`."""
    words = re.sub(rf"^\s*(?:{_DEFINITION}\s+)+", "", name).partition("(")[0].strip(" :;{")
    return re.split(r"[.:/#\s]+", words)[-1]


def _defines(hit: _Hit, symbol: str) -> bool:
    """Whether a line defines a name: a keyword right before it, or a value given to it."""
    name = re.escape(symbol)
    # Go puts the receiver between: `func (c *Cart) Total`.
    keyword = rf"{_DEFINITION}\s+(?:\([^)]*\)\s*)?{name}(?![\w$])"
    return bool(re.search(rf"{keyword}|^\s*{name}\s*(?::[^=]*)?=(?!=)", hit.text))


def _numbered(path: str, lines: Sequence[str], start: int, end: int, *, total: int) -> str:
    rows = [f"{path}, lines {start} to {end} of {total}:", ""]
    for number in range(start, end + 1):
        text = lines[number - 1].removesuffix("\r")
        rows.append(f"{number:>6}  | {text[:_LONGEST_LINE]}{' …' if len(text) > _LONGEST_LINE else ''}")
    return "\n".join(rows)


def _has(repository: Repository, commit: str) -> bool:
    return bool(repository.line("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"))


def surroundings_of(changes: ChangeSet, target: Target, place: Place) -> Around:
    """What lies around a change, at the version that is reviewed."""
    try:
        repository: Repository | None = Repository.open(Path(place.directory))
    except SourceError:
        repository = None
    revision = changes.head or ("--cached" if isinstance(target, Staged) else "")
    if isinstance(target, Patch) and not any(
        change.new_lines is not None and change.status is not FileStatus.ADDED for change in changes.files
    ):
        repository = None  # the patch is of another repository, or of another state of this one
    if repository is not None and repository.bare and not changes.head:
        repository = None
    if repository is not None and changes.head and not _has(repository, changes.head):
        repository = None  # a pull request whose head was not fetched
    return Around(changes, repository, revision)

"""The text of a unified diff to file changes: all of it, or an error that names the line."""

import re
from dataclasses import dataclass, field, replace
from operator import attrgetter

from reviewer.changes.changeset import FileChange, FileStatus, Hunk, Line, LineKind, Side
from reviewer.changes.patch_names import DEV_NULL, bare_name, prefix_length, split_git_names, unquote
from reviewer.changes.text import decode_lines
from reviewer.errors import PatchError

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)", re.DOTALL)
_MAIL = re.compile(r"From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\r?$")
"""First line of each mail of `git format-patch`; the date is a fixed magic value."""
_SIGNATURES = frozenset({"-- ", "--"})
"""How the end of a mail begins."""
_MARKS = {" ": LineKind.CONTEXT, "+": LineKind.ADDED, "-": LineKind.REMOVED}


def parse_patch(data: bytes, *, name: str) -> tuple[FileChange, ...]:
    """Parse `git diff`, `git format-patch` or plain `diff -u` output.

    Args:
        data: the patch as bytes; an empty one gives no files.
        name: what to call the patch in errors, such as its file name.

    Returns:
        One change per file header, without whole texts: those are not in a patch.

    Raises:
        PatchError: the text is no patch, or any part of it does not add up. Nothing is half read.
    """
    lines = decode_lines(data)
    if lines and all(line.endswith("\r") for line in lines):
        # A mail program or an editor converted the whole patch; the headers carry it too.
        lines = [line[:-1] for line in lines]
    files = _Reader(lines, name).read()
    if not files and data.strip():
        said = "no file header (`diff --git`, or `---` and `+++`) found"
        if b"\x1b[" in data:
            said += "; the text has codes for colours in it, git writes none with --no-color"
        raise PatchError(said, name=name, line=1)
    return files


@dataclass
class _Header:
    """What the lines before the first hunk say about a file, collected while reading."""

    git_names: str = ""
    old: str | None = None
    new: str | None = None
    found: dict[str, str] = field(default_factory=dict)
    binary: bool = False


_EXTENDED = (
    "old mode ",
    "new mode ",
    "new file mode ",
    "deleted file mode ",
    "copy from ",
    "copy to ",
    "rename from ",
    "rename to ",
    "similarity index ",
    "dissimilarity index ",
    "index ",
)


class _Reader:
    """Walks over the lines once; every method leaves `at` on the first line it did not use."""

    def __init__(self, lines: list[str], name: str) -> None:
        self.lines = lines
        self.name = name
        self.at = 0

    def read(self) -> tuple[FileChange, ...]:
        files: list[FileChange] = []
        in_mail = False
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if self._starts_file():
                files.append(self._file())
                in_mail = False
            elif line.startswith(("diff --cc ", "diff --combined ")):
                raise self._error("a combined diff of a merge; make one against a single parent instead")
            elif _HUNK.match(line) and not in_mail:
                raise self._error("a hunk without a file header")
            else:
                in_mail = in_mail or bool(_MAIL.match(line))
                self.at += 1
        return tuple(files)

    def _error(self, message: str, *, at: int | None = None) -> PatchError:
        return PatchError(message, name=self.name, line=(self.at if at is None else at) + 1)

    def _peek(self, ahead: int = 0) -> str | None:
        at = self.at + ahead
        return self.lines[at] if at < len(self.lines) else None

    def _starts_file(self) -> bool:
        line = self.lines[self.at]
        if line.startswith("diff --git "):
            return True
        following = self._peek(1)
        return line.startswith("--- ") and following is not None and following.startswith("+++ ")

    def _file(self) -> FileChange:
        start = self.at
        header = self._header()
        hunks: list[Hunk] = []
        while (self._peek() or "").startswith("@@"):
            hunks.append(self._hunk(hunks[-1] if hunks else None))
        if not hunks and not header.binary and _promises_lines(header):
            raise self._error(
                "the header announces a change, but no hunk follows", at=min(self.at, len(self.lines)) - 1
            )
        if header.old is not None and not hunks and not header.binary:
            raise self._error("`---` and `+++` without a hunk", at=min(self.at, len(self.lines) - 1))
        change = _change_of(header, tuple(hunks))
        if change is None:
            raise self._error("cannot tell the file's name", at=start)
        return change

    def _header(self) -> _Header:
        header = _Header()
        line = self.lines[self.at]
        if line.startswith("diff --git "):
            header.git_names = _clean(line.removeprefix("diff --git "))
            self.at += 1
            self._extended(header)
        line_or_end = self._peek()
        if line_or_end is not None and line_or_end.startswith("--- ") and self._starts_file():
            header.old = _clean(line_or_end.removeprefix("--- "))
            header.new = _clean(self.lines[self.at + 1].removeprefix("+++ "))
            self.at += 2
        elif line_or_end is not None and _is_binary_line(line_or_end):
            header.binary = True
            self._skip_binary()
        return header

    def _extended(self, header: _Header) -> None:
        while (line := self._peek()) is not None:
            key = next((key for key in _EXTENDED if line.startswith(key)), None)
            if key is None:
                return
            header.found[key.strip()] = _clean(line.removeprefix(key))
            self.at += 1

    def _skip_binary(self) -> None:
        first = self.lines[self.at]
        self.at += 1
        if not first.startswith("GIT binary patch"):
            return
        while (line := self._peek()) is not None and line.startswith(("literal ", "delta ")):
            while (line := self._peek()) is not None and line.strip():
                self.at += 1
            if line is None:
                raise self._error("binary data ends too early", at=len(self.lines) - 1)
            self.at += 1

    def _is_surplus(self) -> bool:
        """Whether the next line belongs to a hunk, whatever its header has announced.

        An edited patch often has more lines than its header says; reading them loses nothing, and what
        follows has numbers of its own.
        """
        line = self._peek()
        if line is None or line[:1] not in _MARKS or line.rstrip("\r") in _SIGNATURES:
            return False
        return not self._starts_file()

    def _hunk(self, previous: Hunk | None) -> Hunk:
        match = _HUNK.fullmatch(self.lines[self.at])
        if match is None:
            raise self._error(f"not a hunk header: {self.lines[self.at][:60]!r}")
        head = self.at
        old_start, new_start = int(match[1]), int(match[3])
        old_count, new_count = (int(match[n]) if match[n] is not None else 1 for n in (2, 4))
        if previous is not None and old_start < previous.old_start + previous.old_count:
            raise self._error("hunks overlap or are out of order")
        self.at += 1
        lines, no_newline = self._hunk_lines(head, (old_start, old_count), (new_start, new_count))
        old_found, new_found = (sum(side(line) is not None for line in lines) for side in (_OLD, _NEW))
        recounted = (old_found, new_found) != (old_count, new_count)
        section = match[5].strip()
        return Hunk(old_start, old_found, new_start, new_found, section, lines, no_newline, recounted)

    def _hunk_lines(
        self, head: int, old_range: tuple[int, int], new_range: tuple[int, int]
    ) -> tuple[tuple[Line, ...], tuple[Side, ...]]:
        (old_start, old_left), (new_start, new_left) = old_range, new_range
        # Where a side has no lines, its start names the line before the gap.
        old = old_start if old_left else old_start + 1
        new = new_start if new_left else new_start + 1
        found: list[Line] = []
        no_newline: list[Side] = []
        while old_left > 0 or new_left > 0 or self._is_surplus():
            text = self._peek()
            if text is None:
                raise self._error("the patch ends in the middle of a hunk", at=len(self.lines) - 1)
            if text.startswith("\\"):
                no_newline.extend(_sides(found))
                self.at += 1
                continue
            # Mail programs strip the blank of an empty context line.
            kind = LineKind.CONTEXT if text in {"", "\r"} else _MARKS.get(text[0])
            takes_old = kind is not LineKind.ADDED
            takes_new = kind is not LineKind.REMOVED
            surplus = (takes_old and old_left <= 0) or (takes_new and new_left <= 0)
            if kind is None or (surplus and not self._is_surplus()):
                raise self._error(f"the hunk of line {head + 1} does not have the lines that it announces")
            found.append(Line(kind, text[1:], old if takes_old else None, new if takes_new else None))
            old, old_left = old + takes_old, old_left - takes_old
            new, new_left = new + takes_new, new_left - takes_new
            self.at += 1
        while (text := self._peek()) is not None and text.startswith("\\"):
            no_newline.extend(_sides(found))
            self.at += 1
        return tuple(found), tuple(no_newline)


_OLD, _NEW = attrgetter("old"), attrgetter("new")


_EMPTY_BLOBS = ("e69de29", "473a0f4")
"""How git's ids of the empty file begin, by SHA-1 and by SHA-256."""


def _promises_lines(header: _Header) -> bool:
    """Whether a header without hunks speaks of contents that differ."""
    similarity = header.found.get("similarity index", "100%")
    old, _, new = header.found.get("index", "").partition(" ")[0].partition("..")
    ends = {name for name in (old, new) if name.strip("0") and not name.startswith(_EMPTY_BLOBS)}
    modes = {header.found.get(key, "") for key in ("new file mode", "deleted file mode", "new mode")}
    return similarity != "100%" or (len(ends) > 0 and old != new and "160000" not in modes)


def _sides(lines: list[Line]) -> list[Side]:
    """The sides on which the last line exists: those that the remark about a missing line feed means."""
    if not lines:
        return []
    return [side for side, number in ((Side.OLD, lines[-1].old), (Side.NEW, lines[-1].new)) if number]


def _clean(text: str) -> str:
    return text.removesuffix("\r")


def _is_binary_line(line: str) -> bool:
    return line.startswith("GIT binary patch") or (line.startswith("Binary files ") and "differ" in line)


def _change_of(header: _Header, hunks: tuple[Hunk, ...]) -> FileChange | None:
    found = header.found
    old, new = _names(header)
    if old is None and new is None:
        return None
    status = _status(header, old, new)
    modes = found.get("index", "").split(" ")
    ids = modes[0].partition("..")
    mode = modes[1] if len(modes) > 1 else ""
    path = new or old or ""
    change = FileChange(
        path=path,
        status=status,
        hunks=hunks,
        old_path=old if status in {FileStatus.RENAMED, FileStatus.COPIED} else None,
        old_mode=found.get("old mode") or found.get("deleted file mode") or mode,
        new_mode=found.get("new mode") or found.get("new file mode") or mode,
        old_id=ids[0],
        new_id=ids[2],
        binary=header.binary,
    )
    if status is FileStatus.ADDED:
        return replace(change, old_mode="", old_lines=(), new_lines=_whole(hunks, Side.NEW))
    if status is FileStatus.DELETED:
        return replace(change, new_mode="", new_lines=(), old_lines=_whole(hunks, Side.OLD))
    return change


def _whole(hunks: tuple[Hunk, ...], side: Side) -> tuple[str, ...]:
    numbered = ((line.new if side is Side.NEW else line.old, line.text) for h in hunks for line in h.lines)
    return tuple(text for number, text in numbered if number is not None)


def _status(header: _Header, old: str | None, new: str | None) -> FileStatus:
    found = header.found
    if "new file mode" in found or (old is None and "deleted file mode" not in found):
        return FileStatus.ADDED
    if "deleted file mode" in found or new is None:
        return FileStatus.DELETED
    if "rename from" in found:
        return FileStatus.RENAMED
    return FileStatus.COPIED if "copy from" in found else FileStatus.MODIFIED


def _names(header: _Header) -> tuple[str | None, str | None]:
    """Old and new path; None on the side where the file does not exist."""
    found = header.found
    for verb in ("rename", "copy"):
        if f"{verb} from" in found and f"{verb} to" in found:
            return unquote(found[f"{verb} from"]), unquote(found[f"{verb} to"])
    git = split_git_names(header.git_names)
    old, new = git or (DEV_NULL, DEV_NULL)
    if header.old is not None and header.new is not None:
        old, new = bare_name(header.old), bare_name(header.new)
    cut = prefix_length(*(git or (old, new)))
    return _path(old, cut), _path(new, cut)


def _path(name: str, cut: int) -> str | None:
    return None if name == DEV_NULL else name[cut:]

"""Roles: one file each, TOML front matter and a Jinja body."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.errors import RoleError

SUFFIX = ".md.j2"
PARTIALS = "partials"
REPOSITORY_FOLDER = ".reviewer/prompts"
_FENCE = "+++"


class ModelKind(StrEnum):
    """Which kind of model a role is written for."""

    REASONING = "reasoning"
    CODING = "coding"
    THINKING = "thinking"
    GENERAL = "general"


class Task(StrEnum):
    """What a role does; the values are those of `task` in its file."""

    REVIEW = "review"
    FIX = "fix"  # it proposes patches for the confirmed findings of the roles that it builds on


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    findings: Annotated[int, Field(ge=1, le=100)] = 10
    output_tokens: Annotated[int, Field(ge=256)] = 8192
    prompt_tokens: Annotated[int, Field(ge=1000)] = 12_000


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    title: Annotated[str, Field(min_length=1, max_length=80)]
    focus: Annotated[str, Field(min_length=1, max_length=200)]
    kind: ModelKind = ModelKind.GENERAL
    task: Task = Task.REVIEW
    globs: tuple[str, ...] = ()
    order: int = 100
    after: tuple[str, ...] = ()
    enabled: bool = True
    limits: _Limits = _Limits()


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one role.

    Attributes:
        findings: how many findings a prompt asks for at most.
        output_tokens: how long a reply may be, thinking included.
        prompt_tokens: how long a prompt should be at most; the model's window may force less.
    """

    findings: int = 10
    output_tokens: int = 8192
    prompt_tokens: int = 12_000


@dataclass(frozen=True, slots=True)
class Role:
    """A reviewer's point of view, as its file describes it.

    Attributes:
        name: the file's name without suffix; what `--role` and the configuration call it.
        title: for headings.
        focus: one line about what it looks at.
        kind: the kind of model it is written for.
        globs: gitignore-style patterns of the files it reviews; empty means all.
        limits: bounds of its prompts and replies.
        body: the Jinja template, with a comment of as many lines as the front matter has in front, so that
            the line numbers of errors are those of the file.
        source: where the file is, for messages.
        order: roles run and are reported in this order, then by name.
        after: names of roles whose checked findings it builds on; it runs when they are done.
        enabled: whether it runs when nobody names it.
        task: what it does.
        after_line: where `after` stands in its file, for messages.
    """

    name: str
    title: str
    focus: str
    kind: ModelKind
    globs: tuple[str, ...]
    limits: Limits
    body: str
    source: str
    order: int = 100
    after: tuple[str, ...] = ()
    enabled: bool = True
    task: Task = Task.REVIEW
    after_line: int = 1


def built_in_folder() -> Traversable:
    """The folder of the roles that ship with the program: in the package, or beside it in a checkout."""
    packaged = resources.files("reviewer") / "_prompts"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[2] / "prompts"


_NEARLY = (".j2", ".jinja", ".jinja2", ".md.txt", ".md")
"""Ends of names by which somebody means a role, and gets none."""


def load_roles(folders: Sequence[Traversable]) -> dict[str, Role]:
    """All roles of some folders by name, in running order; a later folder replaces roles of an earlier one.

    Raises:
        RoleError: a role file is broken; names file and line.
    """
    found: dict[str, Role] = {}
    for folder in folders:
        for file in sorted(folder.iterdir(), key=lambda item: item.name):
            if file.name.endswith(SUFFIX) and not file.is_dir():
                role = parse_role(_read(file), name=file.name.removesuffix(SUFFIX), source=str(file))
                found[role.name] = role
            elif file.name.endswith(_NEARLY) and file.name != "README.md" and not file.is_dir():
                raise RoleError(f"{file}: is not read as a role; the name of a role's file ends in {SUFFIX}")
    usual = dict(sorted(found.items(), key=lambda item: (item[1].order, item[0])))
    return in_order(usual)


def in_order(roles: Mapping[str, Role]) -> dict[str, Role]:
    """The roles so that each comes after those that it builds on, and otherwise in the order given.

    Raises:
        RoleError: a role builds on one that there is not, or on itself in the end; names file and line.
    """
    for role in roles.values():
        for name in role.after:
            if name not in roles:
                near = get_close_matches(name, roles, n=1)
                hint = f"; did you mean `{near[0]}`?" if near else f"; roles: {', '.join(roles)}"
                raise RoleError(f"{role.source}:{role.after_line}: `after` names no role: `{name}`{hint}")
    made: dict[str, Role] = {}
    while len(made) < len(roles):
        ready = [role for name, role in roles.items() if name not in made and made.keys() >= set(role.after)]
        if not ready:
            left = [role for name, role in roles.items() if name not in made]
            circle = _circle(left[0], roles)
            start = roles[circle[0]]
            raise RoleError(
                f"{start.source}:{start.after_line}: roles build on each other in a circle: "
                f"{' after '.join(circle)}"
            )
        made[ready[0].name] = ready[0]
    return made


def _circle(role: Role, roles: Mapping[str, Role]) -> list[str]:
    """The names on a circle that a role leads to, its first one at both ends."""
    path = [role.name]
    while len(set(path)) == len(path):
        path.append(next(name for name in roles[path[-1]].after if _leads_back(name, roles)))
    return path[path.index(path[-1]) :]


def _leads_back(name: str, roles: Mapping[str, Role]) -> bool:
    """Whether a role builds on a circle."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for other in roles[waiting.pop()].after:
            if other == name or other in seen:
                return True
            seen.add(other)
            waiting.append(other)
    return False


def load_partials(folders: Sequence[Traversable]) -> dict[str, str]:
    """The shared parts of templates by the name to include them with, such as `partials/change.md.j2`."""
    found: dict[str, str] = {}
    for folder in folders:
        partials = folder / PARTIALS
        if partials.is_dir():
            for file in sorted(partials.iterdir(), key=lambda item: item.name):
                if file.name.endswith(SUFFIX) and not file.is_dir():
                    found[f"{PARTIALS}/{file.name}"] = _read(file)
    return found


def _read(file: Traversable) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RoleError(f"{file}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise RoleError(f"{file}: cannot be read: {error.strerror}") from error


def parse_role(text: str, *, name: str, source: str) -> Role:
    """A role from the text of its file.

    Raises:
        RoleError: front matter is missing, is no TOML, or has an unknown, missing or wrong key.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != _FENCE:
        raise RoleError(f"{source}:1: a role file starts with a line `{_FENCE}`, then TOML, then `{_FENCE}`")
    try:
        end = next(number for number, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE)
    except StopIteration:
        raise RoleError(f"{source}:1: the front matter has no closing line `{_FENCE}`") from None
    front = lines[1:end]
    matter = _front_matter(front, source)
    text = "\n".join(lines[end + 1 :])
    # In a comment, so that lines keep their numbers and nothing stands before `extends`.
    body = "{#" + "\n" * end + "#}\n" + text
    if not text.strip():
        raise RoleError(f"{source}:{end + 1}: there is no text behind the front matter")
    if matter.task is Task.FIX and not matter.after:
        line = _line_of("task", front)
        raise RoleError(f"{source}:{line}: a role that fixes names in `after` whose findings it is about")
    return Role(
        name=name,
        title=matter.title,
        focus=matter.focus,
        kind=matter.kind,
        globs=matter.globs,
        limits=Limits(**matter.limits.model_dump()),
        body=body,
        source=source,
        order=matter.order,
        after=matter.after,
        enabled=matter.enabled,
        task=matter.task,
        after_line=_line_of("after", front),
    )


def _line_of(key: str, lines: Sequence[str]) -> int:
    """The line of a key in a file's front matter, 1 if it is not there."""
    found = (n for n, text in enumerate(lines, 2) if re.match(rf"\s*\[?{re.escape(key)}\b", text))
    return next(found, 1)


def _front_matter(lines: Sequence[str], source: str) -> _FrontMatter:
    try:
        table = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        # Python 3.11 gives the position only in the message.
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) + 1 if found else len(lines) + 1
        raise RoleError(f"{source}:{line}: {error}") from error
    try:
        return _FrontMatter.model_validate(table)
    except ValidationError as error:
        problem = error.errors()[0]
        raise RoleError(_explain(problem, lines, source)) from error


def _explain(problem: Mapping[str, object], lines: Sequence[str], source: str) -> str:
    path = [str(part) for part in problem["loc"]]  # type: ignore[attr-defined]
    key = ".".join(path)
    last = next((part for part in reversed(path) if not part.isdigit()), "")
    line = _line_of(last, lines)
    if problem["type"] == "extra_forbidden":
        known = [*_Limits.model_fields] if len(path) > 1 else [*_FrontMatter.model_fields]
        near = get_close_matches(last, known, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else f"; known keys: {', '.join(known)}"
        return f"{source}:{line}: unknown key `{key}`{hint}"
    if problem["type"] == "missing":
        return f"{source}:1: the key `{key}` is missing"
    return f"{source}:{line}: `{key}`: {problem['msg']}"

"""From the reply of a role that fixes to edits, and from edits to patches that apply."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reviewer.errors import InvalidReplyError
from reviewer.findings.extract import MAX_CHARACTERS, last_first
from reviewer.findings.fields import code_of, first, fold, number_of, text_of
from reviewer.findings.finding import Claim, Finding, Fix, Grounding
from reviewer.findings.ground import Anchor, ground
from reviewer.findings.lookup import Lookup
from reviewer.findings.patching import Replacement, parses_before, replaced
from reviewer.models.model import Reply
from reviewer.prompting.contract import Severity

_NUMBERS = ("finding", "claim", "id", "number", "index")
_OLD = ("old", "before", "search", "original", "old_code")
_NEW = ("new", "after", "replace", "replacement", "new_code")
_MARGIN = re.compile(r"^[> ]?\s*\d+ [-+ ]\|")
"""What stands before each line of code in a prompt, and is no part of it."""
_MOST = 40
"""Edits of one reply that are looked at."""
_LONGEST = 600
"""Characters of a note that are kept."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines to replace, as a model wrote them; none in their place takes them away."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a model proposes for one finding: in its words, and as edits; without any it could not fix it.

    Attributes:
        number: of the finding in the prompt.
        note: one sentence.
        edits: in the order of the reply.
        unusable: edits that lack their old or their new text, or do not say which finding they are for.
    """

    number: int
    note: str = ""
    edits: tuple[Edit, ...] = ()
    unusable: int = 0


def read_fixes(reply: Reply) -> tuple[Proposed, ...]:
    """Understand a reply as changes, one entry for each finding that it mentions.

    Raises:
        InvalidReplyError: there is neither a change nor a word about one in it.
    """
    text = (reply.text or reply.reasoning)[:MAX_CHARACTERS]
    for candidate in last_first(text):
        found = tuple(_proposals(candidate.value)) if not candidate.cut else ()
        if found:
            return found
    problem = 'there is no JSON object with lists named "fixes" and "edits"'
    raise InvalidReplyError("the changes could not be read", text=text, problems=(problem,))


def _proposals(value: Any) -> Iterator[Proposed]:
    if not isinstance(value, dict):
        return
    notes: dict[int, str] = {}
    edits: dict[int, list[Edit | None]] = {}
    lost = 0
    for entry in _entries(value, ("fixes", "changes", "results")):
        number = number_of(first(entry, _NUMBERS))
        if number is None:
            continue
        notes[number] = text_of(first(entry, ("note", "explanation", "summary", "reason")))[:_LONGEST]
        if any(fold(key) in {*_OLD, *_NEW} for key in entry):
            edits.setdefault(number, []).append(_edit(entry))
        for inner in _entries(entry, ("edits",)):
            edits.setdefault(number, []).append(_edit(inner))
    for entry in _entries(value, ("edits", "replacements")):
        number = number_of(first(entry, _NUMBERS))
        if number is None and len(notes) == 1:
            (number,) = notes
        if number is None:
            lost += 1  # it may be a part of any of them
        else:
            edits.setdefault(number, []).append(_edit(entry))
    for number in sorted({*notes, *edits}):
        all_ = edits.get(number, [])
        usable = tuple(edit for edit in all_ if edit is not None)
        unusable = len(all_) - len(usable) + lost + max(0, len(usable) - _MOST)
        yield Proposed(number, notes.get(number, ""), usable[:_MOST], unusable)


def _entries(value: dict[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    found = first(value, names)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _edit(entry: dict[str, Any]) -> Edit | None:
    """One edit, or None if its old or its new text is missing; an empty new text takes the old one away."""
    old, new = code_of(first(entry, _OLD)), first(entry, _NEW)
    if not old or new is None:
        return None
    path = text_of(first(entry, ("file", "path")))
    return Edit(path, _without_margin(old), _without_margin(code_of(new)))


def _without_margin(code: str) -> str:
    """Code without the numbers and marks of a prompt, if each of its lines has them."""
    lines = code.split("\n")
    if not all(map(_MARGIN.match, lines)):
        return code
    plain = [_MARGIN.sub("", line) for line in lines]
    # Prompts put a blank behind the bar; where a line has none, the model has left it out in all of them.
    apart = all(line.startswith(" ") or not line for line in plain)
    return "\n".join(line[1:] if apart else line for line in plain)


def _as_indented(edit: Edit, code: str) -> str:
    """The new text of an edit, moved as far as its old text has to be moved to stand where the code is."""
    written, there = (_indent(text) for text in (edit.old, code))
    if written == there or not edit.new:
        return edit.new
    rows = edit.new.split("\n")
    if there.startswith(written):
        return "\n".join(f"{there.removeprefix(written)}{row}" if row.strip() else row for row in rows)
    surplus = written.removeprefix(there)
    return "\n".join(row.removeprefix(surplus) for row in rows)


def _indent(text: str) -> str:
    """The blanks in front of the first line that has more."""
    line = next((row for row in text.split("\n") if row.strip()), "")
    return line[: len(line) - len(line.lstrip())]


def _anchor(edit: Edit, finding: Finding, lookup: Lookup) -> Anchor:
    """Where the old lines of an edit are: the only such place, or whole lines nearest to the finding."""
    claim = Claim(edit.file or finding.path, "", "", Severity.MINOR, quote=edit.old)
    only = ground(claim, lookup)
    if only.grounding is not Grounding.UNVERIFIED:
        return only
    near = ground(replace(claim, line=finding.line), lookup)
    # The line of the finding tells nothing about another file, nor which of many words is meant.
    return near if near.path == finding.path and near.quote == near.code else only


def fix_of(proposed: Proposed, finding: Finding, lookup: Lookup, *, role: str, model: str) -> Fix:
    """A fix as a patch: only if every edit is about lines that are there, and every file parses afterwards.

    Args:
        proposed: what the model wrote.
        finding: what it is for.
        lookup: the reviewed files.
        role: who proposes it.
        model: who wrote it.
    """
    fix = Fix(role, model, proposed.note)
    if proposed.unusable:
        return replace(
            fix, problem="an edit of it cannot be used: its finding, its old or its new text is missing"
        )
    if not proposed.edits:
        return replace(fix, problem="no change was proposed")
    made: dict[str, list[Replacement]] = {}
    for edit in proposed.edits:
        anchor = _anchor(edit, finding, lookup)
        if anchor.grounding is Grounding.UNVERIFIED or anchor.line is None or anchor.end_line is None:
            return replace(fix, problem=f"an edit is about code that is not there: {anchor.note}")
        made.setdefault(anchor.path, []).append(
            Replacement(
                anchor.line,
                anchor.end_line,
                anchor.side,
                edit.old,  # as written: what is only a part of its lines must not take the rest with it
                _as_indented(edit, anchor.code),
                exact=True,
            )
        )
    patches: list[str] = []
    for path, replacements in made.items():
        change = lookup.changes.versions(path)[0]
        proposal = replaced(change, replacements, before=parses_before(change))
        if not proposal.patch:
            return replace(fix, problem=f"{path}: {proposal.note}")
        patches.append(proposal.patch)
    return replace(fix, patch="".join(patches))

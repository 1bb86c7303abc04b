"""Role and batch to prompt: the exact messages, the schema of the reply, and what they will cost."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from reviewer.changes.text import one_line
from reviewer.prompting.batch import Batch
from reviewer.prompting.contract import (
    CATEGORIES,
    AskedChecks,
    AskedFinalChecks,
    AskedFixes,
    AskedMatches,
    AskedReview,
    AskedSynthesis,
    AskedVerdict,
    describe,
    portable_schema,
)
from reviewer.prompting.role import ModelKind, Role, Task
from reviewer.prompting.template import Templates
from reviewer.prompting.tokens import MESSAGE_TOKENS, SAFETY, TEMPLATE_TOKENS, estimate_tokens

_DIGITS = 12
_MANY = 999
"""A number of parts as long as it will be."""
LAYOUT = "partials/layout.md.j2"
CLOSING = "partials/closing.md.j2"
FIXES = "partials/fixes.md.j2"


class Speaker(StrEnum):
    """Whose message it is; the values are those of the chat protocols."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    speaker: Speaker
    text: str


class Purpose(StrEnum):
    """What kind of reply a prompt asks for."""

    REVIEW = "review"
    VERDICT = "verdict"
    CHECK = "check"
    FINAL_CHECK = "final check"
    SYNTHESIS = "synthesis"
    FIX = "fix"
    JUDGEMENT = "judgement"

    @property
    def reply_type(self) -> type[BaseModel]:
        """The pydantic type that describes the reply."""
        return _REPLY_TYPES[self]


_REPLY_TYPES: Mapping[Purpose, type[BaseModel]] = {
    Purpose.REVIEW: AskedReview,
    Purpose.VERDICT: AskedVerdict,
    Purpose.CHECK: AskedChecks,
    Purpose.FINAL_CHECK: AskedFinalChecks,
    Purpose.SYNTHESIS: AskedSynthesis,
    Purpose.FIX: AskedFixes,
    Purpose.JUDGEMENT: AskedMatches,
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything a model is asked in one request, independent of the protocol.

    Attributes:
        role: name of the role that asks.
        kind: the kind of model it is written for.
        purpose: which reply is asked for.
        messages: in order; the system message is the same for all batches of a role.
        batch: what is shown; for reviewers inside this program, which need no text to be parsed.
        tokens: estimate for the whole request.
        output_tokens: how long the reply may be.
        label: which part this is, for people: `architecture 2/3`.
        room: tokens that the window has to hold for the longest prompt of the run; 0 where that is not known.
        about: files whose code is in it, where that is no batch.
    """

    role: str
    kind: ModelKind
    purpose: Purpose
    messages: tuple[Message, ...]
    batch: Batch | None
    tokens: int
    output_tokens: int
    label: str
    room: int = 0
    about: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The files whose code is in it, each once."""
        shown = (section.change.path for section in self.batch.sections) if self.batch else self.about
        return tuple(dict.fromkeys(shown))

    def needs(self, factor: float = 1.0) -> int:
        """Tokens that a window has to hold for this prompt and its reply, with some to spare.

        Args:
            factor: tokens that the model counts for each one of the estimate.
        """
        return math.ceil(self.tokens * SAFETY * factor) + self.output_tokens

    @property
    def digest(self) -> str:
        """Hash of what is sent, to recognise the same request again."""
        content = json.dumps([[message.speaker, message.text] for message in self.messages])
        return hashlib.sha256(f"{self.purpose}\n{content}".encode()).hexdigest()[:16]

    @property
    def schema(self) -> Mapping[str, Any]:
        """The reply's JSON schema in the form that servers accept."""
        return portable_schema(self.purpose.reply_type)


@dataclass(frozen=True, slots=True)
class Wording:
    """What turns a role and a batch into messages, shared by all prompts of a run.

    Attributes:
        templates: the partials of this run.
        guidance: the user's own words for all reviewers, or empty.
        earlier: what the roles have found that a role builds on, as text; or empty.
        purpose: what the author of the change says about it, or empty.
    """

    templates: Templates
    guidance: str = ""
    earlier: str = ""
    purpose: str = ""


def system_text(role: Role, wording: Wording, *, snapshot: bool) -> str:
    """The system message: the same bytes for every batch of a role, so that servers can cache it.

    Raises:
        RoleError: the role's template is broken.
    """
    variables = variables_of(role, wording, snapshot=snapshot) | {"change": "", "marker": ""}
    return wording.templates.render_block(body_of(role), "system", variables, name=role.source)


def digest_of(role: Role, wording: Wording, *, snapshot: bool) -> str:
    """Names the instructions of a role: the same as long as it is told the same about every part.

    Raises:
        RoleError: the role's template is broken.
    """
    text = system_text(role, wording, snapshot=snapshot)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_DIGITS]


def review_prompt(role: Role, batch: Batch, wording: Wording) -> Prompt:
    """The prompt that asks one role about one batch.

    Raises:
        RoleError: the role's template is broken.
    """
    change = "\n".join(section.text for section in batch.sections)
    variables = variables_of(role, wording, snapshot=batch.snapshot) | {
        "change": change.strip("\n"),
        "others": tuple(map(one_line, batch.others[: batch.listed])),
        "unlisted": len(batch.others) - batch.listed,
        "marker": marker_for(
            change, *batch.others, wording.guidance, *filter(None, [wording.earlier, wording.purpose])
        ),
        "part": batch.index,
        "parts": batch.count,
    }
    system = system_text(role, wording, snapshot=batch.snapshot)
    user = wording.templates.render_block(body_of(role), "user", variables, name=role.source)
    label = role.name if batch.count == 1 else f"{role.name} {batch.index}/{batch.count}"
    return role_prompt(role, Purpose.REVIEW, (system, user), batch=batch, label=label)


def verdict_prompt(role: Role, results: str, wording: Wording, *, parts: int, snapshot: bool) -> Prompt:
    """The closing prompt of a role that saw the change in several parts.

    Args:
        role: the role.
        results: its own partial results as text.
        wording: the templates.
        parts: how many parts there were.
        snapshot: whole files were reviewed.

    Raises:
        RoleError: a template is broken.
    """
    variables = variables_of(role, wording, snapshot=snapshot) | {
        "results": results,
        "marker": marker_for(results),
        "parts": parts,
        "contract": describe(AskedVerdict),
    }
    source = "{% extends '" + CLOSING + "' %}"
    texts = tuple(
        wording.templates.render_block(source, block, variables, name=CLOSING) for block in ("system", "user")
    )
    return role_prompt(role, Purpose.VERDICT, (texts[0], texts[1]), batch=None, label=f"{role.name} closing")


def overhead_tokens(role: Role, wording: Wording, *, snapshot: bool) -> int:
    """Tokens of a prompt of this role without any change in it, one of several parts."""
    # One name that is not listed brings in the sentences around the list of names.
    empty = Batch(_MANY, _MANY, (), ("",), 0, snapshot)
    return review_prompt(role, empty, wording).tokens


def marker_for(*texts: str) -> str:
    """A delimiter that none of the texts contains: a hash of them, hashed again while it occurs."""
    joined = "\n".join(texts)
    digest = hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()
    while digest[:12] in joined:
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:12]


def assembled(
    purpose: Purpose, texts: tuple[str, str], *, role: str, label: str, output_tokens: int
) -> Prompt:
    """A prompt of a system and a user message that belongs to no role's file."""
    return _measured(role, ModelKind.GENERAL, purpose, texts, output_tokens=output_tokens, label=label)


def role_prompt(
    role: Role, purpose: Purpose, texts: tuple[str, str], *, batch: Batch | None, label: str
) -> Prompt:
    """A prompt of a system and a user message that belongs to a role."""
    limit = role.limits.output_tokens
    return _measured(role.name, role.kind, purpose, texts, batch=batch, output_tokens=limit, label=label)


def _measured(  # noqa: PLR0913  # the parts of a prompt
    role: str,
    kind: ModelKind,
    purpose: Purpose,
    texts: tuple[str, str],
    *,
    output_tokens: int,
    label: str,
    batch: Batch | None = None,
) -> Prompt:
    messages = (Message(Speaker.SYSTEM, texts[0]), Message(Speaker.USER, texts[1]))
    tokens = sum(estimate_tokens(text) + MESSAGE_TOKENS for text in texts) + TEMPLATE_TOKENS
    return Prompt(role, kind, purpose, messages, batch, tokens, output_tokens, label)


def body_of(role: Role) -> str:
    """The role's template; one that does not say what it extends is the inner part of the layout."""
    if "{% extends" in role.body:
        return role.body
    frame = FIXES if role.task is Task.FIX else LAYOUT
    return "{% extends '" + frame + "' %}{% block role %}" + role.body + "{% endblock %}"


def variables_of(role: Role, wording: Wording, *, snapshot: bool) -> dict[str, Any]:
    """What every template of a role may use."""
    return {
        "role": role,
        "contract": describe(AskedReview),
        "categories": CATEGORIES,
        "snapshot": snapshot,
        "guidance": wording.guidance,
        "earlier": wording.earlier,
        "purpose": wording.purpose,
        "others": (),
        "unlisted": 0,
        "part": 1,
        "parts": 1,
    }


def with_correction(prompt: Prompt, reply: str, problems: Sequence[str]) -> Prompt:
    """The same prompt again, with a reply that could not be read and what was wrong with it."""
    complaint = (
        "Your reply could not be read as the JSON object that was asked for:\n"
        + "\n".join(f"- {problem}" for problem in problems)
        + "\n\nReturn only the corrected JSON object: no other text, no Markdown fence."
    )
    added = (Message(Speaker.ASSISTANT, reply), Message(Speaker.USER, complaint))
    tokens = prompt.tokens + sum(estimate_tokens(message.text) + MESSAGE_TOKENS for message in added)
    return replace(prompt, messages=(*prompt.messages, *added), tokens=tokens)

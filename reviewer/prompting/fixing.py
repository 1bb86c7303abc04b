"""Confirmed findings to a prompt that asks for changes which settle them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reviewer.prompting.checking import Excerpt
from reviewer.prompting.contract import AskedFixes, describe
from reviewer.prompting.prompt import Prompt, Purpose, Wording, body_of, marker_for, role_prompt, variables_of
from reviewer.prompting.role import Role


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding that a change is wanted for.

    Attributes:
        number: what the reply calls it, from 1.
        title, text, recommendation: what was found, and what to do about it.
        place: its file and line, for people.
    """

    number: int
    title: str
    text: str
    recommendation: str
    place: str


def fix_prompt(  # noqa: PLR0913  # what is asked, and in which words
    role: Role,
    problems: Sequence[Problem],
    excerpts: Sequence[Excerpt],
    wording: Wording,
    *,
    label: str,
    snapshot: bool,
) -> Prompt:
    """The prompt that asks for changes which settle some findings.

    Args:
        role: who is asked.
        problems: the findings.
        excerpts: the code around them.
        wording: the templates.
        label: which part this is, for people.
        snapshot: whole files were reviewed.

    Raises:
        RoleError: a template is broken.
    """
    shown = [text for p in problems for text in (p.title, p.text, p.recommendation)]
    shown += [excerpt.code for excerpt in excerpts]
    variables = variables_of(role, wording, snapshot=snapshot) | {
        "problems": tuple(problems),
        "excerpts": tuple(excerpts),
        "marker": marker_for(*shown),
        "contract": describe(AskedFixes),
    }
    texts = tuple(
        wording.templates.render_block(body_of(role), block, variables, name=role.source)
        for block in ("system", "user")
    )
    prompt = role_prompt(role, Purpose.FIX, (texts[0], texts[1]), batch=None, label=label)
    return replace(prompt, about=tuple(excerpt.path for excerpt in excerpts))

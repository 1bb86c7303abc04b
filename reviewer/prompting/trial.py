"""Rendering a role once before anything is asked, so that a broken file is found."""

from reviewer.changes.changeset import FileChange, FileStatus
from reviewer.errors import RoleError
from reviewer.prompting.batch import Batch, Section
from reviewer.prompting.checking import Excerpt
from reviewer.prompting.fixing import Problem, fix_prompt
from reviewer.prompting.prompt import Wording, marker_for, overhead_tokens, review_prompt
from reviewer.prompting.role import Role, Task


def check_role(role: Role, wording: Wording) -> None:
    """Render a role once, so that a broken one is found before anything is asked.

    Raises:
        RoleError: the template is broken; names file and line.
    """
    if role.task is Task.FIX:
        code = Excerpt("p", (1,), former=False, code="c")
        fix_prompt(role, [Problem(1, "t", "e", "r", "p")], [code], wording, label=role.name, snapshot=False)
        return
    for snapshot in (False, True):
        overhead_tokens(role, wording, snapshot=snapshot)
    change = Section(FileChange("a", FileStatus.PRESENT), marker_for(role.body), 1)
    prompt = review_prompt(role, Batch(1, 1, (change,)), wording)
    if change.text not in prompt.messages[1].text:
        raise RoleError(
            f"{role.source}: the block 'user' does not show the change: {{{{ change }}}} is missing"
        )

"""Rendering a role once before anything is asked, so that a broken file is found."""

from reviewer.changes.changeset import FileChange, FileStatus
from reviewer.errors import RoleError
from reviewer.prompting.batch import Batch, Section
from reviewer.prompting.checking import Excerpt, Question, Shown, check_prompt
from reviewer.prompting.fixing import Problem, fix_prompt
from reviewer.prompting.prompt import Wording, marker_for, overhead_tokens, review_prompt, verdict_prompt
from reviewer.prompting.role import Role, Task


def check_partials(wording: Wording) -> None:
    """Render what is asked beside the roles once: checks of findings in both rounds.

    Raises:
        RoleError: a template is broken; names file and line.
    """
    question = Question(1, "t", "p", "line 1", "b", gone=True)
    code = Excerpt("p", (1,), former=False, code="c")
    for snapshot in (False, True):
        for shown in (None, [Shown("n", "t")]):
            check_prompt([question], [code], wording, label="check", snapshot=snapshot, shown=shown)


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
        verdict_prompt(role, "r", wording, parts=2, snapshot=snapshot)
    change = Section(FileChange("a", FileStatus.PRESENT), marker_for(role.body), 1)
    prompt = review_prompt(role, Batch(1, 1, (change,)), wording)
    if change.text not in prompt.messages[1].text:
        raise RoleError(
            f"{role.source}: the block 'user' does not show the change: {{{{ change }}}} is missing"
        )

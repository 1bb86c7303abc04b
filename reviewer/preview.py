"""What a run would do, as text: files, reasons, models, prompts and tokens."""

from collections.abc import Sequence

from reviewer.models.model import ModelRef
from reviewer.outputs.neutral import named, visible
from reviewer.outputs.wording import counted
from reviewer.plan import Plan
from reviewer.prompting.role import Task


def preview(plan: Plan, examiners: Sequence[ModelRef] = ()) -> str:
    """The plan for people; nothing has been asked.

    Args:
        plan: what would be asked.
        examiners: who would check the findings, best first; nobody if empty.
    """
    changes = plan.changes
    rows = [f"Target: {changes.title}"]
    rows += [f"  {note}" for note in changes.notes]
    rows += ["", f"To review ({counted(len(changes.files), 'file')}):"]
    rows += [f"  {named(change.path)}  +{change.added} -{change.removed}" for change in changes.files]
    if changes.skipped:
        rows += ["", f"Left out ({len(changes.skipped)}):"]
        rows += [f"  {named(part.path)}: {part.reason}" for part in changes.skipped]
    rows += ["", "Prompts:"]
    for role in plan.roles:
        chain = ", then ".join(str(model) for model in role.chain)
        what = (
            f"{counted(role.count, 'prompt')}, about {role.tokens:,} tokens"
            if role.prompts
            else "asked for patches of confirmed findings"
            if role.role.task is Task.FIX
            else f"nothing has changed since {plan.since.name}"
            if plan.since
            else "no file matches its patterns"
        )
        rows.append(f"  {role.role.name}: {chain}: {what}")
        rows += [f"    cannot be shown: {named(part.path)}: {part.reason}" for part in role.skipped]
    if plan.since is not None:
        asked = sum(item.fate is None for item in plan.since.pending)
        rows.append(f"  earlier findings: {asked} of {len(plan.since.pending)} would be looked at again")
    if examiners:
        names = ", ".join(map(str, examiners))
        rows.append(f"  findings would be checked by {names}, none by its own author")
    rows += [
        "",
        f"In all: {counted(plan.prompts, 'prompt')}, about {plan.tokens:,} tokens. Nothing was asked.",
        "",
    ]
    return "\n".join(visible(row) for row in rows)

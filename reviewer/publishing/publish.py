"""Writing a publication to a code host, in the order in which a half-done one does least harm."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reviewer.changes.patch import parse_patch
from reviewer.errors import HostError, HostRefusedError, NotPermittedError, PatchError
from reviewer.findings.identity import line_prints
from reviewer.hosts.host import NOT_LISTED, CodeHost, Inline, PullRequest, Said
from reviewer.outputs.neutral import inline, named
from reviewer.outputs.report import Report
from reviewer.outputs.summary import verdict_of
from reviewer.outputs.wording import counted
from reviewer.publishing.anchors import Anchors
from reviewer.publishing.bodies import review_body
from reviewer.publishing.marks import NAME, review_mark, summary_mark
from reviewer.publishing.publication import Publication, There, conclusion_of, paths_to_read, publication


@dataclass(frozen=True, slots=True)
class Published:
    """What was written.

    Attributes:
        comments: new ones beside lines.
        hidden: comments whose findings are gone.
        summary: the comment on the whole is as it should be.
        notes: what was done differently than planned, one sentence each.
    """

    comments: int = 0
    hidden: int = 0
    summary: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted besides comments.

    Attributes:
        name: of this review, if a pull request has several: of its summary, its comments and its check.
        check: set a check as well, which needs a right of its own.
    """

    name: str = NAME
    check: bool = False


def why_not(pull: PullRequest, report: Report) -> str:
    """Why a report is not written to a pull request, or an empty text."""
    if not pull.open:
        return f"pull request {pull.number} is closed"
    if report.target.head and report.target.head != pull.head:
        return (
            f"the report is about commit {named(report.target.head[:12])}, "
            f"and pull request {pull.number} is at {pull.head[:12]} by now"
        )
    return ""


def posted(done: Published) -> str:
    """What was written, in a sentence."""
    hidden = f", {counted(done.hidden, 'comment')} hidden as out of date" if done.hidden else ""
    return f"Posted: the summary, {counted(done.comments, 'new comment')} beside lines{hidden}."


async def there_on(
    host: CodeHost, pull: PullRequest, report: Report, name: str
) -> tuple[There, tuple[str, ...]]:
    """What is on the host, as far as it matters for a report; and what is wrong with it, in sentences.

    Raises:
        HostError: the comments cannot be read.
    """
    notes: tuple[str, ...] = ()
    try:
        diff = await host.diff(pull)
        changes = parse_patch(diff.patch, name=f"pull request {pull.number}") if diff.patch.strip() else ()
        listed = all(part.path != NOT_LISTED for part in diff.missing)
        anchors = Anchors.of(changes, frozenset(part.path for part in diff.missing) if listed else None)
    except (HostError, PatchError) as error:
        anchors = Anchors.none()
        notes = (f"The host shows no diff ({error}): all findings are in the summary.",)
    there = There(anchors, await host.threads(pull), await host.notes(pull))
    paths = sorted(paths_to_read(report, there, name))[:_MOST_READ]
    try:
        whole = await host.files(pull.head, paths) if paths else {}
    except HostError as error:
        said = f"Files at the head cannot be read ({error}): nothing in them is said to be fixed."
        return there, (*notes, said)
    prints = {path: frozenset(line_prints(_lines(data))) for path, data in whole.items()}
    # A file that is not there any more has no lines.
    return replace(there, whole=dict.fromkeys(paths, frozenset[str]()) | prints), notes


_MOST_READ = 100
"""Files; of further ones it is not said that their findings are fixed."""


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").split("\n")


async def publish(host: CodeHost, pull: PullRequest, report: Report, wish: Wish) -> Published:
    """Write what a report has to say.

    First the comments beside lines, which nobody may get twice; then the summary, which is replaced; then
    what is out of date is hidden. A token that may not do that stops nothing but the writing; no more does a
    host that does not take what is sent.

    Args:
        host: where.
        pull: the pull request.
        report: what was found.
        wish: what is wanted besides.

    Raises:
        HostError: it cannot be written for another reason than that.
    """
    notes: list[str] = []
    hide: Sequence[str] = ()
    written = 0
    summary = False
    try:
        there, shown = await there_on(host, pull, report, wish.name)
        notes += shown
        task = _Task(host, pull, report, there, wish.name)
        planned, said = await _review(task, publication(report, there, wish.name))
        notes += said
        written = len(planned.comments)
        await _summary(host, pull, planned, wish)
        summary, hide = True, planned.hide
    except (NotPermittedError, HostRefusedError) as error:
        missing = "The summary was not posted" if written else "Nothing was posted"
        notes.append(f"{missing}: {error}")
    hidden = await _hide(host, hide, notes)
    unset = await checked(host, pull, report, wish) if wish.check else []
    return Published(written, hidden, summary, (*notes, *unset))


async def _summary(host: CodeHost, pull: PullRequest, planned: Publication, wish: Wish) -> None:
    mark = summary_mark(wish.name)
    if planned.note is None:
        await host.post_note(pull, planned.summary, mark)
    elif planned.note.body.strip() != planned.summary.strip():
        try:
            await host.edit_note(planned.note, planned.summary)
        except NotPermittedError:
            # It may have been deleted meanwhile; if it is a matter of rights, a new one is refused as well.
            await host.post_note(pull, planned.summary, mark)


async def _hide(host: CodeHost, identities: Sequence[str], notes: list[str]) -> int:
    """Hide what is out of date; what cannot be hidden stays where it is."""
    hidden = 0
    for identity in identities:
        try:
            await host.hide(identity)
            hidden += 1
        except HostError as error:
            notes.append(f"A comment that is out of date was not hidden: {error}")
            return hidden
    return hidden


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be posted where."""

    host: CodeHost
    pull: PullRequest
    report: Report
    there: There
    name: str


async def _review(task: _Task, planned: Publication) -> tuple[Publication, list[str]]:
    """Post the comments beside lines. If they are refused, once more with those that cannot be at fault.

    Returns:
        What is left to be written, and what was done differently than planned.
    """
    if not planned.comments:
        return planned, []
    try:
        await _post(task, planned.comments)
    except HostRefusedError as error:
        sure = publication(task.report, task.there, task.name, certain=True)
        count = len(planned.comments)
        moved = count - len(sure.comments)
        said = f"The host refused a comment ({error}); {moved} of {count} are in the summary instead."
        if not sure.comments:
            return sure, [said]
        try:
            await _post(task, sure.comments)
        except HostRefusedError:
            none = publication(
                task.report, replace(task.there, anchors=task.there.anchors.closed()), task.name
            )
            return none, [said, "It refused the others too: all findings are in the summary."]
        return sure, [said]
    return planned, []


async def _post(task: _Task, comments: Sequence[tuple[str, Inline]]) -> None:
    mark = review_mark(task.name, secrets.token_hex(8))
    inlines = [comment for _, comment in comments]
    await task.host.post_review(task.pull, review_body(len(inlines), mark), inlines, mark)


async def checked(host: CodeHost, pull: PullRequest, report: Report, wish: Wish) -> list[str]:
    """Set the check and nothing else; returns why it was not set, if so.

    Raises:
        HostError: it cannot be set for another reason than missing rights, or that the host does not take it.
    """
    said = Said(f"{wish.name}: {report.status}", inline(verdict_of(report)))
    try:
        await host.set_check(pull, wish.name, conclusion_of(report), said)
    except (NotPermittedError, HostRefusedError) as error:
        return [f"The check was not set: {error}"]
    return []

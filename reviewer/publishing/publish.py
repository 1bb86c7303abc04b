"""Writing a publication to a code host, in the order in which a half-done one does least harm."""

from collections.abc import Sequence
from dataclasses import dataclass

from reviewer.changes.patch import parse_patch
from reviewer.errors import HostRefusedError, NotPermittedError
from reviewer.hosts.host import CodeHost, Inline, PullRequest
from reviewer.outputs.neutral import inline, named
from reviewer.outputs.report import Report
from reviewer.outputs.summary import verdict_of
from reviewer.publishing.anchors import Anchors
from reviewer.publishing.bodies import review_body
from reviewer.publishing.marks import SUMMARY, review_mark
from reviewer.publishing.publication import Publication, publication


@dataclass(frozen=True, slots=True)
class Published:
    """What was written.

    Attributes:
        comments: new ones beside lines.
        hidden: comments whose findings are gone.
        summary: the comment on the whole was written.
        check: the check was set.
        permitted: the token may write comments.
        notes: what was done differently than planned, one sentence each.
    """

    comments: int = 0
    hidden: int = 0
    summary: bool = False
    check: bool = False
    permitted: bool = True
    notes: tuple[str, ...] = ()


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


async def plan(host: CodeHost, pull: PullRequest, report: Report, *, certain: bool = False) -> Publication:
    """What would be written now.

    Raises:
        HostError: what is there cannot be read.
        PatchError: the host's diff is none.
    """
    diff = await host.diff(pull)
    changes = parse_patch(diff.patch, name=f"pull request {pull.number}") if diff.patch.strip() else ()
    threads, notes = await host.threads(pull), await host.notes(pull)
    return publication(report, Anchors.of(changes), threads, notes, certain=certain)


async def publish(host: CodeHost, pull: PullRequest, report: Report, *, check: bool = False) -> Published:
    """Write what a report has to say.

    First the comments beside lines, which nobody may get twice; then the summary, which is replaced; then
    what is out of date is hidden. A token that may not write stops nothing but the writing.

    Args:
        host: where.
        pull: the pull request.
        report: what was found.
        check: set a check as well, which needs a right of its own.

    Raises:
        HostError: it cannot be written for another reason than that.
    """
    planned = await plan(host, pull, report)
    notes: list[str] = []
    try:
        planned = await _review(host, pull, report, planned, notes)
        if planned.note is None:
            await host.post_note(pull, planned.summary, SUMMARY)
        elif planned.note.body.strip() != planned.summary.strip():
            await host.edit_note(planned.note, planned.summary)
        for identity in planned.hide:
            await host.hide(identity)
    except NotPermittedError as error:
        notes.append(f"Nothing was posted: {error}")
        return Published(permitted=False, notes=tuple(notes))
    done = check and await _check(host, pull, report, planned, notes)
    return Published(len(planned.comments), len(planned.hide), True, done, notes=tuple(notes))


async def _review(
    host: CodeHost, pull: PullRequest, report: Report, planned: Publication, notes: list[str]
) -> Publication:
    """Post the comments beside lines. If they are refused, once more with those that cannot be at fault."""
    if not planned.comments:
        return planned
    try:
        await _post(host, pull, planned.comments)
    except HostRefusedError as error:
        count = len(planned.comments)
        planned = await plan(host, pull, report, certain=True)
        moved = count - len(planned.comments)
        notes.append(f"The host refused a comment ({error}); {moved} of {count} are in the summary instead.")
        if planned.comments:
            try:
                await _post(host, pull, planned.comments)
            except HostRefusedError:
                notes.append("It refused the others too: all findings are in the summary.")
                diffless = Anchors({}, {})
                return publication(report, diffless, await host.threads(pull), await host.notes(pull))
    return planned


async def _post(host: CodeHost, pull: PullRequest, comments: Sequence[tuple[str, Inline]]) -> None:
    mark = review_mark(pull.head, [identity for identity, _ in comments])
    inlines = [comment for _, comment in comments]
    await host.post_review(pull, review_body(len(inlines), mark), inlines, mark)


async def _check(
    host: CodeHost, pull: PullRequest, report: Report, planned: Publication, notes: list[str]
) -> bool:
    """Set the check, if the token may."""
    try:
        verdict = verdict_of(report)
        await host.set_check(pull, planned.conclusion, f"reviewer: {report.status}", inline(verdict))
    except NotPermittedError as error:
        notes.append(f"The check was not set: {error}")
        return False
    return True

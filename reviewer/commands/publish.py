"""`reviewer publish`: write a report to the pull request that it is about."""

import sys
from dataclasses import dataclass
from pathlib import Path

import anyio

from reviewer.commands.pulling import repository_at, where_of
from reviewer.config.environment import process_environment
from reviewer.credentials import credentials
from reviewer.errors import UsageError
from reviewer.exits import USAGE, of_report
from reviewer.hosts.connect import connected, missing_token, token_of
from reviewer.hosts.host import CodeHost, PullRequest
from reviewer.models.answer import Clock
from reviewer.outputs import json_report
from reviewer.outputs.neutral import named, spoken
from reviewer.outputs.report import Report
from reviewer.outputs.scrub import scrubbed
from reviewer.prompting.redact import Redactor
from reviewer.publishing.marks import NAME, review_name
from reviewer.publishing.publication import publication
from reviewer.publishing.publish import Wish, posted, publish, there_on, why_not

_BLIND = "Without a token nothing is known of comments that are there already: everything is shown as new."


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """`reviewer publish`.

    Attributes:
        directory: where the command was started.
        report: the report's JSON file; `-` for standard input.
        pull_request: its number or address.
        dry_run: print what would be written, and write nothing.
        check: set a check as well.
        name: of this review, if the pull request has several.
    """

    directory: Path
    report: str
    pull_request: str
    dry_run: bool = False
    check: bool = False
    name: str = NAME


def publish_report(options: PublishOptions, clock: Clock | None = None) -> int:
    """Write a report to a pull request; returns the exit status that the report's run had.

    Raises:
        OutputError: the file is no report.
        UsageError: it is not known which pull request is meant, or there is no token for it.
        HostError: the code host cannot be read or written.
    """
    return anyio.run(_publish, options, clock or Clock())


async def _publish(options: PublishOptions, clock: Clock) -> int:
    name = review_name(options.name)
    report = json_report.load(options.report)
    environment = process_environment()
    place = where_of(options.pull_request, repository_at(options.directory), environment)
    token = token_of(place, environment)
    # It may come from a job that had read what anybody wrote.
    report = scrubbed(report, Redactor(credentials(environment)).scrub)
    if not token and not options.dry_run:
        raise UsageError(f"publishing needs a token: {missing_token(place)}, or look first with --dry-run.")
    async with connected(place, token, clock) as host:
        pull = await host.pull_request(place.number)
        if why := why_not(pull, report):
            sys.stdout.write(f"Nothing is posted: {why}.\n")
        elif options.dry_run:
            if not token:
                sys.stdout.write(f"{_BLIND}\n\n")
            sys.stdout.write(await preview(host, pull, report, name))
        else:
            done = await publish(host, pull, report, Wish(name, options.check))
            for note in done.notes:
                sys.stdout.write(f"{spoken(note)}\n")
            if not done.summary:
                return USAGE  # what was asked for was not done
            sys.stdout.write(f"{posted(done)}\n")
    return of_report(report)


async def preview(host: CodeHost, pull: PullRequest, report: Report, name: str) -> str:
    """What would be written now, as text."""
    there, notes = await there_on(host, pull, report, name)
    planned = publication(report, there, name)
    which = "Edited" if planned.note else "New"
    rows = [
        f"##### {which} comment on pull request {pull.number}",
        planned.summary,
    ]
    for _, comment in planned.comments:
        lines = f"{comment.start}-{comment.line}" if comment.start else f"{comment.line}"
        rows += [f"##### Comment beside {named(comment.path)}:{lines} ({comment.side})", comment.body]
    rows += [f"##### Hidden as out of date: {identity}" for identity in planned.hide]
    rows += [f"##### Check: {planned.conclusion}", *notes]
    return spoken("\n\n".join(rows)) + "\n"

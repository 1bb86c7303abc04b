"""Commands about finished reports: their flags, and what these mean as values."""

import argparse
from pathlib import Path

from reviewer.flags import add_common, common_of
from reviewer.subcommands.command import Command


def _build_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.json", help="a report in JSON; - for standard input")
    parser.add_argument(
        "-f",
        "--format",
        metavar="FORM",
        default="md",
        help="md, json, sarif, github, gitlab, rdjson, junit or prom",
    )
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="default: standard output")
    parser.add_argument(
        "--category",
        metavar="NAME",
        default="",
        help="of a SARIF analysis, if a commit has several (reviewer)",
    )
    parser.set_defaults(handler=_report)


def _report(arguments: argparse.Namespace) -> int:
    from reviewer.commands.report import render_again

    return render_again(arguments.file, arguments.format, arguments.output, arguments.category)


def _build_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("earlier", metavar="A.json", help="a report in JSON")
    parser.add_argument("later", metavar="B.json", help="a later one; - for standard input")
    parser.add_argument("--json", action="store_true", help="ids as JSON")
    parser.set_defaults(handler=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from reviewer.commands.compare import compare

    return compare(arguments.earlier, arguments.later, as_json=arguments.json)


def _build_baseline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "report", nargs="?", metavar="REPORT.json", default="", help="default: the newest one in reports"
    )
    parser.add_argument(
        "--only", metavar="ID", action="append", default=[], help="only this finding (repeatable)"
    )
    parser.add_argument("--reason", metavar="TEXT", default="", help="why they are accepted")
    parser.add_argument("--expires", metavar="DAY", default="", help="they count again from 2027-01-31 on")
    parser.add_argument("--prune", action="store_true", help="forget what the report shows to be gone")
    parser.add_argument("--list", action="store_true", help="show what is accepted, change nothing")
    add_common(parser)
    parser.set_defaults(handler=_baseline)


def _baseline(arguments: argparse.Namespace) -> int:
    from reviewer.commands.baseline import BaselineOptions, baseline

    return baseline(
        BaselineOptions(
            common=common_of(arguments),
            report=arguments.report,
            only=tuple(arguments.only),
            reason=arguments.reason,
            expires=arguments.expires,
            prune=arguments.prune,
            show=arguments.list,
        )
    )


def _build_publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("report", metavar="REPORT.json", help="a report in JSON; - for standard input")
    parser.add_argument("--pr", metavar="N|URL", required=True, help="the pull request that it is about")
    parser.add_argument("--dry-run", action="store_true", help="print what would be posted; post nothing")
    parser.add_argument("--check", action="store_true", help="set a check too (needs checks: write)")
    parser.add_argument(
        "--name", metavar="NAME", default="reviewer", help="of this review, if there are several (reviewer)"
    )
    parser.set_defaults(handler=_publish)


def _publish(arguments: argparse.Namespace) -> int:
    from reviewer.commands.publish import PublishOptions, publish_report

    return publish_report(
        PublishOptions(
            directory=Path.cwd(),
            report=arguments.report,
            pull_request=arguments.pr,
            dry_run=arguments.dry_run,
            check=arguments.check,
            name=arguments.name,
        )
    )


COMMANDS: tuple[Command, ...] = (
    Command("report", "Render a JSON report again.", _build_report),
    Command(
        "baseline",
        "Accept findings of a report, so that later runs talk about new ones.",
        _build_baseline,
    ),
    Command("publish", "Write a report to the pull request that it is about.", _build_publish),
    Command("compare", "Show what is new, still there or gone between two reports.", _build_compare),
)

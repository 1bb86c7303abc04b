"""The commands: the flags of each, and what they mean as values. Each imports what it needs when it runs."""

import argparse
from collections.abc import Callable
from pathlib import Path

from reviewer.flags import add_common, add_models, add_target, common_of, target_of


def _build_run(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "--since",
        metavar="REPORT",
        default=None,
        help="read only what has changed since this report (JSON, or `last`), and check what it found first",
    )
    group = parser.add_argument_group("who reviews")
    group.add_argument(
        "--role", metavar="NAME", action="append", default=[], help="only this role (repeatable)"
    )
    add_models(group)
    group.add_argument("--concurrency", metavar="N", help="requests at once to each server")
    group.add_argument("--timeout", metavar="TIME", help="for the whole run: 300, 90s, 10m")
    group.add_argument(
        "--verify",
        metavar="WHEN",
        help="have findings checked by another model: auto (if there are two), on, off",
    )
    group = parser.add_argument_group("result")
    group.add_argument(
        "--fail-on", metavar="SEVERITY", help="exit 1 from here on: critical, major, minor, none"
    )
    group.add_argument("--min-severity", metavar="SEVERITY", help="do not show less severe findings")
    group.add_argument(
        "-o", "--output", metavar="FILE", default=None, help="write one report here; - for standard output"
    )
    group.add_argument(
        "-f", "--format", metavar="FORM", action="append", default=[], help="md, json or prom (repeatable)"
    )
    group.add_argument(
        "--dry-run", action="store_true", help="list files, models, prompts and tokens; ask nothing"
    )
    group = parser.add_argument_group("seeing what happens")
    group.add_argument("--log-file", metavar="FILE", default="", help="what happens, as lines of JSON")
    group.add_argument(
        "--trace", metavar="FILE", default="", help="every request and answer, without keys; holds your code"
    )
    group.add_argument("--record", metavar="DIR", default="", help="keep every exchange with the servers")
    group.add_argument("--replay", metavar="DIR", default="", help="ask a recording in place of servers")
    add_common(parser)
    parser.set_defaults(handler=_run)


def _run(arguments: argparse.Namespace) -> int:
    from reviewer.commands.run import run
    from reviewer.errors import UsageError
    from reviewer.options import RunOptions

    if arguments.replay and (arguments.record or arguments.trace):
        raise UsageError("--replay asks no server, so that there is nothing to --record or --trace.")
    return run(
        RunOptions(
            common=common_of(arguments),
            target=target_of(arguments),
            roles=tuple(arguments.role),
            output=arguments.output or "",
            formats=tuple(arguments.format),
            since=arguments.since or "",
            dry_run=arguments.dry_run,
            record=arguments.record,
            replay=arguments.replay,
            trace=arguments.trace,
            log_file=arguments.log_file,
        )
    )


def _build_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--everything", action="store_true", help="all models of services with many")
    add_common(parser)
    parser.set_defaults(handler=_models)


def _models(arguments: argparse.Namespace) -> int:
    from reviewer.commands.models import list_models

    return list_models(common_of(arguments), as_json=arguments.json, everything=arguments.everything)


def _build_roles(parser: argparse.ArgumentParser) -> None:
    add_models(parser)
    add_common(parser)
    parser.set_defaults(handler=_roles)


def _roles(arguments: argparse.Namespace) -> int:
    from reviewer.commands.roles import list_roles

    return list_roles(common_of(arguments))


def _build_prompt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="whose prompt to print")
    parser.add_argument("--json", action="store_true", help="a JSON object for each prompt, with the schema")
    add_target(parser)
    add_common(parser)
    parser.set_defaults(handler=_prompt)


def _prompt(arguments: argparse.Namespace) -> int:
    from reviewer.commands.prompt import print_prompt

    return print_prompt(common_of(arguments), arguments.role, target_of(arguments), as_json=arguments.json)


def _build_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.json", help="a report in JSON; - for standard input")
    parser.add_argument("-f", "--format", metavar="FORM", default="md", help="md, json or prom")
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="default: standard output")
    parser.set_defaults(handler=_report)


def _report(arguments: argparse.Namespace) -> int:
    from reviewer.commands.report import render_again

    return render_again(arguments.file, arguments.format, arguments.output)


def _build_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    add_common(parser)
    parser.set_defaults(handler=_init)


def _init(arguments: argparse.Namespace) -> int:
    from reviewer.commands.init import init

    return init(common_of(arguments), force=arguments.force)


def _build_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--live", action="store_true", help="ask every assigned model a small question for each role"
    )
    add_models(parser)
    add_common(parser)
    parser.set_defaults(handler=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from reviewer.commands.doctor import doctor

    return doctor(common_of(arguments), live=arguments.live)


def _build_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=("show", "validate", "keys"),
        default="show",
        help="show (default): values in force and their origin; validate: check them; keys: list all",
    )
    add_models(parser)
    add_common(parser)
    parser.set_defaults(handler=_config)


def _config(arguments: argparse.Namespace) -> int:
    from reviewer.commands import config

    act = {"show": config.show, "validate": config.validate, "keys": config.keys}[arguments.what]
    return act(common_of(arguments))


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


def _build_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("earlier", metavar="A.json", help="a report in JSON")
    parser.add_argument("later", metavar="B.json", help="a later one; - for standard input")
    parser.add_argument("--json", action="store_true", help="ids as JSON")
    parser.set_defaults(handler=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from reviewer.commands.compare import compare

    return compare(arguments.earlier, arguments.later, as_json=arguments.json)


def _build_eval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cases", metavar="CASES", type=Path, help="a folder with a sub-folder for each case")
    parser.add_argument(
        "--from",
        dest="source",
        choices=("live", "recording", "replies", "findings"),
        default="live",
        help="live (default): ask the models; else what is stored with each case",
    )
    parser.add_argument(
        "--findings", metavar="NAME", default=None, help="this file of each case has the findings"
    )
    parser.add_argument(
        "--only",
        metavar="CASE",
        action="append",
        default=[],
        help="only these cases: a name or a pattern (repeatable)",
    )
    parser.add_argument(
        "--role", metavar="NAME", action="append", default=[], help="only this role (repeatable)"
    )
    add_models(parser)
    parser.add_argument(
        "--verify", metavar="WHEN", help="have findings checked by another model: auto, on, off"
    )
    parser.add_argument("--min-severity", metavar="SEVERITY", help="less severe findings do not count")
    group = parser.add_argument_group("what is the same")
    group.add_argument(
        "--tolerance", metavar="LINES", type=int, default=3, help="a finding may be so far from a problem (3)"
    )
    group.add_argument(
        "--judge", metavar="PROVIDER/MODEL", default="", help="a model decides, in place of the rule"
    )
    group = parser.add_argument_group("result")
    group.add_argument("-o", "--output", metavar="FILE", default="", help="write the result as JSON")
    group.add_argument(
        "--against", metavar="FILE", default="", help="compare with such a result of an earlier run"
    )
    group.add_argument(
        "--every", action="store_true", help="list every finding, not only what is wrong or missed"
    )
    group.add_argument(
        "--fail-under", metavar="F1", type=float, default=None, help="exit 1 if F1 is less, in percent"
    )
    group.add_argument(
        "--record", metavar="DIR", default="", help="keep every exchange with the servers, by case"
    )
    add_common(parser)
    parser.set_defaults(handler=_eval)


def _eval(arguments: argparse.Namespace) -> int:
    from reviewer.commands.eval import EvalOptions, evaluate
    from reviewer.errors import UsageError

    if arguments.tolerance < 0:
        raise UsageError("--tolerance is a number of lines, 0 or more.")
    if arguments.findings is not None and arguments.source not in {"live", "findings"}:
        raise UsageError("--findings names what is given; --from names another source.")
    return evaluate(
        EvalOptions(
            common=common_of(arguments),
            cases=arguments.cases,
            source="findings" if arguments.findings is not None else arguments.source,
            findings=arguments.findings or "findings.json",
            only=tuple(arguments.only),
            roles=tuple(arguments.role),
            tolerance=arguments.tolerance,
            judge=arguments.judge,
            record=arguments.record,
            output=arguments.output,
            against=arguments.against,
            fail_under=arguments.fail_under,
            every=arguments.every,
        )
    )


COMMANDS: tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...] = (
    ("run", "Review a change or files and write a report.", _build_run),
    ("models", "List what every model server that can be reached offers.", _build_models),
    ("roles", "List the roles and who plays them.", _build_roles),
    ("prompt", "Print exactly what a role would be asked.", _build_prompt),
    ("report", "Render a JSON report again.", _build_report),
    ("compare", "Show what is new, still there or gone between two reports.", _build_compare),
    ("eval", "Measure reviews on a folder of cases with known problems.", _build_eval),
    ("baseline", "Accept findings of a report, so that later runs talk about new ones.", _build_baseline),
    ("init", "Write a commented reviewer.toml for what is found here.", _build_init),
    ("doctor", "Try everything a run needs and say what to do.", _build_doctor),
    ("config", "Show, check or list settings.", _build_config),
)

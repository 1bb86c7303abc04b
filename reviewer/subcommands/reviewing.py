"""Commands that look at code: their flags, and what these mean as values."""

import argparse
import sys
from pathlib import Path

from reviewer.flags import add_common, add_models, add_target, common_of, target_of
from reviewer.subcommands.command import Command


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
        "-f",
        "--format",
        metavar="FORM",
        action="append",
        default=[],
        help="md, json, sarif, github, gitlab, rdjson, junit or prom (repeatable)",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="list files, models, prompts and tokens; ask nothing"
    )
    group = parser.add_argument_group("seeing what happens")
    group.add_argument("--log-file", metavar="FILE", default="", help="what happens, as lines of JSON")
    group.add_argument(
        "--trace", metavar="FILE", default="", help="every request and answer, without keys; holds your code"
    )
    group.add_argument(
        "--audit", metavar="FILE", default="", help="what was sent where, by hashes, as lines of JSON"
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
            audit=arguments.audit,
        )
    )


def _build_prompt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="whose prompt to print")
    parser.add_argument("--json", action="store_true", help="a JSON object for each prompt, with the schema")
    add_target(parser)
    add_common(parser)
    parser.set_defaults(handler=_prompt)


def _prompt(arguments: argparse.Namespace) -> int:
    from reviewer.commands.prompt import print_prompt

    return print_prompt(common_of(arguments), arguments.role, target_of(arguments), as_json=arguments.json)


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


def _build_hook(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", choices=("commit", "push"), help="what is staged, or the commits of a push")
    parser.add_argument(
        "--time-box", metavar="TIME", default="60s", help="what is not answered by then is reported (60s)"
    )
    parser.add_argument(
        "--when-unavailable",
        choices=("pass", "block", "builtin"),
        default="pass",
        help="without a model: pass with a notice (default), fail, or apply mechanical rules",
    )
    parser.add_argument("--no-cache", action="store_true", help="review the same content again")
    parser.add_argument(
        "--role", metavar="NAME", action="append", default=[], help="only this role (repeatable)"
    )
    add_models(parser)
    parser.add_argument(
        "--verify", metavar="WHEN", help="have findings checked by another model: auto, on, off"
    )
    parser.add_argument(
        "--fail-on", metavar="SEVERITY", help="exit 1 from here on: critical, major, minor, none"
    )
    parser.add_argument("--min-severity", metavar="SEVERITY", help="do not show less severe findings")
    parser.add_argument("--include", metavar="GLOB", action="append", default=[], help="only these files")
    parser.add_argument("--exclude", metavar="GLOB", action="append", default=[], help="not these files")
    add_common(parser)
    parser.set_defaults(handler=_hook)


def _hook(arguments: argparse.Namespace) -> int:
    from reviewer import hookcache
    from reviewer.config.environment import process_environment
    from reviewer.config.places import cache_folder, user_file

    environment = process_environment()
    ends = (environment.get("PRE_COMMIT_FROM_REF", ""), environment.get("PRE_COMMIT_TO_REF", ""))
    refs = ends if all(ends) else ()
    words = [f"{name}={value}" for name, value in sorted(vars(arguments).items()) if name not in _NO_WORDS]
    own = [user_file(), user_file().with_name("trusted.json"), *filter(None, [arguments.config])]
    own += [file for folder in arguments.prompts for file in sorted(folder.rglob("*"))]
    key = None
    if not arguments.no_cache and (refs or arguments.stage == "commit"):
        key = hookcache.key_of(words, refs, Path.cwd(), environment, own)
    kept = hookcache.load(cache_folder() / "hooks", key) if key else None
    if kept is not None:
        sys.stdout.write(kept.text)
        return kept.status
    return _reviewed_by_hook(arguments, refs, environment.get("PRE_COMMIT_REMOTE_NAME", ""), key or "")


_NO_WORDS = {"handler", "parser", "quiet", "verbose", "no_color"}
"""What does not change the answer of a hook."""


def _reviewed_by_hook(arguments: argparse.Namespace, refs: tuple[str, ...], remote: str, key: str) -> int:
    from dataclasses import replace

    from reviewer.commands.hook import HookOptions, Stage, Unavailable, hook

    common = common_of(arguments)
    flags = {**common.flags, "run.timeout": ("--time-box", arguments.time_box)}
    return hook(
        HookOptions(
            common=replace(common, flags=flags),
            stage=Stage(arguments.stage),
            policy=Unavailable(arguments.when_unavailable),
            roles=tuple(arguments.role),
            refs=refs,
            remote=remote,
            key=key,
        )
    )


def _build_action(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(handler=_action)


def _action(arguments: argparse.Namespace) -> int:
    from reviewer.commands.action import action

    del arguments  # a workflow gives its inputs as variables
    return action()


COMMANDS: tuple[Command, ...] = (
    Command("run", "Review a change or files and write a report.", _build_run),
    Command("hook", "Review what is about to be committed or pushed; for pre-commit.", _build_hook),
    Command("action", "Do the step of the GitHub Action; its inputs are variables.", _build_action),
    Command("prompt", "Print exactly what a role would be asked.", _build_prompt),
    Command("eval", "Measure reviews on a folder of cases with known problems.", _build_eval),
)

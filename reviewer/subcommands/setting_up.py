"""Commands about settings, models and roles: their flags, and what these mean as values."""

import argparse

from reviewer.flags import add_common, add_models, common_of
from reviewer.subcommands.command import Command


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


def _build_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--forget", action="store_true", help="take it back")
    parser.add_argument("--list", action="store_true", help="all repositories that are trusted")
    add_common(parser)
    parser.set_defaults(handler=_trust)


def _trust(arguments: argparse.Namespace) -> int:
    from reviewer.commands.trust import trust

    return trust(common_of(arguments), forgets=arguments.forget, lists=arguments.list)


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


COMMANDS: tuple[Command, ...] = (
    Command("models", "List what every model server that can be reached offers.", _build_models),
    Command("roles", "List the roles and who plays them.", _build_roles),
    Command("init", "Write a commented reviewer.toml for what is found here.", _build_init),
    Command("doctor", "Try everything a run needs and say what to do.", _build_doctor),
    Command("trust", "Agree to the servers and keys that this repository's settings name.", _build_trust),
    Command("config", "Show, check or list settings.", _build_config),
)

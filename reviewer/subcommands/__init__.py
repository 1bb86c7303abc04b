"""The commands, by theme. Each imports what it needs when it runs."""

from reviewer.subcommands import reports, reviewing, setting_up
from reviewer.subcommands.command import Command

COMMANDS: tuple[Command, ...] = (*reviewing.COMMANDS, *reports.COMMANDS, *setting_up.COMMANDS)

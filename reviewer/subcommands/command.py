"""What a command is for the command line."""

import argparse
from collections.abc import Callable
from typing import NamedTuple


class Command(NamedTuple):
    """A command.

    Attributes:
        name: the word.
        text: what it does, in a sentence.
        build: adds its flags to a parser, and as `handler` what it does: parsed arguments to exit status.
    """

    name: str
    text: str
    build: Callable[[argparse.ArgumentParser], None]

"""`reviewer trust`: agree to the servers and keys that a repository's settings name."""

import sys
from collections.abc import Iterator

from reviewer.commands.setup import sources_of
from reviewer.config.foreign import seal
from reviewer.config.load import about_servers, repository_root
from reviewer.errors import UsageError
from reviewer.exits import OK
from reviewer.models.model import shown_address
from reviewer.options import Common
from reviewer.outputs.neutral import visible
from reviewer.trust import forget, load_trusted, remember, store_file


def trust(common: Common, *, forgets: bool, lists: bool) -> int:
    """Record what the repository sets about servers, forget it, or list what is recorded.

    What was agreed to is these values: when the repository changes one of them, it has to be agreed to again.

    Raises:
        UsageError: the flags exclude each other.
        ConfigError: the settings, or what is recorded, cannot be read.
        OutputError: it cannot be recorded.
    """
    if forgets and lists:
        raise UsageError("--forget and --list exclude each other.")
    root = repository_root(common.directory)
    if lists:
        sys.stdout.write("".join(f"{row}\n" for row in _rows()) or "No repository is trusted.\n")
        return OK
    if forgets:
        gone = forget(root)
        sys.stdout.write(visible(f"{root} is {'no longer' if gone else 'not'} trusted.\n"))
        return OK
    sources, who = sources_of(common)
    set_here = about_servers(sources)
    if who.note:
        sys.stdout.write(f"{visible(who.note)}\n")
    if not set_here:
        sys.stdout.write(
            visible(f"{root}: its settings name no server and no key; there is nothing to trust.\n")
        )
        return OK
    for key, value in set_here.items():
        sys.stdout.write(visible(f"{key} = {shown_address(str(value))}\n"))
    remember(root, seal(set_here), tuple(set_here))
    sys.stdout.write(visible(f"Trusted, until one of these changes: {root} (recorded in {store_file()})\n"))
    return OK


def _rows() -> Iterator[str]:
    for place, keys in sorted(load_trusted().keys.items()):
        yield visible(f"{place}: {', '.join(keys)}")

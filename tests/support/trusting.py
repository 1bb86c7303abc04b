"""A user who has agreed to what a repository of a test says about servers."""

from pathlib import Path

from reviewer.config.foreign import seal
from reviewer.config.load import Sources, about_servers
from reviewer.trust import remember


def agree(root: Path) -> None:
    """Trust the repository as it is now."""
    servers = about_servers(Sources(root, {}, {}))
    remember(root, seal(servers), tuple(servers))

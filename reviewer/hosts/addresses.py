"""Which pull request of which repository on which host is meant, and where that host's API is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from reviewer.errors import UsageError

_PUBLIC = "github.com"
PUBLIC_API = "https://api.github.com"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Where:
    """A pull request by its address.

    Attributes:
        api: the address of the host's API, without a slash at the end.
        owner, name: of the repository.
        number: of the pull request.
    """

    api: str
    owner: str
    name: str
    number: int


def where(text: str, repository: str, environment: Mapping[str, str]) -> Where:
    """The pull request that a user means.

    Args:
        text: its address, or its number in the repository at hand.
        repository: the address of the repository at hand; empty if it is not known.
        environment: the process's variables, of which GitHub's own name repository and API in a workflow.

    Raises:
        UsageError: it is neither, or nobody knows of which repository.
    """
    if re.fullmatch(r"#?\d{1,9}", text.strip()):
        number = int(text.strip().lstrip("#"))
        named = environment.get("GITHUB_REPOSITORY", "")
        if named.count("/") == 1:
            server = environment.get("GITHUB_SERVER_URL", f"https://{_PUBLIC}")
            return _made(f"{server}/{named}", number, environment)
        if not repository:
            raise UsageError(
                f"--pr {text}: of which repository? This clone has no remote `origin` that says so; give the "
                "whole address, such as https://github.com/OWNER/NAME/pull/12."
            )
        return _made(repository, number, environment)
    match = re.fullmatch(r"(https?://[^/\s]+/[^/\s]+/[^/\s]+)/pull/(\d{1,9})(?:[/?#]\S*)?", text.strip())
    if match is None:
        raise UsageError(
            f"--pr {text}: write the number of a pull request or its address, "
            "such as https://github.com/OWNER/NAME/pull/12."
        )
    return _made(match[1], int(match[2]), environment)


def _made(repository: str, number: int, environment: Mapping[str, str]) -> Where:
    """Where the API of a repository is: as the workflow names it for its own host, else by GitHub's rule.

    Raises:
        UsageError: the address is of no repository.
    """
    parts = urlsplit(repository)
    names = parts.path.strip("/").removesuffix(".git").split("/")
    if len(names) != 2 or not all(map(_NAME.fullmatch, names)):  # noqa: PLR2004  # owner and name
        raise UsageError(f"{repository} is not the address of a repository on GitHub.")
    named = environment.get("GITHUB_API_URL", "")
    own_host = urlsplit(environment.get("GITHUB_SERVER_URL", f"https://{_PUBLIC}")).netloc
    if named and parts.netloc == own_host:
        api = named
    elif parts.netloc == _PUBLIC:
        api = PUBLIC_API
    else:
        api = f"{parts.scheme}://{parts.netloc}/api/v3"
    return Where(api.rstrip("/"), names[0], names[1], number)

"""Where a repository lives on the network, from what git knows of its remotes, without anything secret."""

import re
from urllib.parse import urlsplit

from reviewer.changes.git import Repository

_SCP = re.compile(r"(?:[^@/:\s]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>[^:\s][^\s]*)")
"""git's short form of ssh, `git@host:owner/name.git`."""
_HOST = re.compile(r"[A-Za-z0-9.-]+")
_PATH = re.compile(r"[A-Za-z0-9._~/+-]+")


def address_of(repository: Repository) -> str:
    """The address of `origin`, or of the only other remote, as people open it; empty if there is none."""
    names = [
        name
        for name in repository.output("remote", fine=(0, 1)).decode("utf-8", "replace").split("\n")
        if name
    ]
    name = "origin" if "origin" in names else names[0] if len(names) == 1 else ""
    return web_address(repository.line("config", "--get", f"remote.{name}.url")) if name else ""


def web_address(remote: str) -> str:
    """A remote's URL as `https://host/path`; empty for folders and what cannot be read.

    User names, passwords, ports of ssh, queries and `.git` are left out: secret, or of no use to a browser.
    """
    text = remote.strip()
    if "://" not in text:
        short = _SCP.fullmatch(text)
        # A drive letter is no host.
        return _made("https", short["host"], short["path"]) if short and len(short["host"]) > 1 else ""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme in {"http", "https"}:
        return _made(parts.scheme, f"{host}:{port}" if port else host, parts.path)
    return _made("https", host, parts.path) if parts.scheme in {"ssh", "git+ssh", "git"} else ""


def _made(scheme: str, host: str, path: str) -> str:
    path = path.strip("/").removesuffix(".git")
    if not _HOST.fullmatch(host.partition(":")[0]) or not _PATH.fullmatch(path):
        return ""
    return f"{scheme}://{host.lower()}/{path}"

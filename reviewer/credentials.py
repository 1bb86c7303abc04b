"""The keys in the variables of this process: what must not be in anything that it sends or writes."""

import re
from collections.abc import Iterable, Mapping

from reviewer.models.servers import SERVERS

_TOKENS = ("GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN")
"""Variables of code hosts."""
_LIKE_A_KEY = re.compile(r"(?:\b|_)(?:API_?KEY|TOKEN|SECRET|PASSWORD)$")
_SHORTEST = 16


def credentials(environment: Mapping[str, str], more: Iterable[str] = ()) -> list[str]:
    """The values of variables that hold keys: those of known services, of code hosts, and further ones.

    A variable whose name ends as those of keys do counts too if its value is as long as a key: to who finds
    it in a report, it does not matter whose key it is.
    """
    known = (server.key_name for server in SERVERS.values())
    sure = dict.fromkeys(name for name in (*more, *known, *_TOKENS) if name)
    values = [environment.get(name, "").strip() for name in sure]
    guessed = [value.strip() for name, value in environment.items() if _LIKE_A_KEY.search(name.upper())]
    values += [value for value in guessed if len(value) >= _SHORTEST]
    return list(dict.fromkeys(value for value in values if value))

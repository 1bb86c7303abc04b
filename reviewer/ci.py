"""What a CI system says about the run that it has started, from its variables and GitHub's event file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reviewer.errors import SourceError

_DEPENDABOT = "dependabot[bot]"
_NO = frozenset({"", "0", "false", "no"})


@dataclass(frozen=True, slots=True)
class PullRequestEvent:
    """The pull request that started a run.

    Attributes:
        number: of the pull request.
        base, head: full commit ids: the tip of the branch it goes to, and its own.
        repository: `owner/name` that it is for.
        from_fork: its branch is in another repository, or in one that is gone.
        draft: it is not meant to be reviewed yet.
        action: what happened to it, such as `synchronize`.
    """

    number: int
    base: str
    head: str
    repository: str
    from_fork: bool
    draft: bool
    action: str


@dataclass(frozen=True, slots=True)
class Ci:
    """A run that a machine has started.

    Attributes:
        event_name: of GitHub's event, such as `pull_request`; empty elsewhere.
        pull_request: the pull request that it is about, if any.
        base: the commit that the change is compared with, where the system says so; else empty.
        actor: the login of who caused it; empty where that is not known.
    """

    event_name: str = ""
    pull_request: PullRequestEvent | None = None
    base: str = ""
    actor: str = ""

    @property
    def has_no_secrets(self) -> bool:
        """Whether the host keeps its secrets from this run: a change from a fork, or caused by Dependabot.

        Not under `pull_request_target`, and not where a person has started the run of Dependabot's change
        (https://docs.github.com/actions/reference/security/secure-use).
        """
        event = self.pull_request
        return (
            event is not None
            and self.event_name == "pull_request"
            and (event.from_fork or self.actor == _DEPENDABOT)
        )


def ci_of(environment: Mapping[str, str]) -> Ci | None:
    """What the variables say, or None for a run that a person has started.

    Raises:
        SourceError: GitHub's event file cannot be read.
    """
    if all(environment.get(name, "").lower() in _NO for name in ("CI", "GITHUB_ACTIONS")):
        return None
    name = environment.get("GITHUB_EVENT_NAME", "")
    pull_request = (
        _event(environment.get("GITHUB_EVENT_PATH", "")) if name.startswith("pull_request") else None
    )
    base = pull_request.base if pull_request else environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", "")
    return Ci(name, pull_request, base, environment.get("GITHUB_ACTOR", ""))


def _event(path: str) -> PullRequestEvent | None:
    if not path:
        return None
    try:
        event = json.loads(Path(path).read_text("utf-8"))
        about = event["pull_request"]
        base, head = about["base"], about["head"]
        whose = (head.get("repo") or {}).get("full_name", "")
        return PullRequestEvent(
            number=int(about["number"]),
            base=str(base["sha"]),
            head=str(head["sha"]),
            repository=str(base["repo"]["full_name"]),
            from_fork=whose != base["repo"]["full_name"],
            draft=bool(about.get("draft")),
            action=str(event.get("action", "")),
        )
    except OSError as error:
        raise SourceError(f"{path}: GitHub's event cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path}: is no event of a pull request: {error!r}.") from error

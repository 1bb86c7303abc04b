"""Secrets in changed lines, by the formats and names that detect-secrets knows; nothing goes online."""

from collections.abc import Iterator, Sequence

from detect_secrets.core.scan import scan_line
from detect_secrets.settings import transient_settings

from reviewer.models.builtin.observation import Observation, Source
from reviewer.prompting.contract import Severity
from reviewer.prompting.role import ModelKind

_DETECTORS = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "KeywordDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
"""Without the detectors of high entropy, which report every hash and lock entry."""
_FILTERS = (
    "allowlist.is_line_allowlisted",
    "heuristic.is_indirect_reference",
    "heuristic.is_likely_id_string",
    "heuristic.is_not_alphanumeric_string",
    "heuristic.is_potential_uuid",
    "heuristic.is_prefixed_with_dollar_sign",
    "heuristic.is_sequential_string",
    "heuristic.is_templated_secret",
)
_LONGEST = 2000
"""Characters; longer lines are data, and the detectors are slow on them."""
_TEST_WORDS = ("test", "example", "fixture", "sample", "mock", "docs/")


def find(sources: Sequence[Source]) -> list[Observation]:
    """Secrets on added lines. The secret itself is never quoted."""
    settings = {
        "plugins_used": [{"name": name} for name in _DETECTORS],
        "filters_used": [{"path": f"detect_secrets.filters.{name}"} for name in _FILTERS],
    }
    with transient_settings(settings):
        return [item for source in sources for item in _of_file(source)]


def _of_file(source: Source) -> Iterator[Observation]:
    harmless = any(word in source.path.lower() for word in _TEST_WORDS)
    for number, text in source.added():
        if len(text) > _LONGEST or len(text.strip()) < 8:  # noqa: PLR2004  # shorter than any secret
            continue
        found = next(iter(scan_line(text)), None)
        if found is None:
            continue
        yield Observation(
            kind=ModelKind.REASONING,
            path=source.path,
            line=number,
            quote=_without(text, found.secret_value or ""),
            title=f"Possible secret in the code ({found.type})",
            explanation=f"The line looks as if it held a secret: {found.type}.",
            scenario="Everybody who can read the repository, now or later, can use it.",
            recommendation="Revoke it if it is real, and read it from the environment or a secret store.",
            category="security",
            severity=Severity.MINOR if harmless else Severity.CRITICAL,
        )


def _without(text: str, secret: str) -> str:
    """A part of the line that does not show the secret, and that is still found in it."""
    before, _, after = text.partition(secret) if secret else (text, "", "")
    return max((before, after), key=lambda part: len(part.strip()))

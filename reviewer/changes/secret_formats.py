"""Secrets in text: by their formats, by the names of variables that hold them, and by how random they look.

Formats and names are those that detect-secrets knows, with a few formats that it does not. Nothing goes
online.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

from detect_secrets.core.scan import scan_line
from detect_secrets.filters import heuristic
from detect_secrets.plugins import (
    artifactory,
    aws,
    azure_storage_key,
    basic_auth,
    cloudant,
    discord,
    github_token,
    gitlab_token,
    high_entropy_strings,
    jwt,
    keyword,
    mailchimp,
    npm,
    openai,
    pypi_token,
    sendgrid,
    slack,
    square_oauth,
    stripe,
    telegram_token,
    twilio,
)
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.settings import transient_settings

from reviewer.changes.secret import STAND_IN, Secret


@dataclass(frozen=True, slots=True)
class _Format:
    """A kind of secret with a form of its own.

    Attributes:
        kind: in capitals.
        pattern: the form.
        group: of the pattern, which holds the secret; 0 is the whole match.
        hint: something in small letters that is in every text with such a secret: looking for it is fast.
    """

    kind: str
    pattern: re.Pattern[str]
    group: int = 0
    hint: str = ""


_DETECTORS: Sequence[tuple[str, type[RegexBasedDetector], int, str]] = (
    ("ARTIFACTORY_TOKEN", artifactory.ArtifactoryDetector, 0, "a"),
    ("AZURE_STORAGE_KEY", azure_storage_key.AzureStorageKeyDetector, 0, "accountkey="),
    ("PASSWORD_IN_ADDRESS", basic_auth.BasicAuthDetector, 1, "://"),
    ("CLOUDANT_KEY", cloudant.CloudantDetector, 0, "cloudant"),
    ("DISCORD_TOKEN", discord.DiscordBotTokenDetector, 0, "."),
    ("GITHUB_TOKEN", github_token.GitHubTokenDetector, 0, "gh"),
    ("GITLAB_TOKEN", gitlab_token.GitLabTokenDetector, 0, "gl"),
    ("GITLAB_TOKEN", gitlab_token.GitLabTokenDetector, 0, "gr1348941"),
    ("MAILCHIMP_KEY", mailchimp.MailchimpDetector, 0, "-us"),
    ("NPM_TOKEN", npm.NpmDetector, 1, "_authtoken"),
    ("OPENAI_KEY", openai.OpenAIDetector, 0, "t3blbkfj"),
    ("PYPI_TOKEN", pypi_token.PypiTokenDetector, 0, "pypi-ag"),
    ("SENDGRID_KEY", sendgrid.SendGridDetector, 0, "sg."),
    ("SLACK_TOKEN", slack.SlackDetector, 0, "xox"),
    ("SLACK_TOKEN", slack.SlackDetector, 0, "hooks.slack.com"),
    ("SQUARE_TOKEN", square_oauth.SquareOAuthDetector, 0, "sq0csp-"),
    ("STRIPE_KEY", stripe.StripeDetector, 0, "k_live_"),
    ("TELEGRAM_TOKEN", telegram_token.TelegramBotTokenDetector, 0, ":"),
    ("TWILIO_KEY", twilio.TwilioKeyDetector, 0, ""),
)
_OTHERS = (
    # Each vendor's documented prefix; the library does not know these.
    _Format("ANTHROPIC_KEY", re.compile(r"sk-ant-[A-Za-z0-9_-]{20,}"), hint="sk-ant-"),
    _Format("OPENROUTER_KEY", re.compile(r"sk-or-v1-[A-Za-z0-9]{32,}"), hint="sk-or-v1-"),
    _Format("OPENAI_KEY", re.compile(r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}"), hint="sk-"),
    _Format("GOOGLE_KEY", re.compile(r"AIza[A-Za-z0-9_-]{35}"), hint="aiza"),
    _Format("GITHUB_TOKEN", re.compile(r"github_pat_[A-Za-z0-9_]{22,}"), hint="github_pat_"),
    _Format("HUGGING_FACE_TOKEN", re.compile(r"hf_[A-Za-z0-9]{30,}"), hint="hf_"),
    _Format("GROQ_KEY", re.compile(r"gsk_[A-Za-z0-9]{40,}"), hint="gsk_"),
    _Format("DOCKER_TOKEN", re.compile(r"dckr_pat_[A-Za-z0-9_-]{20,}"), hint="dckr_pat_"),
    _Format("BEARER_TOKEN", re.compile(r"[Bb]earer +((?=\S*\d)[A-Za-z0-9._~+/-]{20,}=*)"), 1, "bearer"),
)
_LIKELY_TELLING = 8
"""Characters; what is shorter may well stand elsewhere as an ordinary word."""
_LONGEST_LINE = 2000
"""Characters; longer lines are data, in which much looks random."""


@cache
def _formats() -> tuple[_Format, ...]:
    own = [
        _Format(kind, pattern, group, hint)
        for kind, detector, group, hint in _DETECTORS
        for pattern in detector().denylist
    ]
    key, assigned = aws.AWSKeyDetector().denylist
    return (*_OTHERS, *own, _Format("AWS_KEY", key, hint="a"), _Format("AWS_KEY", assigned, 1, "aws"))


def found_in(text: str, path: str = "") -> list[Secret]:
    """The secrets in a text, as `reviewer.changes.secrets.find_secrets` gives them."""
    plain = text if max(map(len, text.split("\n"))) <= _LONGEST_LINE else _without_long_lines(text)
    found = [*_by_format(text), *_of_private_keys(text), *_by_name(text, path), *_by_chance(plain, path)]
    return _disjoint(found, text)


def _disjoint(found: Sequence[Secret], text: str) -> list[Secret]:
    """Of secrets that overlap, the one that begins first, and of those the longest; each within its line."""
    kept: list[Secret] = []
    for secret in sorted(found, key=lambda one: (one.start, -one.end)):
        end = text.find("\n", secret.start, secret.end)
        whole = secret._replace(end=end) if end >= 0 else secret
        new = not kept or whole.start >= kept[-1].end
        if new and whole.end > whole.start and not text.startswith(STAND_IN, whole.start):
            kept.append(whole)
    return kept


_EDGE = " \t\r\n\"'`=:"
"""What a pattern may take along with a secret."""


def _by_format(text: str) -> Iterator[Secret]:
    low = text.lower()
    for form in _formats():
        if form.hint in low:
            for match in form.pattern.finditer(text):
                start, end = _trimmed(text, *match.span(form.group))
                yield Secret(start, end, form.kind, end - start >= _LIKELY_TELLING)
    for match in _JWT.finditer(text) if "eyj" in low else ():
        if jwt.JwtTokenDetector.is_formally_valid(match[1]):
            yield Secret(*match.span(), "JWT", telling=True)


_JWT = re.compile(r"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+)(?:\.[A-Za-z0-9_=-]*)?")
"""With its signature, which the library's own pattern leaves out."""


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    value = text[start:end]
    return start + len(value) - len(value.lstrip(_EDGE)), start + len(value.rstrip(_EDGE))


_KEY_BEGINS = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d")
_KEY_ENDS = re.compile(r"-----END |Private-MAC:")
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/]{12,}={0,2}")
_LONGEST_KEY = 200
"""Lines; no private key has more."""


def _of_private_keys(text: str) -> Iterator[Secret]:
    """What stands between the first and the last line of a private key, line by line."""
    begins = list(_KEY_BEGINS.finditer(text))
    for position, begin in enumerate(begins):
        following = begins[position + 1].start() if position + 1 < len(begins) else len(text)
        rest = text[begin.end() : min(following, begin.end() + _LONGEST_KEY * 100)]
        end = _KEY_ENDS.search(rest)
        inner = rest[: end.start()] if end else rest
        for number, line in enumerate(re.finditer(r"[^\n]*", inner)):
            if number and not end and line[0].strip() and not _KEY_TEXT.search(line[0]):
                break  # it was cut off, and something else goes on
            for match in _KEY_TEXT.finditer(line[0]):
                start = begin.end() + line.start() + match.start()
                yield Secret(start, start + len(match[0]), "PRIVATE_KEY_LINE", telling=True)


_SETTINGS = frozenset({".env", ".ini", ".cfg", ".conf", ".properties", ".toml", ".yaml", ".yml", ".tfvars"})
_SHORTEST = 6
"""Characters of a password that is worth hiding."""


def _is_settings(path: str) -> bool:
    name = PurePosixPath(path)
    return name.suffix.lower() in _SETTINGS or name.name.lower().startswith(".env")


_NAMES = re.compile("|".join((*keyword.DENYLIST, "token")), re.IGNORECASE)
_TOKEN = re.compile(
    r"""token\w*["'\])]{0,2}\s*(?::|:?=|=>)\s*(["'`])((?=[^"'`]*\d)[A-Za-z0-9+/=._-]{16,})\1""", re.IGNORECASE
)


def _by_name(text: str, path: str) -> Iterator[Secret]:
    """Values of variables whose names say that they hold a secret."""
    patterns = {**keyword.QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP, _TOKEN: 2}
    if _is_settings(path):
        patterns |= keyword.CONFIG_DENYLIST_REGEX_TO_GROUP
    for line in _around_names(text):
        for pattern, group in patterns.items():
            for match in pattern.finditer(line.text):
                value = match[group]
                if len(value) >= _SHORTEST and not _is_harmless(value, match[0]):
                    start, end = match.span(group)
                    yield Secret(line.start + start, line.start + end, "PASSWORD", telling=False)


class _Row(NamedTuple):
    """A line, and where it begins in its text."""

    start: int
    text: str


def _lines_with(pattern: re.Pattern[str], text: str) -> Iterator[_Row]:
    """The lines in which a pattern is found, each once."""
    end = 0
    for match in pattern.finditer(text):
        if match.start() >= end:
            start = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            end = len(text) if end < 0 else end
            yield _Row(start, text[start:end])


_LONGEST_NAMED, _BEFORE_NAME, _AFTER_NAME = 500, 60, 200
"""Characters of a line that is looked at as a whole; of a longer one, how many around a name."""
_MOST_NAMES = 8
"""Names in a piece of text; where there are more, it is no code, and the patterns take long."""


def _around_names(text: str) -> Iterator[_Row]:
    """The lines with names of secrets, and of long lines what stands around such names."""
    for line in _lines_with(_NAMES, text):
        for row in [line] if len(line.text) <= _LONGEST_NAMED else _windows(line):
            if len(_NAMES.findall(row.text)) <= _MOST_NAMES:
                yield row


def _windows(line: _Row) -> Iterator[_Row]:
    """Pieces of a long line, so that every name has what comes after it in one of them."""
    seen = 0
    for match in _NAMES.finditer(line.text):
        if match.end() > seen:
            start, end = max(match.start() - _BEFORE_NAME, 0), match.end() + 2 * _AFTER_NAME
            seen = end - _AFTER_NAME
            yield _Row(line.start + start, line.text[start:end])


_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""The name of a variable, as in `api_key_env = "LAB_KEY"`."""


def _is_harmless(value: str, around: str) -> bool:
    """Whether a value is a reference, a template, a name or a row of characters, by the library's rules."""
    return (
        heuristic.is_templated_secret(value)
        or heuristic.is_prefixed_with_dollar_sign(value)
        or heuristic.is_indirect_reference(around)
        or heuristic.is_sequential_string(value)
        or heuristic.is_not_alphanumeric_string(value)
        or _VARIABLE.fullmatch(value) is not None
        or value.startswith(STAND_IN)
    )


_QUOTED = re.compile(r"""(["'`])([A-Za-z0-9+/=_-]{20,})\1""")
_ASSIGNED = re.compile(
    r"(?:\d{1,7} ?[+ -]?\|[ \t]{0,40})?(?:export +)?[\w.-]{1,100}"
    r"[ \t]{0,20}[=:][ \t]{0,20}([A-Za-z0-9+/=_-]{20,})"
)
"""A whole line of a file of settings, without blanks at its ends."""
_HEX = re.compile(r"[0-9a-fA-F]+")


def _by_chance(text: str, path: str) -> Iterator[Secret]:
    """Values that look random: quoted ones, and in files of settings whole values."""
    spans = [match.span(2) for match in _QUOTED.finditer(text)]
    if _is_settings(path):
        spans += _assigned(text)
    for start, end in spans:
        value = text[start:end]
        if _looks_random(value) and not heuristic.is_potential_uuid(value):
            yield Secret(start, end, "RANDOM_STRING", telling=True)


def _assigned(text: str) -> Iterator[tuple[int, int]]:
    """Where whole values of settings stand. Line by line: a pattern over all lines would take too long."""
    start = 0
    for line in text.split("\n"):
        bare = line.strip()
        match = _ASSIGNED.fullmatch(bare) if bare and len(bare) <= _LONGEST_LINE else None
        if match is not None:
            offset = start + line.index(bare)
            yield offset + match.start(1), offset + match.end(1)
        start += len(line) + 1


@cache
def _entropy() -> tuple[high_entropy_strings.HighEntropyStringsPlugin, ...]:
    return high_entropy_strings.HexHighEntropyString(), high_entropy_strings.Base64HighEntropyString()


def _looks_random(value: str) -> bool:
    """Whether the characters of a text are spread as those of a key are, by the library's limits."""
    if value.startswith(STAND_IN) or heuristic.is_sequential_string(value):
        return False
    by_hex, by_base64 = _entropy()
    plugin = by_hex if _HEX.fullmatch(value) else by_base64
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and plugin.calculate_shannon_entropy(value) > plugin.entropy_limit


def _without_long_lines(text: str) -> str:
    """The text with long lines blanked out, so that positions stay as they are."""
    return "\n".join(line if len(line) <= _LONGEST_LINE else " " * len(line) for line in text.split("\n"))


_SCANNED = (
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
_SCAN_FILTERS = (
    "allowlist.is_line_allowlisted",
    "heuristic.is_indirect_reference",
    "heuristic.is_likely_id_string",
    "heuristic.is_not_alphanumeric_string",
    "heuristic.is_potential_uuid",
    "heuristic.is_prefixed_with_dollar_sign",
    "heuristic.is_sequential_string",
    "heuristic.is_templated_secret",
)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What looks like a secret in a line: the library's name for it, and the value."""

    kind: str
    value: str


@contextmanager
def line_scanner() -> Iterator[Callable[[str], Suspicion | None]]:
    """Finds the first secret of a line, strictly: a comment, a template or a test value is none."""
    settings = {
        "plugins_used": [{"name": name} for name in _SCANNED],
        "filters_used": [{"path": f"detect_secrets.filters.{name}"} for name in _SCAN_FILTERS],
    }

    def scan(line: str) -> Suspicion | None:
        found = next(iter(scan_line(line)), None)
        return Suspicion(found.type, found.secret_value or "") if found is not None else None

    with transient_settings(settings):
        yield scan

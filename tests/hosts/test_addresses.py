"""Which pull request is meant, where its host's API is, and which token may go there."""

import pytest

from reviewer.errors import UsageError
from reviewer.hosts.addresses import Where, where
from reviewer.hosts.connect import missing_token, token_of

GITHUB = "https://github.com/acme/widget"
WORKFLOW = {
    "GITHUB_REPOSITORY": "acme/widget",
    "GITHUB_SERVER_URL": "https://ghe.example.invalid",
    "GITHUB_API_URL": "https://ghe.example.invalid/api/v3",
}
KNOWN = [
    ("12", GITHUB, {}, Where("https://api.github.com", "acme", "widget", 12)),
    ("#12", GITHUB, {}, Where("https://api.github.com", "acme", "widget", 12)),
    (f"{GITHUB}/pull/12", "", {}, Where("https://api.github.com", "acme", "widget", 12)),
    (f"{GITHUB}/pull/12/files?x=1#y", "", {}, Where("https://api.github.com", "acme", "widget", 12)),
    ("3", "https://git.example.invalid/a/b", {}, Where("https://git.example.invalid/api/v3", "a", "b", 3)),
    ("3", "", WORKFLOW, Where("https://ghe.example.invalid/api/v3", "acme", "widget", 3)),
    (f"{GITHUB}/pull/4", "", WORKFLOW, Where("https://api.github.com", "acme", "widget", 4)),
]


@pytest.mark.parametrize(("text", "repository", "environment", "found"), KNOWN)
def test_where(text, repository, environment, found):
    assert where(text, repository, environment) == found


@pytest.mark.parametrize(
    ("text", "repository", "why"),
    [
        ("12", "", "of which repository"),
        ("x", GITHUB, "write the number"),
        ("https://github.com/acme/widget/issues/12", "", "write the number"),
        ("https://github.com/acme/pull/12", "", "write the number"),
        ("12", "https://gitlab.com/a/b/c", "is not the address of a repository"),
        ("12\n13", GITHUB, "write the number"),
    ],
)
def test_nobody_can_tell(text, repository, why):
    with pytest.raises(UsageError, match=why):
        where(text, repository, {})


TOKENS = {"GITHUB_TOKEN": "for-github", "GH_ENTERPRISE_TOKEN": "for-enterprise"}


EVIL = "https://evil.example/acme/widget"


@pytest.mark.parametrize(
    ("address", "environment", "token"),
    [
        (GITHUB, {}, "for-github"),
        (GITHUB, {"GH_HOST": "evil.example"}, "for-github"),
        (EVIL, {}, ""),
        (EVIL, {"GH_HOST": "evil.example"}, "for-enterprise"),
        (EVIL, {"GH_HOST": "other.example"}, ""),
        (EVIL.replace("https", "http"), {"GH_HOST": "evil.example"}, ""),
        ("http://127.0.0.1:8080/acme/widget", {"GH_HOST": "127.0.0.1:8080"}, "for-enterprise"),
        ("https://ghe.example.invalid/acme/widget", WORKFLOW, "for-github"),
        (EVIL, WORKFLOW, ""),
    ],
)
def test_a_token_goes_to_its_own_host_only(address, environment, token):
    place = where(f"{address}/pull/1", "", environment)
    assert token_of(place, {**TOKENS, **environment}) == token
    assert token_of(place, environment) == ""


@pytest.mark.parametrize(
    ("address", "said"),
    [(GITHUB, "set GITHUB_TOKEN"), (EVIL, "set GH_HOST=evil.example and GH_ENTERPRISE_TOKEN")],
)
def test_what_to_do_without_a_token(address, said):
    place = where(f"{address}/pull/1", "", {})
    assert missing_token(place) == said
    variables = {
        name: value for name, _, value in (part.partition("=") for part in said.split()[1:]) if value
    }
    made = {**variables, "GH_ENTERPRISE_TOKEN": "e", "GITHUB_TOKEN": "g"}
    assert token_of(place, made), "that is enough"

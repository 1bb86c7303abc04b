"""Addresses of repositories, from remotes as people write them."""

import pytest

from reviewer.changes.address import address_of, web_address
from reviewer.changes.git import Repository


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/acme/widget.git", "https://github.com/acme/widget"),
        ("https://somebody:s3cret@github.com/acme/widget", "https://github.com/acme/widget"),
        ("https://x-access-token:ghs_abc@GitHub.com/acme/widget.git/", "https://github.com/acme/widget"),
        ("git@github.com:acme/widget.git", "https://github.com/acme/widget"),
        ("github.com:acme/widget", "https://github.com/acme/widget"),
        (
            "ssh://git@git.example.invalid:2222/team/sub/widget.git",
            "https://git.example.invalid/team/sub/widget",
        ),
        ("http://127.0.0.1:8080/acme/widget", "http://127.0.0.1:8080/acme/widget"),
        ("git://example.invalid/acme/widget?token=s3cret", "https://example.invalid/acme/widget"),
        ("/srv/git/widget.git", ""),
        ("../widget", ""),
        ("C:/work/widget", ""),
        ("file:///home/somebody/widget", ""),
        ("https://host:port/x", ""),
        ("https://example.invalid/a b", ""),
        ("ext::sh -c 'x'", ""),
        ("", ""),
    ],
)
def test_remotes(remote, address):
    assert web_address(remote) == address


def test_origin_wins_and_several_others_tell_nothing(repo):
    repo.commit({"a": "1\n"})
    opened = Repository.open(repo.root)
    assert address_of(opened) == ""
    repo.git("remote", "add", "fork", "git@github.com:me/widget")
    assert address_of(opened) == "https://github.com/me/widget"
    repo.git("remote", "add", "other", "git@github.com:you/widget")
    assert address_of(opened) == ""
    repo.git("remote", "add", "origin", "https://github.com/acme/widget")
    assert address_of(opened) == "https://github.com/acme/widget"

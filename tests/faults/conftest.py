"""The laboratory in which servers misbehave."""

import pytest

from tests.faults.laboratory import KEY, Laboratory


@pytest.fixture
def lab(repo, capsys, monkeypatch) -> Laboratory:
    monkeypatch.setenv("LAB_KEY", KEY)
    return Laboratory(repo, capsys)

"""The table of reactions: complete, and the same in the documentation."""

import inspect
from pathlib import Path

from reviewer import errors
from reviewer.errors import ModelError
from reviewer.models.reactions import REACTIONS, Change, Mark, Repeat, described, reaction_to

DOCS = Path(__file__).parent.parent.parent / "docs" / "failures.md"


def model_errors() -> list[type[ModelError]]:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ModelError)]
    assert len(found) > 20
    return found


def test_the_documentation_has_the_table():
    assert described() in DOCS.read_text("utf-8")


def test_every_class_of_errors_has_a_reaction():
    for kind in model_errors():
        error = kind.__new__(kind)
        Exception.__init__(error, "x")
        assert reaction_to(error) is not None


def test_the_tree_in_the_docstring_names_every_class():
    for kind in model_errors():
        assert kind.__name__ in (errors.__doc__ or ""), kind


def test_what_will_not_pass_is_never_repeated():
    for kind, reaction in REACTIONS.items():
        if issubclass(kind, errors.NextModelError | errors.KeyRejectedError):
            assert reaction.repeat is Repeat.NEVER, kind
        if reaction.mark in {Mark.MODEL_OUT, Mark.PROVIDER_OUT}:
            assert (reaction.repeat, reaction.change) == (Repeat.NEVER, Change.NOTHING), kind


def test_only_what_is_not_available_counts_as_a_failure():
    counted = {kind.__name__ for kind, reaction in REACTIONS.items() if reaction.mark is Mark.FAILURE}
    assert counted == {
        "ConnectionFailedError",
        "ServerBrokenError",
        "RunnerCrashedError",
        "StalledError",
        "IncompleteStreamError",
        "ProtocolError",
        "RetryableError",
    }

"""Secrets in changed lines, by the formats and names that detect-secrets knows; nothing goes online."""

from collections.abc import Callable, Iterator, Sequence

from reviewer.changes.secret_formats import Suspicion, line_scanner
from reviewer.models.builtin.observation import Observation, Source
from reviewer.prompting.contract import Severity
from reviewer.prompting.role import ModelKind

_LONGEST = 2000
"""Characters; longer lines are data, and the detectors are slow on them."""
_TEST_WORDS = ("test", "example", "fixture", "sample", "mock", "docs/")


def find(sources: Sequence[Source]) -> list[Observation]:
    """Secrets on added lines. The secret itself is never quoted."""
    with line_scanner() as scan:
        return [item for source in sources for item in _of_file(source, scan)]


def _of_file(source: Source, scan: Callable[[str], Suspicion | None]) -> Iterator[Observation]:
    harmless = any(word in source.path.lower() for word in _TEST_WORDS)
    for number, text in source.added():
        if len(text) > _LONGEST or len(text.strip()) < 8:  # noqa: PLR2004  # shorter than any secret
            continue
        found = scan(text)
        if found is None:
            continue
        yield Observation(
            kind=ModelKind.REASONING,
            path=source.path,
            line=number,
            quote=_without(text, found.value),
            title=f"Possible secret in the code ({found.kind})",
            explanation=f"The line looks as if it held a secret: {found.kind}.",
            scenario="Everybody who can read the repository, now or later, can use it.",
            recommendation="Revoke it if it is real, and read it from the environment or a secret store.",
            category="security",
            severity=Severity.MINOR if harmless else Severity.CRITICAL,
        )


def _without(text: str, secret: str) -> str:
    """A part of the line that does not show the secret, and that is still found in it."""
    before, _, after = text.partition(secret) if secret else (text, "", "")
    return max((before, after), key=lambda part: len(part.strip()))

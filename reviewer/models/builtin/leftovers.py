"""What is forgotten in changes: conflict markers, debugging calls, tests narrowed to one, untested code."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from reviewer.changes.languages import is_code
from reviewer.models.builtin.observation import Observation, Source
from reviewer.prompting.contract import Severity
from reviewer.prompting.role import ModelKind


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A line that should not be committed, in files with some suffixes (none means all)."""

    expression: re.Pattern[str]
    suffixes: frozenset[str]
    title: str
    scenario: str
    recommendation: str
    category: str
    severity: Severity


_SCRIPT = frozenset({".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte"})
_DEBUG = (
    "The program runs where nobody is at a debugger: it stops there, or writes what users should not see."
)
_PATTERNS = (
    _Pattern(
        re.compile(r"^(?:<{7} |>{7} |\|{7} )"),
        frozenset(),
        "Conflict marker left in the file",
        "The file is used as it is: it does not compile, or holds both versions of the code.",
        "Resolve the conflict.",
        "bug",
        Severity.CRITICAL,
    ),
    _Pattern(
        re.compile(".*[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"),
        frozenset(),
        "Characters that turn text around or hide it",
        "Who reads the code sees something else than the compiler: a comment may be code, or code a comment.",
        "Remove them, or write them as escapes.",
        "security",
        Severity.MAJOR,
    ),
    _Pattern(
        re.compile(r"^\s*(?:breakpoint\(\)|import i?pdb\b|i?pdb\.set_trace\()"),
        frozenset({".py"}),
        "Debugger call left in the code",
        _DEBUG,
        "Remove it.",
        "bug",
        Severity.MAJOR,
    ),
    _Pattern(
        re.compile(r"^\s*debugger\s*;?\s*$"),
        _SCRIPT,
        "Debugger statement left in the code",
        _DEBUG,
        "Remove it.",
        "bug",
        Severity.MAJOR,
    ),
    _Pattern(
        re.compile(r"^\s*console\.(?:log|debug|trace)\("),
        _SCRIPT,
        "Debugging output left in the code",
        "Users see it in their console, with whatever values it prints.",
        "Remove it, or use the program's logging.",
        "maintainability",
        Severity.MINOR,
    ),
    _Pattern(
        re.compile(r"^\s*dbg!\("),
        frozenset({".rs"}),
        "Debugging macro left in the code",
        _DEBUG,
        "Remove it.",
        "bug",
        Severity.MINOR,
    ),
    _Pattern(
        re.compile(r"^\s*(?:binding\.(?:pry|irb)|byebug)\b"),
        frozenset({".rb"}),
        "Debugger call left in the code",
        _DEBUG,
        "Remove it.",
        "bug",
        Severity.MAJOR,
    ),
    _Pattern(
        re.compile(r"^\s*(?:var_dump|dd|dump)\("),
        frozenset({".php"}),
        "Debugging output left in the code",
        _DEBUG,
        "Remove it.",
        "bug",
        Severity.MAJOR,
    ),
    _Pattern(
        re.compile(r"^\s*(?:(?:describe|it|test|context|suite)\.only\(|f(?:describe|it)\()"),
        _SCRIPT,
        "Tests narrowed to one",
        "All other tests of the file are skipped from now on, and what they guard can break unseen.",
        "Remove `.only`.",
        "testing",
        Severity.MAJOR,
    ),
)


def find(sources: Sequence[Source]) -> list[Observation]:
    """Left-overs on added lines."""
    return [item for source in sources for item in _of_file(source)]


def _of_file(source: Source) -> Iterator[Observation]:
    suffix = PurePosixPath(source.path).suffix
    patterns = [pattern for pattern in _PATTERNS if not pattern.suffixes or suffix in pattern.suffixes]
    for number, text in source.added():
        for pattern in patterns:
            if pattern.expression.match(text):
                yield Observation(
                    kind=ModelKind.CODING,
                    path=source.path,
                    line=number,
                    quote=text,
                    title=pattern.title,
                    explanation=f"{pattern.title}: `{text.strip()[:80]}`.",
                    scenario=pattern.scenario,
                    recommendation=pattern.recommendation,
                    category=pattern.category,
                    severity=pattern.severity,
                )


_SELDOM_TESTED = frozenset([".bash", ".ps1", ".sh", ".sql", ".tf"])
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|testing|e2e)/"
    r"|(?:^|[/_.-])(?:test|spec)s?[_.-]"
    r"|[_.-](?:test|spec)s?\.",
    re.IGNORECASE,
)
_ENOUGH_LINES = 20


def _testable(path: str) -> bool:
    return is_code(path) and PurePosixPath(path).suffix not in _SELDOM_TESTED


def untested(sources: Sequence[Source], others: Sequence[str]) -> list[Observation]:
    """One observation if much code is added and no test is changed with it.

    Args:
        sources: the files of this part of the change.
        others: paths of all other changed files.
    """
    paths = [*(source.path for source in sources), *others]
    if any(_TEST_PATH.search(path) for path in paths):
        return []
    code = [source for source in sources if _testable(source.path)]
    sizes = {source.path: sum(bool(text.strip()) for _, text in source.added()) for source in code}
    if sum(sizes.values()) < _ENOUGH_LINES:
        return []
    largest = max(code, key=lambda source: sizes[source.path])
    number, text = next((number, text) for number, text in largest.added() if text.strip())
    return [
        Observation(
            kind=ModelKind.THINKING,
            path=largest.path,
            line=number,
            quote=text,
            title="Code changed without a changed test",
            explanation=f"The change adds {sum(sizes.values())} lines of code and touches no test.",
            scenario="A later change breaks the new behaviour, and nothing notices.",
            recommendation="Add a test that fails without this change.",
            category="testing",
            severity=Severity.MINOR,
        )
    ]

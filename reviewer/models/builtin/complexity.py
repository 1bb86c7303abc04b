"""Functions that the change made too complex, in the languages that lizard knows."""

from collections.abc import Iterator, Sequence

import lizard

from reviewer.models.builtin.observation import Observation, Source, line_text
from reviewer.prompting.contract import Severity
from reviewer.prompting.role import ModelKind

_LIMIT = 15
"""Paths through a function (cyclomatic complexity); NIST 500-235 advises 10, with 15 as the upper bound."""
_SEVERE = 30


def find(sources: Sequence[Source]) -> list[Observation]:
    """Changed functions over the limit that were not as complex before."""
    return [item for source in sources if source.text is not None for item in _of_file(source)]


def _of_file(source: Source) -> Iterator[Observation]:
    before = _complexities("\n".join(source.change.old_lines or ()), source.change.old_path or source.path)
    added = source.added_numbers
    for name, complexity, start, end in _functions(source.text or "", source.path):
        changed = sorted(number for number in added if start <= number <= end)
        if not changed or complexity <= max(_LIMIT, before.get(name, 0)):
            continue
        line = start if start in added else changed[0]
        grown = f", {before[name]} before this change" if name in before else ""
        yield Observation(
            kind=ModelKind.REASONING,
            path=source.path,
            line=line,
            quote=line_text(source, line),
            title=f"{name} has {complexity} paths through it",
            explanation=(
                f"The function {name} (lines {start} to {end}) has a cyclomatic complexity of "
                f"{complexity}{grown}; over {_LIMIT} it can hardly be tested or changed safely."
            ),
            scenario="The next change adds a case, and one of the many combinations is forgotten.",
            recommendation="Divide it into functions that each decide one thing.",
            category="maintainability",
            severity=Severity.MAJOR if complexity > _SEVERE else Severity.MINOR,
        )


def _complexities(text: str, path: str) -> dict[str, int]:
    return {name: complexity for name, complexity, _, _ in _functions(text, path)}


def _functions(text: str, path: str) -> Iterator[tuple[str, int, int, int]]:
    """Name, complexity, first and last line of every function; nothing for unknown languages."""
    if not text.strip() or lizard.get_reader_for(path) is None:
        return
    try:
        found = lizard.analyze_file.analyze_source_code(path, text)
    except (RecursionError, IndexError, ValueError, AttributeError):
        return  # lizard's tokenizers fail on some broken files; there is nothing to say about those
    for function in found.function_list:
        yield function.name, function.cyclomatic_complexity, function.start_line, function.end_line

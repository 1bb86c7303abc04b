"""Functions that the change made too complex, in the languages that lizard knows."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

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
    added = source.added_numbers
    large = [function for function in _functions(source.text or "", source.path) if function[1] > _LIMIT]
    # Most files have none: the text before the change need not be looked at then.
    old = source.change.old_path or source.path
    before = _complexities("\n".join(source.change.old_lines or ()), old) if large else {}
    for name, complexity, start, end in large:
        changed = sorted(number for number in added if start <= number <= end)
        if not changed or complexity <= before.get(name, 0):
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


@lru_cache(maxsize=64)  # a large file is looked at once for each of its parts
def _functions(text: str, path: str) -> tuple[tuple[str, int, int, int], ...]:
    """Name, complexity, first and last line of every function; nothing for unknown languages."""
    if not text.strip() or lizard.get_reader_for(path) is None:
        return ()
    try:
        found = lizard.analyze_file.analyze_source_code(path, text)
    except (RecursionError, IndexError, ValueError, AttributeError):
        return ()  # lizard's tokenizers fail on some broken files; there is nothing to say about those
    return tuple((f.name, f.cyclomatic_complexity, f.start_line, f.end_line) for f in found.function_list)

"""The forms of a report: one line for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reviewer.outputs import annotations, gitlab, json_report, junit, markdown, prometheus, rdjson, sarif
from reviewer.outputs.report import Report


@dataclass(frozen=True, slots=True)
class Form:
    """How to write a report.

    Attributes:
        render: the report as text.
        suffix: of its files, without the dot.
        also: further suffixes that ask for it.
    """

    render: Callable[[Report], str]
    suffix: str
    also: tuple[str, ...] = ()


FORMS: Mapping[str, Form] = {
    "json": Form(json_report.render, "json"),
    "md": Form(markdown.render, "md", ("markdown", "txt")),
    "sarif": Form(sarif.render, "sarif"),
    "github": Form(annotations.render, "annotations.txt"),
    "gitlab": Form(gitlab.render, "codequality.json"),
    "rdjson": Form(rdjson.render, "rdjson"),
    "junit": Form(junit.render, "junit.xml", ("xml",)),
    "prom": Form(prometheus.render, "prom"),
}
"""By the name of the form, as `--format` takes it."""


def form_of_file(name: str) -> str | None:
    """The form that a file's name asks for by its suffix, or None."""
    asked = {suffix: form for form, about in FORMS.items() for suffix in (about.suffix, *about.also)}
    fitting = [suffix for suffix in asked if name.lower().endswith(f".{suffix}")]
    return asked[max(fitting, key=len)] if fitting else None

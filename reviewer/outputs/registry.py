"""The forms of a report: one line for each."""

from collections.abc import Callable, Mapping

from reviewer.outputs import json_report, markdown, prometheus
from reviewer.outputs.report import Report

RENDERERS: Mapping[str, Callable[[Report], str]] = {
    "json": json_report.render,
    "md": markdown.render,
    "prom": prometheus.render,
}
"""By the name of the form, which is also the suffix of its files."""

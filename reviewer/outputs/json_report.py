"""The report as JSON: the source of truth, from which every other form can be made again."""

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reviewer.errors import OutputError
from reviewer.outputs.report import SCHEMA_VERSION, Report


@cache
def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)


def render(report: Report) -> str:
    """The report as indented JSON with a line feed at the end; what hides or controls is escaped in it."""
    text = _adapter().dump_json(report, indent=2).decode("utf-8")
    return _HIDDEN.sub(_escaped, text) + "\n"


_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Characters that no one sees or that turn text around; JSON leaves them as they are."""


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def parse(text: str, *, name: str) -> Report:
    """Read a report back.

    Args:
        text: JSON.
        name: what to call it in errors, such as its path.

    Raises:
        OutputError: it is no report, or one of another version.
    """
    try:
        report = _adapter().validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise OutputError(f"{name}: not a report in JSON: {place}: {problem['msg']}") from error
    if report.schema_version != SCHEMA_VERSION:
        found = f"{name}: has version {report.schema_version} of the report's schema"
        raise OutputError(f"{found}; this program reads {SCHEMA_VERSION}.")
    return report


def load(file: str) -> Report:
    """A report from its JSON form; `-` is standard input.

    Raises:
        OutputError: there is no such file, or it is no report.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except OSError as error:
        raise OutputError(f"{file}: cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise OutputError(f"{file}: is not a report: it is not text in UTF-8.") from error
    return parse(text, name=file)


def schema() -> dict[str, Any]:
    """The JSON schema of reports."""
    made = _adapter().json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"reviewer report, version {SCHEMA_VERSION}",
        **{key: value for key, value in made.items() if key != "title"},
    }

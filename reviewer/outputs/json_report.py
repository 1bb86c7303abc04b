"""The report as JSON: the source of truth, from which every other form can be made again."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reviewer.errors import OutputError
from reviewer.outputs.report import SCHEMA_VERSION, Report


@cache
def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)


def render(report: Report) -> str:
    """The report as indented JSON with a line feed at the end."""
    return _adapter().dump_json(report, indent=2).decode("utf-8") + "\n"


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


def schema() -> dict[str, Any]:
    """The JSON schema of reports."""
    made = _adapter().json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"reviewer report, version {SCHEMA_VERSION}",
        **{key: value for key, value in made.items() if key != "title"},
    }

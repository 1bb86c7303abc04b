"""The reply that a model is asked for: its type, its schema for servers, its description for prompts."""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field


class Severity(StrEnum):
    """How bad a finding is; the criteria stand in the prompts."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"

    @property
    def rank(self) -> int:
        """0 for the worst, growing as it gets less severe."""
        return list(Severity).index(self)


class Horizon(StrEnum):
    """When a recommendation should be acted on."""

    IMMEDIATE = "immediate"
    SHORT = "short"
    MEDIUM = "medium"
    LONG = "long"


class Confidence(StrEnum):
    """How sure the reviewer says it is. It never decides anything but ties."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


CATEGORIES = (
    "bug",
    "security",
    "concurrency",
    "error handling",
    "performance",
    "compatibility",
    "design",
    "maintainability",
    "testing",
    "documentation",
)


class _Asked(BaseModel):
    # Most commands only describe these types; building their validators takes time.
    model_config = ConfigDict(defer_build=True)


class AskedFinding(_Asked):
    """One problem. The order of the fields is the order in which a model should think: evidence first."""

    file: str = Field(description="path of the file, exactly as shown in its heading")
    quote: str = Field(
        description="1 to 3 lines copied character by character from the shown code, without number and mark"
    )
    line: int = Field(description="number shown in front of the first quoted line, also of a removed one")
    failure_scenario: str = Field(
        description="one concrete case: the input, state or order of events, and the wrong result it leads to"
    )
    explanation: str = Field(description="what is wrong and why, in at most three sentences")
    title: str = Field(description="the problem in at most ten words")
    category: Literal[CATEGORIES] = Field(description="the best fit")  # type: ignore[valid-type]
    severity: Literal["critical", "major", "minor"] = Field(description="by the criteria for severity")
    recommendation: str = Field(description="what to do about it, in one or two sentences")
    suggestion: str | None = Field(
        description="code to put in place of the quoted lines, indented like them, if short and certain; "
        "else null"
    )
    confidence: Literal["high", "medium", "low"] = Field(description="how sure you are that it is real")


class AskedRecommendation(_Asked):
    """Advice that goes beyond a single finding."""

    text: str = Field(description="one sentence that says what to do and what it improves")
    horizon: Literal["immediate", "short", "medium", "long"] = Field(
        description="immediate: before merging; short: days; medium: weeks; long: months"
    )


class AskedReview(_Asked):
    """The review of one prompt."""

    files_reviewed: list[str] = Field(description="paths of all files that you were shown and have read")
    findings: list[AskedFinding] = Field(description="the problems, worst first; empty if there are none")
    strengths: list[str] = Field(description="up to three things that the change does well, concretely")
    recommendations: list[AskedRecommendation] = Field(description="up to three; may be empty")
    summary: str = Field(description="two or three sentences: what the change does and how well")
    rating: int = Field(
        description="for what you were shown, from 1 (must not be merged) to 10 (nothing to improve)"
    )


class AskedVerdict(_Asked):
    """The closing opinion of a reviewer that saw the change in several parts."""

    strengths: list[str] = Field(description="up to five strengths of the change as a whole")
    recommendations: list[AskedRecommendation] = Field(description="up to five; may be empty")
    summary: str = Field(description="two to four sentences about the change as a whole")
    rating: int = Field(description="whole number from 1 (must not be merged) to 10 (nothing to improve)")


class AskedCheck(_Asked):
    """What a second reader says about one claim: the reason first, so that the verdict follows from it."""

    claim: int = Field(description="number of the claim")
    reason: str = Field(description="one sentence that names the line or the fact which decides it")
    verdict: Literal["confirmed", "refuted", "unverifiable"] = Field(description="by the rules above")
    severity: Literal["critical", "major", "minor"] = Field(
        description="how bad it would be if it is real, by the criteria for severity"
    )


class AskedNeed(_Asked):
    """Something that a second reader has to see before it can judge."""

    claim: int = Field(description="number of the claim that depends on it")
    name: str = Field(
        description="name of a function, class or constant, or path of a file, in this repository"
    )


class AskedChecks(_Asked):
    """The examination of some claims, with a chance to ask for code that is not shown."""

    checks: list[AskedCheck] = Field(description="one for every claim, in their order")
    needs: list[AskedNeed] = Field(
        description="up to five definitions or files without which a verdict is not possible; mostly empty"
    )


class AskedFinalChecks(_Asked):
    """The examination of some claims, when all that can be shown has been shown."""

    checks: list[AskedCheck] = Field(description="one for every claim, in their order")


class AskedEdit(_Asked):
    """One replacement that is a part of a fix."""

    finding: int = Field(description="number of the finding that it belongs to")
    file: str = Field(description="path of the file, exactly as shown")
    old: str = Field(
        description="the whole lines to replace, copied character by character from the shown code, without "
        "number and mark"
    )
    new: str = Field(description="what stands in their place, indented like them; empty to take them away")


class AskedFix(_Asked):
    """What comes of one finding."""

    finding: int = Field(description="number of the finding")
    note: str = Field(
        description="one sentence: what the change does, or, without a change, what is missing to write it"
    )
    certain: bool = Field(description="whether everything that the change relies on is shown")


class AskedFixes(_Asked):
    """Changes for some findings: the thought first, then the code."""

    fixes: list[AskedFix] = Field(description="one for every finding, in their order")
    edits: list[AskedEdit] = Field(
        description="the replacements, several for a finding where needed; none for one that cannot be fixed "
        "with what is shown"
    )


class AskedMatch(_Asked):
    """Which known problem a finding is about."""

    finding: int = Field(description="number of the finding")
    reason: str = Field(description="one sentence: what both are about, or what is different")
    problem: int | None = Field(
        description="number of the problem that it is about; null if it is none of them"
    )


class AskedMatches(_Asked):
    """Findings put beside problems that are known."""

    matches: list[AskedMatch] = Field(description="one for every finding, in their order")


class AskedSentence(_Asked):
    """One sentence of a summary, with the findings that it rests on."""

    text: str = Field(description="one sentence, without labels in it")
    findings: list[str] = Field(
        description="labels of the findings that it rests on, such as M1; at least one"
    )


class AskedAction(_Asked):
    """Something to do, with the findings that it settles."""

    text: str = Field(description="one sentence that says what to do, without labels in it")
    findings: list[str] = Field(description="labels of the findings that it settles; at least one")
    horizon: Literal["immediate", "short", "medium", "long"] = Field(
        description="immediate: before merging; short: days; medium: weeks; long: months"
    )


class AskedSynthesis(_Asked):
    """What several reviews come to, in the words of one more model."""

    summary: list[AskedSentence] = Field(description="three to six sentences, the weightiest first")
    actions: list[AskedAction] = Field(description="up to eight, the most urgent first")


_KEPT = ("type", "description", "enum", "const")


@cache
def portable_schema(model: type[BaseModel]) -> Mapping[str, Any]:
    """JSON schema in the common subset of the servers' structured-output modes.

    References are inlined; titles, defaults, formats, patterns and bounds are dropped (bounds are named in
    descriptions and checked after reading); every object is closed and requires all its properties, with
    null for what is optional; nothing is nested deeper than four levels. Sources: OpenAI's strict mode,
    Anthropic's and Gemini's subsets, and llama.cpp's grammar converter, which fails on patterns.

    Making it takes 13 ms, longer than everything else about a request, so it is made once.
    """
    schema = model.model_json_schema()
    return _portable(schema, schema.get("$defs", {}))


def _portable(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        return {**_portable(target, definitions), **{k: v for k, v in node.items() if k == "description"}}
    made = {key: node[key] for key in _KEPT if key in node}
    if "anyOf" in node:
        made["anyOf"] = [_portable(option, definitions) for option in node["anyOf"]]
    if "items" in node:
        made["items"] = _portable(node["items"], definitions)
    if "properties" in node:
        made.pop("description", None)
        properties = {name: _portable(part, definitions) for name, part in node["properties"].items()}
        made |= {"properties": properties, "required": list(properties), "additionalProperties": False}
    return made


@cache
def describe(model: type[BaseModel]) -> str:
    """The fields of a reply as a nested Markdown list, in order, for models that get no schema."""
    return "\n".join(_describe(model, ""))


def _describe(model: type[BaseModel], indent: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        yield f"{indent}- `{name}` ({_type_name(field.annotation)}): {field.description}"
        if inner is not None:
            yield from _describe(inner, indent + "  ")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for part in get_args(annotation) or (annotation,):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _type_name(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in get_args(annotation))
    if origin in {Union, UnionType}:
        return " or ".join(_type_name(part) for part in get_args(annotation))
    if origin is list:
        return f"list of {_type_name(get_args(annotation)[0])}s"
    names = {str: "string", int: "integer", bool: "boolean", type(None): "null"}
    return names.get(annotation, "object")

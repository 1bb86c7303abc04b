"""How to ask again after a refusal: without the field that the server named, or in a looser mode."""

import re
from dataclasses import replace

from reviewer.errors import ModelError, RefusedRequestError
from reviewer.models.providers.base import Shape
from reviewer.models.providers.completions import OTHER_CAP
from reviewer.models.servers import Output, Server

_SCHEMA_WORDS = (
    "response_format",
    "json_schema",
    "json schema",
    "grammar",
    "schema",
    "too many states",
    "samplers",
    "output_config",
    "output_format",
    "structured output",
)


def simpler(shape: Shape, server: Server, error: ModelError) -> Shape | None:
    """How to ask after a refusal, or None when nothing is left to change."""
    if not isinstance(error, RefusedRequestError):
        return None
    said = _said(error)
    optional = {"temperature", "stream_options", *server.optional, *server.extra}
    named = error.details.param.partition(".")[0]
    if _is_about_cap(server, shape, named, said):
        return replace(shape, without=shape.without | {server.cap_field})
    if named in optional - shape.without:
        return replace(shape, without=shape.without | {named})
    step_down = looser(shape, server.outputs)
    if any(word in said for word in _SCHEMA_WORDS):
        return step_down
    for field in sorted(optional - shape.without):
        if _mentions(said, field):
            return replace(shape, without=shape.without | {field})
    # The server does not say what it refuses: the unusual part of the request is the likeliest.
    return None if named else step_down


def blames(server: Server, error: ModelError) -> bool:
    """Whether a refusal says what it is about, so that what helped is worth remembering beyond the run."""
    said = _said(error)
    fields = {"temperature", "stream_options", server.cap_field, *server.optional, *server.extra}
    return (
        bool(error.details.param)
        or any(word in said for word in _SCHEMA_WORDS)
        or any(_mentions(said, field) for field in fields)
    )


def output_limit(error: ModelError) -> int | None:
    """The most tokens that a model can write, if a refusal names them."""
    found = _AT_MOST.search(str(error))
    return int(found[1] or found[2]) if found else None


_AT_MOST = re.compile(
    r"supports at most (\d{3,7}) (?:completion|output) tokens"
    r"|> (\d{3,7}), which is the maximum allowed number of output tokens"
)
"""OpenAI's and Anthropic's words for a reply that is longer than the model can write."""


def _said(error: ModelError) -> str:
    text = f"{error} {error.details.code} {error.details.param}".lower()
    # OpenRouter's words for any failure behind it are not about the field of that name.
    return text.replace("provider returned error", "")


def _mentions(said: str, field: str) -> bool:
    """Whether a text names a field, as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(field.lower())}(?!\w)", said) is not None


def _is_about_cap(server: Server, shape: Shape, named: str, said: str) -> bool:
    other = OTHER_CAP.get(server.cap_field)
    return (
        other is not None
        and server.cap_field not in shape.without
        and (named == server.cap_field or other in said)
    )


def looser(shape: Shape, modes: tuple[Output, ...], steps: int = 1) -> Shape | None:
    """The shape in a looser structured-output mode, or None when there is none."""
    left = [mode for mode in modes if mode.rank > shape.output.rank]
    return replace(shape, output=left[min(steps, len(left)) - 1]) if left and steps else None

"""How to ask again after a refusal: without the field that the server named, or in a looser mode."""

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
    said = f"{error} {error.details.code} {error.details.param}".lower()
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
        if field.lower() in said:
            return replace(shape, without=shape.without | {field})
    # The server does not say what it refuses: the unusual part of the request is the likeliest.
    return None if named else step_down


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

"""Azure OpenAI: chat completions under an address of the resource's own, with deployments for models."""

from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from reviewer.models.model import Endpoint, ModelInfo
from reviewer.models.providers.base import Ask, Conversation, HttpRequest, get, post
from reviewer.models.providers.completions import PROTOCOL as COMPLETIONS
from reviewer.models.providers.completions import listed, request_body

_NEW = "/openai/v1"
_CLASSIC = "/openai/deployments/"


def _address(endpoint: Endpoint, path: str) -> str:
    """The address of a path: below `/openai/v1`, or below a deployment with its `api-version` kept."""
    scheme, host, base, query, _ = urlsplit(endpoint.base_url)
    base = base.rstrip("/")
    if _CLASSIC not in base:
        # The new interface refuses an `api-version`.
        base, query = base.removesuffix(_NEW) + _NEW, ""
    return urlunsplit((scheme, host, base + path, query, ""))


def request(ask: Ask) -> HttpRequest:
    """The request that asks a deployment, whose name stands where others have the model."""
    return post(ask.endpoint, _address(ask.endpoint, "/chat/completions"), request_body(ask))


def listing(endpoint: Endpoint) -> Conversation[tuple[ModelInfo, ...] | None]:
    """See that the resource answers and takes the key.

    Its list has the models that could be deployed, not the deployments that can be asked: it is no list of
    names for requests.
    """
    if _CLASSIC in urlsplit(endpoint.base_url).path:
        return None
    response = yield get(endpoint, _address(endpoint, "/models"))
    listed(endpoint, response.status, response.text)
    return None


PROTOCOL = replace(COMPLETIONS, request=request, listing=listing)

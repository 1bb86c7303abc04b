"""Which model to take from a server when the user names only the server."""

from collections.abc import Sequence

from reviewer.models.model import Endpoint, ModelInfo
from reviewer.models.servers import LOCAL, SERVERS, server_of
from reviewer.prompting.role import ModelKind


def choose(endpoint: Endpoint, offered: Sequence[ModelInfo], kind: ModelKind) -> ModelInfo | None:
    """The model to take for a kind of role, or None where any choice would be a guess with a price.

    On this machine what is loaded comes first, as loading takes minutes; then the first candidate on offer;
    then whatever is there. From a service only a candidate is taken: it offers hundreds of models.
    """
    usable = [model for model in offered if model.chat]
    candidates = server_of(endpoint.kind, endpoint.base_url).candidates.best_for(kind)
    loaded = [model for model in usable if model.loaded]
    for group in (loaded, usable):
        for name in candidates:
            exact = (model for model in group if model.name == name)
            found = next(exact, None) or next((model for model in group if _is(model.name, name)), None)
            if found is not None:
                return found
        if group is loaded and loaded:
            return loaded[0]
    free = endpoint.kind in LOCAL or not candidates
    return usable[0] if usable and free else None


def facts_of(info: ModelInfo) -> list[str]:
    """What is known of a model, for people."""
    facts = []
    if info.loaded is not None:
        facts.append("loaded" if info.loaded else "not loaded")
    if info.window:
        facts.append(f"window {info.window:,} tokens")
    if info.largest and info.largest != info.window:
        facts.append(f"could have {info.largest:,}")
    if info.outputs is not None:
        facts.append(f"output {info.outputs[0].value}")
    if info.thinks:
        facts.append("thinks")
    if info.price is not None:
        facts.append(f"${info.price.prompt:g} in, ${info.price.completion:g} out per million tokens")
    if info.notice:
        facts.append(info.notice)
    return facts


def described() -> str:
    """The table of candidates in Markdown, for the documentation."""
    rows = ["| preset | reasoning | coding | thinking |", "| --- | --- | --- | --- |"]
    for name, server in SERVERS.items():
        found = server.candidates
        if found:
            cells = (
                ", ".join(f"`{one}`" for one in kind)
                for kind in (found.reasoning, found.coding, found.thinking)
            )
            rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(rows)


def _is(listed: str, candidate: str) -> bool:
    """Whether a listed name means a candidate; without a tag, any of Ollama's sizes does."""
    return listed == candidate or (":" not in candidate and listed.partition(":")[0] == candidate)

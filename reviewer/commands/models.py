"""`reviewer models`: what every server that can be reached offers."""

import json
import sys
from dataclasses import asdict
from functools import partial

from anyio import run as run_async

from reviewer.commands.setup import settings
from reviewer.detect import Found, look_around
from reviewer.models.model import ModelInfo
from reviewer.models.presets import facts_of
from reviewer.options import Common
from reviewer.outputs.neutral import visible

_MOST = 40


def list_models(common: Common, *, as_json: bool, everything: bool) -> int:
    """Print the models of every server that answers, and why the others do not.

    Returns:
        0 if any server answered, else 3.
    """
    in_force = settings(common)
    loaded, environment = in_force.loaded, in_force.environment
    found: list[Found] = run_async(partial(look_around, loaded, environment, describe=True))
    if as_json:
        sys.stdout.write(json.dumps([_row(item) for item in found], indent=2) + "\n")
    else:
        configured = set(loaded.settings.providers)
        for item in found:
            if item.listing.error is None or item.endpoint.name in configured or common.verbose:
                _print(item, everything=everything)
        if not any(item.listing.models for item in found):
            sys.stdout.write(
                "No model server was found. Start LM Studio, `ollama serve`, llama-server or vLLM, set a key "
                "such as OPENROUTER_API_KEY, or configure a server; `reviewer doctor` says more.\n"
            )
    return 0 if any(item.listing.models for item in found) else 3


def _print(item: Found, *, everything: bool) -> None:
    head = f"{item.endpoint.name}  {item.endpoint.address}"
    if item.listing.error is not None:
        sys.stdout.write(visible(f"{head}\n  does not answer: {item.listing.error}\n"))
        return
    sys.stdout.write(visible(f"{head}\n"))
    models = [model for model in item.listing.models or () if model.chat]
    if not models:
        sys.stdout.write("  answers, but lists no models\n")
    for model in models if everything else models[:_MOST]:
        sys.stdout.write(visible(f"  {item.endpoint.name}/{model.name}{_facts(model)}\n"))
    if len(models) > _MOST and not everything:
        sys.stdout.write(f"  and {len(models) - _MOST} more; --everything lists them\n")


def _facts(model: ModelInfo) -> str:
    facts = facts_of(model)
    return f"  ({', '.join(facts)})" if facts else ""


def _row(item: Found) -> dict[str, object]:
    return {
        "provider": item.endpoint.name,
        "base_url": item.endpoint.address,
        "error": str(item.listing.error) if item.listing.error else None,
        "models": [
            {
                "name": model.name,
                "loaded": model.loaded,
                "window": model.window,
                "largest_window": model.largest,
                "max_output": model.max_output,
                "chat": model.chat,
                "outputs": None if model.outputs is None else [mode.value for mode in model.outputs],
                "thinks": model.thinks,
                "dollars_per_million": None if model.price is None else asdict(model.price),
                "notice": model.notice,
            }
            for model in item.listing.models or ()
        ],
    }

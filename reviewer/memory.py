"""What is remembered from run to run in the user's cache, and may be lost at any time."""

import json
from pathlib import Path
from typing import Any

from reviewer.errors import OutputError
from reviewer.models.capabilities import Capabilities, from_data, to_data
from reviewer.outputs.files import write
from reviewer.prompting.tokens import Calibration

_CALIBRATION = "calibration.json"
_CAPABILITIES = "capabilities.json"


def load_calibration(folder: Path) -> Calibration:
    """What earlier runs taught about token estimates; nothing if it cannot be read."""
    data = _load(folder / _CALIBRATION)
    if not isinstance(data, dict):
        return Calibration()
    return Calibration({str(k): float(v) for k, v in data.items() if isinstance(v, int | float)})


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Remember it."""
    _save(folder / _CALIBRATION, dict(sorted(calibration.factors.items())))


def load_capabilities(folder: Path) -> Capabilities:
    """What earlier runs learned about how models want to be asked; nothing if it cannot be read."""
    return from_data(_load(folder / _CAPABILITIES))


def save_capabilities(folder: Path, known: Capabilities) -> None:
    """Remember it, if there is anything new."""
    if known.changed:
        _save(folder / _CAPABILITIES, to_data(known))


def _load(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _save(file: Path, data: Any) -> None:
    try:
        write(file, json.dumps(data, indent=1) + "\n")
    except OutputError:
        return  # a cache that cannot be written is no reason to fail

"""What is remembered from run to run in the user's cache, and may be lost at any time."""

import json
from pathlib import Path

from reviewer.errors import OutputError
from reviewer.outputs.files import write
from reviewer.prompting.tokens import Calibration

_FILE = "calibration.json"


def load_calibration(folder: Path) -> Calibration:
    """What earlier runs taught about token estimates; nothing if it cannot be read."""
    try:
        data = json.loads((folder / _FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return Calibration()
    if not isinstance(data, dict):
        return Calibration()
    return Calibration({str(k): float(v) for k, v in data.items() if isinstance(v, int | float)})


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Remember it; a cache that cannot be written is no reason to fail."""
    try:
        write(folder / _FILE, json.dumps(dict(sorted(calibration.factors.items())), indent=1) + "\n")
    except OutputError:
        return

"""The variables of this process; read here and nowhere else."""

import os
from collections.abc import Mapping


def process_environment() -> Mapping[str, str]:
    """All of them, as they are now."""
    return dict(os.environ)

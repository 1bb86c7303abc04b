"""Where the user's own files are."""

from pathlib import Path

import platformdirs


def user_file() -> Path:
    """The user's own configuration file, whether it exists or not."""
    return Path(platformdirs.user_config_dir("reviewer", appauthor=False)) / "config.toml"


def cache_folder() -> Path:
    """The folder for what may be lost at any time."""
    return Path(platformdirs.user_cache_dir("reviewer", appauthor=False))

"""Files and folders that the settings of a repository name. Nothing is imported that takes long."""

import tomllib

SETTINGS = ("reviewer.toml", "pyproject.toml")
_PLACES = (("baseline", "file"), ("defaults", "guidance_files"), ("prompts", "directories"))


def places_in(name: str, data: bytes) -> list[str]:
    """The places that a file of settings names, from the root; none if it cannot be read.

    Args:
        name: `reviewer.toml` or `pyproject.toml`.
        data: its content.
    """
    try:
        table = tomllib.loads(data.decode("utf-8-sig"))
    except ValueError:
        return []
    if name == "pyproject.toml":
        for part in ("tool", "reviewer"):
            below = table.get(part)
            table = below if isinstance(below, dict) else {}
    found: list[object] = []
    for section, key in _PLACES:
        own = table.get(section, {})
        value = own.get(key, []) if isinstance(own, dict) else []
        found += value if isinstance(value, list) else [value]
    return [place for place in found if isinstance(place, str) and place and not place.startswith("/")]

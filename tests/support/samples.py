"""Recorded responses of model servers: one file each, with status, telling headers and body."""

from pathlib import Path

from tests.support.server import Answer

FOLDER = Path(__file__).parent.parent / "models" / "samples"


def sample(provider: str, name: str) -> Answer:
    """The response in `PROVIDER/NAME.http`."""
    return read((FOLDER / provider / f"{name}.http").read_bytes())


def names(provider: str) -> list[str]:
    return sorted(file.stem for file in (FOLDER / provider).glob("*.http"))


def read(data: bytes) -> Answer:
    head, _, body = data.partition(b"\n\n")
    first, *rest = head.decode().splitlines()
    headers = tuple(
        (name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in rest)
    )
    return Answer(int(first.split()[1]), (body,), headers)

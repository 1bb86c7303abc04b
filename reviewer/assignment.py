"""Who plays a role."""

from dataclasses import dataclass

from reviewer.models.model import ModelRef
from reviewer.prompting.role import Role


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role with the models that are asked, best first."""

    role: Role
    chain: tuple[ModelRef, ...]

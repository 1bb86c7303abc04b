"""Roles that build on others."""

import pytest

from reviewer.errors import RoleError
from reviewer.prompting.role import Role, in_order, parse_role


def role(name: str, *after: str, order: int = 100) -> Role:
    names = ", ".join(f'"{one}"' for one in after)
    text = f'+++\ntitle = "{name}"\nfocus = "f"\norder = {order}\nafter = [{names}]\n+++\nLook.\n'
    return parse_role(text, name=name, source=f"{name}.md.j2")


def ordered(*roles: Role) -> list[str]:
    return list(in_order({one.name: one for one in roles}))


ORDERS = {
    "nobody waits": ((role("a"), role("b")), ["a", "b"]),
    "the first waits for the last": ((role("a", "c"), role("b"), role("c")), ["b", "c", "a"]),
    "a chain": ((role("a", "b"), role("b", "c"), role("c")), ["c", "b", "a"]),
    "two wait for one": ((role("a", "c"), role("b", "c"), role("c")), ["c", "a", "b"]),
}


@pytest.mark.parametrize(("roles", "names"), ORDERS.values(), ids=ORDERS)
def test_order(roles, names):
    assert ordered(*roles) == names


WRONG = {
    "unknown": (
        (role("a", "architectur"), role("architecture")),
        "a.md.j2:5: `after` names no role: `architectur`; did you mean `architecture`?",
    ),
    "nothing like it": ((role("a", "zzz"),), "a.md.j2:5: `after` names no role: `zzz`; roles: a"),
    "itself": ((role("a", "a"),), "a.md.j2:5: roles build on each other in a circle: a after a"),
    "two": (
        (role("a", "b"), role("b", "a")),
        "a.md.j2:5: roles build on each other in a circle: a after b after a",
    ),
    "one that waits for a circle": (
        (role("x", "a"), role("a", "b"), role("b", "c"), role("c", "a")),
        "a.md.j2:5: roles build on each other in a circle: a after b after c after a",
    ),
}


@pytest.mark.parametrize(("roles", "message"), WRONG.values(), ids=WRONG)
def test_wrong_orders_name_file_and_line(roles, message):
    with pytest.raises(RoleError) as caught:
        ordered(*roles)
    assert str(caught.value) == message

"""The roles that ship."""

from reviewer.prompting.role import Role, built_in_folder, load_roles


def reviewing_roles() -> dict[str, Role]:
    """Those that run unless something else is said, by name."""
    return {name: role for name, role in load_roles([built_in_folder()]).items() if role.enabled}

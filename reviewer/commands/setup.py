"""What most commands begin with: settings, roles and templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from reviewer.config.load import Loaded, Sources, flag_key, load, named_key, process_environment
from reviewer.errors import ConfigError, UsageError, UserError
from reviewer.findings.baseline import Baseline
from reviewer.findings.baseline import parse as parse_baseline
from reviewer.options import Common
from reviewer.outputs.registry import FORMS
from reviewer.prompting.prompt import Wording
from reviewer.prompting.role import REPOSITORY_FOLDER, Role, built_in_folder, load_partials, load_roles
from reviewer.prompting.template import Templates
from reviewer.prompting.trial import check_partials, check_role


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that is read before anything is asked.

    Attributes:
        loaded: the settings.
        environment: the process's variables.
        roles: all roles by name, in running order.
        wording: their templates.
        baseline: accepted findings; None if there is no such file.
    """

    loaded: Loaded
    environment: Mapping[str, str]
    roles: Mapping[str, Role]
    wording: Wording
    baseline: Baseline | None = None


def settings(common: Common) -> tuple[Loaded, Mapping[str, str]]:
    """The settings in force, and the environment they were read from.

    Raises:
        ConfigError: something in them is wrong.
    """
    environment = process_environment()
    flags = {flag_key(key): value for key, value in common.flags.items()}
    for role, models in common.role_models.items():
        flags[named_key("roles", role, "models")] = ("--model", models)
    sources = Sources(common.directory, environment, flags, common.config, common.use_files)
    return load(sources), environment


def prepare(common: Common) -> Setup:
    """Read settings and role files, and check that every template can be rendered.

    Raises:
        ConfigError: a setting is wrong, or one for a role that does not exist.
        RoleError: a role file is broken.
    """
    loaded, environment = settings(common)
    folders = [built_in_folder(), *role_folders(loaded, common.prompts)]
    roles = load_roles(folders)
    wording = Wording(Templates(load_partials(folders)), loaded.settings.defaults.guidance)
    check_partials(wording)
    for role in roles.values():
        check_role(role, wording)
    for name in loaded.settings.roles:
        if name not in roles:
            raise ConfigError(
                f"{loaded.origin(named_key('roles', name, 'models'))}: {_unknown_role(name, roles)}"
            )
    baseline, _ = baseline_of(loaded)
    return Setup(loaded, environment, roles, wording, baseline)


def baseline_of(loaded: Loaded) -> tuple[Baseline | None, Path]:
    """The accepted findings, None if there is no such file, and where the file is.

    Raises:
        ConfigError: the file cannot be read, or is no baseline.
    """
    place = loaded.root / loaded.settings.baseline.file
    try:
        text = place.read_text("utf-8")
    except FileNotFoundError:
        return None, place
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: cannot be read: {error}") from error
    return parse_baseline(text, name=str(place)), place


def chosen_roles(setup: Setup, names: Sequence[str]) -> dict[str, Role]:
    """The roles to run: those named, else all that are enabled.

    Raises:
        UsageError: a name means no role, or none is left.
        ConfigError: a role builds on one that is switched off.
    """
    for name in names:
        if name not in setup.roles:
            raise UsageError(_unknown_role(name, setup.roles))
    wanted = set(names) or {name for name in setup.roles if is_enabled(setup, name)}
    if names:
        # A role that builds on others is nothing without them.
        for name in reversed(list(setup.roles)):
            wanted |= set(setup.roles[name].after) if name in wanted else set()
    for name in sorted(wanted):
        if missing := [other for other in setup.roles[name].after if other not in wanted]:
            raise ConfigError(
                f"role {name} builds on {missing[0]}, which is switched off; switch that on, or {name} off."
            )
    chosen = {name: role for name, role in setup.roles.items() if name in wanted}
    if not chosen:
        raise UsageError("every role is switched off in the configuration; name one with --role.")
    return chosen


def is_enabled(setup: Setup, name: str) -> bool:
    """Whether a role runs when nobody names it: as the settings say, or else its file."""
    own = setup.loaded.settings.roles.get(name)
    return setup.roles[name].enabled if own is None or own.enabled is None else own.enabled


def _unknown_role(name: str, roles: Mapping[str, Role]) -> str:
    near = [role for role in roles if name and role.startswith(name)] or get_close_matches(name, roles, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"there is no role named {name!r}. Roles: {', '.join(roles)}.{hint}"


def check_formats(formats: Sequence[str], error: type[UserError] = ConfigError) -> None:
    """Check the forms that a report is to have.

    Raises:
        UserError: there are none, or one is unknown; of the given type.
    """
    known = ", ".join(FORMS)
    if not formats:
        raise error(f"report.formats is empty, so that no report would be written; known ones: {known}.")
    for name in formats:
        if name not in FORMS:
            raise error(f"there is no report format {name!r}; known ones: {known}.")


def shown_path(path: Path, directory: Path) -> str:
    """A path relative to the working directory where it lies below."""
    try:
        return str(path.relative_to(directory))
    except ValueError:
        return str(path)


def newest_report(folder: Path) -> Path | None:
    """The newest of the JSON reports that runs have left in a folder, or None."""
    # Other forms end in .json too; the names of runs hold no dot.
    return max((file for file in folder.glob("review-*.json") if "." not in file.stem), default=None)


def role_folders(loaded: Loaded, directories: Sequence[Path]) -> list[Path]:
    """Folders with the user's own role files, those of flags last so that they win.

    Raises:
        ConfigError: a folder is missing.
    """
    own = loaded.root / REPOSITORY_FOLDER
    configured = [loaded.root / directory for directory in loaded.settings.prompts.directories]
    for folder in (*configured, *directories):
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder with role files.")
    return [*([own] if own.is_dir() else []), *configured, *directories]

"""What most commands begin with: settings, roles and templates."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from reviewer.authority import AUTO, Authority, authority
from reviewer.changes.target import Place, Target
from reviewer.changes.trusted import Folder, TrustedFiles
from reviewer.ci import ci_of
from reviewer.config.environment import process_environment
from reviewer.config.keys import flag_key, named_key
from reviewer.config.layers import SETTINGS_FROM
from reviewer.config.load import Loaded, Sources, load, repository_root
from reviewer.credentials import credentials
from reviewer.errors import ConfigError, SourceError, UsageError, UserError
from reviewer.findings.baseline import Baseline
from reviewer.findings.baseline import parse as parse_baseline
from reviewer.guidance import guidance_of
from reviewer.options import Common
from reviewer.outputs.registry import FORMS
from reviewer.prompting.prompt import Wording
from reviewer.prompting.role import REPOSITORY_FOLDER, Role, built_in_folder, load_partials, load_roles
from reviewer.prompting.template import Templates
from reviewer.prompting.trial import check_partials, check_role
from reviewer.trust import load_trusted


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that is read before anything is asked.

    Attributes:
        loaded: the settings.
        environment: the process's variables.
        roles: all roles by name, in running order.
        wording: their templates.
        baseline: accepted findings; None if there is no such file.
        authority: which version of the repository's own files decides.
        notes: what a reader of the report should know about all that, one sentence each.
    """

    loaded: Loaded
    environment: Mapping[str, str]
    authority: Authority
    roles: Mapping[str, Role]
    wording: Wording
    baseline: Baseline | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InForce:
    """The settings in force, the environment they were read from, and whose files decide."""

    loaded: Loaded
    environment: Mapping[str, str]
    authority: Authority


def sources_of(
    common: Common, target: Target | None = None, who: Authority | None = None
) -> tuple[Sources, Authority]:
    """Where settings come from, and whose files decide.

    Args:
        common: what every command takes.
        target: what is to be reviewed, if anything is.
        who: whose files decide, where that is known already.

    Raises:
        SourceError: the commit that should decide is not in this clone.
        ConfigError: what the user has agreed to cannot be read.
    """
    environment = process_environment()
    wish = common.settings_from or environment.get(SETTINGS_FROM, "") or AUTO
    root = repository_root(common.directory)
    if who is None or wish != AUTO:
        who = authority(common.directory, root, target, wish, ci_of(environment))
    flags = {flag_key(key): value for key, value in common.flags.items()}
    for role, models in common.role_models.items():
        flags[named_key("roles", role, "models")] = ("--model", models)
    sources = Sources(
        common.directory,
        environment,
        flags,
        common.config,
        common.use_files,
        who.files,
        load_trusted().of(root),
        common.user_file,
    )
    return sources, who


def settings(common: Common, target: Target | None = None, who: Authority | None = None) -> InForce:
    """The settings in force.

    Args:
        common: what every command takes.
        target: what is to be reviewed, if anything is.
        who: whose files decide, where that is known already.

    Raises:
        ConfigError: something in them is wrong.
        SourceError: the commit that should decide is not in this clone.
    """
    sources, who = sources_of(common, target, who)
    return InForce(load(sources), sources.environment, who)


def prepare(
    common: Common, target: Target | None = None, who: Authority | None = None, purpose: str = ""
) -> Setup:
    """Read settings and role files, and check that every template can be rendered.

    Args:
        common: what every command takes.
        target: what is to be reviewed, if anything is.
        who: whose files decide, where that is known already.
        purpose: what the author of the change says about it.

    Raises:
        ConfigError: a setting is wrong, or one for a role that does not exist.
        RoleError: a role file is broken.
        SourceError: the commit that should decide is not in this clone.
    """
    in_force = settings(common, target, who)
    loaded = in_force.loaded
    folders = [built_in_folder(), *role_folders(loaded, common.prompts)]
    roles = load_roles(folders)
    defaults = loaded.settings.defaults
    guidance = guidance_of(defaults.guidance, defaults.guidance_files, loaded.repository_files)
    wording = Wording(Templates(load_partials(folders)), guidance.text, purpose=purpose)
    check_partials(wording)
    for role in roles.values():
        check_role(role, wording)
    for name in loaded.settings.roles:
        if name not in roles:
            raise ConfigError(
                f"{loaded.origin(named_key('roles', name, 'models'))}: {_unknown_role(name, roles)}"
            )
    baseline, _ = baseline_of(loaded)
    return Setup(loaded, in_force.environment, in_force.authority, roles, wording, baseline, guidance.notes)


def place_of(common: Common, setup: Setup) -> Place:
    """Where to collect from, and whose lists of left-out files count."""
    who = setup.authority
    notes = (*([who.note] if who.note else []), *setup.notes)
    return Place(common.directory, who.files, notes, who.may_excuse_itself)


def baseline_of(loaded: Loaded) -> tuple[Baseline | None, Path]:
    """The accepted findings, None if there is no such file, and where the file is.

    Raises:
        ConfigError: the file cannot be read, or is no baseline.
    """
    file = loaded.settings.baseline.file
    place = loaded.root / file
    if loaded.is_of_user(flag_key("baseline.file")):
        name, text = str(place), read_text(place)
    else:
        name, text = loaded.repository_files.label(file), text_of(loaded.repository_files, file)
    return None if text is None else parse_baseline(text, name=name), place


def read_text(place: Path) -> str | None:
    """A file of the user's, or None if there is none.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return place.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: cannot be read: {error}") from error


def text_of(files: TrustedFiles, path: str) -> str | None:
    """A file of the repository in the version that decides, or None if there is none.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """
    try:
        data = files.read(path)
        return None if data is None else data.decode("utf-8")
    except SourceError as error:
        raise ConfigError(str(error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{files.label(path)}: cannot be read: {error}") from error


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


def own_keys(setup: Setup) -> list[str]:
    """The values of all keys that this program may use: nothing that it sends or writes holds one."""
    configured = [own.api_key_env or "" for own in setup.loaded.settings.providers.values()]
    return credentials(setup.environment, configured)


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


def newest_report(folder: Path, *, but: Collection[Path] = ()) -> Path | None:
    """The newest of the JSON reports that runs have left in a folder, or None.

    Args:
        folder: where to look.
        but: files that do not count.
    """
    # Other forms end in .json too; the names of runs hold no dot.
    found = (file for file in folder.glob("review-*.json") if "." not in file.stem)
    return max((file for file in found if file.resolve() not in but), default=None)


def role_folders(loaded: Loaded, directories: Sequence[Path]) -> list[Traversable]:
    """Folders with further role files: the repository's, then the user's, last those of flags, which win.

    Raises:
        ConfigError: a folder is missing.
    """
    files, listed = loaded.repository_files, loaded.settings.prompts.directories
    own: list[Traversable] = [Folder(files, REPOSITORY_FOLDER)]
    if loaded.is_of_user(flag_key("prompts.directories")):
        configured: list[Traversable] = [loaded.root / directory for directory in listed]
    else:
        configured = [Folder(files, PurePosixPath(directory).as_posix()) for directory in listed]
    for folder in (*configured, *directories):
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder with role files.")
    return [*(folder for folder in own if folder.is_dir()), *configured, *directories]

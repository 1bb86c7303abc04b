"""What may stand in a configuration file, with every default. Unknown keys are errors."""

import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from reviewer.models.servers import SERVERS

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(value: Any) -> Any:
    """Seconds from a number or from `90`, `90s`, `10m`, `1.5h`."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", value)
    if match is None:
        raise ValueError("write seconds as a number, or a duration such as 90s, 10m or 1.5h")
    return float(match[1]) * _UNITS[match[2]]


def _list_of(value: Any) -> Any:
    """A list from a text with commas, as environment variables and flags have it."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Seconds = Annotated[float, BeforeValidator(seconds_of), Field(gt=0)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_list_of)]
KINDS = (*sorted(SERVERS), "builtin", "scripted")


def _known_kind(value: str) -> str:
    if value in KINDS:
        return value
    near = get_close_matches(value, KINDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"kind is one of {', '.join(KINDS)}{hint}")


def _variable_name(value: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        return value
    raise ValueError("name the environment variable that holds the key, such as LAB_KEY; not the key itself")


Kind = Annotated[str, AfterValidator(_known_kind)]
Variable = Annotated[str, AfterValidator(_variable_name)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Defaults(_Table):
    """What holds for roles that say nothing else."""

    model: str | None = Field(None, description="provider/model for roles that name none")
    detect: bool = Field(True, description="look for local servers and known keys when no model is named")
    guidance: str = Field("", description="a text of your own that every reviewer gets")
    guidance_files: Texts = Field(
        ("REVIEW.md", "AGENTS.md", "CLAUDE.md"),
        description="files at the repository's root whose text every reviewer gets, 6,000 characters in all",
    )


class Provider(_Table):
    """A model server."""

    kind: Kind | None = Field(
        None, description="how to speak to it; the provider's name if that is a known kind"
    )
    base_url: str | None = Field(None, description="address, usually ending in /v1")
    api_key_env: Variable | None = Field(None, description="environment variable that holds the key")
    concurrency: Annotated[int, Field(ge=1, le=200)] | None = Field(None, description="requests at once")
    timeout: Seconds | None = Field(None, description="longest silence of the server while it answers")
    window: Annotated[int, Field(ge=1024)] | None = Field(
        None, description="tokens of its models' window, if the server does not tell the truth about it"
    )
    lists_all: bool = Field(
        True, description="false if it answers for models that its list does not name; these are asked then"
    )
    replies: str | None = Field(None, description="folder with prepared replies (kind scripted only)")
    redact: bool = Field(
        True, description="take secrets out of what is sent; false only for a server of this machine"
    )


class Role(_Table):
    """What is different for one role."""

    models: Texts = Field((), description="provider/model, the primary one first, then fallbacks")
    enabled: bool | None = Field(
        None, description="whether the role runs when no --role is given; as its file says by default"
    )


class GateTable(_Table):
    """What makes the exit status 1."""

    fail_on: Literal["critical", "major", "minor", "none"] = Field(
        "none", description="least severity of a finding that makes the run fail"
    )


class Report(_Table):
    """What is written, and where to."""

    directory: str = Field("reports", description="folder for reports, relative to the working directory")
    formats: Texts = Field(("md", "json"), description="which forms to write")
    min_severity: Literal["critical", "major", "minor"] = Field(
        "minor", description="less severe findings are counted but not shown"
    )
    min_votes: Annotated[int, Field(ge=1, le=20)] = Field(
        1,
        description="findings that fewer models say or confirm are set aside; of use from five reviewers on",
    )


class Scope(_Table):
    """Which files are reviewed."""

    include: Texts = Field((), description="gitignore-style patterns; if any, only these files")
    exclude: Texts = Field((), description="gitignore-style patterns of files to leave out")
    max_file_bytes: Annotated[int, Field(ge=1000)] = Field(
        1_000_000, description="a file with more changed text is not reviewed"
    )


class Run(_Table):
    """Bounds of a run."""

    timeout: Seconds = Field(
        1800.0, description="for asking all models; then the rest is reported as missing"
    )
    role_timeout: Seconds | None = Field(
        None, description="for asking the models of one role; then the rest of it is reported as missing"
    )
    call_timeout: Seconds = Field(600.0, description="for one request")
    concurrency: Annotated[int, Field(ge=1, le=200)] | None = Field(
        None, description="requests at once to each server, in place of the server's own setting"
    )
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(
        3, description="requests for one prompt to one model"
    )


class Verify(_Table):
    """The second pass: findings are checked by a model that did not make them."""

    mode: Literal["auto", "on", "off"] = Field(
        "auto",
        description="auto: if two different models are at hand; on: say so if they are not; off: never",
    )
    models: Texts = Field(
        (), description="provider/model of those who check, best first; the models of the roles by default"
    )
    min_severity: Literal["critical", "major", "minor"] = Field(
        "minor", description="less severe findings are not checked, to save tokens"
    )


class SynthesisTable(_Table):
    """A fourth voice that writes the summary."""

    models: Texts = Field(
        (), description="provider/model that writes summary and actions, best first; none: they are computed"
    )


class BaselineTable(_Table):
    """Findings that are accepted."""

    file: str = Field(
        ".reviewer/baseline.json", description="accepted findings, relative to the repository's root"
    )


class Prompts(_Table):
    """Where role files are."""

    directories: Texts = Field((), description="further folders with role files, besides .reviewer/prompts")


class Settings(_Table):
    """A whole configuration file."""

    defaults: Defaults = Defaults()
    providers: dict[str, Provider] = Field(default_factory=dict)
    roles: dict[str, Role] = Field(default_factory=dict)
    gate: GateTable = GateTable()
    report: Report = Report()
    scope: Scope = Scope()
    run: Run = Run()
    verify: Verify = Verify()
    synthesis: SynthesisTable = SynthesisTable()
    baseline: BaselineTable = BaselineTable()
    prompts: Prompts = Prompts()


NAMED: dict[str, type[BaseModel]] = {"providers": Provider, "roles": Role}
"""Tables whose second part is a name of the user's choice."""


def known_keys() -> list[str]:
    """Every dotted key that may be set, with `NAME` for names of the user's choice."""
    found = []
    for section, field in Settings.model_fields.items():
        if section in NAMED:
            found += [f"{section}.NAME.{key}" for key in NAMED[section].model_fields]
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += [f"{section}.{key}" for key in field.annotation.model_fields]
    return found

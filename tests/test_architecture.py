"""The rules of docs/architecture.md, read off the imports."""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import reviewer
from reviewer.config.schema import KINDS as CONFIGURABLE
from reviewer.models.providers import PROTOCOLS
from reviewer.models.registry import KINDS
from reviewer.models.servers import HOSTED, LOCAL, SERVERS
from reviewer.outputs.registry import FORMS

PACKAGE = Path(reviewer.__file__).parent
STAGES = ["changes", "prompting", "models", "findings", "outputs"]
"""A stage may use what comes before it, and nothing that comes after it."""

OWNERS = {
    "git": {"reviewer.changes.git"},
    "pathspec": {"reviewer.changes.select", "reviewer.prompting.batch"},
    "jinja2": {"reviewer.prompting.template"},
    "httpx": {"reviewer.models.transport"},
    "httpx_sse": {"reviewer.models.transport"},
    "tenacity": {"reviewer.models.sending"},
    "json_repair": {"reviewer.findings.extract"},
    "yaml": {"reviewer.findings.extract"},
    "rich": {"reviewer.console"},
    "lizard": {"reviewer.models.builtin.complexity"},
    "detect_secrets": {"reviewer.changes.secret_formats"},
    "ruff": {"reviewer.models.builtin.ruff_rules"},
    "tree_sitter": {"reviewer.findings.syntax"},
    "filelock": {"reviewer.shared_breakers"},
    "platformdirs": {"reviewer.config.places", "reviewer.crash"},
}
"""Each library has one owner, so that replacing it means changing one file."""

SMALL = {"reviewer.errors", "reviewer.events"}
"""Values that every stage may use."""

FILE_LINES, FUNCTION_LINES = 300, 40


def modules() -> dict[str, ast.Module]:
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(file.read_text("utf-8"))
    return found


MODULES = modules()


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def stage(name: str) -> int | None:
    parts = name.split(".")
    return STAGES.index(parts[1]) if len(parts) > 1 and parts[1] in STAGES else None


def test_a_stage_uses_only_those_before_it():
    wrong = [
        f"{name} imports {target}"
        for name, tree in MODULES.items()
        if (mine := stage(name)) is not None
        for target in imports(tree)
        if (other := stage(target)) is not None and other > mine
    ]
    assert wrong == []


def test_a_stage_does_not_know_the_program_around_it():
    around = {
        "cli",
        "commands",
        "config",
        "console",
        "detect",
        "endpoints",
        "interview",
        "pipeline",
        "plan",
        "staffing",
        "appraise",
        "asking",
        "crew",
        "record",
        "standing",
        "verification",
        "examining",
        "assignment",
        "chains",
        "coverage",
        "pending",
        "excerpts",
        "following",
        "policy",
        "mending",
        "fates",
        "rereading",
        "since",
        "synthesis",
        "assemble",
        "accounting",
        "circumstances",
        "hookcache",
        "hosts",
        "publishing",
        "authority",
        "guidance",
        "ci",
        "subcommands",
        "trust",
        "logfile",
        "memory",
        "shared_breakers",
    }
    wrong = [
        f"{name} imports {target}"
        for name, tree in MODULES.items()
        if stage(name) is not None
        for target in imports(tree)
        if target.startswith("reviewer.") and target.split(".")[1] in around
    ]
    assert wrong == []


def test_only_the_entrance_knows_the_commands():
    wrong = [
        name
        for name, tree in MODULES.items()
        if name not in {"reviewer.cli", "reviewer.__main__"}
        and not name.startswith("reviewer.subcommands")
        and not name.startswith("reviewer.commands")
        for target in imports(tree)
        if target.startswith(("reviewer.commands", "reviewer.cli"))
    ]
    assert wrong == []


def test_only_commands_and_settings_know_the_settings():
    """Below the plan nobody reads settings; functions get the values that they need."""
    allowed = {
        "reviewer.circumstances",  # where the cache is
        "reviewer.endpoints",
        "reviewer.detect",
        "reviewer.chains",
        "reviewer.staffing",
        "reviewer.trust",  # which lies beside the user's own
    }
    wrong = [
        name
        for name, tree in MODULES.items()
        if not name.startswith(("reviewer.commands", "reviewer.config", "reviewer.subcommands"))
        and name not in allowed
        for target in imports(tree)
        if target.startswith("reviewer.config")
    ]
    assert wrong == []


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_has_one_owner(library):
    users = {
        name for name, tree in MODULES.items() for target in imports(tree) if target.split(".")[0] == library
    }
    assert users == OWNERS[library]


def test_protocols_import_no_http_library():
    for name, tree in MODULES.items():
        if name.startswith("reviewer.models.providers"):
            used = {target.split(".")[0] for target in imports(tree) if not target.startswith("urllib.parse")}
            assert not used & {"httpx", "requests", "http"}, name
            assert not {target for target in imports(tree) if target.startswith("urllib.request")}, name


def test_adapters_do_not_import_each_other():
    folders = ["reviewer.models.providers", "reviewer.commands"]
    shared = {
        "reviewer.models.providers.base",
        "reviewer.models.providers.completions",
        "reviewer.models.providers.reading",
        "reviewer.commands.setup",
        "reviewer.commands.conducting",
        "reviewer.commands.reviewing",
        "reviewer.commands.pulling",
        "reviewer.commands.delivery",
        "reviewer.commands.workflow",
    }
    for folder in folders:
        for name, tree in MODULES.items():
            if name.startswith(f"{folder}."):
                others = {t for t in imports(tree) if t in MODULES and t.startswith(f"{folder}.")}
                assert others <= shared | {name}, name


def test_no_cycles():
    graph = {name: {t for t in imports(tree) if t in MODULES and t != name} for name, tree in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name in done:
            return
        for target in sorted(graph[name]):
            visit(target, (*path, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_environment_is_read_in_one_place():
    users = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    assert users == {"reviewer.config.environment"}


def test_broad_handlers_are_at_the_top_and_around_each_prompt_only():
    found = []
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                if caught in {"everything", "Exception", "BaseException"}:
                    reraises = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
                    found += [] if reraises else [name]
    assert found == ["reviewer.asking", "reviewer.asking", "reviewer.cli"]


def test_no_module_without_a_charter():
    banned = {"utils", "util", "helpers", "common", "core", "manager", "misc"}
    assert not {name for name in MODULES if name.split(".")[-1] in banned}
    assert [name for name, tree in MODULES.items() if not ast.get_docstring(tree)] == []


def test_registries_are_complete():
    assert set(KINDS) == {*SERVERS, "builtin", "scripted"} == set(CONFIGURABLE)
    assert set(PROTOCOLS) == set(SERVERS)
    assert {*LOCAL, *HOSTED} <= set(SERVERS)
    forms = {
        "markdown": "md",
        "json_report": "json",
        "prometheus": "prom",
        "sarif": "sarif",
        "annotations": "github",
        "gitlab": "gitlab",
        "rdjson": "rdjson",
        "junit": "junit",
    }
    present = {name.split(".")[-1] for name in MODULES if name.startswith("reviewer.outputs.")}
    assert {forms[name] for name in present & set(forms)} == set(FORMS)
    roles = {file.name.removesuffix(".md.j2") for file in (PACKAGE.parent / "prompts").glob("*.md.j2")}
    assert roles == {"architecture", "code_quality", "deep_analysis", "fixes"}


def test_every_module_has_its_tests_or_is_run_by_the_real_command():
    for folder in STAGES:
        assert list((Path(__file__).parent / folder).glob("test_*.py")), folder


def test_sizes():
    """Long files and functions are a warning in the output, not a failure."""
    notes = []
    for name, tree in MODULES.items():
        length = max(
            (node.end_lineno or 0 for node in ast.walk(tree) if hasattr(node, "end_lineno")), default=0
        )
        if length > FILE_LINES:
            notes.append(f"{name}: {length} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                doc = node.body[0].end_lineno - node.body[0].lineno + 1 if ast.get_docstring(node) else 0  # type: ignore[operator]
                size = (node.end_lineno or 0) - node.lineno + 1 - doc
                if size > FUNCTION_LINES:
                    notes.append(f"{name}.{node.name}: {size} lines")
    if notes:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn("larger than advised: " + "; ".join(notes), stacklevel=1)

"""What the guides say is tried: every configuration is run, every command is one, every list is complete."""

import re
import shlex
import tomllib
from typing import Any

import pytest

from reviewer.cli import _parser, main
from reviewer.models.presets import described
from reviewer.models.servers import SERVERS
from reviewer.outputs import json_report
from tests.support.messages import messages
from tests.support.server import running
from tests.support.services import AllServices
from tests.support.shared import ROOT
from tests.support.trusting import agree

DOCS = ROOT / "docs"
ROLES = ("architecture", "code_quality", "deep_analysis")
CODE = 'def mean(items):\n    """Mean of some numbers."""\n    return sum(items) / len(items)\n'


def blocks(name: str) -> list[Any]:
    """The configurations of a guide, each under the heading before it."""
    found: list[Any] = []
    heading = name
    for match in re.finditer(
        r"^#+ ([^\n]+)$|^```toml\n(.*?)^```$", (DOCS / name).read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        if match[1]:
            heading = match[1]
        else:
            found.append(pytest.param(match[2], id=f"{name}: {heading} {len(found) + 1}"))
    return found


def chains(settings: dict[str, Any]) -> dict[str, list[str]]:
    """The models of each role, as a configuration names them."""
    default = settings.get("defaults", {}).get("model")
    roles = settings.get("roles", {})
    return {name: roles.get(name, {}).get("models") or [default] for name in ROLES}


def provider_of(model: str) -> str:
    return model.partition("/")[0]


def offered(settings: dict[str, Any]) -> dict[str, list[str]]:
    """All models that a configuration names, and the candidates of presets, by provider."""
    made: dict[str, list[str]] = {}
    for model in [model for chain in chains(settings).values() for model in chain]:
        provider, _, name = model.partition("/")
        candidates = SERVERS[provider].candidates if provider in SERVERS else None
        names = (
            [name]
            if name
            else (candidates and [*candidates.reasoning, *candidates.coding, *candidates.thinking])
        )
        made.setdefault(provider, []).extend(names or ["what-is-loaded"])
    return made


def with_addresses(text: str, settings: dict[str, Any], root: str) -> str:
    """A configuration with the addresses of its providers on this machine; nothing else is changed."""
    for provider in offered(settings):
        kind = settings.get("providers", {}).get(provider, {}).get("kind", provider)
        path = {"ollama": "", "gemini": "/v1beta"}.get(kind, "/v1")
        line = f'base_url = "{root}/{provider}{path}"\n'
        head = f"[providers.{provider}]\n"
        if head not in text:
            text += f"\n{head}{line}"
        elif "base_url" in settings["providers"][provider]:
            text = re.sub(
                rf"(?<={re.escape(head)})(.*?)base_url = .*?\n",
                rf"\g<1>{line}",
                text,
                count=1,
                flags=re.DOTALL,
            )
        else:
            text = text.replace(head, head + line)
    return text


@pytest.mark.parametrize("text", [*blocks("models.md"), *blocks("configuration.md")])
def test_every_configuration_that_is_shown_runs(text, repo, monkeypatch):
    """Each role is answered by the first model that the guide gives it, or the preset's first candidate."""
    settings = tomllib.loads(text)
    repo.commit({"stats.py": CODE})
    monkeypatch.chdir(repo.root)
    names = {key for provider in SERVERS.values() if (key := provider.key_name)}
    names |= {own["api_key_env"] for own in settings.get("providers", {}).values() if "api_key_env" in own}
    for name in names:
        monkeypatch.setenv(name, "sk-guide")
    with running(AllServices(offered(settings))) as server:
        repo.write("reviewer.toml", with_addresses(text, settings, server.root))
        agree(repo.root)
        assert main(["run", "--commit", "HEAD", "-q", "-o", "../r.json"]) == 0
        assert set(map(provider_of, server.asked)) == {provider_of(c[0]) for c in chains(settings).values()}
    report = json_report.parse((repo.root.parent / "r.json").read_text("utf-8"), name="r.json")
    answered = {review.role: review.model for review in report.reviews}
    for role, (first, *_) in chains(settings).items():
        assert answered[role] == first or answered[role].startswith(f"{first}/")


def test_the_guide_has_the_table_of_presets():
    assert described() in (DOCS / "models.md").read_text("utf-8")


COMMANDS = [
    (file.name, line.partition("#")[0].strip())
    for file in sorted([*DOCS.glob("*.md"), ROOT / "README.md"])
    for line in re.findall(r"^    (reviewer [a-z].*)$", file.read_text("utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize(("name", "line"), COMMANDS)
def test_every_command_that_is_shown_is_one(name, line):
    """Its words are taken by the parser; what it would do is tried elsewhere."""
    arguments = shlex.split(line.partition(" | ")[0].replace("[PATH...]", "PATH"))[1:]
    _parser().parse_args(arguments)  # ends the program where it is none


def test_there_are_commands_and_configurations():
    assert len(COMMANDS) > 10
    assert len(blocks("models.md")) > 10


def entries() -> list[str]:
    """The messages of the guide to trouble, without what marks them as code; a cut one ends in a gap."""
    text = (DOCS / "troubleshooting.md").read_text("utf-8")
    found = re.findall(r"^- (`+) ?(.+?) ?\1: (?=\S)", re.sub(r"\n  (?=\S)", " ", text), re.MULTILINE)
    return [message for _, message in found if not message.startswith("PROVIDER (")]


def explains(entry: str, message: str) -> bool:
    return entry == message or (entry.endswith(" …") and len(entry) > 60 and message.startswith(entry[:-1]))


def test_every_message_has_an_entry():
    known = entries()
    assert [text for text in messages() if not any(explains(entry, text) for entry in known)] == []


def test_every_entry_is_about_a_message():
    said = messages()
    assert [entry for entry in entries() if not any(explains(entry, text) for text in said)] == []
    assert len(entries()) == len(set(entries())) > 150

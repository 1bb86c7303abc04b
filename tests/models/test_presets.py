"""Which model is taken when only the server is named, and how quickly a known one is checked."""

import time

import anyio
import pytest

from reviewer.cli import main
from reviewer.models.catalog import Catalog
from reviewer.models.model import Endpoint, ModelInfo, ModelRef
from reviewer.models.presets import choose
from reviewer.models.servers import HOSTED, LOCAL, SERVERS
from reviewer.prompting.role import ModelKind
from tests.support.person import Person
from tests.support.server import ChatServer, honest, running


def chosen(provider: str, offered: list[ModelInfo], kind: ModelKind = ModelKind.CODING) -> str | None:
    endpoint = Endpoint(
        provider, provider, SERVERS[provider].urls[0] if SERVERS[provider].urls else "http://x"
    )
    found = choose(endpoint, offered, kind)
    return found.name if found else None


CASES = {
    "what is loaded wins": ("lmstudio", [ModelInfo("qwen/qwen3-coder-30b", loaded=False), ModelInfo("my-own", loaded=True)], "my-own"),
    "of what is loaded, a candidate": ("lmstudio", [ModelInfo("my-own", loaded=True), ModelInfo("openai/gpt-oss-20b", loaded=True)], "openai/gpt-oss-20b"),
    "the first candidate on offer": ("lmstudio", [ModelInfo("a"), ModelInfo("openai/gpt-oss-20b"), ModelInfo("qwen/qwen3-coder-30b")], "qwen/qwen3-coder-30b"),
    "anything on this machine": ("lmstudio", [ModelInfo("e", chat=False), ModelInfo("b")], "b"),
    "any size of a name without one": ("ollama", [ModelInfo("qwen3-coder:30b", loaded=False)], "qwen3-coder:30b"),
    "the served model": ("llamacpp", [ModelInfo("model.gguf")], "model.gguf"),
    "a candidate of a service": ("openai", [ModelInfo("gpt-4"), ModelInfo("gpt-5.4-mini")], "gpt-5.4-mini"),
    "no guess with a price": ("openai", [ModelInfo("gpt-2")], None),
    "nothing": ("lmstudio", [], None),
}  # fmt: skip


@pytest.mark.parametrize(("provider", "offered", "expected"), CASES.values(), ids=CASES)
def test_choices(provider, offered, expected):
    assert chosen(provider, offered) == expected


@pytest.mark.parametrize("provider", [*LOCAL, *HOSTED])
def test_every_preset_has_its_candidates(provider):
    """Servers that serve one model need none; the others have some for every kind of role."""
    candidates = SERVERS[provider].candidates
    if provider in {"llamacpp", "vllm"}:
        assert not candidates
        return
    for kind in (ModelKind.REASONING, ModelKind.CODING, ModelKind.THINKING):
        names = candidates.best_for(kind)
        assert chosen(provider, [ModelInfo(name) for name in reversed(names)], kind) == names[0]


def test_each_role_gets_its_own_candidate(repo, monkeypatch, capsys):
    repo.commit({"a.py": "x = 1\n"})
    repo.commit({"a.py": "x = 2\n"})
    monkeypatch.chdir(repo.root)
    with running(ChatServer(default=honest)) as server:
        (repo.root.parent / "own.toml").write_text(f'[providers.openrouter]\nbase_url = "{server.url}"\n')
        server.models = ("deepseek/deepseek-v4-pro", "deepseek/deepseek-v4-flash", "openai/gpt-5.5")
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-x")
        command = [
            "run",
            "HEAD~1..HEAD",
            "--config",
            "../own.toml",
            "--model",
            "openrouter",
            "-o",
            "../r.json",
        ]
        assert main(command) == 0
        asked = sorted(body["model"] for body in server.requests)
    assert asked == ["deepseek/deepseek-v4-flash", "deepseek/deepseek-v4-pro", "openai/gpt-5.5"]


REFUSED = [
    ("github", "GitHub Models was retired on 2026-07-30"),
    ("lab", "lab has no model that could answer"),
    ("dead", "no model was named for dead, and it cannot be asked"),
]


@pytest.mark.parametrize(("name", "said"), REFUSED)
def test_presets_that_cannot_be_used(repo, monkeypatch, capsys, name, said):
    repo.commit({"a.py": "x = 1\n"})
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("LAB_KEY", "sk-x")
    with running(ChatServer(models=("text-embedding-3",))) as server:
        (repo.root.parent / "own.toml").write_text(
            f'[providers.lab]\nkind = "openai"\nbase_url = "{server.url}"\n'
            '[providers.dead]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'
        )
        assert main(["run", "--commit", "HEAD", "--config", "../own.toml", "--model", name]) == 2
    assert said in capsys.readouterr().err


def test_a_known_model_is_checked_in_no_time():
    """Under 0.1 ms once its server has been asked, for any number of roles; the best of several goes counts."""
    offered = tuple(ModelInfo(f"model-{number}") for number in range(300))

    class Listing(Person):
        asked_for_list = 0

        async def list_models(self):
            self.asked_for_list += 1
            return offered

    server = Listing("x")
    catalog = Catalog({"lab": server})
    model = ModelRef("lab", "model-299")

    async def check_many() -> float:
        await catalog.check(model)
        best = float("inf")
        for _ in range(20):
            started = time.perf_counter()
            for _ in range(20):
                await catalog.check(model)
            best = min(best, (time.perf_counter() - started) / 20)
        return best

    assert anyio.run(check_many) < 0.0001
    assert server.asked_for_list == 1

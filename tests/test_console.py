"""What is said on the terminal."""

import io

import pytest
from rich.console import Console

from reviewer.console import Chatter, Terminal
from reviewer.events import (
    Corrected,
    Event,
    FailedOver,
    Interrupted,
    PromptAnswered,
    PromptFailed,
    PromptSent,
    Retrying,
    RoleFinished,
    RoleStarted,
)

EVENTS: list[tuple[Event, str]] = [
    (RoleStarted("r", "lab/m", 2), "r: asking lab/m, 2 prompts"),
    (PromptSent("r", "r 1/2", "lab/m", 1234), "r 1/2: sent about 1,234 tokens to lab/m"),
    (Retrying("r", "r 1/2", "lab/m", "busy", 1.5), "r 1/2: trying again in 1.5 s: busy"),
    (Corrected("r", "r 1/2", "lab/m", "no JSON"), "r 1/2: asked for a corrected answer: no JSON"),
    (FailedOver("r", "r 1/2", "lab/m", "lab/n", "gone"), "r 1/2: lab/m given up, asking lab/n: gone"),
    (PromptAnswered("r", "r 1/2", "lab/n", 2.0), "r 1/2: lab/n answered after 2.0 s"),
    (PromptFailed("r", "r 2/2", "all gone"), "r 2/2: failed: all gone"),
    (RoleFinished("r", "partial"), "r: partial"),
    (Interrupted("Ctrl-C"), "stopping: Ctrl-C"),
]


def tell(terminal: Terminal) -> None:
    with terminal.live():
        for event, _ in EVENTS:
            terminal(event)


def test_every_event_is_a_line_when_asked_for(capsys):
    tell(Terminal(Chatter(verbose=True)))
    assert capsys.readouterr().err.splitlines() == [line for _, line in EVENTS]


@pytest.mark.parametrize("chatter", [Chatter(), Chatter(quiet=True)])
def test_nothing_live_without_a_terminal(capsys, chatter):
    tell(Terminal(chatter))
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal(monkeypatch):
    """Every event can be shown while a bar for each role is drawn."""
    screen = io.StringIO()
    terminal = Terminal(Chatter())
    terminal._console = Console(file=screen, force_terminal=True, width=100)
    tell(terminal)
    shown = screen.getvalue()
    assert "1/2" in shown
    assert "stopping: Ctrl-C" in shown


def test_terminal_escapes_of_others_are_shown_not_obeyed(capsys):
    terminal = Terminal(Chatter())
    terminal.say("\x1b[31mred\x1b[0m [bold]not markup[/bold]")
    assert capsys.readouterr().err == "\\u{1b}[31mred\\u{1b}[0m [bold]not markup[/bold]\n"

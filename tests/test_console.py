"""What is said on the terminal."""

import io

import pytest

from reviewer.console import Chatter, Terminal, _Screen
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
    (RoleStarted("r", "lab/m", 2), "r: using model lab/m, 2 prompts"),
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
    terminal._console = _Screen(file=screen, force_terminal=True, width=100)
    tell(terminal)
    shown = screen.getvalue()
    assert "2/2" in shown, "a prompt that failed is settled too"
    assert "partial" in shown
    assert "stopping: Ctrl-C" in shown


@pytest.mark.parametrize(("event", "line"), EVENTS)
def test_on_a_narrow_terminal_the_bar_stays(event, line):
    """A long name or reason is cut at the edge; what is before it stays."""
    screen = io.StringIO()
    terminal = Terminal(Chatter())
    terminal._console = _Screen(file=screen, force_terminal=True, width=60)
    with terminal.live():
        terminal(RoleStarted("r", f"lab/{'long-' * 20}", 2))
        terminal(event)
    rows = [row for row in screen.getvalue().split("\r") if "0:00:00" in row]
    assert rows, line
    assert all("\u2501" in row for row in rows)


def test_more_prompts_than_planned_still_fit_the_bar():
    screen = io.StringIO()
    terminal = Terminal(Chatter())
    terminal._console = _Screen(file=screen, force_terminal=True, width=100)
    with terminal.live():
        terminal(RoleStarted("r", "lab/m", 1))
        for _ in range(3):
            terminal(PromptAnswered("r", "r 1/1", "lab/m", 2.0))
    assert "3/3" in screen.getvalue()


def test_terminal_escapes_of_others_are_shown_not_obeyed(capsys):
    terminal = Terminal(Chatter())
    terminal.say("\x1b[31mred\x1b[0m [bold]not markup[/bold]")
    assert capsys.readouterr().err == "\\u{1b}[31mred\\u{1b}[0m [bold]not markup[/bold]\n"


def test_what_is_waited_for_is_shown_and_gone_afterwards():
    screen = io.StringIO()
    terminal = Terminal(Chatter())
    terminal._console = _Screen(file=screen, force_terminal=True, width=100)
    with terminal.waiting("Asking the servers"):
        pass
    shown = screen.getvalue()
    assert "Asking the servers" in shown
    assert shown.endswith("\x1b[2K"), "the line is erased"


@pytest.mark.parametrize("chatter", [Chatter(), Chatter(quiet=True)])
def test_nobody_waits_for_what_nobody_sees(chatter, capsys):
    with Terminal(chatter).waiting("Asking the servers"):
        pass
    assert capsys.readouterr().err == ""

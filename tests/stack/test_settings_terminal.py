"""The pages of settings in a real terminal, on a real Postfix: what hands do there, clients see."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.stack.settings import ROOT, SettingsInstance
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def server() -> Iterator[SettingsInstance]:
    with SettingsInstance() as instance:
        yield instance


@pytest.fixture
def terminal(server: SettingsInstance) -> Iterator[Terminal]:
    """mtatui on it, page Inbound, with one switch turned, and its plan on the screen."""
    argv = [sys.executable, "-m", "mtatui", "-c", str(server.config)]
    with Terminal(argv, columns=120, lines=34, cwd=str(ROOT)) as terminal:
        terminal.until("The queue is empty")
        terminal.send("1")
        terminal.until("Protocol checks")
        terminal.send("/greeting is req")
        terminal.until(lambda screen: "Blocked extensions  " not in screen.lines[-3])
        terminal.send("\r")
        terminal.until("503 5.5.1 Error: send HELO/EHLO first")
        terminal.send(" ")
        terminal.until("1 change staged")
        terminal.send("p")
        terminal.until("[ Apply ]")
        yield terminal


def test_a_change_by_hand_and_its_undo(server: SettingsInstance, terminal: Terminal) -> None:
    before = server.main_cf()
    terminal.until("+smtpd_helo_required = yes")
    assert server.main_cf() == before, "nothing has been touched yet"
    terminal.send("\t\r")
    terminal.until("✔ Applied.")
    assert server.mail(greets=False).startswith("503 5.5.1")
    terminal.send("\x1b")
    terminal.until("● on")
    terminal.send("H")
    terminal.until("A greeting is required: off → on")
    terminal.send("z")
    terminal.until("[ Apply ]")
    terminal.until("-smtpd_helo_required = yes")
    terminal.send("\t\r")
    terminal.until("✔ Applied.")
    assert server.main_cf() == before
    assert server.mail(greets=False).startswith("250 2.0.0 Ok: queued")
    assert server.entries()[0]["undoes"] == server.entries()[1]["entry"]


def test_a_line_that_drops_while_it_is_applied(server: SettingsInstance, terminal: Terminal) -> None:
    before = server.main_cf()
    known = len(server.entries())
    terminal.send("\t\r")
    terminal.until("✔ lock")
    terminal.hang_up()

    def ended() -> bool:
        entries = server.entries()
        return len(entries) > known and bool(entries[0]["finished"])

    server.wait_until(ended, "its end")
    [entry, *_] = server.entries()
    assert entry["outcome"] in ("applied", "rolled back", "refused"), entry
    assert (server.main_cf() == before) == (entry["outcome"] != "applied")
    assert server.mail().startswith("250 2.0.0 Ok: queued")
    assert server.mail(greets=False).startswith("503" if entry["outcome"] == "applied" else "250")

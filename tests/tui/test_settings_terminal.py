"""The pages of settings in a real terminal, on the demo server: changed, applied, taken back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.terminal import Terminal, stray_controls
from tests.tui.test_face import descendants, gone, program, ready


@pytest.fixture
def inbound(tmp_path: Path) -> Iterator[Terminal]:
    """The demo, its page Inbound with values before us."""
    with program(tmp_path, "--demo") as terminal:
        ready(terminal)
        terminal.press("1")
        terminal.until(lambda screen: "● " in screen.text and "[Inbound]" in screen.text)
        terminal.settle()
        yield terminal


def stage(terminal: Terminal) -> None:
    """Turn a check one state on."""
    terminal.press("/")
    terminal.press("reject_unknown_sender_domain\r")
    terminal.press(" ")
    terminal.until("1 change staged")


def test_a_change_goes_all_the_way_and_back(inbound: Terminal) -> None:
    stage(inbound)
    inbound.press("p")
    inbound.until("[ Apply ]")
    inbound.until("reject_unknown_sender_domain")
    inbound.press("\x1b[C")
    inbound.press("\r")
    inbound.until("✔ Applied.", timeout=60)
    inbound.press("\r")
    inbound.until(lambda screen: "staged" not in screen.text and "[ Close ]" not in screen.text)
    inbound.press("H")
    inbound.until("✔ applied")
    inbound.press("z")
    inbound.until("[ Apply ]")
    inbound.press("\x1b[C")
    inbound.press("\r")
    inbound.until("✔ Applied.", timeout=60)
    inbound.settle()
    assert stray_controls(bytes(inbound.output)) == []


def test_a_lost_terminal_leaves_nothing_behind(inbound: Terminal) -> None:
    stage(inbound)
    inbound.press("p")
    inbound.until("[ Apply ]")
    inbound.press("\x1b[C")
    inbound.send("\r")
    inbound.until("Applying 1 change")
    pids = [inbound.pid, *descendants(inbound.pid)]
    inbound.hang_up()
    assert inbound.wait(60) == 0  # it came to its end by itself
    assert gone(pids[1:], 30)


def test_moving_costs_little(inbound: Terminal) -> None:
    inbound.press("j")
    costs = [len(inbound.press("j", quiet=0.1).output) for _ in range(5)]
    assert max(costs) < 8000
    time.sleep(0.3)
    assert inbound.settle(quiet=0.5) == b""  # nothing is written while nobody does anything

"""The first rows before Textual is there: where the page will have them, and no trace after an error."""

from __future__ import annotations

import contextlib
import os
import pty
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from mtatui.config import Config
from mtatui.queue.delta import Rows
from mtatui.queue.index import Index
from mtatui.screens.glance import Glance
from tests.tui.hands import at_keyboard
from tests.tui.still import NOW
from tests.tui.terminal import Screen, Terminal, stray_controls

EVIL = "\x1b]9;evil\x07\x9b31m\u202etxet"


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a pty of 80 × 24: ours, and the program's."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    os.set_blocking(ours, False)
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def written(ours: int) -> bytes:
    output = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            output += os.read(ours, 1 << 20)
    return output


def some() -> Index:
    index = Index()
    row = ["AAAAA", "deferred", NOW - 60, 900, NOW, EVIL, "", "", "", "", "", [[EVIL, EVIL, "4.0.0", 0, ""]]]
    index.apply(Rows([row]))
    return index


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (99, 29), (80, 24)])
async def test_the_rows_are_where_the_page_has_them(
    terminal: tuple[int, int], columns: int, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = terminal
    termios.tcsetwinsize(theirs, (lines, columns))
    monkeypatch.setattr(time, "time", lambda: NOW)
    async with at_keyboard(size=(columns, lines)) as hands:
        page = hands.text().splitlines()
        with Glance(Config(), theirs, theirs) as glance:
            glance.show(hands.app.server.index)
            screen = Screen(columns, lines)
            screen.feed(written(ours).decode())
        rows = hands.page.table.page
    shown = {y: line for y, line in enumerate(screen.lines) if line}
    assert len(shown) == 1 + rows
    for y, line in shown.items():
        x = len(line) - len(line.lstrip())
        assert page[y][x : columns - 1].rstrip() == line[x:], y


def test_an_error_finds_the_terminal_as_it_was(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    with contextlib.suppress(ZeroDivisionError), Glance(Config(), theirs, theirs) as glance:
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        glance.show(some())
        raise ZeroDivisionError
    assert termios.tcgetattr(theirs) == before
    assert written(ours).endswith(b"\x1b[?1049l")


def test_the_screen_is_left_to_whom_it_was_handed_over(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    with Glance(Config(), theirs, theirs) as glance:
        glance.show(some())
        assert glance.hand_over()
        assert not glance.hand_over()
    assert b"\x1b[?1049l" not in written(ours)


@pytest.mark.parametrize(("index", "columns"), [(Index(), 80), (some(), 40)])
def test_nothing_is_shown_without_rows_or_room(terminal: tuple[int, int], index: Index, columns: int) -> None:
    ours, theirs = terminal
    termios.tcsetwinsize(theirs, (24, columns))
    with Glance(Config(), theirs, theirs) as glance:
        glance.show(index)
        assert not glance.hand_over()
    assert written(ours) == b""


def test_what_strangers_wrote_is_cleaned(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    with Glance(Config(), theirs, theirs) as glance:
        glance.show(some())
    output = written(ours)
    assert b"evil" in output
    assert stray_controls(output) == []


def test_keys_wait_for_the_page_and_the_screen_is_asked_for_once() -> None:
    patient = "import mtatui.__main__ as main, mtatui.cli.terminal as face; face.PATIENCE = 30; main.main()"
    with Terminal([sys.executable, "-c", patient, "--demo"], columns=80, lines=24) as terminal:
        terminal.until("To")
        assert b"mtatui" not in terminal.output
        terminal.send("jj\r")
        terminal.until("Envelope")
        assert terminal.output.count(b"\x1b[?1049h") == 1
        assert b"jj" not in terminal.output
        terminal.send("\x1b\x11")
        assert terminal.wait() == 0
        assert terminal.output.count(b"\x1b[?1049l") == 1

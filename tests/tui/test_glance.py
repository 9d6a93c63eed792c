"""The first rows before Textual is there: where the page will have them, and no trace after an error."""

from __future__ import annotations

import contextlib
import os
import pty
import termios
import time
from collections.abc import Iterator

import pytest

from mtatui.config import Config
from mtatui.queue.index import Index
from mtatui.screens.glance import Glance
from tests.tui.hands import at_keyboard
from tests.tui.still import NOW
from tests.tui.terminal import Screen


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a pty: ours, and the program's."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def seen(ours: int, columns: int, lines: int) -> Screen:
    screen = Screen(columns, lines)
    screen.feed(os.read(ours, 1 << 20).decode())
    return screen


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (99, 29), (80, 24)])
async def test_the_rows_are_where_the_page_has_them(
    terminal: tuple[int, int], columns: int, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = terminal
    termios.tcsetwinsize(theirs, (lines, columns))
    monkeypatch.setattr(time, "time", lambda: NOW)
    async with at_keyboard(size=(columns, lines)) as hands:
        page = hands.text().splitlines()
        with Glance(hands.page.server.index, Config(), theirs, theirs) as glance:
            glance.show()
            glance.show()
        room = hands.page.table.page
    rows = {y: line for y, line in enumerate(seen(ours, columns, lines).lines) if line}
    assert len(rows) == room
    for y, line in rows.items():
        x = len(line) - len(line.lstrip())
        assert page[y][x : columns - 1].rstrip() == line[x:], y


def test_an_error_finds_the_terminal_as_it_was(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    with contextlib.suppress(ZeroDivisionError), Glance(Index(), Config(), theirs, theirs) as glance:
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        glance.show()
        raise ZeroDivisionError
    assert termios.tcgetattr(theirs) == before
    assert os.read(ours, 1000).decode().endswith("\x1b[?1049l")


def test_nothing_is_shown_once_it_is_textuals_turn(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    with Glance(Index(), Config(), theirs, theirs) as glance:
        pass
    glance.show()
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):
        os.read(ours, 1000)

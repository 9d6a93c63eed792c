"""What hands do at the matrix of settings and servers, and when a change goes over all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mtatui.backends.host import Unreachable
from mtatui.fleet import Fleet
from mtatui.screens.matrix import MatrixScreen
from mtatui.screens.waves import RolloutScreen
from mtatui.screens.waves_review import WavesReview
from mtatui.settings.catalogue import ALL as SETTINGS
from tests.tui.hands import Hands, started
from tests.tui.still_many import many

SILENT = Unreachable("ssh: connect to host mx3 port 22: Connection timed out. mtatui tries again by itself.")
#: Two settings for all.
PROFILE = "[inbound]\nreject_unknown_sender_domain = 'enforce'\nsmtpd_helo_required = true\n"


async def opened(hands: Hands) -> MatrixScreen:
    """The matrix, from the page of servers, all that will ever be known in it."""
    hands.app.fleet.start()
    await hands.press("0")
    await hands.press("M")
    await hands.until(lambda: isinstance(hands.app.screen, MatrixScreen))
    screen = hands.app.screen
    assert isinstance(screen, MatrixScreen)
    await hands.until(lambda: not screen._reading)
    await hands.pilot.pause()
    return screen


@asynccontextmanager
async def at_matrix(fleet: Fleet | None = None, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Hands]:
    """Somebody at the keyboard, the matrix before them."""
    async with started(fleet or many(), size) as hands:
        await opened(hands)
        yield hands


async def to(hands: Hands, key: str, server: str) -> None:
    """The cursor on a cell, by keys."""
    screen = hands.app.screen
    assert isinstance(screen, MatrixScreen)
    await hands.press("home")
    for _ in range(200):
        row = screen.table.row_at_cursor
        if row is not None and row.setting.key == key:
            break
        await hands.press("down")
    while (column := screen.table.column_at_cursor) is not None and column.server.name != server:
        await hands.press("right")


def line(hands: Hands, key: str) -> str:
    """The line of a setting."""
    label = SETTINGS[key].label[:20]
    return next((line for line in hands.text().splitlines() if label in line[:45]), hands.text())


async def reviewed(hands: Hands) -> WavesReview:
    """The plan for all, on the screen."""
    await hands.until(lambda: isinstance(hands.app.screen, WavesReview))
    screen = hands.app.screen
    assert isinstance(screen, WavesReview)
    await hands.pilot.pause()
    return screen


async def rolled(hands: Hands) -> RolloutScreen:
    """The end of it."""
    await hands.until(lambda: isinstance(hands.app.screen, RolloutScreen) and hands.app.screen.over)
    screen = hands.app.screen
    assert isinstance(screen, RolloutScreen)
    await hands.pilot.pause()
    return screen


async def press_apply(hands: Hands) -> None:
    """Apply, which is the second answer."""
    await hands.press("right", "enter")


async def profiled(hands: Hands, path: Path) -> WavesReview:
    """A profile for all, typed by its path."""
    await hands.press("p")
    await hands.type(str(path))
    await hands.press("enter")
    return await reviewed(hands)

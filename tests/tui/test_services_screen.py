"""The services on the screen: what a person sees of them and does to them by keys; the watch over them."""

from __future__ import annotations

import pytest

from mtatui.app import MtatuiApp
from mtatui.config import Config
from mtatui.screens.services import ServicesScreen
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import Hands, at_keyboard
from tests.tui.pictures import Snap, both_sizes, both_themes, pictured
from tests.tui.still import StillServer, rows
from tests.tui.still_services import StillServices

pytestmark = pytest.mark.usefixtures("stopped_clock")


def still(server: StillServer) -> StillServices:
    services = server.services
    assert isinstance(services, StillServices)
    return services


async def opened(hands: Hands, cursor: int = 0) -> ServicesScreen:
    """The sheet, with the cursor on one of its lines."""
    await hands.press("S")
    await hands.until(lambda: isinstance(hands.app.screen, ServicesScreen))
    screen = hands.app.screen
    assert isinstance(screen, ServicesScreen)
    await hands.until(lambda: bool(screen.table.services))
    await hands.press(*["down"] * cursor)
    return screen


@both_sizes
async def test_each_service_is_told_with_its_three_facts(size: tuple[int, int]) -> None:
    async with at_keyboard(StillServer(rows(3)), size=size, messages=3) as hands:
        await opened(hands, 2)
        text = hands.text()
        [clamd] = [line for line in text.splitlines() if line.lstrip().startswith("▶")]
        for word in ("clamd", "/etc/cla", "✔ 3d 2h", "1.3 G", "✔ PONG"):
            assert word in clamd
        assert "process 1402" in text
        assert "not configured" in text
        await hands.press("escape")
        assert not isinstance(hands.app.screen, ServicesScreen)


async def test_a_stop_is_asked_first_and_told_afterwards() -> None:
    server = StillServer(rows(3))
    async with at_keyboard(server, messages=3) as hands:
        await opened(hands, 2)
        await hands.press("x")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        assert "Stop clamd" in hands.text()
        await hands.press("enter")  # the harmless answer has the focus
        await hands.until(lambda: "Nothing was done" in hands.text())
        assert still(server).services["clamd"].runs is True
        await hands.press("x", "right", "enter")
        await hands.until(lambda: "ran: systemctl stop clamd.service" in hands.text())
        await hands.until(lambda: "✖ no" in hands.text())
        await hands.press("escape")
        await hands.until(lambda: "✖ clamd is down · S" in hands.text())
        await hands.press("S")
        await hands.until(lambda: "To do" in hands.text() or "✖ no" in hands.text())
        await hands.press("down", "down", "s", "right", "enter")
        await hands.until(lambda: "is started and answers" in hands.text())
        await hands.press("escape")
        await hands.until(lambda: "is down" not in hands.text())


async def test_a_stop_of_postfix_says_what_it_means() -> None:
    async with at_keyboard(StillServer(rows(3)), messages=3) as hands:
        await opened(hands)
        await hands.press("x")
        await hands.until(lambda: "No mail is taken, sent or delivered" in hands.text())
        await hands.press("escape")


async def test_what_cannot_be_done_is_said_and_not_asked() -> None:
    async with at_keyboard(StillServer(rows(3), read_only=True), messages=3) as hands:
        await opened(hands)
        await hands.press("x")
        await hands.until(lambda: "Stop: mx1 is open read-only" in hands.text())
        assert not isinstance(hands.app.screen, ConfirmDialog)


@pytest.mark.parametrize("page", ["1", "2", "4", "H"])
async def test_a_dead_one_is_seen_on_every_page(page: str) -> None:
    server = StillServer(rows(3))
    async with at_keyboard(server, messages=3) as hands:
        await hands.press(page)
        assert "is down" not in hands.text()
        still(server).kill("clamd")
        await hands.app.watching.look()
        await hands.until(lambda: "✖ clamd is down · S" in hands.text())
        still(server).kill("amavis")
        await hands.app.watching.look()
        await hands.until(lambda: "✖ 2 services are down · S" in hands.text())


async def test_the_watch_begins_by_itself_and_goes_on() -> None:
    server = StillServer(rows(3))
    async with at_keyboard(server, messages=3) as hands:
        hands.app.watching.pace = 0.05
        await hands.until(lambda: bool(hands.app.acting.standings.services))
        assert still(server).looks == 0  # quietly: nobody was asked for an answer
        still(server).kill("clamd")
        await hands.until(lambda: "✖ clamd is down · S" in hands.text())


@both_sizes
@both_themes
def test_picture(snap_compare: Snap, size: tuple[int, int], theme: str) -> None:
    server = StillServer(rows(3))
    still(server).kill("clamd")
    app = MtatuiApp(server, Config(theme=theme))

    async def play(hands: Hands) -> None:
        await hands.until_read(3)
        await opened(hands, 2)

    assert pictured(snap_compare, app, size, play)

"""The page of all servers, and the current one: what a person sees of them and does by keys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from textual.screen import Screen

from mtatui.app import MtatuiApp
from mtatui.backends.host import Unreachable
from mtatui.config import Config
from mtatui.fleet import Fleet
from mtatui.screens.history import HistoryScreen
from mtatui.screens.reading import Sheet
from mtatui.screens.servers import ServersScreen
from mtatui.screens.services import ServicesScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import Hands, at_keyboard, started
from tests.tui.pictures import Snap, both_sizes, both_themes, pictured
from tests.tui.still import StillServer, rows
from tests.tui.still_fleet import conditions, looked_at, three
from tests.tui.still_services import StillServices
from tests.tui.still_settings import StillConfiguration

pytestmark = pytest.mark.usefixtures("stopped_clock")


@asynccontextmanager
async def at_servers(
    fleet: Fleet | None = None, size: tuple[int, int] = (120, 40), config: Config | None = None
) -> AsyncIterator[Hands]:
    """Somebody at the keyboard, the page of all servers before them."""
    async with started(fleet or three(), size, config) as hands:
        await opened(hands)
        yield hands


async def opened(hands: Hands) -> ServersScreen:
    """Go to the page, and wait until every server that answers has told its queue."""
    hands.app.fleet.start()
    await hands.press("0")
    await hands.until(lambda: isinstance(hands.app.screen, ServersScreen))
    screen = hands.app.screen
    assert isinstance(screen, ServersScreen)
    return screen


def line(hands: Hands, name: str) -> str:
    """The line of a server."""
    return next(text for text in hands.text().splitlines() if text.lstrip(" ▶").startswith(name + " "))


async def told(hands: Hands, name: str, *words: str) -> None:
    """Wait until the line of a server says all that."""
    await hands.until(lambda: all(word in line(hands, name) for word in words))


async def at(hands: Hands, server: str, screen: type) -> None:
    """Wait for a page, with the server that its header names."""
    await hands.until(lambda: isinstance(hands.app.screen, screen) and server in hands.text().splitlines()[0])


async def test_no_page_is_opened_while_all_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is laid out unseen, in a moment when nothing is to do, may come just when somebody leaves."""
    closing = threading.Event()
    close = MtatuiApp._prune

    def late(name: str) -> None:
        closing.wait(10)

    async def prune(app: MtatuiApp, *screens: Screen[object]) -> None:
        closing.set()
        for _turn in range(20):
            await asyncio.sleep(0.01)
        await close(app, *screens)

    monkeypatch.setattr("mtatui.app.IDLE", 0.01)
    monkeypatch.setattr("mtatui.app.importlib.import_module", late)
    async with at_servers():
        monkeypatch.setattr(MtatuiApp, "_prune", prune)


# --- the page ------------------------------------------------------------------------------------------


async def test_connecting_again_ends_in_words_either_way() -> None:
    async with at_servers(conditions()) as hands:
        fleet = hands.app.fleet
        await told(hands, "mx4", "✖ no answer")
        await hands.press("down", "down", "down", "o")
        await hands.until(lambda: "! Still no answer from mx4." in hands.text().splitlines()[-1])
        mx4 = fleet.server("mx4")
        assert mx4.live is not None
        mx4.live._open_feed = StillServer(rows(3)).feed  # it is switched on
        await hands.press("o")
        await hands.until(lambda: "mx4 answers." in hands.text().splitlines()[-1])


@both_sizes
async def test_each_server_says_how_it_is(size: tuple[int, int]) -> None:
    fleet = conditions()
    async with at_servers(fleet, size) as hands:
        await told(hands, "out1", "3")
        await fleet.watch()
        for name, words in {
            "mx1": ("● live", "40", "33", "6"),
            "mx2": ("✖ no answer",),
            "mx3": ("◌ reading 1,000",),
            "mx4": ("✖ no answer",),
            "relay-berlin": ("◐ limited", "400"),
            "out1": ("✖ Postfix is stopped", "3"),
            "out2": ("◌ connecting …",),
        }.items():
            await told(hands, name, *words)
        await hands.press(*["down"] * 3)
        await hands.until(lambda: "a firewall lies" in " ".join(hands.text().split()))


async def test_instances_of_all_in_one_table() -> None:
    fleet = three()
    services = fleet.server("mx2").services
    assert isinstance(services, StillServices)
    services.kill("clamd")
    async with at_servers(fleet) as hands:
        await hands.press("v")
        await hands.until(lambda: "✖ down" in line(hands, "mx2") and "✔ answers" in line(hands, "mx3"))
        head = hands.text().splitlines()[1].split()
        assert head[:5] == ["Server", "Condition", "postfix", "amavis", "clamd"]
        assert "✖" not in line(hands, "mx1")
        await hands.press("down")
        await hands.until(lambda: "nobody listens there" in hands.text())
        await hands.press("v")
        await hands.until(lambda: "✖ clamd" in line(hands, "mx2"))


async def test_what_does_not_fit_below_the_table_is_scrolled_to() -> None:
    async with at_servers(size=(80, 24)) as hands:
        sheet = hands.app.screen.query_one(Sheet)
        await hands.press("v")
        await hands.until(lambda: len(sheet.lines) > ServersScreen.DETAIL)
        last = "".join(text for text, _ in sheet.lines[-1]).strip()
        assert last not in hands.text()
        await hands.press("tab", "G")
        await hands.until(lambda: last in hands.text())
        await hands.press("tab", "down")
        await hands.until(lambda: "Condition" in hands.text().splitlines()[14])


async def test_a_terminal_that_is_too_small_says_so() -> None:
    async with at_servers(size=(50, 10)) as hands:
        await hands.until(lambda: "mtatui needs 60" in hands.text())
        assert "mx1" not in hands.text()


async def test_a_lone_server_has_the_page_too_and_no_header_speaks_of_it() -> None:
    async with at_keyboard(StillServer(rows(3)), messages=3) as hands:
        assert "Servers" not in hands.text()
        await opened(hands)
        assert "1 server " in hands.text()
        await hands.until(lambda: "● live" in hands.text())
        await hands.press("enter")
        await hands.until(lambda: "only server" in hands.text())
        await hands.press("1")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        await hands.press("right_square_bracket")
        await hands.until(lambda: "There is no other server" in hands.text())
        await hands.press("at")
        await hands.until(lambda: "There is no other server" in hands.text())


# --- the current server --------------------------------------------------------------------------------


async def test_enter_makes_it_the_current_server_of_all_pages() -> None:
    async with at_servers() as hands:
        await hands.press("down", "enter")
        await hands.until(lambda: "mx2 is the current server" in hands.text())
        assert "◂" in line(hands, "mx2")
        for key in ("1", "2", "3"):
            await hands.press(key)
            await hands.until(lambda: "mx2 · 2 of 3" in hands.text().splitlines()[0])
        for key, screen in (("H", HistoryScreen), ("S", ServicesScreen)):
            await hands.press(key)
            await at(hands, "mx2 · 2 of 3", screen)
            await hands.press("escape")


@pytest.mark.parametrize(
    ("key", "screen"), [("1", SettingsScreen), ("H", HistoryScreen), ("S", ServicesScreen)]
)
async def test_brackets_lead_from_server_to_server(key: str, screen: type) -> None:
    async with at_servers() as hands:
        await hands.press("1", key)
        await hands.until(lambda: isinstance(hands.app.screen, screen))
        for bracket, there in (("right", 2), ("right", 3), ("right", 1), ("left", 3)):
            await hands.press(f"{bracket}_square_bracket")
            said = f"mx{there} · {there} of 3"
            await at(hands, said, screen)
        await hands.press("escape")
        await hands.until(lambda: "mx3 · 3 of 3" in hands.text().splitlines()[0])


async def test_what_lies_over_another_page_follows_the_current_server() -> None:
    async with at_servers() as hands:
        await hands.press("1", "H")
        await at(hands, "mx1 · 1 of 3", HistoryScreen)
        await hands.press("0", "down", "enter")
        await hands.until(lambda: "mx2 is the current server" in hands.text())
        await hands.press("1")
        await at(hands, "mx2 · 2 of 3", HistoryScreen)


async def test_a_dead_one_on_the_way_stops_nobody() -> None:
    fleet = three()
    configuration = StillConfiguration()
    configuration.trouble = Unreachable("mx2 cannot be reached: " + "it does not answer. " * 12)
    fleet.server("mx2").configuration = configuration
    async with at_servers(fleet) as hands:
        await hands.press("1", "right_square_bracket")
        await at(hands, "mx2 · 2 of 3", SettingsScreen)
        await hands.until(lambda: "mx2 cannot be reached" in hands.text())
        assert "no answer" in hands.text().splitlines()[0]
        await hands.press("right_square_bracket")
        await at(hands, "mx3 · 3 of 3", SettingsScreen)


async def test_a_server_is_chosen_by_a_part_of_its_name_or_by_a_tag() -> None:
    async with at_servers() as hands:
        await hands.press("1", "at")
        await hands.until(lambda: "a part of its name" in hands.text())
        await hands.type("out")
        await hands.press("enter")
        await hands.until(lambda: "mx3 · 3 of 3" in hands.text().splitlines()[0])


async def test_what_is_staged_belongs_to_its_server() -> None:
    async with at_servers() as hands:
        await hands.press("1")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        await hands.until(lambda: hands.settings.model.reading is not None)
        hands.settings.list.find("inbound.smtpd_helo_required")
        await hands.press("space")
        await hands.until(lambda: "1 change staged" in hands.text())
        await hands.press("right_square_bracket")
        await hands.until(lambda: "mx2 · 2 of 3" in hands.text() and "staged" not in hands.text())
        await hands.until(lambda: hands.settings.model.reading is not None)
        await hands.press("space")
        await hands.until(lambda: "1 change staged" in hands.text())
        await hands.press("left_square_bracket")
        await hands.until(lambda: "mx1 · 1 of 3" in hands.text() and "1 change staged" in hands.text())
        await hands.press("ctrl+q")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        text = hands.text()
        assert "Staged and not applied: 2" in text
        assert text.index("mx1:") < text.index("mx2:")
        await hands.press("escape")


async def test_what_is_down_elsewhere_is_said_with_its_name() -> None:
    fleet = three()
    services = fleet.server("mx3").services
    assert isinstance(services, StillServices)
    services.kill("clamd")
    async with at_servers(fleet) as hands:
        await hands.app.watching_of(fleet.server("mx3")).look()
        await hands.until(lambda: "✖ mx3: clamd is down · S" in hands.text())
        await hands.press("1")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        assert "clamd is down" not in hands.text()  # this page is about mx1
        await hands.press("4", "S")
        await hands.until(lambda: isinstance(hands.app.screen, ServersScreen))
        await hands.until(lambda: "✖ down" in line(hands, "mx3"))


# --- how it looks --------------------------------------------------------------------------------------


async def some_time_later(hands: Hands) -> None:
    """All servers have come to what they are; two have given no answer for a while."""
    fleet = hands.app.fleet
    await told(hands, "mx2", "✖ no answer", "7")
    await told(hands, "mx3", "reading 1,000")
    await told(hands, "mx4", "✖ no answer")
    for name, words in (("mx1", "● live"), ("relay-berlin", "limited"), ("out1", "3")):
        await told(hands, name, words)
    await fleet.watch()
    for name, seconds in (("mx2", 150), ("mx4", 8000)):
        live = fleet.server(name).live
        assert live is not None
        live.trouble_since -= seconds
    await told(hands, "out1", "Postfix is stopped")
    await looked_at(hands.app)
    await hands.press(*["down"] * 3)
    await told(hands, "mx4", "2h")


async def all_instances(hands: Hands) -> None:
    """The other view, with one that is down."""
    await some_time_later(hands)
    await hands.press("v", "g", "right")
    await told(hands, "relay-berlin", "✔ answers")
    await told(hands, "mx1", "✖ down")
    await hands.press("left")


@pytest.mark.parametrize("scene", [some_time_later, all_instances])
@both_themes
@both_sizes
def test_picture(
    snap_compare: Snap, size: tuple[int, int], theme: str, scene: Callable[[Hands], Awaitable[None]]
) -> None:
    fleet = conditions()
    services = fleet.server("mx1").services
    assert isinstance(services, StillServices)
    services.kill("clamd")
    app = MtatuiApp(fleet, Config(theme=theme))

    async def play(hands: Hands) -> None:
        await hands.until_there()
        await opened(hands)
        await scene(hands)

    assert pictured(snap_compare, app, size, play)

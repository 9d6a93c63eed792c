"""Pictures of the pages of settings, held against those that were accepted.

Look at each before you accept it (``--snapshot-update``): calm, aligned, nothing cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from textual import events

from mtatui.app import MtatuiApp
from mtatui.backends.applying import Ending
from mtatui.config import Config
from mtatui.screens.applying import ApplyingScreen
from mtatui.screens.history import HistoryScreen
from mtatui.screens.review import ReviewScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.settings.plan import Caution
from tests.tui.hands import Hands
from tests.tui.pictures import LARGE, SMALL, Scene, Snap, both_sizes, both_themes, pictured
from tests.tui.still import StillServer, rows
from tests.tui.still_settings import AUTH_WITHOUT_TLS, OPEN_RELAY, StillConfiguration

pytestmark = pytest.mark.usefixtures("stopped_clock", "undisturbed")


SENDER_DOMAIN = "inbound.reject_unknown_sender_domain"


@pytest.fixture
def picture(snap_compare: Snap) -> Callable[..., bool]:
    """Play a scene on a page of settings; whether it looks at its end as in the picture that was accepted."""

    def compare(
        scene: Scene,
        size: tuple[int, int] = LARGE,
        *,
        page: str = "inbound",
        theme: str = "textual-dark",
        configuration: StillConfiguration | None = None,
    ) -> bool:
        server = StillServer(rows(3))
        server.configuration = configuration = configuration or StillConfiguration()
        app = MtatuiApp(server, Config(theme=theme))

        async def play(hands: Hands) -> None:
            await hands.until_read(3)
            await hands.press({"inbound": "1", "outbound": "2", "filtering": "3"}[page])
            await hands.until(lambda: isinstance(app.screen, SettingsScreen))
            if configuration.gate is None:
                await hands.until(lambda: hands.settings.model.reading is not None)
            await app.watching.look()  # the line at the foot of Outbound, before it comes by itself
            await app.watching.look()
            await scene(hands)

        return pictured(snap_compare, app, size, play)

    return compare


async def nothing(hands: Hands) -> None:
    """Just look."""


async def touched(hands: Hands) -> None:
    """Some is staged, the cursor on one of it."""
    for key in ("inbound.reject_non_fqdn_sender", "inbound.smtpd_helo_required", SENDER_DOMAIN):
        hands.settings.list.find(key)
        await hands.press("space")


@both_themes
@both_sizes
def test_inbound(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    assert picture(touched, size, theme=theme)


@both_sizes
def test_outbound(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    async def scene(hands: Hands) -> None:
        hands.settings.list.find("outbound.relayhost")
        hands.settings.model.stage("outbound.relayhost", "[smtp.example.org]:587")

    assert picture(scene, size, page="outbound")


@both_themes
@both_sizes
def test_filtering(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    async def scene(hands: Hands) -> None:
        hands.settings.model.stage("filtering.antivirus", False)
        hands.settings.list.find("filtering.spam_tag_percent")
        hands.settings.model.stage("filtering.spam_tag_percent", 20.0)

    assert picture(scene, size, page="filtering", theme=theme)


@both_sizes
def test_while_the_filters_are_being_read(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    configuration = StillConfiguration()
    configuration.filters_gate = asyncio.Event()
    assert picture(nothing, size, page="filtering", configuration=configuration)


def test_where_amavis_is_not(picture: Callable[..., bool]) -> None:
    configuration = StillConfiguration()
    why = "that takes amavis. Debian: apt install amavisd-new"
    for key, current in configuration.values.items():
        if key.startswith("filtering.") and "signatures" not in key:
            configuration.values[key] = replace(current, value=None, default=None, unavailable=why)
    assert picture(nothing, page="filtering", configuration=configuration)


def test_before_the_server_has_answered(picture: Callable[..., bool]) -> None:
    configuration = StillConfiguration()
    configuration.gate = asyncio.Event()
    assert picture(nothing, configuration=configuration)


@both_sizes
def test_read_only(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    async def scene(hands: Hands) -> None:
        await hands.press("space")

    assert picture(scene, size, configuration=StillConfiguration(why_not="mx1 is open read-only"))


def test_grave_findings(picture: Callable[..., bool]) -> None:
    async def scene(hands: Hands) -> None:
        await hands.press("L")

    assert picture(scene, SMALL, configuration=StillConfiguration(findings=(AUTH_WITHOUT_TLS, OPEN_RELAY)))


def edited(key: str, *keys: str, pasted: str = "") -> Scene:
    """An editor, and something typed or pasted into it."""

    async def scene(hands: Hands) -> None:
        hands.settings.list.find(key)
        await hands.press("enter")
        await hands.until(lambda: not isinstance(hands.app.screen, SettingsScreen))
        await hands.until(lambda: hands.app.focused is not None)
        await hands.pilot.pause()
        await hands.press(*keys)
        if pasted:
            assert hands.app.focused is not None
            hands.app.focused.post_message(events.Paste(pasted))
            await hands.pilot.pause()

    return scene


@both_themes
@both_sizes
def test_a_list_is_edited(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    scene = edited("inbound.blocked_extensions", "up", "j", "x", "a", pasted="*.iso\n.Ps1 lnk\nno/way\nexe")
    assert picture(scene, size, theme=theme)


@both_sizes
def test_block_lists_are_edited(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(edited("inbound.reject_rbl_client", "up", "t", "j", "t", "space"), size)


@both_themes
def test_a_line_is_refused(picture: Callable[..., bool], theme: str) -> None:
    scene = edited("outbound.relayhost", "ctrl+u", *"smtp.example.test:99999")
    assert picture(scene, SMALL, page="outbound", theme=theme)


@both_sizes
def test_a_choice(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(edited("outbound.smtp_tls_security_level", "j"), size, page="outbound")


@both_themes
@both_sizes
def test_a_tolerance(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    scene = edited("filtering.spam_tag_percent", "right", "right", "pageup")
    assert picture(scene, size, page="filtering", theme=theme)


def test_a_tolerance_is_typed(picture: Callable[..., bool]) -> None:
    scene = edited("filtering.spam_kill_percent", *"5p")
    assert picture(scene, SMALL, page="filtering")


@both_sizes
def test_a_destiny(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(edited("filtering.spam_destiny", "j", "j", "j"), size, page="filtering")


def test_a_frequency(picture: Callable[..., bool]) -> None:
    assert picture(edited("filtering.update_frequency", "ctrl+u", *"45s"), SMALL, page="filtering")


@both_sizes
def test_signatures_of_ones_own(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(edited("filtering.custom_signatures", "up", "J", "t"), size, page="filtering")


def test_a_login(picture: Callable[..., bool]) -> None:
    assert picture(edited("outbound.relay_login", "tab", *"geheim"), SMALL, page="outbound")


async def search(hands: Hands) -> None:
    """Something is being looked for."""
    await hands.press("slash")
    await hands.type("tls")


@both_sizes
def test_search(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(search, size)


def test_help(picture: Callable[..., bool]) -> None:
    async def scene(hands: Hands) -> None:
        await hands.press("question_mark")

    assert picture(scene)


async def reviewed(hands: Hands) -> None:
    """A plan is looked at."""
    hands.settings.list.find(SENDER_DOMAIN)
    await hands.press("space", "p")
    await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))


@both_themes
@both_sizes
def test_review(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    assert picture(reviewed, size, theme=theme)


@both_themes
@both_sizes
def test_review_of_something_grave(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    configuration = StillConfiguration()
    configuration.cautions = (
        Caution("Clients of 192.0.2.0/24 could send nowhere any more: they do not authenticate.", grave=True),
        Caution("Small servers with careless reverse DNS are turned away."),
    )
    assert picture(reviewed, size, theme=theme, configuration=configuration)


def outcome(*answer: str) -> Scene:
    """A plan was applied."""

    async def scene(hands: Hands) -> None:
        await reviewed(hands)
        await hands.press(*answer)
        await hands.until(lambda: isinstance(hands.app.screen, ApplyingScreen))
        screen = hands.app.screen
        assert isinstance(screen, ApplyingScreen)
        await hands.until(lambda: screen.applied is not None or "▶ reload" in hands.text())

    return scene


@both_sizes
def test_applying(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    configuration = StillConfiguration()
    configuration.hold = asyncio.Event()
    assert picture(outcome("right", "enter"), size, configuration=configuration)


@pytest.mark.parametrize("ending", [Ending.APPLIED, Ending.REFUSED, Ending.CHANGED, Ending.BROKEN])
def test_outcomes(picture: Callable[..., bool], ending: Ending) -> None:
    configuration = StillConfiguration()
    configuration.ending = ending
    assert picture(outcome("right", "enter"), configuration=configuration)


@both_themes
@both_sizes
def test_waiting_to_be_confirmed(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    assert picture(outcome("right", "right", "enter"), size, theme=theme)


async def history(hands: Hands) -> None:
    """What was done."""
    await hands.press("H")
    await hands.until(lambda: isinstance(hands.app.screen, HistoryScreen))
    await hands.until(lambda: "alice" in hands.text())


@both_sizes
def test_history(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(history, size)


@both_sizes
def test_an_entry_of_the_history(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    async def scene(hands: Hands) -> None:
        await history(hands)
        await hands.press("enter")

    assert picture(scene, size)

"""What ssh asks on the way to a server: put to the person one at a time, answered or refused."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from mtatui.app import MtatuiApp
from mtatui.backends.host import Prompt
from mtatui.config import Config
from mtatui.fleet import Fleet, Questions
from mtatui.screens.asking import AskDialog
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import Hands
from tests.tui.still import NOW, StillServer, rows
from tests.tui.still_fleet import AskingServer, looked_at, named

Snap = Callable[..., bool]
PASSWORD = "root@mx2's password: "
HOST_KEY = (
    "The authenticity of host 'mx3.example.test (198.51.100.3)' can't be established.\n"
    "ED25519 key fingerprint is SHA256:GwS1pQ2Fq1mZxvYVGvRkQpN0n7o1m8fYwq2cJm0b5aE.\n"
    "This key is not known by any other names.\n"
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? "
)


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is Sunday 22 November 2026, 15:20:00 UTC, and stays so."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Asked:
    """A fleet in which some of its servers ask."""

    def __init__(self, *who: str) -> None:
        self.questions: Questions = Questions()
        self.mx2 = AskingServer(lambda: self._ask("mx2", PASSWORD, secret=True))
        self.mx3 = AskingServer(lambda: self._ask("mx3", HOST_KEY, confirm=True))
        asking = [named(name, server) for name, server in (("mx2", self.mx2), ("mx3", self.mx3))]
        servers = [named("mx1", StillServer(rows(40))), *(one for one in asking if one.name in who)]
        self.fleet = Fleet(servers, {}, self.questions)

    def _ask(self, server: str, text: str, *, secret: bool = False, confirm: bool = False) -> str | None:
        return self.questions.ask(Prompt(server, text, secret, confirm))


@asynccontextmanager
async def at_fleet(asked: Asked, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Hands]:
    """Somebody at the keyboard; nobody has asked yet."""
    app = MtatuiApp(asked.fleet, Config())
    try:
        async with app.run_test(size=size) as pilot:
            yield Hands(app, pilot)
    finally:
        asked.fleet.close()


async def until_asked(hands: Hands, server: str) -> None:
    """Wait until a server's question stands there."""
    await hands.until(lambda: isinstance(hands.app.screen, AskDialog) and f"{server} asks" in hands.text())


async def test_a_password_is_asked_for_unseen_and_given() -> None:
    asked = Asked("mx2")
    async with at_fleet(asked) as hands:
        await until_asked(hands, "mx2")
        assert "root@mx2's password:" in hands.text()
        await hands.type("geheim")
        assert "geheim" not in hands.text()
        assert asked.fleet.condition("mx2").phase == "asking"
        await hands.press("enter")
        await hands.until(lambda: asked.mx2.heard == ["geheim"])
        assert not isinstance(hands.app.screen, AskDialog)


async def test_a_new_host_key_is_looked_at_before_a_yes() -> None:
    asked = Asked("mx3")
    async with at_fleet(asked) as hands:
        await until_asked(hands, "mx3")
        assert "SHA256:GwS1pQ2Fq1mZxvYVGvRkQpN0n7o1m8fYwq2cJm0b5aE" in hands.text()
        await hands.press("right", "enter")
        await hands.until(lambda: asked.mx3.heard == ["yes"])


async def test_enter_without_looking_accepts_no_key() -> None:
    asked = Asked("mx3")
    async with at_fleet(asked) as hands:
        await until_asked(hands, "mx3")
        await hands.press("enter")
        await hands.until(lambda: asked.mx3.heard == [None])


async def test_several_ask_one_after_the_other() -> None:
    asked = Asked("mx2", "mx3")
    asked.mx3.gate.clear()
    async with at_fleet(asked) as hands:
        await until_asked(hands, "mx2")
        asked.mx3.gate.set()
        await hands.until(lambda: asked.fleet.condition("mx3").phase == "asking")
        assert "mx2 asks" in hands.text()
        await hands.press("escape")
        await until_asked(hands, "mx3")
        assert asked.mx2.heard == [None]
        await hands.press("escape")
        await hands.until(lambda: asked.mx3.heard == [None])


async def test_a_question_waits_until_another_dialog_is_closed() -> None:
    asked = Asked("mx2")
    asked.mx2.gate.clear()
    async with at_fleet(asked) as hands:
        await hands.app.push_screen(
            ConfirmDialog("Delete 3,214 messages", ["Sure?"], act="Delete", typed="3214")
        )
        asked.mx2.gate.set()
        await hands.until(lambda: asked.fleet.condition("mx2").phase == "asking")
        await hands.until(lambda: "Type 3214" in hands.text())
        await hands.type("32")
        assert "Type 3214" in hands.text()
        await hands.press("escape")
        await until_asked(hands, "mx2")
        await hands.press("escape")


async def test_who_leaves_has_answered_nobody() -> None:
    asked = Asked("mx2", "mx3")
    async with at_fleet(asked) as hands:
        await hands.until(lambda: isinstance(hands.app.screen, AskDialog))
    for server in (asked.mx2, asked.mx3):
        assert server.heard in ([], [None])


async def test_a_hostile_question_steers_no_terminal() -> None:
    asked = Asked("mx2")
    asked.mx2.ask = lambda: asked._ask(
        "mx2", "\x1b]0;pwned\x07[/x] say\r\n" + "very long " * 3000, secret=True
    )
    async with at_fleet(asked, (80, 24)) as hands:
        await until_asked(hands, "mx2")
        assert "\x1b" not in hands.text()
        assert "[ OK ]" in hands.text()
        await hands.press("escape")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("which", ["mx2", "mx3"])
def test_picture(snap_compare: Snap, size: tuple[int, int], which: str) -> None:
    asked = Asked(which)
    app = MtatuiApp(asked.fleet, Config())

    async def play(pilot: Pilot[None]) -> None:
        hands = Hands(app, pilot)
        await hands.press("0")
        await until_asked(hands, which)
        await hands.until(lambda: asked.fleet.condition("mx1").phase == "live")
        await hands.until(lambda: asked.fleet.condition(which).phase == "asking")
        await looked_at(app)
        if which == "mx2":
            await hands.type("geheim")
        await pilot.pause()

    try:
        assert snap_compare(app, terminal_size=size, run_before=play)
    finally:
        asked.fleet.close()

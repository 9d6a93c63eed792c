"""The desk of DKIM: who is signed, what the DNS says, and every change through its review."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mtatui.app import MtatuiApp
from mtatui.backends.dkim.keys import Type
from mtatui.backends.host import HostError
from mtatui.config import Config
from mtatui.screens.dkim import DkimScreen
from mtatui.screens.new_key import NewKeyDialog
from mtatui.screens.reading import ReadingScreen
from mtatui.screens.review import ReviewScreen
from mtatui.screens.settings import SettingsScreen
from tests.tui.hands import Hands, at_settings
from tests.tui.pictures import Snap, both_sizes, pictured
from tests.tui.still import StillServer, rows
from tests.tui.still_dkim import StillDkim
from tests.tui.still_settings import StillConfiguration

pytestmark = pytest.mark.usefixtures("stopped_clock", "undisturbed")


def still(hands: Hands) -> StillDkim:
    """The keys of the server."""
    dkim = hands.app.server.dkim
    assert isinstance(dkim, StillDkim)
    return dkim


@asynccontextmanager
async def at_dkim(configuration: StillConfiguration | None = None, cursor: int = 0) -> AsyncIterator[Hands]:
    """Somebody before the keys, with the cursor on one of them."""
    async with at_settings("filtering", configuration) as hands:
        await opened(hands)
        await hands.press(*["down"] * cursor)
        yield hands


async def opened(hands: Hands) -> DkimScreen:
    await hands.press("K")
    await hands.until(lambda: isinstance(hands.app.screen, DkimScreen))
    screen = hands.app.screen
    assert isinstance(screen, DkimScreen)
    await hands.until(lambda: screen.listing is not None and not screen.table.asking)
    return screen


def line(hands: Hands, *words: str) -> str:
    """The line on which all these words are."""
    found = [one for one in hands.text().splitlines() if all(word in one for word in words)]
    assert found, f"nowhere {words}:\n{hands.text()}"
    return found[0]


async def test_every_key_with_its_state_and_what_the_dns_says() -> None:
    async with at_dkim() as hands:
        assert "✔ matches" in line(hands, "s20261122", "RSA 2048", "● signs")
        assert "✔ matches" in line(hands, "RSA 1024", "○ in reserve")
        assert "✖ missing" in line(hands, "list.example.test", "● signs")
        assert "✖ revoked" in line(hands, "old.test", "✖ cannot sign")
        assert "? cannot tell" in line(hands, "partner.test", "Ed25519")
        assert "○ not signed" in line(hands, "shop.test")
        await hands.press("down", "down")
        await hands.until(lambda: "with this key verifies nowhere" in hands.text())
        await hands.press("down")
        await hands.until(lambda: "writable by all" in hands.text())
        await hands.press("escape")
        assert isinstance(hands.app.screen, SettingsScreen)


async def test_what_is_configured_stands_there_while_the_dns_is_asked() -> None:
    async with at_settings("filtering") as hands:
        still(hands).hold = hold = asyncio.Event()
        await hands.press("K")
        await hands.until(lambda: "asking …" in hands.text())
        assert "● signs" in hands.text()
        hold.set()
        await hands.until(lambda: "✔ matches" in hands.text())


async def test_a_new_key_is_made_after_its_plan_was_seen() -> None:
    configuration = StillConfiguration()
    async with at_dkim(configuration, 5) as hands:
        await hands.press("n")
        await hands.until(lambda: isinstance(hands.app.screen, NewKeyDialog))
        assert "shop.test" in hands.text()
        await hands.press("enter", "enter", "enter", "right", "right", "enter")
        await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))
        assert still(hands).asked == [("generate", "shop.test", "", Type.RSA, 2048, False)]
        text = hands.text()
        assert "••••••••" in text
        assert "SECRET" not in text
        assert "no signature verifies" in text
        assert configuration.applied == []
        await hands.press("right", "enter")
        await hands.until(lambda: len(configuration.applied) == 1)
        await hands.until(lambda: "Applied" in hands.text())
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.screen, DkimScreen))


async def test_the_cursor_stays_with_its_key_and_goes_to_a_new_one() -> None:
    async with at_dkim(cursor=3) as hands:
        there = still(hands).identities
        still(hands).identities = (there[0], *there[2:])
        await hands.press("R")
        await hands.until(lambda: "RSA 1024" not in hands.text())
        assert "▶" in line(hands, "old.test", "k2019", "cannot sign")
        still(hands).identities = there
        await hands.press("R")
        await hands.until(lambda: "RSA 1024" in hands.text())
        assert "▶" in line(hands, "RSA 1024")


async def test_what_is_typed_is_judged_as_it_is_typed() -> None:
    async with at_dkim() as hands:
        await hands.press("n")
        await hands.until(lambda: "Which domain?" in hands.text())
        await hands.type("bad domain")
        await hands.until(lambda: '"bad domain" is no domain' in hands.text())
        await hands.press(*["backspace"] * 10)
        await hands.type("refused.test")
        await hands.press("down", "down", *["backspace"] * 8)
        await hands.type("dsa")
        await hands.until(lambda: "a kind is rsa, rsa 3072, ed25519" in hands.text())
        await hands.press(*["backspace"] * 3)
        await hands.type("ed25519")
        await hands.until(lambda: "Many do not know Ed25519 yet" in hands.text())
        await hands.press("enter", "right", "enter")
        await hands.until(lambda: "signed already" in hands.text())
        assert still(hands).asked == [("generate", "refused.test", "", Type.ED25519, 2048, True)]
        assert isinstance(hands.app.screen, DkimScreen)


@pytest.mark.parametrize(
    ("cursor", "key", "asked"),
    [
        (0, "r", ("rotate", "example.test", "")),
        (1, "r", ("rotate", "example.test", "mail")),
        (0, "x", ("stop", "example.test", "")),
        (1, "x", ("stop", "example.test", "mail")),
    ],
)
async def test_rotating_and_stopping_are_reviewed(cursor: int, key: str, asked: tuple[str, ...]) -> None:
    async with at_dkim(cursor=cursor) as hands:
        await hands.press(key)
        await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))
        assert still(hands).asked == [asked]
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.screen, DkimScreen))


async def test_the_record_is_shown_as_a_zone_file_wants_it_and_copied() -> None:
    async with at_dkim(cursor=2) as hands:
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, ReadingScreen))
        text = hands.text()
        assert "k1._domainkey.list.example.test. IN TXT (" in text
        assert '"v=DKIM1; k=rsa; p=' in text
        await hands.press("escape", "y")
        await hands.until(lambda: "Copied: the record of k1._domainkey.list.example.test" in hands.text())
        assert hands.app.clipboard.startswith("v=DKIM1; k=rsa; p=")


@pytest.mark.parametrize(
    ("cursor", "key", "words"),
    [
        (4, "r", "amavis has this key"),
        (5, "x", "the domain has no key"),
        (5, "enter", "there is no key"),
    ],
)
async def test_what_cannot_be_done_is_said(cursor: int, key: str, words: str) -> None:
    async with at_dkim(cursor=cursor) as hands:
        await hands.press(key)
        await hands.until(lambda: words in hands.text())
        assert still(hands).asked == []


async def test_who_may_change_nothing_may_look() -> None:
    async with at_dkim(StillConfiguration(why_not="mx1 is open read-only")) as hands:
        await hands.press("n")
        await hands.until(lambda: "New key: mx1 is open read-only" in hands.text())
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, ReadingScreen))


async def test_trouble_is_told_and_looked_at_again() -> None:
    async with at_settings("filtering") as hands:
        still(hands).trouble = HostError("mx1 does not answer")
        await hands.press("K")
        await hands.until(lambda: "mx1 does not answer" in hands.text())
        still(hands).trouble = None
        still(hands).notes = ("Postfix does not ask OpenDKIM: nothing is signed.",)
        await hands.press("R")
        await hands.until(lambda: "Postfix does not ask OpenDKIM" in hands.text())


PICTURES: tuple[tuple[str, ...], ...] = ((), ("down", "down", "down"), ("n",), ("r",), ("enter",))


@both_sizes
@pytest.mark.parametrize(
    ("theme", "keys"),
    [*(("textual-dark", keys) for keys in PICTURES), ("ansi-dark", ()), ("ansi-dark", ("n",))],
    ids=["first", "ill", "new", "review", "record", "ansi", "ansi-new"],
)
def test_picture(snap_compare: Snap, size: tuple[int, int], theme: str, keys: tuple[str, ...]) -> None:
    server = StillServer(rows(3))
    app = MtatuiApp(server, Config(theme=theme))

    async def play(hands: Hands) -> None:
        await hands.until_read(3)
        await hands.press("3")
        await hands.until(lambda: isinstance(app.screen, SettingsScreen))
        await opened(hands)
        before = app.screen
        await hands.press(*keys)
        if keys and keys[-1] != "down":
            await hands.until(lambda: app.screen is not before)

    assert pictured(snap_compare, app, size, play)

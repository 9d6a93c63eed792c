"""The sheet of signatures: how old they are, what came of the last update, and an update as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mtatui.app import MtatuiApp
from mtatui.backends.host import HostError
from mtatui.config import Config
from mtatui.screens.fields import Field
from mtatui.screens.list_editor import ListEditor
from mtatui.screens.new_signatures import NewSignaturesDialog
from mtatui.screens.progressing import ProgressScreen
from mtatui.screens.review import ReviewScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.screens.signatures import SignaturesScreen
from mtatui.settings.current import Reading
from mtatui.settings.plan import Plan
from tests.tui.hands import Hands, at_settings
from tests.tui.pictures import SMALL, Snap, both_sizes, both_themes, pictured
from tests.tui.still import StillServer, rows
from tests.tui.still_settings import StillConfiguration
from tests.tui.still_signatures import BLOCKED, StillDatabases

pytestmark = pytest.mark.usefixtures("stopped_clock", "undisturbed")


def still(hands: Hands) -> StillDatabases:
    """The signatures of the server."""
    databases = hands.app.server.signatures
    assert isinstance(databases, StillDatabases)
    return databases


@asynccontextmanager
async def at_signatures(configuration: StillConfiguration | None = None) -> AsyncIterator[Hands]:
    """Somebody before the signatures."""
    async with at_settings("filtering", configuration) as hands:
        await hands.press("U")
        await hands.until(lambda: isinstance(hands.app.screen, SignaturesScreen))
        await hands.until(lambda: "Looking" not in hands.text())
        yield hands


async def test_every_database_with_its_version_and_age() -> None:
    async with at_signatures() as hands:
        text = hands.text()
        assert "daily.cld" in text
        assert "28188" in text
        assert "2,077,881" in text
        assert "it is empty" in text
        assert "✔ Sun 22 Nov 13:20, 2h ago: daily.cld updated (version: 28188)" in text
        assert "ClamAV 1.4.6, works with version 28188 of the daily signatures" in text
        await hands.press("escape")
        assert isinstance(hands.app.screen, SettingsScreen)


async def test_an_update_is_seen_as_it_goes_and_what_it_brought_stands_in_the_list() -> None:
    async with at_signatures() as hands:
        still(hands).hold = hold = asyncio.Event()
        await hands.press("j", "u")
        await hands.until(lambda: "remote version: 28189" in hands.text())
        assert "New:" not in hands.text()
        hold.set()
        await hands.until(lambda: "✔ New: daily.cld 28189" in hands.text())
        await hands.press("enter")
        assert isinstance(hands.app.screen, SignaturesScreen)
        assert "▶ daily.cld" in hands.text()
        assert "2,077,990" in hands.text()


async def test_an_update_can_be_stopped_and_is_left_only_when_it_is_over() -> None:
    async with at_signatures() as hands:
        still(hands).hold = asyncio.Event()
        await hands.press("u")
        await hands.until(lambda: isinstance(hands.app.screen, ProgressScreen))
        await hands.press("escape")
        await hands.until(lambda: "Stopped; the old signatures are in place." in hands.text())
        await hands.press("escape")
        assert isinstance(hands.app.screen, SignaturesScreen)


async def test_mirrors_that_want_to_be_left_alone_are_left_alone_in_words() -> None:
    async with at_signatures() as hands:
        still(hands).trouble = HostError("the mirrors want to be left alone until 16:00")
        await hands.press("u")
        await hands.until(lambda: "✖ the mirrors want to be left alone until 16:00" in hands.text())


async def test_read_only_updates_nothing_and_says_so() -> None:
    async with at_signatures(StillConfiguration(why_not="mx1 is open read-only")) as hands:
        await hands.press("u")
        assert "Update now: mx1 is open read-only." in hands.text()
        assert isinstance(hands.app.screen, SignaturesScreen)


async def test_a_file_of_ones_own_is_judged_while_it_is_named_and_added_by_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new.ndb").write_bytes(b"Test.Virus:0:*:4d5a\n")
    added: list[tuple[str, bytes]] = []

    def adding(reading: Reading, name: str, data: bytes) -> Plan:
        added.append((name, data))
        return configuration.plan(reading, {"filtering.custom_signatures": (name,)})

    monkeypatch.setattr("mtatui.screens.signatures.adding", adding)
    configuration = StillConfiguration()
    async with at_signatures(configuration) as hands:
        await hands.press("a")
        await hands.until(lambda: isinstance(hands.app.screen, NewSignaturesDialog))
        field = hands.app.screen.query_one(Field)
        field.value = "/nowhere/new.ndb"
        await hands.until(lambda: "✖ there is no file /nowhere/new.ndb" in hands.text())
        field.value = "/etc/passwd"
        await hands.until(lambda: "clamd takes no such file" in hands.text())
        await hands.press("enter")
        assert isinstance(hands.app.screen, NewSignaturesDialog)
        field.value = str(tmp_path / "new.ndb")
        await hands.until(lambda: "new.ndb, 19 B" in hands.text() or "new.ndb, 20 B" in hands.text())
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))
        assert added == [("new.ndb", b"Test.Virus:0:*:4d5a\n")]
        await hands.press("escape")
        assert isinstance(hands.app.screen, SignaturesScreen)
        assert not configuration.applied


async def test_a_file_of_ones_own_goes_by_a_plan_and_clamavs_own_stay() -> None:
    async with at_signatures() as hands:
        await hands.press("x")
        assert "Remove: it is ClamAV's" in hands.text()
        await hands.press("G", "k", "x")
        await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))
        assert "Signatures of one's own becomes 1 · https://mirror.example/ours.ndb." in hands.text()
        await hands.press("escape")
        await hands.press("j", "x")  # the file that a URL has brought
        await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))
        assert "Signatures of one's own becomes 1 · local.ldb." in hands.text()


async def test_the_database_under_the_cursor_is_loaded_on_trial() -> None:
    async with at_signatures() as hands:
        await hands.press("G", "k", "t")
        await hands.until(lambda: "local.ldb loads: 12 signatures." in hands.text())
        await hands.press("j", "t")
        await hands.until(lambda: "Malformed database" in hands.text())
        assert still(hands).tested == ["/var/lib/clamav/local.ldb", "/var/lib/clamav/ours.ndb"]


async def test_no_freshclam_is_a_calm_line_with_the_package() -> None:
    async with at_settings("filtering") as hands:
        still(hands).trouble = HostError("freshclam is not on mx1. Debian: apt install clamav-freshclam.")
        await hands.press("U")
        await hands.until(lambda: "apt install clamav-freshclam" in hands.text())
        await hands.press("u")
        assert isinstance(hands.app.screen, SignaturesScreen)
        still(hands).trouble = None
        await hands.press("R")
        await hands.until(lambda: "daily.cld" in hands.text())


async def test_a_mirror_is_tried_in_its_editor() -> None:
    async with at_settings("filtering") as hands:
        hands.settings.list.find("filtering.database_mirrors")
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, ListEditor))
        await hands.press("up", "t")
        await hands.until(lambda: "✔ works" in hands.text())
        assert still(hands).tested == ["database.clamav.net"]


def _pictured(
    snap_compare: Snap, size: tuple[int, int], theme: str = "textual-dark", *keys: str, **state: Any
) -> bool:
    """Whether the sheet looks as in the picture that was accepted."""
    server = StillServer(rows(3))
    databases = StillDatabases(server.host)  # type: ignore[arg-type]  # a LocalHost
    for name, value in state.items():
        setattr(databases, name, value)
    server.signatures = databases
    app = MtatuiApp(server, Config(theme=theme))

    async def play(hands: Hands) -> None:
        await hands.until_read(3)
        await hands.press("3")
        await hands.until(lambda: isinstance(app.screen, SettingsScreen) and hands.settings.model.whole)
        await hands.press("U")
        await hands.until(lambda: isinstance(app.screen, SignaturesScreen) and "main.cvd" in hands.text())
        await hands.press(*keys)
        if keys == ("u",):
            await hands.until(lambda: isinstance(app.screen, ProgressScreen) and "remote" in hands.text())

    return pictured(snap_compare, app, size, play)


@both_themes
@both_sizes
def test_picture(snap_compare: Snap, size: tuple[int, int], theme: str) -> None:
    assert _pictured(snap_compare, size, theme, "j")


def test_picture_of_trouble(snap_compare: Snap) -> None:
    assert _pictured(snap_compare, SMALL, now=BLOCKED)


def test_picture_of_an_update(snap_compare: Snap) -> None:
    assert _pictured(snap_compare, SMALL, "textual-dark", "u", hold=asyncio.Event())

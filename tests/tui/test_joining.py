"""Servers come to the list and go from it, by keys; what stands in the config file afterwards."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from mtatui.app import MtatuiApp
from mtatui.backends.postfix.doctor import Finding, Level
from mtatui.config import Config, ServerEntry
from mtatui.fleet import Fleet
from mtatui.fleet.members import NAME
from mtatui.screens.joining import Joining
from mtatui.screens.server_check import CheckDialog
from mtatui.screens.server_editor import ServerDialog, made_of
from mtatui.screens.servers import ServersScreen
from mtatui.server import Server
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import Hands
from tests.tui.still import NOW, StillServer, rows
from tests.tui.still_fleet import looked_at, named, three

Snap = Callable[..., bool]
LIST = """\
# Ours
theme = "ansi-dark"

[[servers]]
name = "mx1"  # the old one
host = "localhost"

# Berlin
[[servers]]
name = "mx2"
host = "root@mx2.example.test"
tags = ["inbound"]

[[servers]]
name = "mx3"
host = "mx3"
"""
GOOD = (
    Finding("reach", Level.OK, "reached in 0.4 s; a round trip takes 12 ms"),
    Finding("postfix", Level.OK, "Postfix 3.7.11 of mx9.example.test (/etc/postfix, /var/spool/postfix)"),
    Finding("queue", Level.OK, "212 messages; the spool can be read, so everything is known"),
    Finding("filters", Level.NOTE, "Postfix asks no filters about mail"),
)
BAD = (
    GOOD[0],
    GOOD[1],
    Finding(
        "clock", Level.WARNING, "its clock is 42 s ahead of this machine's", "Does a time daemon run there?"
    ),
    Finding(
        "sudo",
        Level.BAD,
        "sudo does not let this user run postsuper without a password",
        "Write into /etc/sudoers.d/mtatui there: mail ALL=(root) NOPASSWD: /usr/sbin/postsuper",
    ),
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


class World:
    """What a check finds, and who was opened for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.findings: Sequence[Finding] = GOOD
        self.opened: list[StillServer] = []
        self.checked: list[str] = []

    def config(self) -> Config:
        """As the file has it."""
        entries = (
            ServerEntry("mx1"),
            ServerEntry("mx2", "root@mx2.example.test", tags=("inbound",)),
            ServerEntry("mx3", "mx3"),
        )
        return Config(servers=entries if self.path.exists() else (), path=self.path)

    def open(self, entry: ServerEntry) -> Server:
        """A server that answers."""
        self.opened.append(named(entry.name, StillServer(rows(5))))
        return self.opened[-1]

    async def check(self, server: Server, tell: Callable[[Finding], None]) -> list[Finding]:
        """What is found, one after the other."""
        self.checked.append(server.name)
        for finding in self.findings:
            await asyncio.sleep(0)
            tell(finding)
        return list(self.findings)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A config file with three servers; every host is there."""
    world = World(tmp_path / "config.toml")
    world.path.write_text(LIST)
    monkeypatch.setattr(Joining, "_opened", lambda self, entry: world.open(entry))
    monkeypatch.setattr("mtatui.fleet.checking.check", world.check)
    return world


@asynccontextmanager
async def at_servers(world: World, fleet: Fleet | None = None) -> AsyncIterator[Hands]:
    """Somebody at the keyboard, the page of all servers before them."""
    fleet = fleet or three()
    app = MtatuiApp(fleet, world.config())
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            hands = Hands(app, pilot)
            await hands.press("0")
            await hands.until(lambda: isinstance(hands.app.screen, ServersScreen))
            yield hands
    finally:
        fleet.close()


async def type_host(hands: Hands, host: str) -> None:
    """Add a server, as far as its check."""
    await hands.press("a")
    await hands.until(lambda: isinstance(hands.app.screen, ServerDialog))
    await hands.type(host)
    await hands.until(lambda: "It will be called" in hands.text())
    await hands.press(*["enter"] * 6)
    await hands.until(lambda: isinstance(hands.app.screen, CheckDialog))


async def test_what_is_typed_ahead_stands_where_it_belongs(world: World) -> None:
    """A slow line brings it in one piece."""
    async with at_servers(world) as hands:
        await hands.press("a")
        await hands.until(lambda: isinstance(hands.app.screen, ServerDialog))
        for key in ("m", "x", "8", "backspace", "9", "tab", "n", "i", "n", "e"):
            hands.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await hands.until(lambda: "[ nine" in hands.text())
        assert "[ mx9 " in hands.text()


async def test_a_server_is_checked_and_then_written_down(world: World) -> None:
    async with at_servers(world) as hands:
        await type_host(hands, "root@mx9.example.test")
        await hands.until(lambda: "Nothing is in the way" in hands.text())
        assert "Postfix 3.7.11 of mx9.example.test" in hands.text()
        assert world.path.read_text() == LIST
        await hands.press("enter")
        await hands.until(lambda: "mx9.example.test is on the list" in hands.text())
        await hands.until(lambda: "4 servers" in hands.text())
        assert world.path.read_text().startswith(LIST)
        assert 'host = "root@mx9.example.test"' in world.path.read_text()
        assert hands.app.fleet.server("mx9.example.test") is world.opened[0]  # no second connection


async def test_where_not_all_is_well_it_is_said_and_the_person_decides(world: World) -> None:
    world.findings = BAD
    async with at_servers(world) as hands:
        await type_host(hands, "mx9")
        await hands.until(lambda: "Not all is well" in hands.text())
        assert "✖ sudo" in hands.text()
        assert "mail ALL=(root) NOPASSWD:" in hands.text()
        assert "It can be written down all the same" in hands.text()
        await hands.press("enter")  # the harmless answer has the focus: back to what was typed
        await hands.until(lambda: isinstance(hands.app.screen, ServerDialog) and "[ mx9 " in hands.text())
        await hands.type(".example.test")
        await hands.press(*["enter"] * 6)
        await hands.until(lambda: isinstance(hands.app.screen, CheckDialog))
        assert [server.name for server in world.opened] == ["mx9", "mx9"]
        await hands.press("escape")
        await hands.until(lambda: "[ mx9.example.test " in hands.text())
        await hands.press("escape")
        await hands.until(lambda: "Nothing was written down" in hands.text())
        assert world.path.read_text() == LIST
        assert len(hands.app.fleet.servers) == 3


async def test_what_cannot_be_a_server_is_refused_while_it_is_typed(world: World) -> None:
    async with at_servers(world) as hands:
        await hands.press("a")
        await hands.until(lambda: "Which host?" in hands.text())
        for host in ("-oProxyCommand=x", "mx9;reboot", "$(reboot)", "mx 9", "root@"):
            await hands.press("ctrl+u")
            hands.app.screen.query_one("#host").value = host  # type: ignore[attr-defined]  # an Input
            await hands.until(lambda: "✖ host" in hands.text())
        hands.app.screen.query_one("#host").value = "mx2"  # type: ignore[attr-defined]  # an Input
        await hands.until(lambda: "There is a server called mx2 already" in hands.text())
        await hands.press("escape")
        assert not world.opened


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("ann@mx9.example.test", "mx9.example.test"),
        ("xn--mx-fka.test", "xn--mx-fka.test"),
        ("root@[2001:db8::9]", "2001-db8-9"),
    ],
)
def test_a_name_is_made_of_the_host(host: str, name: str) -> None:
    assert made_of(host) == name
    assert NAME.fullmatch(name)


async def test_the_first_list_has_this_machine_in_it(world: World) -> None:
    world.path.unlink()
    async with at_servers(world, Fleet([named("here", StillServer(rows(3)))])) as hands:
        await type_host(hands, "mx9")
        await hands.until(lambda: "Nothing is in the way" in hands.text())
        await hands.press("enter")
        await hands.until(lambda: "2 servers" in hands.text())
        text = world.path.read_text()
        assert text.index('name = "here"') < text.index('name = "mx9"')
        assert 'host = "localhost"' in text
        await hands.press("1")
        await hands.until(lambda: "here · 1 of 2" in hands.text().splitlines()[0])


async def test_who_was_named_on_the_command_line_is_not_written_down_as_this_machine(world: World) -> None:
    world.path.unlink()
    fleet = Fleet([named("mx1", StillServer(rows(3))), named("here", StillServer(rows(3)))])
    fleet.server("mx1").far = True
    async with at_servers(world, fleet) as hands:
        await type_host(hands, "mx9")
        await hands.until(lambda: "Nothing is in the way" in hands.text())
        await hands.press("enter")
        await hands.until(lambda: "3 servers" in hands.text())
        assert re.findall('name = "(.*)"', world.path.read_text()) == ["here", "mx9"]


async def test_one_is_taken_off_the_list_after_asking(world: World) -> None:
    async with at_servers(world) as hands:
        await hands.press("down", "x")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        assert "nothing happens to the server" in hands.text()
        await hands.press("enter")
        await hands.until(lambda: "Nothing was done" in hands.text())
        await hands.press("x", "right", "enter")
        await hands.until(lambda: "mx2 is off the list" in hands.text())
        await hands.until(lambda: "2 servers" in hands.text())
        text = world.path.read_text()
        assert "mx2" not in text
        assert "# the old one" in text


async def test_the_current_one_goes_and_the_next_is_current(world: World) -> None:
    async with at_servers(world) as hands:
        await hands.press("x", "right", "enter")
        await hands.until(lambda: "mx1 is off the list" in hands.text())
        await hands.until(lambda: hands.app.server.name == "mx2")
        await hands.press("1")
        await hands.until(lambda: "mx2 · 1 of 2" in hands.text().splitlines()[0])


async def test_tags_are_changed_without_a_check(world: World) -> None:
    async with at_servers(world) as hands:
        await hands.press("down", "e")
        await hands.until(lambda: isinstance(hands.app.screen, ServerDialog))
        assert "root@mx2.example.test" in hands.text()
        await hands.press("down", "down", "down")
        await hands.type(" berlin")
        await hands.press("enter", "enter", "enter")
        await hands.until(lambda: "mx2 is written down" in hands.text())
        assert 'tags = ["inbound", "berlin"]' in world.path.read_text()
        assert hands.app.fleet.tags["mx2"] == ("inbound", "berlin")
        assert not world.checked
        assert hands.app.fleet.names == ("mx1", "mx2", "mx3")
        await hands.until(lambda: "▶ mx2" in hands.text())


async def test_who_is_edited_stays_the_current_one_and_loses_the_tags_that_are_taken_out(
    world: World,
) -> None:
    async with at_servers(world) as hands:
        await hands.press("down", "enter", "e")
        await hands.until(lambda: isinstance(hands.app.screen, ServerDialog))
        await hands.press("down", "down", "down", "ctrl+u", "enter", "enter", "enter")
        await hands.until(lambda: "mx2 is written down" in hands.text())
        await hands.until(lambda: hands.app.server is world.opened[0])
        assert "mx2" not in hands.app.fleet.tags
        await hands.until(lambda: "▶ mx2 ◂" in hands.text())


async def test_another_host_is_checked_first(world: World) -> None:
    async with at_servers(world) as hands:
        await hands.press("down", "down", "e")
        await hands.until(lambda: isinstance(hands.app.screen, ServerDialog))
        await hands.type(".example.test")
        await hands.press(*["enter"] * 6)
        await hands.until(lambda: isinstance(hands.app.screen, CheckDialog))
        await hands.until(lambda: "Nothing is in the way" in hands.text())
        await hands.press("enter")
        await hands.until(lambda: "mx3 is written down" in hands.text())
        assert 'host = "mx3.example.test"' in world.path.read_text()
        assert hands.app.fleet.server("mx3") is world.opened[0]


async def test_one_that_is_not_in_the_file_is_left_alone(world: World) -> None:
    fleet = three()
    fleet.join(named("mx7", StillServer(rows(2))))
    async with at_servers(world, fleet) as hands:
        await hands.press("G", "x")
        await hands.until(lambda: "mx7 is not in your config file" in hands.text())
        await hands.press("e")
        await hands.until(lambda: "Edit: mx7 is not in your config file" in hands.text())


async def test_a_check_of_one_that_is_there_is_only_read(world: World) -> None:
    world.findings = BAD
    async with at_servers(world) as hands:
        await hands.press("C")
        await hands.until(lambda: "Not all is well" in hands.text())
        assert "[ Close ]" in hands.text()
        assert "Save" not in hands.text()
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, ServersScreen))
        assert world.checked == ["mx1"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("which", ["add", "check"])
def test_picture(snap_compare: Snap, world: World, size: tuple[int, int], which: str) -> None:
    fleet = three()
    world.findings = BAD
    app = MtatuiApp(fleet, world.config())

    async def play(pilot: Pilot[None]) -> None:
        hands = Hands(app, pilot)
        fleet.start()
        await hands.until(lambda: all(fleet.condition(s.name).phase == "live" for s in fleet.servers))
        await hands.press("0")
        await looked_at(app)
        if which == "add":
            await hands.press("a")
            await hands.until(lambda: isinstance(app.screen, ServerDialog))
            await hands.type("root@mx9.example.test")
            await hands.until(lambda: "It will be called" in hands.text())
        else:
            await type_host(hands, "mx9")
            await hands.until(lambda: "Not all is well" in hands.text())
        await pilot.pause()

    try:
        assert snap_compare(app, terminal_size=size, run_before=play)
    finally:
        fleet.close()

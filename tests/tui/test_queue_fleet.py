"""The queue page over several servers: what a person sees of them and does by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mtatui.app import MtatuiApp
from mtatui.backends.host import Unreachable
from mtatui.config import Config
from mtatui.fleet import Fleet
from mtatui.queue.message import State
from mtatui.screens import queue_header
from mtatui.screens.reading import ReadingScreen
from tests.tui.hands import Hands, started
from tests.tui.pictures import Snap, both_sizes, pictured
from tests.tui.still import NOW, StillServer, rows
from tests.tui.still_fleet import AskingServer, conditions, named, three

pytestmark = pytest.mark.usefixtures("stopped_clock")


@asynccontextmanager
async def at_three(size: tuple[int, int] = (120, 40)) -> AsyncIterator[Hands]:
    """Somebody at the keyboard, the queues of three servers before them."""
    async with started(three(), size) as hands:
        await read(hands, 47)
        yield hands


async def read(hands: Hands, messages: int) -> None:
    """Wait until the page shows so many messages."""
    await hands.until(lambda: len(hands.page.table.source) == messages)
    await hands.until(lambda: not messages or hands.page.table.cursor_id is not None)
    await hands.settled()


async def choose(hands: Hands, key: str) -> None:
    """Go to a node of the tree by keys, and choose it."""
    tree = hands.page.tree_pane
    tree.focus()
    tree.move_to([node.key for node in tree.nodes].index(key))
    await hands.press("enter")
    await hands.settled()


async def test_choosing_a_server_in_the_tree_shows_only_its_messages_and_esc_shows_all() -> None:
    async with at_three() as hands:
        await choose(hands, "server:mx2")
        await read(hands, 7)
        assert "mx2" in hands.text().splitlines()[0]
        assert hands.page.chosen_names == ["mx2"]
        await hands.press("escape")
        await read(hands, 47)
        assert "3 servers" in hands.text().splitlines()[0]


async def test_choosing_a_tag_shows_the_messages_of_its_servers() -> None:
    async with at_three() as hands:
        await choose(hands, "tag:berlin")
        await read(hands, 40)
        assert hands.page.chosen_names == ["mx1"]
        assert hands.page.tree_pane.chosen == "tag:berlin"


async def test_the_trash_is_that_of_the_server_that_is_chosen() -> None:
    async with at_three() as hands:
        await choose(hands, "server:mx2")
        await hands.press("T")
        await hands.settled()
        assert hands.page.model.state is State.TRASH
        assert hands.page.chosen_names == ["mx2"]


async def test_emptying_the_trash_is_about_the_server_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_three() as hands:
        asked: list[object] = []

        async def empty(names: object = None) -> None:
            asked.append(names)

        monkeypatch.setattr(hands.app.acting, "empty_trash", empty)
        await choose(hands, "server:mx2")
        await hands.page.action_do("empty-trash")
        await choose(hands, "server:")
        await hands.page.action_do("empty-trash")
        assert asked == [["mx2"], None]


async def test_the_cursor_of_the_tree_says_how_fresh_a_server_is() -> None:
    async with at_three() as hands:
        tree = hands.page.tree_pane
        tree.focus()
        tree.move_to([node.key for node in tree.nodes].index("server:mx2"))
        await hands.until(lambda: "mx2: scan 15:20:00" in hands.text().splitlines()[-1])


async def test_a_server_that_is_added_comes_into_the_tree_and_its_column_with_it() -> None:
    fleet = Fleet([named("mx1", StillServer(rows(3)))])
    async with started(fleet) as hands:
        await read(hands, 3)
        assert "Server " not in hands.text()
        fleet.join(named("mx2", StillServer(rows(2))))
        hands.app.servers_changed()
        await read(hands, 5)
        assert "server:mx2" in [node.key for node in hands.page.tree_pane.nodes]
        assert "server" in [column.id for column in hands.page.table.columns]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("server:mx1,mx2", "There is no server mx1,mx2   esc clears"),
        ("tag:paris", "There is no tag paris   esc clears"),
        ("server:mx3 tag:out", "No message matches server:mx3 tag:out   esc clears"),
    ],
)
async def test_a_filter_for_a_server_or_tag_that_is_not_there_is_told_so(asked: str, said: str) -> None:
    async with at_three() as hands:
        await hands.press("slash")
        await hands.type(asked)
        await hands.until(lambda: said in hands.text())


async def test_a_server_that_falls_silent_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_three((80, 24)) as hands:
        mx2 = hands.app.fleet.server("mx2")

        def silent(thorough: bool) -> float:
            raise Unreachable("mx2 cannot be reached: it is switched off.")

        monkeypatch.setattr(mx2.live, "_scan", silent)
        mx2.rescan()
        await hands.until(lambda: "✖ mx2 cannot be reached" in hands.text().splitlines()[-1])
        hands.page.tree_pane.display = True
        hands.page.tree_pane.focus()
        nodes = [node.key for node in hands.page.tree_pane.nodes]
        hands.page.tree_pane.move_to(nodes.index("server:mx2"))
        await hands.until(lambda: "mx2: no answer since" in hands.text().splitlines()[-1])
        assert ": it is switched off" in hands.text().splitlines()[-1]


def test_of_several_that_are_limited_the_page_of_servers_tells_why() -> None:
    assert queue_header.limited([""], "there is no Python") == "There is no Python."
    said = queue_header.limited(["a", "b", "c", "d", "e"], "there is no Python")
    assert said == "Not all can be seen or done on a, b, c and 2 more: the page Servers (0) says why."


async def test_help_tells_of_the_servers_in_a_query() -> None:
    async with at_three() as hands:
        await hands.press("question_mark")
        await hands.until(lambda: isinstance(hands.app.screen, ReadingScreen))
        await hands.press("G")
        await hands.until(lambda: "server" in hands.text() and "tag" in hands.text())


@pytest.mark.parametrize("where", ["list", "tree"])
@both_sizes
def test_picture(snap_compare: Snap, size: tuple[int, int], where: str) -> None:
    """A server in each condition: live, asking, silent, never reached, read, limited, stopped, opened."""
    fleet = conditions()
    asking = named("mx9", AskingServer(lambda: None))
    fleet.join(asking)
    fleet.questions._waiting["mx9"] = (NOW - 30.0, "root@mx9's password: ")
    app = MtatuiApp(fleet, Config())

    def phase(name: str) -> str:
        return fleet.condition(name).phase

    async def play(hands: Hands) -> None:
        await hands.until_there()
        await hands.until(lambda: phase("mx1") == phase("out1") == "live" and phase("mx3") == "reading")
        await hands.until(lambda: phase("relay-berlin") == "limited" and phase("mx4") == "trouble")
        await hands.until(lambda: phase("mx2") in ("live", "trouble"))
        fleet.rescan(names=["mx2"])
        await hands.until(lambda: phase("mx2") == "trouble")
        for name in ("mx2", "mx4"):
            live = fleet.server(name).live
            assert live is not None
            live.trouble_since = NOW - 137.0
        page = hands.page
        await fleet.watch()
        page.model.fold("server:")
        page.model.unfold("server:mx1")
        page.show_tree()
        await read(hands, 475)
        if where == "tree":
            if size[0] < 100:
                await hands.press("t")
            page.tree_pane.focus()
            page.tree_pane.move_to([node.key for node in page.tree_pane.nodes].index("server:mx4"))
            await hands.until(lambda: "mx4: no answer since" in hands.text().splitlines()[-1])
        else:
            page.footer.hush()
        page.show_header()

    assert pictured(snap_compare, app, size, play)

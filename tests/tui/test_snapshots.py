"""Pictures of the terminal face, held against those that were accepted.

Look at each before you accept it (``--snapshot-update``): calm, aligned, nothing cut off.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtatui.app import MtatuiApp
from mtatui.config import Config
from mtatui.screens.message import MessageScreen
from mtatui.server import Server
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui import scenes
from tests.tui.hands import Hands
from tests.tui.pictures import LARGE, SMALL, Scene, Snap, both_sizes, both_themes, pictured
from tests.tui.scenes import IN_TRASH, MESSAGES, LimitedServer, MuteServer, SceneServer

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.fixture
def picture(snap_compare: Snap) -> Callable[..., bool]:
    """Play a scene on a server; whether it looks at its end as in the picture that was accepted."""

    def compare(
        scene: Scene,
        size: tuple[int, int] = LARGE,
        *,
        server: Server | None = None,
        messages: int | None = MESSAGES,
        theme: str = "textual-dark",
    ) -> bool:
        server = server or SceneServer(scenes.rows())
        app = MtatuiApp(server, Config(theme=theme, filters={"[/x]": "from:x", "stuck": "age>1d"}))

        async def play(hands: Hands) -> None:
            await hands.until_there()
            if messages is not None:
                await hands.until_read(messages)
            await scene(hands)

        return pictured(snap_compare, app, size, play)

    return compare


async def nothing(hands: Hands) -> None:
    """Just look."""


async def marks(hands: Hands) -> None:
    """Some are marked, some way down."""
    await hands.press("space", "space", "j", "j", "space", "k")


@both_themes
@both_sizes
def test_queue(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    assert picture(marks, size, theme=theme)


async def mistaken(hands: Hands) -> None:
    """A filter with a mistake: the list stays as the filter before left it."""
    await hands.press("slash")
    await hands.type("state:hold (size>lots")
    await hands.until(lambda: hands.page.filter_bar.has_class("-mistaken"))
    await hands.settled()


@both_sizes
def test_a_mistake_in_the_filter(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(mistaken, size)


async def narrowed(hands: Hands) -> None:
    """A filter from the tree, with the tree in focus."""
    page = hands.page
    for key in ("facet:deferred:domain", "facet:deferred:user"):
        page.model.unfold(key)
    await hands.settled()
    page.tree_pane.focus()
    keys = [node.key for node in page.tree_pane.nodes]
    page.tree_pane.move_to(next(i for i, key in enumerate(keys) if "reason=timeout" in key))
    await hands.press("enter")
    await hands.until(lambda: len(page.table.source) < MESSAGES)
    await hands.settled()


@both_themes
def test_a_facet_is_chosen(picture: Callable[..., bool], theme: str) -> None:
    assert picture(narrowed, theme=theme)


async def deleting(hands: Hands) -> None:
    """One message is to be deleted."""
    await hands.press("j", "d")
    await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))


async def deleting_many(hands: Hands) -> None:
    """Many are to be deleted: the count is typed, and right."""
    await hands.press("slash")
    await hands.type("state:deferred")
    await hands.press("enter")
    await hands.until(lambda: len(hands.page.table.source) < MESSAGES)
    await hands.press("asterisk")
    await hands.until(lambda: len(hands.page.model.marks) > 100)
    await hands.press("d")
    await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
    await hands.type(str(len(hands.page.model.marks)))


@both_themes
def test_delete(picture: Callable[..., bool], theme: str) -> None:
    assert picture(deleting, theme=theme)


@both_sizes
def test_delete_many(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(deleting_many, size)


async def palette(hands: Hands) -> None:
    """Something is being looked for in the palette."""
    await hands.press("colon")
    await hands.type("so")


@both_themes
def test_palette(picture: Callable[..., bool], theme: str) -> None:
    assert picture(palette, theme=theme)


async def whole_palette(hands: Hands) -> None:
    """Everything there is."""
    await hands.press("colon")


def test_palette_read_only(picture: Callable[..., bool]) -> None:
    assert picture(whole_palette, SMALL, server=SceneServer(scenes.rows(), read_only=True))


@both_sizes
def test_help(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    async def help(hands: Hands) -> None:
        await hands.press("question_mark")

    assert picture(help, size)


@pytest.mark.parametrize("key", ["s", "v", "y", "f"])
def test_choices(picture: Callable[..., bool], key: str) -> None:
    async def choose(hands: Hands) -> None:
        await hands.press(key)

    assert picture(choose, SMALL)


def opened(label: str) -> Scene:
    """The first real message, in one of its sections."""

    async def scene(hands: Hands) -> None:
        await hands.press("j", "enter")
        await hands.until(lambda: isinstance(hands.app.screen, MessageScreen))
        await hands.press(label[0])
        await hands.until(lambda: f"[{label}]" in hands.text() and "reading…" not in hands.text())

    return scene


@pytest.mark.parametrize("section", ["Envelope", "Headers", "Body", "Verdicts"])
@both_sizes
def test_message(picture: Callable[..., bool], size: tuple[int, int], section: str) -> None:
    assert picture(opened(section), size)


@pytest.mark.parametrize("section", ["Envelope", "Log", "Verdicts"])
def test_message_in_sixteen_colours(picture: Callable[..., bool], section: str) -> None:
    assert picture(opened(section), SMALL, theme="ansi-dark")


async def trash(hands: Hands) -> None:
    """What was deleted."""
    await hands.press("T")
    await hands.until(lambda: len(hands.page.table.source) == IN_TRASH)
    await hands.settled()


@both_sizes
def test_trash(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(trash, size)


async def refused(hands: Hands) -> None:
    """A key that may not be used says why."""
    await hands.press("d")
    await hands.until(lambda: "read-only" in hands.text().splitlines()[-1])


@both_sizes
def test_read_only(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(refused, size, server=SceneServer(scenes.rows(), read_only=True))


async def no_answer(hands: Hands) -> None:
    """The server has stopped answering."""
    hands.app.server.rescan()
    await hands.until(lambda: "no answer" in hands.text().splitlines()[0])
    await hands.settled()


@both_sizes
def test_no_answer_any_more(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(no_answer, size, server=MuteServer(scenes.rows(), ever=True))


@both_sizes
def test_never_an_answer(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(no_answer, size, server=MuteServer([], ever=False), messages=None)


@both_sizes
def test_empty_queue(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(nothing, size, server=SceneServer([]), messages=0)


@both_sizes
def test_limited_view(picture: Callable[..., bool], size: tuple[int, int]) -> None:
    assert picture(nothing, size, server=LimitedServer(), messages=400)


def test_too_small(picture: Callable[..., bool]) -> None:
    assert picture(nothing, (50, 10))

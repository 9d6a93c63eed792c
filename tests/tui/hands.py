"""A person at the keyboard of the terminal face: presses keys, types, looks, and waits for what must come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from mtatui.app import MtatuiApp
from mtatui.config import Config
from mtatui.fleet import Fleet
from mtatui.screens.queue import QueueScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.server import Server
from tests.tui.still import StillServer, rows
from tests.tui.still_settings import StillConfiguration

#: What Textual calls the keys of some characters.
_KEYS = {
    " ": "space",
    ":": "colon",
    ">": "greater_than_sign",
    "/": "slash",
    "-": "minus",
    "(": "left_parenthesis",
    "@": "at",
    ".": "full_stop",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
}


class Hands:
    """A person at the keyboard, and what stands on the screen."""

    def __init__(self, app: MtatuiApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def page(self) -> QueueScreen:
        """The queue page, whatever lies over it."""
        page = self.app.screen_stack[0]
        assert isinstance(page, QueueScreen)
        return page

    @property
    def settings(self) -> SettingsScreen:
        """The pages of settings, whatever lies over them."""
        page = self.app.screen_stack[0]
        assert isinstance(page, SettingsScreen)
        return page

    @property
    def line(self) -> str:
        """The line of the list in which the cursor of the settings is."""
        rows = self.settings.list
        line = self.text().splitlines()[rows.region.y + rows.cursor - rows.top]
        return line[: rows.region.width]

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to become true, half a minute at most."""
        for _ in range(600):
            if true():
                return
            await self.pilot.pause(0.05)
        raise AssertionError(f"never came true; the screen says:\n{self.text()}")

    async def until_there(self) -> None:
        """Wait until something is shown."""
        await self.until(lambda: bool(self.app.screen_stack) and bool(self.text()))

    async def until_read(self, messages: int) -> None:
        """Wait until the queue has been read and the page shows it, its tree included."""
        await self.until_there()
        await self.until(lambda: self.app.server.live is not None and self.app.server.live.last is not None)
        await self.until(lambda: len(self.page.table.source) == messages)
        await self.until(lambda: not messages or self.page.table.cursor_id is not None)
        await self.settled()

    async def settled(self) -> None:
        """Wait until the page shows, tree included, what the index holds and what was asked of it.

        A look that was under way may still have asked for something else, so it waits for the second one.
        """
        page = self.page
        for _ in range(2):
            before = page._tally
            page.look_now()
            await self.until(lambda before=before: page._tally is not before)  # type: ignore[misc]  # mypy knows no type for it
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys, by Textual's names."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a text, letter by letter."""
        await self.pilot.press(*(_KEYS.get(char, char) for char in text))

    def text(self) -> str:
        """What stands on the screen, as lines."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(
            "".join(segment.text for segment in line)[:width].rstrip() for line in lines[:height]
        )


@asynccontextmanager
async def at_settings(
    page: str = "inbound",
    configuration: StillConfiguration | None = None,
    size: tuple[int, int] = (120, 40),
) -> AsyncIterator[Hands]:
    """Somebody at the keyboard, a page of settings with its values before them."""
    server = StillServer(rows(3))
    if configuration is not None:
        server.configuration = configuration
    async with at_keyboard(server, size=size, messages=3) as hands:
        await hands.press({"inbound": "1", "outbound": "2", "filtering": "3"}[page])
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        if configuration is None or configuration.gate is None:
            await hands.until(lambda: hands.settings.model.reading is not None)
        await hands.pilot.pause()
        yield hands


@asynccontextmanager
async def started(
    servers: Fleet | Server, size: tuple[int, int] = (120, 40), config: Config | None = None
) -> AsyncIterator[Hands]:
    """Somebody at the keyboard, whatever is before them yet."""
    app = MtatuiApp(servers, config or Config())
    try:
        async with app.run_test(size=size) as pilot:
            yield Hands(app, pilot)
    finally:
        app.fleet.close()


@asynccontextmanager
async def at_keyboard(
    server: Server | None = None,
    size: tuple[int, int] = (120, 40),
    config: Config | None = None,
    messages: int = 400,
) -> AsyncIterator[Hands]:
    """Somebody at the keyboard, the queue (of so many messages) before them."""
    async with started(server or StillServer(), size, config) as hands:
        await hands.until_read(messages)
        yield hands

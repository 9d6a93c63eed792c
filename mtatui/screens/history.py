"""The history of a server: who changed what and when, and what came of it; each with its way back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from mtatui.backends.host import HostError
from mtatui.fleet import deeds as fleet_deeds
from mtatui.screens import queue_sheets
from mtatui.screens.changing import Changing
from mtatui.screens.desk import Desk, bindings
from mtatui.screens.history_model import Deed, deeds, told_whole
from mtatui.screens.reading import ReadingScreen, room
from mtatui.text import clean, fit
from mtatui.widgets.lines import CursorLines, Piece

#: Cells of the columns.
WHEN, WHO, BECAME = 12, 10, 15


class Deeds(CursorLines):
    """What was done, one a line, the last first."""

    HEADS = 1

    class Chosen(Message):
        """A line was clicked where the cursor stood already."""

    def __init__(self) -> None:
        super().__init__(id="deeds")
        self.deeds: Sequence[Deed] = ()
        self.empty = "Reading …"

    def line_count(self) -> int:
        return len(self.deeds)

    def draw_head(self, y: int, width: int) -> Strip:
        head = f"   {'When':<{WHEN}}  {'Who':<{WHO}}  {'Outcome':<{BECAME}}  What"
        return self.line([(head, "head")], width)

    def draw(self, index: int, width: int) -> Strip:
        deed = self.deeds[index]
        at_cursor = index == self.cursor
        at, now = time.localtime(deed.at), time.localtime(time.time())
        same_day = (at.tm_year, at.tm_yday) == (now.tm_year, now.tm_yday)
        when = time.strftime("%H:%M:%S" if same_day else "%d %b %H:%M", at)
        pieces: list[Piece] = [
            (" ▶ " if at_cursor else "   ", ""),
            (fit(when, WHEN) + "  ", "dim"),
            (fit(deed.who, WHO) + "  ", ""),
            (fit(deed.became, BECAME) + "  ", deed.role),
            (deed.what, ""),
        ]
        return self.line(pieces, width, self.cursor_role if at_cursor else "")

    def draw_beyond(self, index: int, width: int) -> Strip:
        return self.line([("   " + self.empty if not self.deeds and index == 0 else "", "dim")], width)

    def clicked(self, index: int, event: events.Click) -> None:
        if index == self.cursor:
            self.post_message(self.Chosen())
        else:
            self.move_to(index)


class HistoryScreen(Desk):
    """What was changed on one server, settings and queue in one list."""

    AGAIN = "app.history"
    AUTO_FOCUS = "Deeds"
    DEFAULT_CSS = """
    HistoryScreen > Deeds { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("history")
    WHERE = "history"
    LABEL = "History"

    def __init__(self, changing: Changing, keymap: Mapping[str, str]) -> None:
        super().__init__(changing.server, changing.acting, keymap)
        self.changing = changing
        self.deeds = Deeds()

    def compose(self) -> ComposeResult:
        yield self.too_small
        yield self.header
        yield self.deeds
        yield self.footer

    def on_mount(self) -> None:
        """Read it, and again when something was applied."""
        self.changing.model.listeners.add(self._again)
        self.show_header()
        self.show_footer()
        self.read()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.changing.model.listeners.discard(self._again)

    def on_resize(self, event: events.Resize) -> None:
        """Lines are cut anew."""
        self.mind_size(event)

    def _again(self) -> None:
        self.read()

    @work(group="history", exclusive=True, exit_on_error=False)
    async def read(self) -> None:
        """Read what is remembered; the cursor stays with its entry."""
        try:
            found = await deeds(self.changing.server)
        except HostError as error:
            self.deeds.empty = clean(str(error))
            self.deeds.repaint()
            self.tell(str(error), "error")
            return
        before = self.deed.id if self.deed is not None else ""
        self.deeds.deeds = found
        self.deeds.empty = "Nothing was changed yet."
        self.deeds.move_to(next((at for at, deed in enumerate(found) if deed.id == before), 0))
        self.deeds.repaint()

    @property
    def deed(self) -> Deed | None:
        """What is under the cursor."""
        return self.deeds.deeds[self.deeds.cursor] if self.deeds.deeds else None

    def on_deeds_chosen(self) -> None:
        """Clicked twice."""
        self.do_show_entry("")

    def do_show_entry(self, argument: str) -> None:
        """Every line of it."""
        deed = self.deed
        if deed is None:
            return
        width = room(self.size.width)
        if deed.settings is not None:
            self.app.push_screen(ReadingScreen("Entry of the history", told_whole(deed, width)))
        elif deed.queue is not None and deed.queue.outcome is not None:
            self.app.push_screen(ReadingScreen("Receipts", queue_sheets.receipts(deed.queue.outcome, width)))
        else:
            self.tell("It is under way, or was interrupted; nobody knows yet what came of it.")

    async def do_undo_entry(self, argument: str) -> None:
        """The way back, as a plan."""
        deed = self.deed
        if deed is None:
            return
        if why := self.changing.configuration.why_not():
            self.tell(f"Undo: {why}.", "warning")
        elif deed.queue is not None:
            name = self.changing.server.part_name
            self.changing.acting.take_back(fleet_deeds.Deed({name: deed.queue}))
        elif deed.settings is not None and deed.settings.awaiting:
            self.tell("It waits to be confirmed: Y keeps it, B takes it back now.")
        elif deed.settings is not None and not deed.settings.undoable:
            self.tell(f"There is nothing to take back: {deed.became.lstrip('✔✖◐…–! ')}.")
        elif deed.settings is not None:
            await self.changing.undo(deed.settings)

    async def do_roll_back(self, argument: str) -> None:
        """Take back now what waits."""
        await self.changing.roll_back()
        self.read()

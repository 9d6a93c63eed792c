"""The queue page: what its keys do. What it shows is in `mtatui.screens.queue_page`.

Every action of `mtatui.verbs` has a method ``do_…`` here, which the key, the palette, and a click on the
footer all come to; verbs go to `mtatui.screens.acting`, which freezes, asks and tells.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import events
from textual import on as when
from textual.binding import Binding, BindingType

from mtatui.queue.message import State, key, split
from mtatui.queue.query import QuerySyntaxError
from mtatui.queue.selection import Outcome, Result
from mtatui.screens import queue_header, queue_sheets
from mtatui.screens.palette import PaletteScreen
from mtatui.screens.queue_choosing import ChoosingPage
from mtatui.screens.queue_model import Window
from mtatui.screens.reading import ReadingScreen, room
from mtatui.text import clean, count
from mtatui.verbs import ALL, Verb, on
from mtatui.widgets.filter_bar import FilterBar
from mtatui.widgets.footer import KeyFooter
from mtatui.widgets.queue_table import QueueTable
from mtatui.widgets.queue_tree import QueueTree


class QueueScreen(ChoosingPage):
    """The queue of one server, or of many."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(a.keys, f"do('{a.id}')", a.label, tooltip=a.help, id=a.id, show=False)
        for a in on("queue")
        if a.keys and a.id not in {"open", "quit"}
    ]

    @property
    def targets(self) -> list[str]:
        """The marked messages, else the one under the cursor."""
        if self.model.marks:
            return list(self.model.marks)
        return [self.table.cursor_id] if self.table.cursor_id else []

    async def action_do(self, id: str, argument: str = "") -> None:
        """Do what an action's id says."""
        self.footer.hush()
        action = ALL[id]
        if argument and not action.argument:
            what = " It acts on the marks, or else the cursor." if isinstance(action, Verb) else ""
            self.tell(f":{id} takes nothing after it.{what}", "warning")
        elif isinstance(action, Verb):
            await self._verb(action)
        elif why := self.fleet.why_not(action):
            self.tell(f"{action.label}: {why}.", "warning")
        else:
            done = getattr(self, "do_" + id.replace("-", "_"))(argument)
            if asyncio.iscoroutine(done):
                await done

    def on_key_footer_pressed(self, event: KeyFooter.Pressed) -> None:
        """An action was clicked in the footer."""
        self.run_worker(self.action_do(event.action), exit_on_error=False)

    # --- verbs -----------------------------------------------------------------------------------------

    async def _verb(self, verb: Verb) -> None:
        marked = len(self.model.marks)
        if marked and marked == len(self.table.source) and not self.model.query.everything:
            chosen_by = str(self.model.query)
        else:
            chosen_by = f"{count(marked)} marked" if marked else (self.table.cursor_id or "")
        await self.acting.choose(verb, self.targets, chosen_by, self._acted)

    def _acted(self, outcome: Outcome) -> None:
        """What was done is no longer marked; what failed stays, to look at."""
        self.model.marks -= {
            receipt.id for receipt in outcome.receipts if receipt.result is not Result.FAILED
        }
        self.table.marks = self.model.marks
        self.look_now()

    async def do_undo(self, argument: str) -> None:
        """Take back the last one."""
        await self.acting.undo()

    async def do_flush(self, argument: str) -> None:
        """All deferred mail, or what waits for one site."""
        await self.acting.flush(argument, self.chosen_names)

    async def do_empty_trash(self, argument: str) -> None:
        """For good."""
        await self.acting.empty_trash(self.chosen_names)

    # --- marks -----------------------------------------------------------------------------------------

    def do_mark(self, argument: str) -> None:
        """Mark, and step down."""
        if self.table.cursor_id:
            self._toggle({self.table.cursor_id})
            self.table.action_move(1)

    async def do_mark_all(self, argument: str) -> None:
        """All that match, or none where all are marked."""
        everyone = await self._everyone()
        self.model.marks = set() if everyone <= self.model.marks else self.model.marks | everyone
        self._toggle(set())

    async def do_invert(self, argument: str) -> None:
        """Marked becomes unmarked among what matches."""
        self._toggle(await self._everyone())

    async def do_range(self, argument: str) -> None:
        """From the row that was marked last to the cursor."""
        if self._last_mark is None:
            self.tell("Mark where the range begins with space; V marks from there to the cursor.", "warning")
            return
        window = self.table.source
        assert isinstance(window, Window)
        start = await asyncio.to_thread(self.fleet.index.position, window.view, self._last_mark)
        if start is None:
            self.tell("The message that was marked last is not in this list.", "warning")
            return
        first, last = sorted((start, self.table.cursor))
        await self._mark_rows(range(first, last + 1))

    async def on_queue_table_range_marked(self, event: QueueTable.RangeMarked) -> None:
        """Rows were marked with shift and an arrow, or the mouse."""
        await self._mark_rows(event.rows)

    def on_queue_table_mark_clicked(self, event: QueueTable.MarkClicked) -> None:
        """A mark was clicked."""
        self._toggle({event.id})

    async def _mark_rows(self, rows: range) -> None:
        window = self.table.source
        if isinstance(window, Window):
            self.model.marks |= set(await asyncio.to_thread(self.model.ids, window, rows))
            self._toggle(set())

    def _toggle(self, ids: set[str]) -> None:
        self.model.marks ^= ids
        if len(ids) == 1:
            self._last_mark = next(iter(ids))
        self.table.marks = self.model.marks
        self.show_count()
        self.show_footer()

    async def _everyone(self) -> set[str]:
        window = self.table.source
        if not isinstance(window, Window):
            return set()
        return set(await asyncio.to_thread(self.model.ids, window, range(len(window))))

    # --- filter, order, columns ------------------------------------------------------------------------

    def do_filter(self, argument: str) -> None:
        """Take over a filter, or let the person write one."""
        if argument:
            self.filter_bar.keep(argument)
            self._filter(argument)
        else:
            self.filter_bar.ask()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Every letter counts; a mistake is shown at its place and the list stays."""
        self._filter(event.text)

    @when(FilterBar.Submitted)
    @when(FilterBar.Dismissed)
    def _back_to_list(self) -> None:
        self.table.focus()

    def _filter(self, text: str) -> None:
        if text == self.model.text:
            self.show_count(well_formed=True)
            return
        try:
            self.model.filter(text)
        except QuerySyntaxError as mistake:
            if not self.filter_bar.show_mistake(str(mistake), mistake.start, mistake.end):
                self.footer.tell(f"The filter: {mistake}", "error")
            return
        self.footer.hush()
        self.followed = False
        self.show_count(well_formed=True)
        self.look_now()

    def _narrow(self, key: str) -> None:
        self.model.narrow(key)
        self._narrowed()

    def _narrowed(self) -> None:
        self.filter_bar.keep(self.model.text)
        self.followed = False
        self.show_tree()  # what was chosen is marked at once; counting takes longer
        self.look_now()

    def do_trash(self, argument: str) -> None:
        """The trash is a state like the others, of the servers that are chosen."""
        self.model.narrow_state(State.TRASH)
        self._narrowed()

    # --- the tree --------------------------------------------------------------------------------------

    def on_queue_tree_selected(self, event: QueueTree.Selected) -> None:
        """Show what a node stands for."""
        self._narrow(event.key)

    def on_queue_tree_highlighted(self, event: QueueTree.Highlighted) -> None:
        """The cursor of the tree is on another node."""
        self._tell_of(event.key)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The person looks at the tree."""
        if event.widget is self.tree_pane and self.tree_pane.cursor_key is not None:
            self._tell_of(self.tree_pane.cursor_key)

    def _tell_of(self, key: str) -> None:
        """Say how the server is on which the cursor of the tree lies: how fresh, or what is wrong."""
        kind, _, name = key.partition(":")
        if not self.fleet.many or not self.tree_pane.has_focus:
            return
        if kind == "server" and name in self.fleet.names:
            self.footer.tell(*queue_header.of_cursor(name, self.fleet.condition(name)))
        else:
            self.footer.hush()

    def on_queue_tree_expanded(self, event: QueueTree.Expanded) -> None:
        """Show what is under a node."""
        self.model.unfold(event.key)
        self.look_now()

    def on_queue_tree_collapsed(self, event: QueueTree.Collapsed) -> None:
        """Hide what is under a node."""
        self.model.fold(event.key)
        self.show_tree()

    def do_tree(self, argument: str) -> None:
        """Show or hide the tree, whatever the width."""
        self.tree_wanted = not self.tree_pane.display
        self.tree_pane.display = self.tree_wanted
        (self.tree_pane if self.tree_wanted else self.table).focus()

    # --- looking ---------------------------------------------------------------------------------------

    def on_queue_table_opened(self, event: QueueTable.Opened) -> None:
        """Show a message whole."""
        self.do_open(event.id)

    def do_open(self, argument: str) -> None:
        """Open a message by its ID, or the one under the cursor."""
        key = self._key(argument) if argument else self.table.cursor_id
        if not key:
            self.tell(f"There is no message {clean(argument)} in the queue.", "warning")
            return
        from mtatui.screens.message import MessageScreen

        self.app.push_screen(MessageScreen(self.fleet, key, self.neighbour))

    def _key(self, id: str) -> str:
        """The key of a message by its ID, or its key itself; "" where there is none, on no server."""
        keys = [id] if "/" in id else [key(name, id) for name in self.fleet.names]
        return next((one for one in keys if self.fleet.message(one) is not None), "")

    def neighbour(self, id: str, step: int) -> str | None:
        """Who stands after (1) or before (-1) a message in the list; the cursor goes there."""
        window = self.table.source
        if not isinstance(window, Window):
            return None
        place = self.fleet.index.position(window.view, id)
        if place is None or not 0 <= place + step < len(window):
            return None
        self.table.move_to(place + step)
        self.model.fetch(window, range(place + step, place + step + 1))
        return window.id(place + step)

    def do_rescan(self, argument: str) -> None:
        """Read the spool anew."""
        names = self.chosen_names
        self.fleet.rescan(thorough=True, names=names)
        self.watch_postfix()
        names = names or list(self.fleet.names)
        if len(names) == 1:
            of = f" of {names[0]}" if self.fleet.many else ""
            self.tell(f"The spool{of} is being read again.")
        else:
            self.tell(f"{len(names)} spools are being read again.")

    def do_commands(self, argument: str) -> None:
        """The command log."""
        names = self.chosen_names or []
        on_cursor = split(self.table.cursor_id or "")[0]
        name = names[0] if len(names) == 1 else on_cursor or self.fleet.names[0]
        server = self.fleet.server(name)
        self.show_commands(server.name, server.host.log)

    def do_receipts(self, argument: str) -> None:
        """What became of each message of the last verb."""
        outcome = self.acting.last
        if outcome is None:
            self.tell("Nothing has been done yet.")
        else:
            lines = queue_sheets.receipts(outcome, room(self.size.width))
            self.app.push_screen(ReadingScreen("Receipts", lines))

    def do_help(self, argument: str) -> None:
        """The keys, and the query language."""
        lines = queue_sheets.help(self.config.keymap, room(self.size.width), many=self.fleet.many)
        self.app.push_screen(ReadingScreen("Keys and queries", lines))

    async def do_palette(self, argument: str) -> None:
        """Every action by name."""
        actions = [a for a in on("queue") if a.id not in {"palette", "next-pane"}]
        reasons = {a.id: why for a in actions if (why := self.why_not(a))}

        def take(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                self.run_worker(self.action_do(*answer), exit_on_error=False)

        self.app.push_screen(PaletteScreen(actions, reasons), take)

    def do_back(self, argument: str) -> None:
        """One step back: stop what runs, unmark, clear the filter, go to the list."""
        if self.acting.cancel():
            return
        if self.model.marks:
            self.model.marks = set()
            self._toggle(set())
        elif not self.model.query.everything:
            self.model.filter("")
            self.filter_bar.keep("")
            self.look_now()
        else:
            self.table.focus()

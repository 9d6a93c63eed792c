"""What the queue page shows: the tree, the messages, and the one under the cursor.

The page never waits for the index: a look runs in a thread, at once after a key, then at the pace the queue
changes; what comes back repaints only what looks different. What its keys do is in `mtatui.screens.queue`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from mtatui.config import Config
from mtatui.fleet import Condition, Fleet, Phase
from mtatui.queue.facets import Facet
from mtatui.queue.gate import Unwanted
from mtatui.queue.message import State
from mtatui.queue.query import Query
from mtatui.queue.views import Sort, SortField, Summary
from mtatui.screens import queue_columns, queue_header, queue_tree_model
from mtatui.screens.acting import Acting
from mtatui.screens.page import Page
from mtatui.screens.queue_detail import QueueDetail
from mtatui.screens.queue_model import Look, QueueModel, Tally, Window
from mtatui.text import count
from mtatui.verbs import ALL, RESTORE, Action, Verb, on, pages
from mtatui.widgets.filter_bar import FilterBar
from mtatui.widgets.lines import Piece
from mtatui.widgets.queue_table import QueueTable
from mtatui.widgets.queue_tree import QueueTree
from mtatui.widgets.states import LOOKS

#: Below this many columns the tree folds into the header; below this many lines the detail pane goes.
WIDE, TALL = 100, 30
#: Cells in the tree beside the name of a server: "no answer 20m".
BESIDE_NAME = 20
#: Seconds between two looks at whether Postfix runs.
WATCH_PACE = 20
#: Seconds between two looks while the queue is being read, and the least between two at all.
LOOK_WHILE_READING, LOOK_PACE = 0.4, 0.15

_FOOTER = [action for action in on("queue") if action.footer and action.id != "help"] + [ALL["help"]]

_IN_TRASH = [RESTORE, *(a for a in _FOOTER if not isinstance(a, Verb))]


class QueuePage(Page):
    """The face of the queue page."""

    AUTO_FOCUS = "QueueTable"

    def __init__(self, fleet: Fleet, config: Config, acting: Acting, *, greeting: str = "") -> None:
        super().__init__()
        self.fleet = fleet
        self.acting = acting
        self.config = config
        self.model = QueueModel(fleet.index, sort=Sort(SortField(config.sort[0]), config.sort[1]))
        self.table: QueueTable[Summary] = QueueTable(
            queue_columns.chosen(config.columns, servers=fleet.names if fleet.many else ()), id="table"
        )
        self.tree_pane = QueueTree(id="tree")
        self.detail = QueueDetail(fleet)
        self.filter_bar = FilterBar(id="filter")
        self._greeting = greeting
        self._stale = asyncio.Event()
        self._urgent = asyncio.Event()
        self._shown = -1
        self._asked = self.model.query
        self._id_width = 11
        self._phases: dict[str, Phase] = {}
        self._limits = ""
        self._tally = Tally({}, {}, frozenset())
        self.table.follow = self._follow
        self._names = fleet.names
        self.filters = dict(config.filters)
        self.tree_wanted = True
        self._last_mark: str | None = None
        self.followed = False

    def compose(self) -> ComposeResult:
        yield self.too_small
        yield self.header
        with Horizontal(id="page"):
            yield self.tree_pane
            with Vertical(id="messages"):
                yield self.filter_bar
                yield self.table
                yield self.detail
        yield self.footer

    def on_mount(self) -> None:
        """Listen to the live thread, and begin to look."""
        loop = asyncio.get_running_loop()
        self.model.unfold("server:")
        self.model.unfold(f"state:{State.DEFERRED}")
        self.table.sorted_by(self.model.sort.field, self.model.sort.descending)
        self.show_footer()
        self.show_header()

        # In the app's own context: a timer that is started in another finds no app when its time comes.
        context = contextvars.copy_context()

        def heard() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody looks any more
                loop.call_soon_threadsafe(self._heard, context=context)

        # What was read while Textual was imported is in the first picture already; once that is on the
        # screen, the rest may come.
        self.fleet.start()
        self._heard()
        self._take(self.model.look(0, self.app.size.height, 0, None))
        self.call_after_refresh(self._listen, heard)
        self._keep_fresh()
        self.set_interval(60, self._minute)
        self._settle()
        self.set_interval(WATCH_PACE, self._settle)
        self.watch_postfix()
        self.set_interval(WATCH_PACE, self.watch_postfix)
        for problem in self.config.problems:
            self.tell(problem, "warning")
        if self._greeting:
            self.footer.tell(self._greeting, "warning")

    def on_resize(self, event: events.Resize) -> None:
        """Fold what has no room."""
        self._fold(event.size.width)
        self.detail.display = event.size.height >= TALL
        self.show_header()
        self.mind_size(event)

    # --- keeping fresh ---------------------------------------------------------------------------------

    def _listen(self, heard: Callable[[], None]) -> None:
        self.fleet.listen(heard)
        self.look_now()

    def _heard(self) -> None:
        """The live thread has heard something; look when there is something new."""
        if self.fleet.index.generation != self._shown:
            self._stale.set()
        conditions = self.conditions()
        limited = {name: one.why for name, one in conditions.items() if one.phase is Phase.LIMITED}
        if (limits := next(iter(limited.values()), "")) and limits != self._limits:
            self._limits = limits
            self.tell(queue_header.limited(list(limited), limits))
        phases = {name: one.phase for name, one in conditions.items()}
        if phases != self._phases:
            new = [n for n, p in phases.items() if p is Phase.TROUBLE and self._phases.get(n) is not p]
            if new and len(self.table.source):  # an empty table says it by itself
                self.footer.tell(queue_header.of_trouble(new[0], conditions[new[0]].why), "error")
            self._phases = phases
            self._stale.set()  # the tree says it, too
        self.show_header()

    def conditions(self) -> dict[str, Condition]:
        """How each server is, by its name in the index."""
        return {name: self.fleet.condition(name) for name in self.fleet.names}

    @property
    def chosen_names(self) -> list[str] | None:
        """The servers that the filter is narrowed to; None for all."""
        if self.model.server in self.fleet.names:
            return [self.model.server]
        tag = queue_tree_model.only(self.model.query, "tag")
        return [name for name in self.fleet.names if tag in self.fleet.tags.get(name, ())] if tag else None

    def look_now(self) -> None:
        """Something was asked for: look at once."""
        if self.model.query is not self._asked:
            self._asked = self.model.query
            self._look_first(self._asked)
        self._urgent.set()
        self._stale.set()

    @work(group="first", exclusive=True, exit_on_error=False)
    async def _look_first(self, query: Query) -> None:
        """Show the first that match before all are counted."""
        table = self.table
        first = None if table.top else await asyncio.to_thread(self.model.first, query, table.page)
        shown = table.source.view.query if isinstance(table.source, Window) else None
        if first is not None and query is self.model.query and query is not shown:
            self._take(first)

    @work(group="fresh", exit_on_error=False)
    async def _keep_fresh(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            self._urgent.clear()
            began = time.monotonic()
            await self._look()
            cost = time.monotonic() - began
            reading = any(server.live is not None and server.live.scanning for server in self.fleet.servers)
            pause = max(5 * cost, LOOK_WHILE_READING) if reading else max(2 * cost, LOOK_PACE)
            try:
                async with asyncio.timeout(pause):
                    await self._urgent.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        table = self.table
        # Before the user has moved, the list shows its beginning, whatever is read in before it.
        follow = table.cursor_id if self.followed else None
        before = table.cursor
        try:
            look = await asyncio.to_thread(self.model.look, table.top, table.page, before, follow)
        except Unwanted:
            return
        if look.window.view.query is not self.model.query:
            return  # another filter was typed meanwhile; the next look is for that
        if table.cursor != before and table.cursor_id is not None:  # the cursor has moved meanwhile
            place = look.window.place(table.cursor_id)
            moved = None if look.cursor is None else look.cursor + table.cursor - before
            look = replace(look, cursor=moved if place is None else place)
        self._take(look)
        names = self.fleet.names if self.fleet.many else ()
        self._tally = await asyncio.to_thread(self.model.tally, names)
        if self._tally.lost_marks:
            self.model.marks -= self._tally.lost_marks
            table.marks = self.model.marks
            self.show_count()
        self.show_tree()
        self.show_header()
        self._show_detail()

    def _take(self, look: Look) -> None:
        """Show the rows of a look."""
        self._shown = look.generation
        if look.window.id_width > self._id_width:
            self._id_width = look.window.id_width
            self.show_columns([column.id for column in self.table.columns])
        self.table.reload(look.window, look.cursor)
        self.show_count()

    @work(group="watch", exit_on_error=False)
    async def watch_postfix(self) -> None:
        """See whether Postfix runs: a queue that nobody works on is the first thing to know."""
        before = self.conditions()
        await self.fleet.watch()  # of those that do not answer the feed says what is wrong
        if self.conditions() != before:
            self.show_header()
            self.show_tree()

    @work(group="settle", exit_on_error=False)
    async def _settle(self) -> None:
        """Tell of verbs that were interrupted, once the first rows are there."""
        await asyncio.sleep(2)
        await self.acting.settle()

    def on_queue_table_need_rows(self, event: QueueTable.NeedRows) -> None:
        """The table scrolls to rows that are not at hand."""
        event.stop()
        self._fetch(event.rows)

    @work(group="fetch", exclusive=True, exit_on_error=False)
    async def _fetch(self, rows: range) -> None:
        window = self.table.source
        if isinstance(window, Window):
            await asyncio.to_thread(self.model.fetch, window, rows)
            self.table.refresh_rows()

    def _minute(self) -> None:
        """Ages and retry times are told in minutes: draw again those that read differently now."""
        self.table.refresh_rows()
        self._show_detail()
        self.show_tree()

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done to what is under the cursor or marked; "" where it can."""
        row = self.table.source.row(self.table.cursor) if len(self.table.source) else None
        states = (row.state,) if row is not None and not self.model.marks else ()
        if isinstance(action, Verb) and not self.model.marks and not len(self.table.source):
            return "there is no message to do it to"
        keys = self.model.marks or ({row.id} if row is not None else None)
        return self.fleet.why_not(action, states, keys if isinstance(action, Verb) else None)

    # --- showing ---------------------------------------------------------------------------------------

    def show_header(self) -> None:
        """The state of the queue, and how fresh what is shown is."""
        if self.fleet.names != self._names:
            self._other_servers()
        narrow = self.size.width < WIDE
        notes: list[Piece] = self.acting.standings.notes(but="postfix")
        if alarms := self.acting.standings.alarms:
            notes.append((f"✖ {'lint' if narrow else alarms[0]}  ", "danger"))
        names = self.chosen_names
        if narrow:
            for state, number in self.fleet.index.counts(names).items():
                if number or state in (State.ACTIVE, State.DEFERRED):
                    notes.append((f"{LOOKS[state].glyph}{number} ", LOOKS[state].role if number else "dim"))
        if self.fleet.read_only:
            notes.append(("read-only  ", "warning"))
        names = names or list(self.fleet.names)
        if len(names) == 1:
            notes += queue_header.of_one(self.fleet.server(names[0]), self.fleet.condition(names[0]), narrow)
        else:
            notes += queue_header.of_many({name: self.fleet.condition(name) for name in names}, narrow)
        many = self.acting.standings.many
        called = names[0] if len(names) == 1 and self.fleet.many else self.fleet.name
        self.header.show(server=called, pages=pages(many), page="queue", notes=notes)

    def _other_servers(self) -> None:
        """A server has come, or gone."""
        self._names = self.fleet.names
        self.show_columns(self.config.columns)
        self._fold(self.size.width)
        self.show_tree()
        self.look_now()

    def _fold(self, width: int) -> None:
        """Fold the tree where it has no room; of several servers it has room for their names."""
        self.tree_pane.display = width >= WIDE and self.tree_wanted
        self.set_class(width < WIDE, "-narrow")
        if self.fleet.many:
            least, most = (31, 44) if width >= WIDE else (26, 30)
            self.tree_pane.styles.width = min(max(least, BESIDE_NAME + max(map(len, self._names))), most)

    def show_count(self, *, well_formed: bool = False) -> None:
        """Say how much matches, unless the filter bar is saying what is wrong with the filter."""
        if self.filter_bar.has_class("-mistaken") and not well_formed:
            return
        window = self.table.source
        matching = len(window)
        in_trash = self.model.state is State.TRASH
        counts = self.fleet.index.counts()
        total = sum(number for state, number in counts.items() if (state is State.TRASH) == in_trash)
        whole = self.model.query.everything or (in_trash and matching == total)
        text = count(matching) if whole else f"{count(matching)} of {count(total)}"
        if isinstance(window, Window) and window.partial:
            text = f"{count(matching)}+ of {count(total)}"
        text += " in the trash" if in_trash else ""
        if self.model.marks:
            text += f" · {count(len(self.model.marks))} marked"
        self.filter_bar.show_count(text)
        conditions = [self.fleet.condition(name) for name in self.chosen_names or self.fleet.names]
        if words := queue_header.nothing_yet(conditions, total):
            self.table.say_when_empty(words)
        elif self.model.query.everything:
            self.table.say_when_empty("The queue is empty.")
        elif in_trash and not total:
            self.table.say_when_empty("The trash is empty. esc goes back to the queue.")
        else:
            self.table.say_when_empty(queue_header.no_match(self.model.query, self.fleet))

    def show_columns(self, ids: Sequence[str]) -> None:
        """Show these columns of the table."""
        servers = self.fleet.names if self.fleet.many else ()
        self.table.columns = queue_columns.chosen(ids, self._id_width, servers)
        self.table.sorted_by(self.model.sort.field, self.model.sort.descending)

    def show_tree(self) -> None:
        """Show the counts, and which node the filter stands for."""
        unfolded, tally = self.model.unfolded, self._tally
        branches = [queue_tree_model.Branch(name, one) for name, one in self.conditions().items()]
        if self.fleet.many:
            nodes = queue_tree_model.many(branches, self.fleet.tags, tally, unfolded)
        else:
            lone = replace(branches[0], name=self.fleet.name)
            nodes = queue_tree_model.alone(lone, tally, unfolded)
        self.tree_pane.nodes = nodes
        self.tree_pane.chosen = self.model.chosen

    def show_footer(self) -> None:
        """Show the keys, those that do not apply now dimmed; in the trash the one verb that does."""
        shown = _IN_TRASH if self.model.state is State.TRASH else _FOOTER
        self.footer.show([(action, not self.why_not(action)) for action in shown])

    def _follow(self, id: str | None) -> None:
        """The detail follows the cursor."""
        self.followed = self.followed or self.table.cursor > 0
        self._show_detail()

    def _show_detail(self) -> None:
        self.show_footer()
        self.detail.follow(self.table.cursor_id, self._alike())

    def _alike(self) -> str:
        """How many others wait for the same reason, where that was counted."""
        row = self.table.source.row(self.table.cursor) if len(self.table.source) else None
        if row is None or not row.reason:
            return ""
        reasons = self._tally.facets.get((row.state.value, Facet.REASON), ())
        others = next((one.messages for one in reasons if one.value == row.reason), 0) - 1
        return f"{count(others)} more wait for the same reason: {row.reason}" if others > 0 else ""

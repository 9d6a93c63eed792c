"""The signatures of viruses: every database with its age, what came of the last update; updates now."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.binding import BindingType
from textual.strip import Strip

from mtatui.backends.filters.own_signatures import KEY as OWN
from mtatui.backends.filters.own_signatures import adding
from mtatui.backends.host import HostError
from mtatui.screens.changing import Changing
from mtatui.screens.desk import TableDesk, bindings
from mtatui.screens.progressing import ProgressScreen
from mtatui.screens.reading import labelled
from mtatui.settings.kinds import Refused
from mtatui.text import ago, clean, count, fit, size
from mtatui.verbs import Action
from mtatui.widgets.lines import CursorLines, Piece

if TYPE_CHECKING:
    from mtatui.backends.filters.databases_read import Database, State
    from mtatui.screens.new_signatures import Chosen
    from mtatui.settings.current import Reading
    from mtatui.settings.plan import Plan

#: From this many columns on the day on which a database was built is told, too.
WIDE = 100
#: Seconds after which the year is told of a day, and not the hour.
YEAR = 300 * 86400
#: Cells of the labels below the list.
LABEL = 12


class DatabaseLines(CursorLines):
    """One database a line."""

    HEADS = 1

    def __init__(self) -> None:
        super().__init__(id="databases")
        self.databases: Sequence[Database] = ()
        self.now = 0.0
        self.empty = "Looking …"

    def line_count(self) -> int:
        return len(self.databases)

    def draw_head(self, y: int, width: int) -> Strip:
        cells = ["Database", "Version", "Built", "Age", "Signatures", "Size", "From"]
        return self.line([("   " + self._laid(cells, width), "head")], width)

    def draw(self, index: int, width: int) -> Strip:
        one = self.databases[index]
        at_cursor = index == self.cursor
        built = one.built or one.changed
        cells = [
            one.name,
            str(one.version) if one.version else "–",
            time.strftime("%d %b %H:%M" if self.now - built < YEAR else "%d %b  %Y", time.localtime(built)),
            ago(self.now - built),
            count(one.count) if one.count is not None else "?",
            size(one.size),
            one.trouble or ("one's own" if one.own else "ClamAV"),
        ]
        line = (" ▶ " if at_cursor else "   ") + self._laid(cells, width)
        role = "danger" if one.trouble else ""
        return self.line([(line, role)], width, self.cursor_role if at_cursor else "")

    def draw_beyond(self, index: int, width: int) -> Strip:
        return self.line([(f"   {self.empty}" if not self.databases and index == 0 else "", "dim")], width)

    @staticmethod
    def _laid(cells: Sequence[str], width: int) -> str:
        """A line; the name gets what is left."""
        wide = width >= WIDE
        widths = [0, 8, 13 if wide else 0, 7, 11, 7, 16 if wide else 11]
        widths[0] = max(width - 3 - sum(widths) - 2 * sum(map(bool, widths[1:])), 12)
        aligned = ["left", "right", "left", "right", "right", "right", "left"]
        told = zip(cells, widths, aligned, strict=True)
        return "  ".join(fit(text, cells, align) for text, cells, align in told if cells)

    def cursor_moved(self) -> None:
        assert isinstance(self.screen, SignaturesScreen)
        self.screen.show_footer()


class SignaturesScreen(TableDesk[DatabaseLines]):
    """The signatures of one server."""

    AGAIN = "app.signatures"
    AUTO_FOCUS = "DatabaseLines"
    BINDINGS: ClassVar[list[BindingType]] = bindings("signatures")
    WHERE = "signatures"
    LABEL = "Signatures"

    def __init__(self, changing: Changing, keymap: Mapping[str, str]) -> None:
        super().__init__(DatabaseLines(), changing.server, changing.acting, keymap)
        self.changing = changing
        self.state: State | None = None
        self.trouble = ""

    def on_mount(self) -> None:
        """Show the frame."""
        self.show_header()
        self.show_footer()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Look, and again after something lay over it: a plan may have been applied."""
        super().on_screen_resume(event)
        self.look()

    @work(group="signatures", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Look which there are."""
        try:
            self.show(await self.server.signatures.state())
        except HostError as error:
            self.trouble = self.table.empty = clean(str(error))
            self.table.databases = ()
            self.table.repaint()
            self.show_detail()

    def show(self, state: State) -> None:
        """These are they; the cursor stays with its database."""
        before = self.database.name if self.database is not None else ""
        self.state, self.trouble = state, ""
        self.table.databases, self.table.now = state.databases, state.at
        self.table.empty = f"There are none in {clean(state.directory)}."
        names = [one.name for one in state.databases]
        self.table.move_to(names.index(before) if before in names else 0)
        self.table.repaint()
        self.show_detail()

    @property
    def database(self) -> Database | None:
        """The one under the cursor."""
        return self.table.databases[self.table.cursor] if self.table.databases else None

    def told(self, width: int) -> Iterable[Sequence[Piece]]:
        return told(self.state, width) if self.state is not None else ()

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done here and now; "" where it can."""
        if action.where != "signatures" or action.id == "look-signatures":
            return ""
        if self.state is None:
            return self.trouble or "nothing is known yet"
        if action.id in ("test-signatures", "remove-signatures") and self.database is None:
            return "there is none"
        if action.id == "test-signatures":
            return ""
        if action.id == "remove-signatures" and self.database is not None and not self.database.own:
            return "it is ClamAV's, and would come back with the next update"
        return self.changing.configuration.why_not()

    # --- doing -----------------------------------------------------------------------------------------

    def do_update_signatures(self, argument: str) -> None:
        """Have freshclam look for new ones now, and see what it says."""
        cancel = asyncio.Event()
        screen = ProgressScreen(f"Updating the signatures on {self.server.name}", cancel.set)
        self.app.push_screen(screen)
        self.changing.app.work(self._update(cancel, screen))

    async def _update(self, cancel: asyncio.Event, screen: ProgressScreen) -> None:
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()

        def heard(line: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody looks any more
                loop.call_soon_threadsafe(screen.took, line, context=context)

        try:
            updated = await self.server.signatures.update(heard, cancel)
        except (Refused, HostError) as error:
            screen.ended(f"✖ {error}", "warning")
            return
        screen.ended(f"{'✔' if updated.ok else '✖'} {updated.text}", "" if updated.ok else "danger")
        if self.is_mounted:
            self.show(updated.state)

    def do_add_signatures(self, argument: str) -> None:
        """A file of one's own: asked for, then a plan."""
        from mtatui.screens.new_signatures import NewSignaturesDialog

        def answered(chosen: Chosen | None) -> None:
            if chosen is not None:
                self._plan(lambda reading: adding(reading, chosen.name, chosen.data))

        self.app.push_screen(NewSignaturesDialog(), answered)

    def do_remove_signatures(self, argument: str) -> None:
        """A plan without the one under the cursor."""
        one = self.database
        assert one is not None

        def without(reading: Reading) -> Plan:
            value = reading.current[OWN].value
            value = tuple(source for source in value if source.rpartition("/")[2] != one.name)
            return self.changing.configuration.plan(reading, {OWN: value})

        self._plan(without)

    @work(group="plan", exclusive=True, exit_on_error=False)
    async def _plan(self, make: Callable[[Reading], Plan]) -> None:
        """Read, plan, and look at the plan."""
        try:
            plan = await asyncio.to_thread(make, await self.changing.configuration.read())
        except (Refused, HostError) as error:
            self.tell(str(error), "warning")
            return
        if plan.empty:
            self.tell("Not a byte would change: it is so already.")
        else:
            self.changing.look_at(plan)

    @work(group="test", exclusive=True, exit_on_error=False)
    async def do_test_signatures(self, argument: str) -> None:
        """Have ClamAV load the one under the cursor, and nothing else."""
        one = self.database
        assert one is not None
        assert self.state is not None
        self.tell(f"{one.name} is loaded on trial …")
        try:
            tested = await self.server.signatures.check(f"{self.state.directory}/{one.name}")
        except (Refused, HostError) as error:
            self.tell(str(error), "warning")
        else:
            self.tell(f"{tested.text}.", "information" if tested.ok else "warning")

    def do_look_signatures(self, argument: str) -> None:
        """Look again, now."""
        self.look()


def told(state: State, width: int) -> Iterator[list[Piece]]:
    """What is to be known of all signatures, in lines of so many cells; what is wrong comes first."""
    for at, finding in enumerate(state.findings):
        yield from labelled("" if at else "Mind", finding, "warning", width, LABEL)
    engine = f"ClamAV {state.engine}" if state.engine else state.clamd
    if state.loaded:
        engine += f", works with version {state.loaded} of the daily signatures"
    yield from labelled("clamd", engine, "", width, LABEL)
    attempt = state.attempt
    if attempt is None:
        yield from labelled("Last update", "no log tells of one", "dim", width, LABEL)
    else:
        when = time.strftime("%a %d %b %H:%M", time.localtime(attempt.at))
        sign = "✔" if attempt.ok else "✖"
        text = f"{sign} {when}, {ago(state.at - attempt.at)} ago: {attempt.text}"
        yield from labelled("Last update", text, "" if attempt.ok else "danger", width, LABEL)
    yield from labelled("Directory", state.directory, "dim", width, LABEL)

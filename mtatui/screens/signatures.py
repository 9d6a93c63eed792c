"""The signatures of viruses: every database with its age, what came of the last update; updates now."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.strip import Strip

from mtatui.backends.filters.own_signatures import KEY as OWN
from mtatui.backends.filters.own_signatures import adding
from mtatui.backends.host import HostError
from mtatui.screens.changing import Changing
from mtatui.screens.desk import Desk, bindings
from mtatui.screens.progressing import ProgressScreen
from mtatui.screens.reading import Sheet
from mtatui.settings.kinds import Refused
from mtatui.text import ago, clean, count, fit, size, wrap
from mtatui.verbs import Action
from mtatui.widgets.lines import CursorLines, Piece

if TYPE_CHECKING:
    from mtatui.backends.filters.databases_read import Database, State
    from mtatui.screens.new_signatures import Chosen
    from mtatui.settings.current import Reading
    from mtatui.settings.plan import Plan

#: Lines for what is to be known of all of them.
DETAIL = 9
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


class SignaturesScreen(Desk):
    """The signatures of one server."""

    AGAIN = "app.signatures"
    AUTO_FOCUS = "DatabaseLines"
    DEFAULT_CSS = f"""
    SignaturesScreen {{
        & > DatabaseLines {{ height: 1fr; }}
        & > Sheet {{ height: {DETAIL + 1}; padding: 0 1; border-top: solid $primary-muted; }}
        &:ansi > Sheet {{ border-top: solid ansi_default; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("signatures")
    WHERE = "signatures"

    def __init__(self, changing: Changing, keymap: Mapping[str, str]) -> None:
        super().__init__(changing.server, keymap)
        self.changing = changing
        self.lines = DatabaseLines()
        self.detail = Sheet([])
        self.state: State | None = None
        self.trouble = ""

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.lines
        yield self.detail
        yield self.footer

    def on_mount(self) -> None:
        """Show the frame."""
        self.show_header()
        self.show_footer()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Look, and again after something lay over it: a plan may have been applied."""
        super().on_screen_resume(event)
        self.look()

    def on_resize(self, event: events.Resize) -> None:
        """Lines are wrapped anew."""
        self.show_detail()

    @work(group="signatures", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Look which there are."""
        try:
            self.show(await self.server.signatures.state())
        except HostError as error:
            self.trouble = self.lines.empty = clean(str(error))
            self.lines.databases = ()
            self.lines.repaint()
            self.show_detail()

    def show(self, state: State) -> None:
        """These are they; the cursor stays with its database."""
        before = self.database.name if self.database is not None else ""
        self.state, self.trouble = state, ""
        self.lines.databases, self.lines.now = state.databases, state.at
        self.lines.empty = f"There are none in {clean(state.directory)}."
        names = [one.name for one in state.databases]
        self.lines.move_to(names.index(before) if before in names else 0)
        self.lines.repaint()
        self.show_detail()
        self.show_footer()

    @property
    def database(self) -> Database | None:
        """The one under the cursor."""
        return self.lines.databases[self.lines.cursor] if self.lines.databases else None

    # --- showing ---------------------------------------------------------------------------------------

    def show_header(self) -> None:
        """Where we are."""
        self.header.show(
            server=self.changing.acting.standings.called(self.server),
            pages=[("signatures", "Signatures")],
            page="signatures",
            notes=self.changing.acting.standings.notes(self.changing.server),
        )

    def show_detail(self) -> None:
        """What is to be known of all of them."""
        width = max(self.size.width - 4, 20)
        self.detail.lines = list(told(self.state, width)) if self.state is not None else []
        self.detail.repaint()

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
        yield from _row("" if at else "Mind", finding, "warning", width)
    engine = f"ClamAV {state.engine}" if state.engine else state.clamd
    if state.loaded:
        engine += f", works with version {state.loaded} of the daily signatures"
    yield from _row("clamd", engine, "", width)
    attempt = state.attempt
    if attempt is None:
        yield from _row("Last update", "no log tells of one", "dim", width)
    else:
        when = time.strftime("%a %d %b %H:%M", time.localtime(attempt.at))
        sign = "✔" if attempt.ok else "✖"
        text = f"{sign} {when}, {ago(state.at - attempt.at)} ago: {attempt.text}"
        yield from _row("Last update", text, "" if attempt.ok else "danger", width)
    yield from _row("Directory", state.directory, "dim", width)


def _row(label: str, text: str, role: str, width: int) -> Iterator[list[Piece]]:
    for at, line in enumerate(wrap(clean(text), width - LABEL)):
        yield [(fit(label if at == 0 else "", LABEL), "dim"), (line, role)]

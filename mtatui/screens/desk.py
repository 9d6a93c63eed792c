"""Desks: pages that lie over the pages until they are left, with keys of their own; often a table.

A desk is about one server, or about all of them (`FleetDesk`), and its head says which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from mtatui.screens import queue_sheets
from mtatui.screens.page import Page
from mtatui.screens.reading import ReadingScreen, Sheet, room
from mtatui.server import Server
from mtatui.verbs import ALL, Action, on, pages
from mtatui.widgets.footer import KeyFooter
from mtatui.widgets.lines import CursorLines, Piece

if TYPE_CHECKING:
    from mtatui.fleet import Fleet
    from mtatui.screens.acting import Acting

Table = TypeVar("Table", bound=CursorLines)

_NOT_HERE = frozenset({"quit", "palette", "next-pane"})


def bindings(where: str) -> list[BindingType]:
    """The keys of the actions that belong to a desk; it is not opened a second time over itself."""
    return [
        Binding(a.keys, f"do('{a.id}')", a.label, tooltip=a.help, id=a.id, show=False)
        for a in on(where)
        if a.keys and a.id not in _NOT_HERE and a.id != where and not a.id.startswith("page")
    ]


def footer(where: str) -> list[Action]:
    """What stands in the footer of a desk: its own actions, and how to leave it."""
    return [*(action for action in on(where) if action.where == where), ALL["back"], ALL["help"]]


class Desk(Page):
    """What all desks do alike. A child class has ``BINDINGS = bindings(…)``, and a method for each action."""

    WHERE: ClassVar[str]
    """The ``where`` of its actions."""
    LABEL: ClassVar[str]
    """What its head calls it."""

    def __init__(self, server: Server, acting: Acting, keymap: Mapping[str, str]) -> None:
        """``keymap``: what the config file binds otherwise."""
        super().__init__()
        self.server = server
        self.acting = acting
        self.keymap = keymap

    def notes(self) -> list[Piece]:
        """What must be known at a glance."""
        return self.acting.standings.notes(self.server)

    def show_header(self) -> None:
        """Of which server it is, and what must be known at a glance."""
        self.header.show(
            server=self.acting.standings.called(self.server),
            pages=[(self.WHERE, self.LABEL)],
            page=self.WHERE,
            notes=self.notes(),
        )

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done here and now; "" where it can."""
        return ""

    def show_footer(self) -> None:
        """The keys, those that do not apply now dimmed."""
        self.footer.show([(action, not self.why_not(action)) for action in footer(self.WHERE)])

    async def action_do(self, id: str, argument: str = "") -> None:
        """Do what an action's id says."""
        self.footer.hush()
        action = ALL[id]
        if why := self.why_not(action):
            self.tell(f"{action.label}: {why}.", "warning")
            return
        done = getattr(self, "do_" + id.replace("-", "_"))(argument)
        if asyncio.iscoroutine(done):
            await done

    def on_key_footer_pressed(self, event: KeyFooter.Pressed) -> None:
        """An action was clicked in the footer."""
        self.run_worker(self.action_do(event.action), exit_on_error=False)

    def do_commands(self, argument: str) -> None:
        """The command log."""
        self.show_commands(self.server.name, self.server.host.log)

    def do_help(self, argument: str) -> None:
        """The keys."""
        lines = [*queue_sheets.keys(on(self.WHERE), self.keymap, room(self.size.width))]
        self.app.push_screen(ReadingScreen("Keys", lines))

    def do_back(self, argument: str) -> Coroutine[Any, Any, None] | None:
        """Back to the page."""
        self.dismiss()
        return None


class TableDesk(Desk, Generic[Table]):
    """A table, and below it what is to be known of what its cursor is on."""

    DEFAULT_CSS = """
    TableDesk {
        & > CursorLines { height: 1fr; }
        & > Sheet { padding: 0 1; border-top: solid $primary-muted; }
        &:ansi > Sheet { border-top: solid ansi_default; }
    }
    """
    DETAIL: ClassVar[int] = 9
    """Lines below the table."""

    def __init__(self, table: Table, server: Server, acting: Acting, keymap: Mapping[str, str]) -> None:
        super().__init__(server, acting, keymap)
        self.table = table
        self.detail = Sheet(())
        self.detail.styles.height = self.DETAIL + 1
        self._told_of = -1

    def compose(self) -> ComposeResult:
        yield self.too_small
        yield self.header
        yield self.table
        yield self.detail
        yield self.footer

    def on_resize(self, event: events.Resize) -> None:
        """Lines are wrapped anew."""
        self.mind_size(event)
        self.show_detail()

    def told(self, width: int) -> Iterable[Sequence[Piece]]:
        """What is to be known of what the cursor is on, in lines of so many cells."""
        raise NotImplementedError

    def show_detail(self) -> None:
        """Show it, and which keys apply to it."""
        self.detail.lines = [*self.told(max(self.size.width - 4, 20))]
        self.detail.can_focus = len(self.detail.lines) > self.DETAIL  # there is something to scroll
        same = self._told_of == self.table.cursor
        self._told_of = self.table.cursor
        self.detail.show_from(self.detail.top if same else 0)
        self.detail.repaint()
        self.show_footer()


class FleetFace(Protocol):
    """What a desk about all servers asks of the app."""

    fleet: Fleet
    server: Server
    acting: Acting

    async def attend(self, server: Server) -> None:
        """Make it the current server."""
        ...


class FleetDesk(TableDesk[Table]):
    """A table of all servers. Its `server` is the one on which the cursor was last."""

    def __init__(self, table: Table, face: FleetFace, keymap: Mapping[str, str]) -> None:
        super().__init__(table, face.server, face.acting, keymap)
        self.fleet = face.fleet
        self._attend = face.attend

    @property
    def at_cursor(self) -> Server | None:
        """The server under the cursor."""
        raise NotImplementedError

    def show_detail(self) -> None:
        if (server := self.at_cursor) is not None:
            self.server = server
        super().show_detail()

    def notes(self) -> list[Piece]:
        return self.acting.standings.notes()

    def show_header(self) -> None:
        """How many servers there are, and what must be known at a glance."""
        number = len(self.fleet.servers)
        self.header.show(
            server=f"{number} server{'' if number == 1 else 's'}",
            pages=pages(many=True),
            page=self.WHERE,
            notes=self.notes(),
        )

    async def do_history(self, argument: str) -> None:
        """The history of the server under the cursor."""
        await self._attend(self.server)
        await super().do_history(argument)

    async def do_services(self, argument: str) -> None:
        """The services of the server under the cursor."""
        await self._attend(self.server)
        await super().do_services(argument)

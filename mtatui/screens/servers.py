"""The page of all servers: how each is, what waits in its queue, which of its services run and answer.

Adding and removing changes the list in the user's config file, and nothing on a server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType

from mtatui.backends.host import HostError
from mtatui.screens.desk import Desk, bindings
from mtatui.screens.joining import Joining, JoiningFace
from mtatui.screens.reading import Sheet
from mtatui.screens.servers_model import Line, told, where, words
from mtatui.screens.servers_table import ServerLines
from mtatui.server import Server
from mtatui.text import ago, clean
from mtatui.verbs import Action, pages

if TYPE_CHECKING:
    from mtatui.backends.services import Service
    from mtatui.screens.watching import Watching

#: Seconds between two looks at what is known already, and between two at all services while they are shown.
PACE, SERVICES_PACE = 1.0, 30.0
#: Servers whose services are looked at at once.
AT_ONCE = 8
#: Lines for what is to be known of the server under the cursor.
DETAIL = 9


class ServersFace(JoiningFace, Protocol):
    """What the page asks of the app."""

    server: Server

    async def attend(self, server: Server) -> None:
        """Make it the current server."""
        ...

    def watching_of(self, server: Server) -> Watching:
        """Who keeps watch over its services."""
        ...


class ServersScreen(Desk):
    """All servers."""

    AUTO_FOCUS = "ServerLines"
    DEFAULT_CSS = f"""
    ServersScreen {{
        & > ServerLines {{ height: 1fr; }}
        & > Sheet {{ height: {DETAIL + 1}; padding: 0 1; border-top: solid $primary-muted; }}
        & > #too-small {{ display: none; }}
        &:ansi > Sheet {{ border-top: solid ansi_default; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("servers")
    WHERE = "servers"

    def __init__(self, face: ServersFace) -> None:
        super().__init__(face.server, face.config.keymap)
        self.face = face
        self.joining = Joining(face)
        self.table = ServerLines()
        self.detail = Sheet([])
        self._services: dict[Server, dict[str, Service]] = {}
        self._trouble: dict[Server, str] = {}
        self._looked = 0.0

    def compose(self) -> ComposeResult:
        yield self.too_small
        yield self.header
        yield self.table
        yield self.detail
        yield self.footer

    def on_mount(self) -> None:
        """Look, and again from time to time."""
        self.detail.can_focus = False
        self.set_interval(PACE, self._refresh)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """What is known is shown at once."""
        super().on_screen_resume(event)
        self.show()

    def on_resize(self, event: events.Resize) -> None:
        """Lines are wrapped anew."""
        self.mind_size(event)
        self.show()

    def _refresh(self) -> None:
        if not self.is_current:
            return
        self.show()
        if self.table.instances and time.monotonic() - self._looked >= SERVICES_PACE:
            self._look_at_services()

    # --- showing ---------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show what is known; what looks the same costs nothing."""
        self.table.show([self._line(server) for server in self.face.fleet.servers])
        self._moved()
        self.show_header()

    def _line(self, server: Server) -> Line:
        fleet = self.face.fleet
        condition, counts = fleet.condition(server.part_name), fleet.index.counts([server.part_name])
        now = time.time()
        condition_words, role = words(condition, sum(counts.values()), now)
        return Line(
            name=server.name,
            host=where(server),
            directory=server.config_directory or "",
            tags=fleet.tags.get(server.name, ()),
            condition=condition_words,
            role=role,
            why=condition.why,
            counts=counts,
            scan=ago(now - condition.scanned) if condition.scanned else "",
            version=server.facts.version if server.known else "",
            running=self.face.acting.standings.of(server).services if condition.answers else {},
            services=self._services.get(server) if condition.answers else None,
            trouble=self._trouble.get(server, "") if condition.answers else "",
            answers=condition.answers,
            current=server is self.face.server and fleet.many,
        )

    def show_header(self) -> None:
        """How many there are, and what must be known at a glance."""
        fleet = self.face.fleet
        number = len(fleet.servers)
        self.header.show(
            server=f"{number} server{'' if number == 1 else 's'}",
            pages=pages(many=True),
            page="servers",
            notes=self.face.acting.standings.notes(but="*" if self.table.instances else ""),
        )

    def _moved(self) -> None:
        line = self.table.line_at_cursor
        if line is not None:
            self.server = self.face.fleet.server(line.name)
        self.detail.lines = told(line, max(self.size.width - 4, 20))[:DETAIL] if line is not None else []
        self.detail.repaint()
        self.show_footer()

    def on_server_lines_moved(self) -> None:
        """The detail follows the cursor."""
        self._moved()

    async def on_server_lines_chosen(self) -> None:
        """Clicked twice."""
        await self.action_do("server-use")

    # --- looking ---------------------------------------------------------------------------------------

    def show_instances(self) -> None:
        """Show which service runs and answers where."""
        self.table.instances = True
        self._look_at_services()
        self.show()

    @work(group="services", exclusive=True, exit_on_error=False)
    async def _look_at_services(self) -> None:
        """Look at all services of every server that answers; none waits for another."""
        self._looked = time.monotonic()
        few = asyncio.Semaphore(AT_ONCE)

        async def look(server: Server) -> None:
            async with few:
                try:
                    found = await server.services.look()
                except HostError as error:
                    self._trouble[server] = clean(str(error))
                else:
                    self._trouble.pop(server, None)
                    self._services[server] = {one.id: one for one in found}
                    watched = [one for one in found if one.configured and not one.within]
                    self.face.watching_of(server).take(watched)
                self.show()

        fleet = self.face.fleet
        await asyncio.gather(*(look(one) for one in fleet.servers if fleet.condition(one.part_name).answers))

    # --- doing -----------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done to the server under the cursor; "" where it can."""
        fleet = self.face.fleet
        if action.id == "server-open" and fleet.condition(self.server.part_name).answers:
            return "it is connected"
        if action.id in ("server-edit", "server-remove"):
            return self.joining.why_not(self.server)
        return self.joining.why_not_add() if action.id == "server-add" else ""

    async def do_server_use(self, argument: str) -> None:
        """Make it the current server."""
        await self.face.attend(self.server)
        self.show()
        if self.face.fleet.many:
            self.tell(f"{self.server.name} is the current server: 1, 2, 3, H and S show it. [ and ] go on.")
        else:
            self.tell("It is the only server; a adds another one.")

    def do_server_view(self, argument: str) -> None:
        """Queues, or services."""
        if self.table.instances:
            self.table.instances = False
            self.show()
        else:
            self.show_instances()

    def do_server_add(self, argument: str) -> None:
        """One more."""
        self.joining.add()

    def do_server_check(self, argument: str) -> None:
        """From the ground up."""
        self.joining.check(self.server)

    def do_server_edit(self, argument: str) -> None:
        """Its host, its tags."""
        self.joining.edit(self.server)

    def do_server_remove(self, argument: str) -> None:
        """Off the list."""
        self.joining.remove(self.server)

    def do_server_open(self, argument: str) -> None:
        """Connect again, now."""
        self.face.fleet.open_again(self.server.part_name)
        self.tell(f"Connecting to {self.server.name} …")

    def do_server_look(self, argument: str) -> None:
        """Look at everything now."""
        self.face.fleet.rescan()
        self._look_at_services()
        self.tell("Looking at all servers.")

    async def do_history(self, argument: str) -> None:
        """The history of the server under the cursor."""
        await self.face.attend(self.server)
        await super().do_history(argument)

    async def do_services(self, argument: str) -> None:
        """The services of the server under the cursor."""
        await self.face.attend(self.server)
        await super().do_services(argument)

    def do_back(self, argument: str) -> Coroutine[Any, Any, None]:
        """Back to the queue."""
        return self.do_page("queue")

"""The page of all servers: how each is, what waits in its queue, which of its services run and answer.

Adding and removing changes the list in the user's config file, and nothing on a server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual import events, work
from textual.binding import BindingType

from mtatui.backends.host import HostError
from mtatui.fleet.condition import Phase
from mtatui.screens.desk import FleetDesk, FleetFace, bindings
from mtatui.screens.joining import Joining, JoiningFace
from mtatui.screens.servers_model import Line, told, where, words
from mtatui.screens.servers_table import ServerLines
from mtatui.server import Server
from mtatui.text import ago, clean
from mtatui.verbs import Action
from mtatui.widgets.lines import Piece

if TYPE_CHECKING:
    from mtatui.backends.services import Service
    from mtatui.screens.watching import Watching

#: Seconds between two looks at what is known already, and between two at all services while they are shown.
PACE, SERVICES_PACE = 1.0, 30.0
#: Servers whose services are looked at at once.
AT_ONCE = 8


class ServersFace(FleetFace, JoiningFace, Protocol):
    """What the page asks of the app."""

    def watching_of(self, server: Server) -> Watching:
        """Who keeps watch over its services."""
        ...


class ServersScreen(FleetDesk[ServerLines]):
    """All servers."""

    AUTO_FOCUS = "ServerLines"
    BINDINGS: ClassVar[list[BindingType]] = bindings("servers")
    WHERE = "servers"

    def __init__(self, face: ServersFace) -> None:
        super().__init__(ServerLines(), face, face.config.keymap)
        self.face = face
        self.joining = Joining(face)
        self._services: dict[Server, dict[str, Service]] = {}
        self._trouble: dict[Server, str] = {}
        self._looked = 0.0
        self._connecting: tuple[Server, HostError | None] | None = None

    def on_mount(self) -> None:
        """Look, and again from time to time."""
        self.set_interval(PACE, self._refresh)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """What is known is shown at once."""
        super().on_screen_resume(event)
        self.show()

    def _refresh(self) -> None:
        if not self.is_current:
            return
        self.show()
        self._tell_connected()
        if self.table.instances and time.monotonic() - self._looked >= SERVICES_PACE:
            self._look_at_services()

    # --- showing ---------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show what is known; what looks the same costs nothing."""
        self.table.show([self._line(server) for server in self.fleet.servers])
        self.show_detail()
        self.show_header()

    def _line(self, server: Server) -> Line:
        fleet = self.fleet
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
            running=self.acting.standings.of(server).services if condition.answers else {},
            services=self._services.get(server) if condition.answers else None,
            trouble=self._trouble.get(server, "") if condition.answers else "",
            answers=condition.answers,
            current=server is self.face.server and fleet.many,
        )

    @property
    def at_cursor(self) -> Server | None:
        """The server under the cursor."""
        line = self.table.line_at_cursor
        return self.fleet.server(line.name) if line is not None else None

    def notes(self) -> list[Piece]:
        return self.acting.standings.notes(but="*" if self.table.instances else "")

    def told(self, width: int) -> list[Sequence[Piece]]:
        line = self.table.line_at_cursor
        return told(line, width) if line is not None else []

    def on_server_lines_moved(self) -> None:
        """The detail follows the cursor."""
        self.show_detail()

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

        fleet = self.fleet
        await asyncio.gather(*(look(one) for one in fleet.servers if fleet.condition(one.part_name).answers))

    # --- doing -----------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done to the server under the cursor; "" where it can."""
        fleet = self.fleet
        if action.id == "server-open" and fleet.condition(self.server.part_name).answers:
            return "it is connected"
        if action.id in ("server-edit", "server-remove"):
            return self.joining.why_not(self.server)
        return self.joining.why_not_add() if action.id == "server-add" else ""

    async def do_server_use(self, argument: str) -> None:
        """Make it the current server."""
        await self.face.attend(self.server)
        self.show()
        if self.fleet.many:
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
        live = self.server.live
        self._connecting = self.server, live.trouble if live is not None else None
        self.fleet.open_again(self.server.part_name)
        self.tell(f"Connecting to {self.server.name} …")

    def _tell_connected(self) -> None:
        """Tell what came of the last wish to connect, once that is known."""
        if self._connecting is None:
            return
        server, before = self._connecting
        phase = self.fleet.condition(server.part_name).phase if server in self.fleet.servers else None
        if phase is Phase.TROUBLE and server.live is not None and server.live.trouble is not before:
            self.tell(f"Still no answer from {server.name}.", "warning")
        elif phase in (Phase.LIVE, Phase.LIMITED):
            self.tell(f"{server.name} answers.")
        elif phase is not None:
            return
        self._connecting = None

    def do_server_look(self, argument: str) -> None:
        """Look at everything now."""
        self.fleet.rescan()
        self._look_at_services()
        self.tell("Looking at all servers.")

    def do_back(self, argument: str) -> Coroutine[Any, Any, None]:
        """Back to the queue."""
        return self.do_page("queue")

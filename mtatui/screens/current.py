"""The current server of the terminal face: the one that pages show which can show but one.

Another one becomes current by its name, from a list, or as the next; what shows the one before follows, the
page that is open at once, the others when one comes to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App

from mtatui.fleet import Fleet
from mtatui.screens.acting import Acting
from mtatui.screens.tending import Tending
from mtatui.server import Server

if TYPE_CHECKING:
    from mtatui.screens.servers import ServersScreen
    from mtatui.screens.settings import SettingsScreen

ALONE = "There is no other server; on page 0, Servers, a adds one."


class CurrentServer(App[None]):
    """An app that has one."""

    fleet: Fleet
    server: Server
    """The current one."""
    acting: Acting
    tending: Tending
    settings_page: SettingsScreen | None = None
    servers_page: ServersScreen | None = None
    _behind: frozenset[str] = frozenset()

    def tell(self, text: str, severity: str = "information") -> None:
        """One line for the person."""
        raise NotImplementedError

    def show_headers(self) -> None:
        """Something that every page says in its header is different now."""
        raise NotImplementedError

    async def action_page(self, id: str) -> None:
        """Go to a page."""
        raise NotImplementedError

    async def show_setting(self, server: Server, key: str) -> None:
        """Go to a setting of a server, on its page."""
        await self.attend(server)
        await self.action_page(key.partition(".")[0])
        assert self.settings_page is not None
        self.settings_page.list.find(key)

    async def attend(self, server: Server) -> None:
        """Make it the current server: what shows one server shows this one from now on."""
        if server is self.server:
            return
        self.server = server
        first = not self.tending.known(server)
        changing = self.tending.changing(server)
        if first:
            self.run_worker(changing.settle(), group="settle", exit_on_error=False)
            self.run_worker(self.tending.watching(server).look(), group="settle", exit_on_error=False)
        if self.settings_page is not None:
            self.settings_page.attend(changing)
            if self.screen_stack[0] is self.settings_page:
                changing.read_soon(passing=True)
        self._behind = frozenset({"queue", "settings", "servers"})
        await self.catch_up()
        self.show_headers()

    async def catch_up(self) -> None:
        """What lies over this page, and shows another server than the current one, shows that one now."""
        if self.current_mode not in self._behind:
            return
        self._behind -= {self.current_mode}
        over = [again for screen in self.screen_stack if (again := getattr(screen, "AGAIN", ""))]
        if over:
            while len(self.screen_stack) > 1:
                await self.pop_screen()
            await self.run_action(over[-1])

    def servers_changed(self, gone: Server | None = None, instead: Server | None = None) -> None:
        """The list of servers is another one now; what was known of the one that is gone is forgotten.

        Args:
            instead: what is the current one now, where that was.
        """
        self.acting.standings.servers = self.fleet.servers
        if gone is not None:
            self.tending.forget(gone)
        if self.server is gone:
            self.run_worker(
                self.attend(instead or self.fleet.servers[0]), group="attend", exit_on_error=False
            )
        self.show_headers()
        if self.servers_page is not None:
            self.servers_page.show()

    async def action_server(self, name: str = "") -> None:
        """Make the server that is named the current one, or choose from a list."""
        if not self.fleet.many:
            self.tell(ALONE)
            return
        named = [one for one in self.fleet.servers if name and one.name.startswith(name.strip())]
        if named:
            await self.attend(named[0])
            return
        from mtatui.screens.choosing import ServerSeek

        def chosen(server: Server | None) -> None:
            if server is not None:
                self.call_later(self.attend, server)

        self.push_screen(ServerSeek(self.fleet, self.server), chosen)

    async def action_next_server(self, step: int) -> None:
        """Make the next server the current one, or the one before (-1)."""
        servers = self.fleet.servers
        if not self.fleet.many:
            self.tell(ALONE)
        else:
            await self.attend(servers[(servers.index(self.server) + step) % len(servers)])

"""Who works on each server for the terminal face: what changes its settings, what watches its services.

Each is made when it is first needed; what is staged on a server stays with it, whichever is the current one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mtatui.fleet import Fleet
from mtatui.screens.acting import Acting
from mtatui.server import Server
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.screens.changing import Changing, SettingsFace
    from mtatui.screens.watching import Watching

#: Servers that are looked at at once, besides the current one.
AT_ONCE = 4
#: Lines of what is staged and would be lost.
LINES = 8


class Tending:
    """The hands for all servers. The app has one of these."""

    def __init__(self, app: SettingsFace, fleet: Fleet, acting: Acting) -> None:
        self.app = app
        self.fleet = fleet
        self.acting = acting
        self._changing: dict[Server, Changing] = {}
        self._watching: dict[Server, Watching] = {}

    def changing(self, server: Server) -> Changing:
        """What changes its settings; imported when it is asked for, for the queue comes first."""
        if server not in self._changing:
            from mtatui.screens.changing import Changing

            self._changing[server] = Changing(self.app, server, self.acting)
        return self._changing[server]

    def watching(self, server: Server) -> Watching:
        """What watches its services; imported when it is asked for, too."""
        if server not in self._watching:
            from mtatui.screens.watching import Watching

            self._watching[server] = Watching(server, self.acting, self.app.show_headers)
        return self._watching[server]

    def known(self, server: Server) -> bool:
        """Whether its settings were looked at."""
        return server in self._changing

    def forget(self, server: Server) -> None:
        """It is on the list no more."""
        self.acting.standings.forget(server)
        self._changing.pop(server, None)
        self._watching.pop(server, None)

    def staged_on(self, server: Server) -> int:
        """How much is staged there and not applied."""
        return len(self._changing[server].staged) if server in self._changing else 0

    def busy(self, server: Server) -> bool:
        """Whether something is being applied there."""
        return server in self._changing and self._changing[server].running

    @property
    def staged(self) -> int:
        """How much is staged and not applied, everywhere."""
        return sum(len(changing.staged) for changing in self._changing.values())

    def told(self) -> Iterator[str]:
        """What is staged, in words, server by server."""
        staged = [changing for changing in self._changing.values() if changing.staged]
        for changing in staged[:LINES]:
            if self.fleet.many:
                yield f"{changing.server.name}:"
            yield from changing.told(max(LINES // len(staged), 1))
        if len(staged) > LINES:
            yield f"… and on {len(staged) - LINES} more servers"

    async def confirm(self, here: Server) -> None:
        """Keep what waits to be confirmed: on this server, else on the one other where something does."""
        others = [changing for changing in self._changing.values() if changing.waiting is not None]
        one = self.changing(here)
        if one.waiting is None and len(others) > 1:
            names = ", ".join(clean(changing.server.name) for changing in others)
            self.app.tell(f"It waits on {names}: go to one of them ([ ] @), and keep it there.", "warning")
            return
        await (others[0] if one.waiting is None and others else one).confirm()

    async def look_at_others(self, here: Server) -> None:
        """Look at servers that answer, but for the current one; at first what was interrupted there."""
        few = asyncio.Semaphore(AT_ONCE)

        async def look(server: Server) -> None:
            async with few:
                if not self.known(server):
                    await self.changing(server).settle()
                await self.watching(server).look()

        others = [server for server in self.fleet.servers if server is not here]
        well = [server for server in others if self.fleet.condition(server.part_name).answers]
        await asyncio.gather(*map(look, well))

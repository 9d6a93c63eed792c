"""Keeps watch over the services of a server, so that a dead one is seen on every page.

It begins long after the first rows are there, asks nobody anything, and says nothing while all is well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mtatui.backends.host import HostError
from mtatui.screens.acting import Acting
from mtatui.server import Server

if TYPE_CHECKING:
    from mtatui.backends.services import Service

#: Seconds between two looks.
PACE = 15.0


class Watching:
    """What is known of the services of one server. The app has one of these for each."""

    def __init__(self, server: Server, acting: Acting, changed: Callable[[], None]) -> None:
        """Nothing is looked at yet.

        Args:
            changed: called when something runs that did not, or the other way round.
        """
        self.server = server
        self.acting = acting
        self.standing = acting.standings.of(server)
        self.pace = PACE
        self._changed = changed
        self._looking = False

    async def look(self) -> None:
        """Look once, quietly; where that cannot be done, others say what is wrong with the server."""
        if self._looking:
            return
        self._looking = True
        try:
            self.take(await self.server.services.watch())
        except HostError:
            self.take([])
        finally:
            self._looking = False

    def take(self, services: list[Service]) -> None:
        """Somebody has looked: this is how it is."""
        running = {one.id: one.runs for one in services if one.runs is not None}
        if running != self.standing.services:
            self.standing.services = running
            self._changed()

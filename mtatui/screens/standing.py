"""What every page is to know at a glance: of each server what waits, what is down, what is dangerous.

Who reads a server's settings or watches its services writes it down here; headers say it. A lone server is
never named; where there are several, whatever is not of the page's own server is said with its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mtatui.server import Server
from mtatui.text import clean
from mtatui.widgets.lines import Piece


@dataclass
class Standing:
    """What is known of one server."""

    server: Server
    waits: Sequence[Piece] = ()
    """What waits for the person."""
    until: float = 0.0
    """How long it does (epoch seconds)."""
    services: Mapping[str, bool] = field(default_factory=dict)
    """Which services run, by id, of those that should. Empty until that is known."""
    alarms: Sequence[str] = ()
    """What puts mail or the server in danger as it is set up now, each in a few words."""


class Standings:
    """What is known of all servers. The app has one of these."""

    def __init__(self) -> None:
        self.servers: Sequence[Server] = ()
        """All there are, in the order in which one goes from one to the next."""
        self._of: dict[Server, Standing] = {}

    @property
    def many(self) -> bool:
        """Whether there are several servers: then each is named."""
        return len(self.servers) > 1

    def called(self, server: Server) -> str:
        """How a header names the server that its page shows."""
        if not self.many or server not in self.servers:
            return server.name
        return f"{server.name} · {self.servers.index(server) + 1} of {len(self.servers)}"

    def __iter__(self) -> Iterator[Standing]:
        return iter(self._of.values())

    def of(self, server: Server) -> Standing:
        """What is known of a server; whoever learns more writes it there."""
        return self._of.setdefault(server, Standing(server))

    def forget(self, server: Server) -> None:
        """It is on the list no more."""
        self._of.pop(server, None)

    def notes(self, of: Server | None = None, *, but: str = "") -> list[Piece]:
        """What a header says.

        Args:
            of: the server that the page shows: its services, and what waits anywhere; None for all servers.
            but: the service of which the page itself says that it is down; "*" for all of them.
        """
        down = [
            self._named(standing, of) + clean(id)
            for standing in ([self.of(of)] if of is not None else self)
            for id, runs in standing.services.items()
            if not runs and but not in (id, "*")
        ]
        words = f"✖ {down[0]} is down" if len(down) == 1 else f"✖ {len(down)} services are down"
        return [*self._waiting(of), *([(f"{words} · S ", "danger")] if down else [])]

    def _waiting(self, of: Server | None) -> list[Piece]:
        """What waits here, and elsewhere: of several servers the one that waits least is named, for all
        together would leave a header no room."""
        waiting = [standing for standing in self if standing.waits]
        here = [standing for standing in waiting if standing.server is of]
        others = sorted((one for one in waiting if one.server is not of), key=lambda one: one.until)
        more = f" +{len(others) - 1}: " if len(others) > 1 else ": "
        return [
            (self._named(standing, of).replace(": ", more) + text, role)
            for standing in (*here, *others[:1])
            for text, role in standing.waits
        ]

    @property
    def alarms(self) -> list[str]:
        """What is dangerous, on whatever server."""
        return [self._named(standing, None) + alarm for standing in self for alarm in standing.alarms]

    @property
    def services(self) -> dict[str, bool]:
        """Which services run, on whatever server."""
        return {
            self._named(standing, None) + id: runs
            for standing in self
            for id, runs in standing.services.items()
        }

    def _named(self, standing: Standing, of: Server | None) -> str:
        return f"{clean(standing.server.name)}: " if self.many and standing.server is not of else ""

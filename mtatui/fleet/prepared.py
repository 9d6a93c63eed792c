"""What a change would do on each of several servers: one plan a server, all of them made before anything is
touched, and the waves in which they are applied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtatui.backends.host import HostError, NotPermitted, ReadOnly
from mtatui.fleet.readings import of_each
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Refused

if TYPE_CHECKING:
    from mtatui.backends.history import Entry
    from mtatui.server import Server
    from mtatui.settings.current import Reading
    from mtatui.settings.plan import Plan

#: What settings shall be, given what they are on a server.
Wanted = Callable[["Reading"], Mapping[str, Any]]

#: Servers of a wave, where nobody says how many.
SIZE = 5
#: Entries of a history that are looked through for one of ours.
RECENT = 20


class Impossible(ValueError):
    """Servers cannot be taken in this order, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """One server: what is to be done to it, or why nothing can be."""

    server: Server
    plan: Plan | None = None
    error: HostError | Refused | None = None
    """Why there is no plan."""
    known: frozenset[str] = frozenset()
    """The last entries that its history had: one that is not among them is new."""
    settled: tuple[Entry, ...] = ()
    """What had been interrupted there, and was taken back first."""
    changed_outside: tuple[str, ...] = ()
    """Files that somebody has changed by hand since the last entry."""

    @property
    def name(self) -> str:
        """What the server is called."""
        return self.server.name

    @property
    def acts(self) -> bool:
        """Whether there is anything to do."""
        return self.plan is not None and not self.plan.empty


async def prepare(
    servers: Sequence[Server], keys: Iterable[str], wanted: Wanted, *, looks: bool = False
) -> list[Prepared]:
    """Read all servers and plan for each, all at once. No configuration is touched.

    Args:
        keys: the settings it is about.
        wanted: what they shall be.
        looks: the plans are to be looked at only: who may change nothing can have them, too.
    """
    filters = any(ALL[key].filters for key in keys)

    async def one(server: Server) -> Prepared:
        configuration, known = server.configuration, frozenset[str]()
        settled: tuple[Entry, ...] = ()
        if not looks:
            await server.reached()  # else it is not known who we are there
            if why := configuration.why_not():
                raise (ReadOnly if server.host.read_only else NotPermitted)(
                    f"Settings cannot be changed: {why}."
                )
            settled = tuple(await configuration.settle())
            known = frozenset(entry.id for entry in await configuration.history(RECENT))
        reading = await configuration.read(filters=filters, ask_history=True)
        try:
            plan = await asyncio.to_thread(lambda: configuration.plan(reading, wanted(reading)))
        except Refused as error:
            return Prepared(server, None, error, known, settled, reading.changed_outside)
        return Prepared(server, plan, None, known, settled, reading.changed_outside)

    return [
        Prepared(server, error=answer) if isinstance(answer, HostError) else answer
        for server, answer in await of_each(servers, one)
    ]


def waves(
    prepared: Sequence[Prepared], canary: str = "", size: int = SIZE
) -> tuple[tuple[Prepared, ...], ...]:
    """The servers to which something is done, in waves: the canary alone, then so many at a time.

    Args:
        canary: its name; "" for the first of them.

    Raises:
        Impossible: it cannot be the canary; the words say why.
    """
    acting = [one for one in prepared if one.acts]
    if canary and canary not in (one.name for one in prepared):
        raise Impossible(
            f"the canary {canary} is not among the servers: {', '.join(o.name for o in prepared)}"
        )
    if not acting:
        return ()
    first = next((one for one in acting if one.name == canary), None)
    if canary and first is None:
        raise Impossible(f"{canary} is no canary: nothing changes there, so it would prove nothing")
    first = first or acting[0]
    rest = [one for one in acting if one is not first]
    return ((first,), *(tuple(rest[at : at + size]) for at in range(0, len(rest), size)))

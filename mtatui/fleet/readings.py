"""Asks every server of several for the same, all at once: none waits for another, and one that cannot answer
says why in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from mtatui.backends.host import HostError
from mtatui.fleet.together import make_room
from mtatui.settings.catalogue import ALL

if TYPE_CHECKING:
    from mtatui.server import Server
    from mtatui.settings.current import Reading

T = TypeVar("T")


async def of_each(
    servers: Sequence[Server], ask: Callable[[Server], Awaitable[T]]
) -> list[tuple[Server, T | HostError]]:
    """What each says, or the error, in the order of the servers."""
    if len(servers) > 1:
        make_room(len(servers))

    async def one(server: Server) -> T | HostError:
        try:
            return await ask(server)
        except HostError as error:
            return error

    return list(zip(servers, await asyncio.gather(*map(one, servers)), strict=True))


async def readings(
    servers: Sequence[Server], keys: Iterable[str], *, ask_history: bool = False
) -> list[tuple[Server, Reading | HostError]]:
    """What is set on each; what the filters say only if one of the keys is theirs, for that takes longer."""
    filters = any(ALL[key].filters for key in keys)
    return await of_each(
        servers, lambda server: server.configuration.read(filters=filters, ask_history=ask_history)
    )

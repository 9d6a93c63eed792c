"""Who is in the fleet: the servers by their names, the one index of their queues, coming and going.

The first lends its index to the others; alone, it needs no name in it, and the keys of its messages are their
queue IDs.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from mtatui.backends.host import HostError
from mtatui.queue.message import key, split
from mtatui.server import Server

if TYPE_CHECKING:
    from mtatui.queue.index import Index

#: What a server of several may be called.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
#: Seconds that servers have to let go, all together.
CLOSING = 4.0
#: Seconds after which who waits for servers looks whether it shall still wait.
_BEAT = 1.0


class Members:
    """The servers that are managed, one or many."""

    def __init__(self, servers: Iterable[Server], tags: Mapping[str, Iterable[str]] | None = None) -> None:
        """Nothing is started yet.

        Args:
            tags: by what servers can be chosen together, by their names.

        Raises:
            ValueError: names are missing, not fit, or the same; the words say which.
        """
        self._listener: Callable[[], None] | None = None
        self._started = False
        self._tags = {name: tuple(its) for name, its in (tags or {}).items()}
        self._lender, *others = servers
        self._servers = {"": self._lender}
        for server in others:
            self.join(server)

    # --- who they are ----------------------------------------------------------------------------------

    @property
    def servers(self) -> tuple[Server, ...]:
        """All of them, in the order in which they were named."""
        return tuple(self._servers.values())

    @property
    def names(self) -> tuple[str, ...]:
        """What the index calls them; ("",) for a lone one."""
        return tuple(self._servers)

    @property
    def many(self) -> bool:
        """Whether it must be said of which server something is."""
        return len(self._servers) > 1

    @property
    def name(self) -> str:
        """What the header calls it: the one server, or how many there are."""
        return f"{len(self._servers)} servers" if self.many else self.servers[0].name

    @property
    def tags(self) -> Mapping[str, tuple[str, ...]]:
        """The tags of those that have any, by their names."""
        return self._tags

    @property
    def index(self) -> Index:
        """What is in the queues of all."""
        index = self._lender.index
        if index.tags is not self._tags:
            index.tags = self._tags
        return index

    @property
    def keep_days(self) -> int:
        """How long the trash keeps what was deleted."""
        return min(server.keep_days for server in self.servers)

    @property
    def read_only(self) -> bool:
        """Whether none of them may be changed."""
        return all(server.host.read_only for server in self.servers)

    def server(self, name: str) -> Server:
        """The server of a name; a lone one by any of its names.

        Raises:
            HostError: there is none (any more).
        """
        found = self._servers.get(name)
        if found is None and "" in self._servers and name == self._servers[""].name:
            found = self._servers[""]
        if found is None:
            raise HostError(f"There is no server called {name!r} here (any more).")
        return found

    def of(self, key: str) -> tuple[Server, str]:
        """The server of a message, and its queue ID there.

        Raises:
            HostError: the server is not here (any more).
        """
        name, id = split(key)
        return self.server(name), id

    def keys(self, server: str, ids: Iterable[str]) -> list[str]:
        """What the index calls messages of a server."""
        part_name = self.server(server).part_name
        return [key(part_name, id) for id in ids]

    def chosen(self, names: Iterable[str] | None = None) -> list[Server]:
        """The servers of these names, or all."""
        return list(self.servers) if names is None else [self.server(name) for name in names]

    # --- coming and going ------------------------------------------------------------------------------

    def join(self, server: Server, tags: Iterable[str] = ()) -> None:
        """Take in one more, and begin with it where the others have begun.

        Raises:
            ValueError: its name is not fit, or taken; the words say so.
        """
        alone = self._servers.get("")
        taken = {alone.name} if alone is not None else set(self._servers)
        for name in (server.name, *taken):
            if not NAME.fullmatch(name):
                should = "letters, digits and _ . - are right, 64 of them at most"
                raise ValueError(f"a server cannot be called {name!r}: {should}")
        if server.name in taken:
            raise ValueError(f"two servers are called {server.name!r}")
        if tags:
            self._tags = {**self._tags, server.name: tuple(tags)}
        if alone is not None:  # it is alone no more: its messages get keys
            self._servers = {alone.name: alone}
            alone.join(alone.name)
        lender = self._lender
        server.join(server.name, lambda: lender.index)
        self._servers = {**self._servers, server.name: server}
        if self._started:
            self.start()
        if self._listener is not None:
            self.listen(self._listener)

    def remove(self, name: str) -> None:
        """Manage a server no more; nothing happens to it.

        Raises:
            HostError: it is not here, or the last one.
        """
        server = self.server(name)
        if not self.many:
            raise HostError("This is the only server: there must be one to look at.")
        self._servers = {known: one for known, one in self._servers.items() if one is not server}
        self._tags = {known: tags for known, tags in self._tags.items() if known != name}

        def forget() -> None:
            server.close()
            server.part.drop()
            if self._listener is not None:
                self._listener()

        threading.Thread(target=forget, name=f"close-{name}", daemon=True).start()

    def arrange(self, names: Iterable[str]) -> None:
        """Have the servers in the order of these names; those that are not named come behind them."""
        places = {name: place for place, name in enumerate(names)}
        self._servers = dict(sorted(self._servers.items(), key=lambda one: places.get(one[0], len(places))))

    def start(self) -> None:
        """Begin to keep the index live, each server in a thread of its own; once is enough."""
        self._started = True
        for server in self.servers:
            server.start()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have the listener called, in the threads of the servers, after each delta; see `Live.listen`."""
        self._listener = listener
        self._started = True
        for server in self.servers:
            server.listen(listener)

    def rescan(self, thorough: bool = False, names: Iterable[str] | None = None) -> None:
        """Look at the queues now, all or of these."""
        for server in self.chosen(names):
            server.rescan(thorough)

    def scan(
        self, names: Iterable[str] | None = None, ended: Callable[[str], None] = lambda name: None
    ) -> dict[str, HostError]:
        """Read the queues once, here and now; those that could not be read, and why, by their names.

        Args:
            ended: called with the name of each, in its thread, when it has been read or could not be.
        """
        troubles: dict[str, HostError] = {}

        def read(server: Server) -> None:
            try:
                server.scan()
            except HostError as error:
                troubles[server.part_name] = error
            finally:
                ended(server.part_name)

        _side_by_side(self.chosen(names), read, None)
        return troubles

    def close(self) -> None:
        """Let go of all servers, all at once; one that hangs is not waited for long."""
        _side_by_side(self.servers, lambda server: server.close(), CLOSING if self.many else None)


def _side_by_side(servers: Iterable[Server], do: Callable[[Server], None], patience: float | None) -> None:
    """Do what blocks on each, in threads; wait for all, but no longer than so many seconds."""
    servers = list(servers)
    if len(servers) == 1 and patience is None:
        do(servers[0])
        return
    threads = [threading.Thread(target=do, args=(server,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    deadline = math.inf if patience is None else time.monotonic() + patience
    for thread in threads:
        # A ^C may have reached another thread: it is obeyed when this one next wakes.
        while thread.is_alive() and (left := deadline - time.monotonic()) > 0:
            thread.join(min(_BEAT, left))

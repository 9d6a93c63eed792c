"""Servers of a fleet that do as they are told: they answer, die, or hang until they are let go."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from mtatui.backends.host import HostError
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.facts import Facts
from mtatui.live import Feed
from mtatui.queue.delta import Counts, Delta, Done, Rows
from mtatui.queue.message import Row, State
from mtatui.queue.selection import Outcome, Receipt, Result, Selection
from mtatui.server import Server
from mtatui.verbs import Verb

FACTS = Facts("mail.stack.test", "3.7.11", "/etc/postfix", "/nowhere", "deferred", 1, 432000, 432000)


async def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what tasks, and the threads of servers, bring about."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.005)


def rows(*ids: str, state: str = "deferred") -> list[Row]:
    """Messages with these queue IDs."""
    return [
        [
            id,
            state,
            1000 + n,
            500,
            2000,
            f"{id}@sender.test",
            "",
            "",
            "",
            "",
            "",
            [["a@b.test", "", "", 0, ""]],
        ]
        for n, id in enumerate(ids)
    ]


class FakeFeed:
    """Says what a server holds."""

    limits = ""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        """All of it, each time."""
        server = self._server
        if server.trouble is not None:
            raise server.trouble
        counts = dict.fromkeys(State, 0)
        counts[State.DEFERRED] = len(server.rows)
        yield Counts(counts)
        yield Rows(server.rows)
        yield Done(1000.0, 0.01, counts)

    def close(self) -> None:
        """Nothing to let go of."""


class FakeServer(Server):
    """A server without a Postfix. ``error`` is what its verbs end in; ``gate``, once set, is what they, its
    feed and its closing wait for."""

    def __init__(self, name: str, *ids: str, error: HostError | None = None, **options: Any) -> None:
        host = LocalHost(read_only=options.pop("read_only", False))
        host.superuser = True
        super().__init__(host, name=name, **options)
        self.rows = rows(*ids)
        self.trouble: HostError | None = None
        self.error = error
        self.hangs = False
        self.let_go = asyncio.Event()
        self.opening: threading.Event | None = None
        self.closed = threading.Event()
        self.acted: list[tuple[str, tuple[str, ...], str]] = []
        self.stops: list[asyncio.Event | None] = []
        self.interrupted: list[Outcome] = []
        self.settles = 0
        self.postfix_runs = True

    async def reached(self) -> Facts:
        """Its facts."""
        self._facts = FACTS
        return FACTS

    def feed(self) -> Feed:
        """Where its queue comes from."""
        if self.opening is not None:
            self.opening.wait()
        if self.trouble is not None:
            raise self.trouble
        self._facts = FACTS
        return FakeFeed(self)

    def close(self) -> None:
        """Let go, as soon as it may."""
        super().close()
        if self.opening is not None:
            self.opening.wait()
        self.closed.set()

    async def act(
        self,
        verb: Verb,
        selection: Selection,
        *,
        progress: Callable[[int, int, str], None] = lambda done, total, what: None,
        cancel: asyncio.Event | None = None,
        entry: str = "",
    ) -> Outcome:
        """Do it to all, unless told otherwise."""
        ids = tuple(target.identity.id for target in selection.targets)
        self.acted.append((verb.id, ids, entry))
        self.stops.append(cancel)
        if self.hangs:
            await self.let_go.wait()
        if self.error is not None:
            raise self.error
        progress(len(ids), len(ids), verb.label)
        receipts = [Receipt(id, Result.DONE, verb.done) for id in ids]
        return Outcome(verb.id, 1.0, receipts, ["postsuper -x -"], ["a warning"], entry=entry)

    async def settle(self) -> list[Outcome]:
        """What was interrupted, once."""
        self.settles += 1
        if self.error is not None:
            raise self.error
        told, self.interrupted = self.interrupted, []
        return told

    async def running(self) -> bool:
        """Whether Postfix runs."""
        if self.hangs:
            await self.let_go.wait()
        if self.error is not None:
            raise self.error
        return self.postfix_runs

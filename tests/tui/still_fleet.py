"""Several servers that stand still, each in another condition, for pictures and for keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from mtatui.app import MtatuiApp
from mtatui.backends.host import Unreachable
from mtatui.fleet import Fleet
from mtatui.live import Feed
from mtatui.queue.delta import Counts, Delta, Rows
from mtatui.queue.message import Row, State
from mtatui.screens.servers import ServersScreen
from mtatui.server import Server
from tests.tui.scenes import LimitedServer, MuteServer, SceneServer
from tests.tui.still import StillServer, rows

S = TypeVar("S", bound=Server)


def named(name: str, server: S) -> S:
    """A server with a name of its own, and so a place in a fleet."""
    server._name = name
    server.host.name = name
    return server


class _Stuck:
    """Tells how much there is, and something of it; then nothing more until it is let go."""

    limits = ""

    def __init__(self, told: list[Row], over: threading.Event) -> None:
        self._told = told
        self._over = over

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        yield Counts({state: 40 * len(self._told) * (state is State.DEFERRED) for state in State})
        yield Rows(self._told)
        self._over.wait(60)
        raise Unreachable("it was let go")

    def close(self) -> None:
        self._over.set()


class ReadingServer(StillServer):
    """A server whose queue is being read, for ever."""

    def feed(self) -> Feed:
        return _Stuck(self._told, threading.Event())


class OpeningServer(StillServer):
    """A server that does not let anybody in yet."""

    def __init__(self) -> None:
        super().__init__([])
        self._facts = None
        self._over = threading.Event()

    def feed(self) -> Feed:
        self._wait()
        raise Unreachable("it was let go")

    def _wait(self) -> None:
        self._over.wait(60)

    def close(self) -> None:
        self._over.set()
        super().close()


class AskingServer(OpeningServer):
    """A server that asks first, once it may (``gate``); ``heard`` is what it was told."""

    def __init__(self, ask: Callable[[], str | None]) -> None:
        super().__init__()
        self.ask = ask
        self.gate = threading.Event()
        self.gate.set()
        self.heard: list[str | None] = []

    def _wait(self) -> None:
        self.gate.wait(60)
        self.heard.append(self.ask())
        super()._wait()


class StoppedServer(StillServer):
    """A server on which Postfix does not run."""

    async def running(self) -> bool:
        return False


class SilentServer(StillServer):
    """A server that never gave an answer."""

    def feed(self) -> Feed:
        raise Unreachable(
            "ssh: connect to host mx4.example.test port 22: Connection timed out. The server is down, or a "
            "firewall lies between; mtatui tries again by itself."
        )


def conditions() -> Fleet:
    """A server in each condition, but for one that asks."""
    return Fleet(
        [
            named("mx1", SceneServer(rows(40))),
            named("mx2", MuteServer(rows(7, 1), ever=True)),
            named("mx3", ReadingServer(rows(25, 2))),
            named("mx4", SilentServer([])),
            named("relay-berlin", LimitedServer(4)),
            named("out1", StoppedServer(rows(3, 3))),
            named("out2", OpeningServer()),
        ],
        {"mx1": ("inbound", "berlin"), "mx2": ("inbound",), "relay-berlin": ("berlin",), "out1": ("out",)},
    )


def three() -> Fleet:
    """Three servers that are well."""
    return Fleet(
        [
            named("mx1", StillServer(rows(40))),
            named("mx2", StillServer(rows(7, 1))),
            named("mx3", StillServer([])),
        ],
        {"mx1": ("inbound", "berlin"), "mx2": ("inbound",), "mx3": ("out",)},
    )


async def looked_at(app: MtatuiApp) -> None:
    """Everything is known that comes by itself sooner or later, so that no picture depends on when."""
    for server in app.fleet.servers:
        if app.fleet.condition(server.part_name).answers:
            await app.watching_of(server).look()
    page = app.screen_stack[0]
    if isinstance(page, ServersScreen):
        page.show()

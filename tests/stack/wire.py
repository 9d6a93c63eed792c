"""A wire between two programs on loopback that can be long, frozen or cut: a TCP proxy with a thread."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Self

_READ = 65536
#: Bytes that are under way in one direction before no more is taken: what a real network holds.
_HOLDS = 1 << 20


class Proxy:
    """Passes on what comes to `port` to another port of this machine, inside ``with``.

    Attributes:
        port: where to connect to.
        delay: seconds that what is sent is under way, in each direction (0.1 is a round trip of 200 ms). May
            be changed at any time.
        sent, received: bytes passed on to the far end and back, over all connections.
        connections: how many there have been.
    """

    def __init__(self, to: int, *, delay: float = 0.0) -> None:
        self.delay = delay
        self.sent = self.received = self.connections = 0
        self._to = to
        self._left: int | None = None
        self._frozen = self._refusing = self._over = False
        self._flows: list[_Flow] = []
        self._wishes: deque[Callable[[], None]] = deque()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=500)
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self._bell, self._rope = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        os.write(self._rope, b"!")
        self._thread.join()
        self._cut()
        self._listening.close()
        os.close(self._bell)
        os.close(self._rope)

    def cut(self) -> None:
        """Cut every connection, as a router that forgets them does; new ones are let through."""
        self._do(self._cut)

    def cut_after(self, count: int) -> None:
        """Cut once so many more bytes have been passed on, in both directions together."""
        self._left = count

    def freeze(self, frozen: bool = True) -> None:
        """Pass nothing on any more, and let nobody know; or go on (False)."""
        self._do(lambda: setattr(self, "_frozen", frozen))

    def refuse(self, refusing: bool = True) -> None:
        """Hang up on whoever comes anew; or let them through again (False)."""
        self._refusing = refusing

    def _do(self, wish: Callable[[], None]) -> None:
        """Have the thread do something, and wait until it is done."""
        done = threading.Event()
        self._wishes += [wish, done.set]
        os.write(self._rope, b"!")
        assert done.wait(60)

    # --- the thread --------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._over:
            with selectors.DefaultSelector() as selector:
                selector.register(self._bell, selectors.EVENT_READ, self._hear)
                selector.register(self._listening, selectors.EVENT_READ, self._accept)
                soonest = None if self._frozen else self._watch(selector)
                for key, _ in selector.select(soonest):
                    key.data()
            if not self._frozen:
                for flow in list(self._flows):
                    self._pass_on(flow)

    def _watch(self, selector: selectors.BaseSelector) -> float | None:
        """Wait for what each flow waits for: the seconds until the first bytes have arrived."""
        events: dict[socket.socket, int] = {}
        soonest = None
        now = time.monotonic()
        for flow in self._flows:
            if not flow.ended and flow.held < _HOLDS:
                events[flow.source] = events.get(flow.source, 0) | selectors.EVENT_READ
            if flow.under_way:
                if flow.under_way[0][0] <= now:
                    events[flow.drain] = events.get(flow.drain, 0) | selectors.EVENT_WRITE
                else:
                    wait = flow.under_way[0][0] - now
                    soonest = wait if soonest is None else min(soonest, wait)
        for one, mask in events.items():
            selector.register(one, mask, lambda: None)
        return soonest

    def _hear(self) -> None:
        os.read(self._bell, 4096)
        while self._wishes:
            self._wishes.popleft()()

    def _accept(self) -> None:
        near, _ = self._listening.accept()
        self.connections += 1
        if self._refusing:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._to), 5)
        except OSError:
            near.close()
            return
        for one in (near, far):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._flows += [_Flow(near, far, True), _Flow(far, near, False)]

    def _pass_on(self, flow: _Flow) -> None:
        """Take what has come, and deliver what has been under way for long enough."""
        if flow not in self._flows:
            return  # its connection was cut meanwhile
        try:
            with contextlib.suppress(BlockingIOError):
                while not flow.ended and flow.held < _HOLDS:
                    data = flow.source.recv(_READ)
                    flow.ended = not data
                    flow.under_way.append((time.monotonic() + self.delay, data))
                    flow.held += len(data)
            with contextlib.suppress(BlockingIOError):
                while flow.under_way and flow.under_way[0][0] <= time.monotonic():
                    due, data = flow.under_way[0]
                    if not data:
                        flow.under_way.popleft()
                        flow.drain.shutdown(socket.SHUT_WR)
                        flow.over = True
                        break
                    count = flow.drain.send(data[: self._left] if self._left is not None else data)
                    flow.held -= count
                    flow.under_way[0] = due, data[count:]
                    if count == len(data):
                        flow.under_way.popleft()
                    self._count(flow, count)
        except OSError:
            self._close(flow)
            return
        if flow.over and all(other.over for other in self._flows if other.drain is flow.source):
            self._close(flow)

    def _count(self, flow: _Flow, count: int) -> None:
        if flow.there:
            self.sent += count
        else:
            self.received += count
        if self._left is not None:
            self._left -= count
            if self._left <= 0:
                self._left = None
                self._cut()
                raise ConnectionResetError

    def _cut(self) -> None:
        self._left = None
        for flow in self._flows:
            # Gone at once and without a word: RST, and nothing that waits is delivered.
            with contextlib.suppress(OSError):
                flow.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            flow.source.close()
        self._flows.clear()

    def _close(self, flow: _Flow) -> None:
        for one in (flow.source, flow.drain):
            one.close()
        self._flows = [other for other in self._flows if other.source not in (flow.source, flow.drain)]


class _Flow:
    """One direction of a connection."""

    def __init__(self, source: socket.socket, drain: socket.socket, there: bool) -> None:
        self.source, self.drain, self.there = source, drain, there
        self.under_way: deque[tuple[float, bytes]] = deque()
        """When each piece arrives; an empty one is the end."""
        self.held = 0
        self.ended = self.over = False

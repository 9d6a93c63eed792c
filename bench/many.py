"""A fleet without its face, in a process of its own that is told what to do, and tells what it took.

``python -m bench.many FILE`` reads from a JSON file which servers there are, and then obeys: ``open`` opens
them all at once, ``act VERB SERVER NUMBER`` does a verb to so many messages of one of them as after its
confirmation, ``again_to VERB`` does one to the same messages, ``look_back`` and ``undo`` take the last back,
``show SERVER`` reads a message as its screen does; and so on. Each answer is a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from mtatui.backends.host import HostError
from mtatui.config import ServerEntry
from mtatui.fleet import Fleet
from mtatui.fleet.deeds import Deed
from mtatui.fleet.opening import Opening
from mtatui.queue.index import Sort
from mtatui.queue.query import Query, parse
from mtatui.queue.selection import Outcome, Selection
from mtatui.verbs import VERBS
from tests.stack.trips import counted

#: Seconds that opening may take.
PATIENCE = 120.0
#: Messages of a server that something may be done to.
ENOUGH = 20_000


class _Obeying:
    def __init__(self, servers: Sequence[dict[str, Any]], ssh_config: str) -> None:
        self.names = [server["name"] for server in servers]
        self._untouched: dict[str, list[str]] = {}
        self._selection: Selection | None = None
        self._deed: Deed | None = None
        opening = Opening(ssh_config=ssh_config)
        self.fleet: Fleet = opening.fleet(ServerEntry(**server) for server in servers)
        # No `asyncio.Runner`: its handling of SIGINT spells out every receipt to nobody.
        self.loop = asyncio.new_event_loop()

    def hello(self) -> None:
        """It is there."""

    def open(self, *left_out: str) -> dict[str, Any]:
        """From the wish to see the queues until the first rows could be shown, and until each is whole; some
        are not waited for."""
        began = time.perf_counter()
        whole: dict[str, float] = {}
        servers = {self.fleet.server(name) for name in self.names if name not in left_out}

        def heard() -> None:
            for server in servers:
                if server.name not in whole and server.live is not None and server.live.last is not None:
                    whole[server.name] = time.perf_counter() - began

        self.fleet.listen(heard)
        index = self.fleet.index
        _until(lambda: bool(index.total(Query(), int(time.time()))))
        first = time.perf_counter() - began
        _until(lambda: len(whole) == len(servers))
        lines = index.rows(index.view(Query(), Sort(), int(time.time())), 0, 40)
        return {
            "first": first,
            "whole": whole,
            "messages": sum(index.counts().values()),
            "lines": sum(1 for line in lines if line is not None),
        }

    def again(self, server: str) -> None:
        """Look once more at one of them, and wait until that is done."""
        live = self.fleet.server(server).live
        assert live is not None
        last = live.last
        live.now()
        _until(lambda: live.last is not last)

    def act(self, verb: str, server: str, number: str) -> dict[str, Any]:
        """What follows a confirmation: from the frozen selection of deferred messages to the last receipt."""
        if server not in self._untouched:
            which = f"state:deferred server={server}" if self.fleet.many else "state:deferred"
            view = self.fleet.index.view(parse(which), Sort(), int(time.time()))
            self._untouched[server] = self.fleet.index.ids(view, 0, ENOUGH)
        ids = [self._untouched[server].pop() for _ in range(int(number))]
        self._selection = self.fleet.index.select(ids, int(time.time()))
        if len(self._selection) != len(ids):
            return {"ok": False, "told": f"only {len(self._selection)} of {number} messages are there"}
        return self.again_to(verb)

    def again_to(self, verb: str) -> dict[str, Any]:
        """The same to those messages to which something was done last."""
        assert self._selection is not None
        return self._timed(self.fleet.act(VERBS[verb], self._selection))

    def look_back(self) -> dict[str, Any]:
        """Look for what can be taken back, as is done before it is asked whether it shall be."""
        return self._timed(self._look_back())

    async def _look_back(self) -> None:
        self._deed = await self.fleet.last_undoable()

    def undo(self) -> dict[str, Any]:
        """Take back what was found."""
        return self._timed(self.fleet.undo(self._deed))

    def flush(self, server: str) -> dict[str, Any]:
        """Ask for all deferred mail to be tried."""
        return self._timed(self.fleet.flush(names=[server]))

    def trash(self, server: str) -> dict[str, Any]:
        """Look what is in the trash."""
        return self._timed(self.fleet.trash(names=[server]))

    def empty(self, server: str) -> dict[str, Any]:
        """Empty the trash."""
        return self._timed(self.fleet.empty_trash(names=[server]))

    def stand_still(self) -> None:
        """Look at the queues no more: nothing goes over the wire then but what is asked for."""
        for server in self.fleet.servers:
            if server.live is not None:
                server.live.close()

    def show(self, server: str) -> dict[str, Any]:
        """Read a message: its first part, as the screen does."""
        return self._timed(self.fleet.content(self._untouched[server][0], 64 * 1024))

    def _timed(self, what: Coroutine[Any, Any, Any]) -> dict[str, Any]:
        began = time.perf_counter()
        with counted() as trips:
            came = self.loop.run_until_complete(what)
        took = time.perf_counter() - began
        ok = came.ok if isinstance(came, Outcome) else True
        if isinstance(came, dict):
            ok = not any(isinstance(answer, HostError) for answer in came.values())
        return {"seconds": took, "trips": trips.count, "ok": ok, "told": repr(came)[:2000] if not ok else ""}

    def close(self) -> None:
        """Let go of everything."""
        self.fleet.close()
        self.loop.close()


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("the servers were not all read in time")
        time.sleep(0.005)


def main(arguments: Sequence[str]) -> None:
    """Obey until the input ends."""
    gc.set_threshold(100_000, 50, 50)  # as `mtatui.__main__` does
    sys.setswitchinterval(0.001)
    obeying = _Obeying(**json.loads(Path(arguments[0]).read_text()))
    try:
        for line in sys.stdin:
            what, *rest = json.loads(line)
            print(json.dumps(getattr(obeying, what)(*rest)), flush=True)
    finally:
        obeying.close()


if __name__ == "__main__":
    main(sys.argv[1:])

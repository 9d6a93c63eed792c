"""mtatui without its face, in a process of its own that is told what to do, and tells what it took.

``python -m bench.inside CONFIG`` starts a server as the terminal face does, and then obeys: ``scan`` reads
the queue whole, ``again`` looks at what has changed, ``live`` keeps the index live from now on,
``act VERB ID…`` does a verb as after its confirmation, ``settings`` opens a page of settings and plans for
it.
Each answer is a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.figures import NotMeasured
from mtatui.backends.host_local import LocalHost
from mtatui.live import Feed
from mtatui.queue.delta import Done
from mtatui.server import Server
from mtatui.verbs import VERBS


class Inside:
    """The other end: what the benchmark holds of such a process."""

    def __init__(self, config: str, module: str = "bench.inside") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask("hello")

    def ask(self, what: str, *arguments: str) -> Any:
        """Tell it what to do, and wait for the answer.

        Raises:
            NotMeasured: it died over it.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(json.dumps([what, *arguments]) + "\n")
            stdin.flush()
            return json.loads(stdout.readline())
        except (OSError, ValueError) as error:
            raise NotMeasured(f"mtatui did not come through {what!r}; see above") from error

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@contextmanager
def started(config: str) -> Iterator[Inside]:
    """Such a process, for as long as it is wanted."""
    inside = Inside(config)
    try:
        yield inside
    finally:
        inside.close()


class _Obeying:
    def __init__(self, config: str) -> None:
        self.server = Server(LocalHost(), config)
        self.feed: Feed | None = None
        # No `asyncio.Runner`: its handling of SIGINT spells out every receipt to nobody.
        self.loop = asyncio.new_event_loop()

    def hello(self) -> None:
        """It is there."""

    def scan(self) -> dict[str, float]:
        """Read the whole queue: `Server.scan`, with the feed kept."""
        began = time.perf_counter()
        self.feed = self.server.feed()
        self._look(self.feed)
        took = time.perf_counter() - began
        return {"seconds": took, "messages": sum(self.server.index.counts().values())}

    def again(self) -> dict[str, float]:
        """Look at what has changed since."""
        assert self.feed is not None
        before = self.server.index.generation
        began = time.perf_counter()
        self._look(self.feed)
        return {"seconds": time.perf_counter() - began, "changes": self.server.index.generation - before}

    def live(self) -> None:
        """Keep the index live, as the running program does, and wait until it is whole."""
        self.server.listen(lambda: None)
        while self.server.live is not None and self.server.live.last is None:
            time.sleep(0.02)

    def act(self, verb: str, *ids: str) -> dict[str, Any]:
        """What follows a confirmation: from the frozen selection to the last receipt."""
        self._catch_up()
        selection = self.server.index.select(ids, int(time.time()))
        began = time.perf_counter()
        outcome = self.loop.run_until_complete(self.server.act(VERBS[verb], selection))
        took = time.perf_counter() - began
        return {"seconds": took, "receipts": {str(k): v for k, v in outcome.tally().items()}}

    def settings(self) -> dict[str, float]:
        """Read the settings as a page does, and plan to change everything on one."""
        from mtatui.settings.catalogue import PAGES
        from mtatui.settings.kinds import Extensions, Restriction, Switch, Zone, Zones

        configuration = self.server.configuration
        began = time.perf_counter()
        reading = self.loop.run_until_complete(configuration.read())
        read = time.perf_counter() - began
        changes: dict[str, Any] = {}
        for setting in PAGES["inbound"].settings:
            kind, now = setting.kind, reading.of(setting)
            if now.unavailable:
                continue
            if isinstance(kind, Extensions):
                changes[setting.key] = tuple(dict.fromkeys(e for list in kind.named.values() for e in list))
            elif isinstance(kind, Zones):
                changes[setting.key] = (*now.value, Zone("list.example"))
            elif isinstance(kind, Switch | Restriction):
                changes[setting.key] = kind.turned(now.value)
        began = time.perf_counter()
        configuration.plan(reading, changes)
        return {"read": read, "plan": time.perf_counter() - began}

    def close(self) -> None:
        """Let go of everything."""
        if self.feed is not None:
            self.feed.close()
        self.server.close()
        self.loop.close()

    def _catch_up(self) -> None:
        """Have the index know what others have done: a scan that was begun after now is complete."""
        live = self.server.live
        assert live is not None
        for _ in range(2):  # the first one may have been under way
            last = live.last
            live.now(thorough=True)
            while live.last is last:
                time.sleep(0.01)

    def _look(self, feed: Feed) -> None:
        for delta in feed.scan():
            self.server.index.apply(delta)
            if isinstance(delta, Done):
                return


def main(arguments: Sequence[str]) -> None:
    """Obey until the input ends."""
    gc.set_threshold(100_000, 50, 50)  # as `mtatui.__main__` does
    obeying = _Obeying(arguments[0])
    try:
        for line in sys.stdin:
            what, *rest = json.loads(line)
            print(json.dumps(getattr(obeying, what)(*rest)), flush=True)
    finally:
        obeying.close()


if __name__ == "__main__":
    main(sys.argv[1:])

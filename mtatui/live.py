"""Keeping an index live: one thread that scans, applies what it hears, and waits as long as the scan cost.

The first scan begins at once, even before Textual is imported. After that a quiet queue is looked at every
second, a costly one less often, so that watching never takes more than a few percent of a core; whatever acts
on the queue calls `Live.now`. A server far away is looked at less often while nobody acts on it, and of many
not all at once. One that does not answer is tried again, less and less often.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from mtatui.backends.host import HostError
from mtatui.queue.delta import Delta, Done, Rows

if TYPE_CHECKING:
    from mtatui.queue.index import Index
    from mtatui.queue.part import Part

#: Seconds between two looks at a quiet queue, and the share of a core that looking may cost.
PACE = 1.0
DUTY = 0.03
#: Seconds between two looks at a server far away, by how much that varies, and for how many seconds after
#: somebody has acted it is looked at as if it were near.
FAR_PACE, VARIES, ATTENTIVE = 4.0, 0.25, 30.0
#: The same for the slower round that finds files which changed in place (a retry that failed again).
THOROUGH_PACE = 20.0
THOROUGH_DUTY = 0.02
#: Seconds after which an unchanged time of the last scan is told anew: a queue at rest sends next to nothing.
STALE = 60.0
#: Seconds until a server that does not answer is tried again: at first, and at most.
BACK_OFF = (1.0, 60.0)


#: How many rows are read before there is a listener, and how long (seconds) one is waited for.
FIRST_ROWS, PATIENCE = 200, 3.0


class Feed(Protocol):
    """Where deltas come from: the spool reader, or ``postqueue -j``."""

    limits: str
    """What this feed cannot know, in words."""

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        """One look at the queue. Raises HostError when the server does not answer."""
        ...

    def close(self) -> None:
        """Let go of the server."""
        ...


class Live(threading.Thread):
    """The thread that keeps one server's index live. It tells its listener of each delta."""

    def __init__(
        self, name: str, open_feed: Callable[[], Feed], part: Callable[[], Part | Index], *, far: bool = False
    ) -> None:
        """Nothing is read yet. ``far``: every look goes over a network."""
        super().__init__(name=f"live-{name}", daemon=True)
        self.scanning = True
        self.begun = threading.Event()
        """Set when the first rows are there, or it is clear that no more will come."""
        self.trouble: HostError | None = None
        self.trouble_since = 0.0
        self.last: Done | None = None
        self.last_whole_cost = 0.0
        """What the last scan of everything cost, in seconds."""
        self.told_at = 0.0
        """The time of the last scan that is worth telling (epoch seconds): one that found a change, was asked
        for, or ended `STALE` seconds after the one told before."""
        self.limits = ""
        self._listener: Callable[[], None] = lambda: None
        self._heard = threading.Event()
        self._open_feed = open_feed
        self._part = part
        self._feed: Feed | None = None
        self._wake = threading.Event()
        self._far = far
        self._attentive_until = 0.0
        self._thorough = False
        self._asked = False
        self._ending = False

    def listen(self, listener: Callable[[], None]) -> None:
        """Have it called, in this thread, after each delta. Until then no more than the first rows are read,
        for a while: whoever is to show them needs the time that the rest would take."""
        self._listener = listener
        self._heard.set()

    def now(self, thorough: bool = False) -> None:
        """Look at once; ``thorough`` reads again what may have changed in place."""
        self._thorough |= thorough
        self._asked = True
        self._attentive_until = time.monotonic() + ATTENTIVE
        self._wake.set()

    def end(self) -> None:
        """Tell the thread to end; it does when its feed has done what it is at."""
        self._ending = True
        self._wake.set()
        self._heard.set()

    def close(self) -> None:
        """End the thread and its feed; safe to call twice."""
        self.end()
        if self._feed is not None:
            self._feed.close()

    def run(self) -> None:
        """Scan and wait, until closed."""
        back_off, thorough_due = BACK_OFF[0], time.monotonic() + THOROUGH_PACE
        while not self._ending:
            self._wake.clear()
            thorough = self._thorough or time.monotonic() >= thorough_due
            self._thorough = False
            try:
                cost = self._scan(thorough)
            except HostError as error:
                if self._ending:
                    return
                self._fail(error)
                pause, back_off = back_off, min(back_off * 2, BACK_OFF[1])
            else:
                pace = self._pace()
                pause, back_off = max(pace, cost / DUTY), BACK_OFF[0]
                if thorough:
                    thorough_due = time.monotonic() + max(THOROUGH_PACE, cost / THOROUGH_DUTY)
                    pause = pace
            self._wake.wait(pause)

    def _pace(self) -> float:
        """Seconds between two looks at a quiet queue."""
        if not self._far or time.monotonic() < self._attentive_until:
            return PACE
        import random

        return FAR_PACE * random.uniform(1 - VARIES, 1 + VARIES)  # noqa: S311  # nobody gains by guessing it

    def _scan(self, thorough: bool) -> float:
        new = self._feed is None
        if self._feed is None:
            self._feed = self._open_feed()
            self.limits = self._feed.limits
        self.scanning = True
        asked, self._asked = self._asked, False
        part: Part | Index | None = None
        before = rows = 0
        try:
            for delta in self._feed.scan(thorough):
                if part is None:  # asked for when the reader is at work: to import it takes as long
                    part = self._part()
                    before = part.generation
                    if new:
                        part.restart()
                if isinstance(delta, Rows):
                    if rows >= FIRST_ROWS:
                        self._heard.wait(PATIENCE)
                    rows += len(delta.rows)
                part.apply(delta)
                if rows >= FIRST_ROWS:
                    self.begun.set()
                if isinstance(delta, Done):
                    if thorough or self.last is None:
                        self.last_whole_cost = delta.cost
                    self.last = delta
                    changed = self.trouble is not None or part.generation != before
                    if changed or asked or delta.at - self.told_at >= STALE:
                        self.told_at = delta.at
                    self.trouble = None
                    self.scanning = False
                    self.begun.set()
                self._listener()
        finally:
            self.scanning = False
        return self.last.cost if self.last else 0.0

    def _fail(self, error: HostError) -> None:
        if self.trouble is None:
            self.trouble_since = time.time()
        self.trouble = error
        self.begun.set()
        if self._feed is not None:
            self._feed.close()
            self._feed = None
        self._listener()

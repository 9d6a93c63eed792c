"""A doorway: who comes goes on at once, but no more than a few begin at the same time.

To open a connection costs the machine that we run on a tenth of a second of work. Fifty at once would each
take as long as all of them. So the first goes alone, and the others follow, more and more abreast: the first
is there as soon as if it were the only one. Who hangs holds up nobody: others join after a moment, and the
place is free again after a while, whatever became of who had it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Doorway:
    """Lets one in, and one more abreast whenever one is through or so many ``seconds`` have passed.

    Args:
        abreast: how many may be in it at most.
        seconds: until one more may be.
        places: how many times so long a place is held.
    """

    def __init__(self, abreast: int, seconds: float, places: int) -> None:
        self._abreast = abreast
        self._seconds = seconds
        self._held = seconds * places
        self._changed = threading.Condition()
        self._inside: list[float] = []
        """Until when each has its place."""
        self._begun = self._latest = 0.0
        """When the first of this crowd came, and until when its latest has a place."""
        self._through = 0

    @contextmanager
    def passing(self, wanted: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Wait for a place, as long as it is ``wanted``; have it until this ends, or its time is up."""
        until = self._enter(wanted)
        try:
            yield
        finally:
            self._leave(until)

    def _enter(self, wanted: Callable[[], bool]) -> float:
        with self._changed:
            while True:
                now = time.monotonic()
                self._inside = [until for until in self._inside if until > now]
                if now > self._latest + self._seconds:
                    self._begun, self._through = now, 0
                wide = 1 + self._through + int((now - self._begun) / self._seconds)
                if len(self._inside) < min(wide, self._abreast) or not wanted():
                    self._latest = now + self._held
                    self._inside.append(self._latest)
                    return self._latest
                self._changed.wait(self._seconds / 2)

    def _leave(self, until: float) -> None:
        with self._changed:
            self._through += 1
            if until in self._inside:
                self._inside.remove(until)
            self._changed.notify_all()


#: For connections: a few for each core to work on.
CONNECTING = Doorway(4 * (os.cpu_count() or 1), 0.3, 4)

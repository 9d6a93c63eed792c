"""A doorway: who comes goes on at once, but no more than a few begin at the same time.

To open a connection costs the machine that we run on a tenth of a second of work. Fifty at once would each
take as long as all of them; a few at a time, and the first are there at once. Who hangs holds up nobody: a
place in the doorway is free again after a moment, whatever became of who had it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Doorway:
    """Lets ``abreast`` in at a time, each for so many seconds at most."""

    def __init__(self, abreast: int, seconds: float) -> None:
        self._abreast = abreast
        self._seconds = seconds
        self._changed = threading.Condition()
        self._inside: list[float] = []
        """Until when each has its place."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wait for a place, and have it until this ends, or its time is up."""
        until = self._enter()
        try:
            yield
        finally:
            self._leave(until)

    def _enter(self) -> float:
        with self._changed:
            while True:
                now = time.monotonic()
                self._inside = [until for until in self._inside if until > now]
                if len(self._inside) < self._abreast:
                    until = now + self._seconds
                    self._inside.append(until)
                    return until
                self._changed.wait(min(self._inside) - now)

    def _leave(self, until: float) -> None:
        with self._changed:
            if until in self._inside:
                self._inside.remove(until)
                self._changed.notify()


#: For connections: as many as there are cores to work on them, and no longer than the work takes.
CONNECTING = Doorway(os.cpu_count() or 1, 0.3)

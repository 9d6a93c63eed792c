"""One at a time, the urgent first: how threads share the index's single SQLite connection.

A feed takes short turns, one after another for as long as a scan goes on. Questions that may take long (a
view, a facet) take a turn each and may be cut short. A row that is about to be painted is urgent: it goes
before whoever waits, and cuts short a question that is being worked on, which is then asked again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

#: Seconds without urgent business before a question that was cut short is asked again.
PAUSE = 0.05


class Gate:
    """Turns at a connection; ``interrupt`` makes its running statement raise `sqlite3.OperationalError`."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._urgent = 0
        self._busy = False
        self._cuttable = False
        self._cut = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn in the order of asking, behind whatever is urgent."""
        self._enter(cuttable=False)
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def urgently(self) -> Iterator[None]:
        """The very next turn."""
        with self._changed:
            self._urgent += 1
            if self._cuttable:
                self._cut = True
                self._interrupt()
            while self._busy:
                self._changed.wait()
            self._urgent -= 1
            self._busy = True
        try:
            yield
        finally:
            self._leave()

    def patiently(self, ask: Callable[[], T]) -> T:
        """What ``ask`` returns, in a turn of its own; asked again when it was cut short, so it only reads."""
        while True:
            self._enter(cuttable=True)
            try:
                return ask()
            except sqlite3.OperationalError:
                if not self._cut:
                    raise
            finally:
                self._leave()
            with self._changed:
                while self._changed.wait_for(lambda: self._urgent or self._busy, PAUSE):
                    self._changed.wait_for(lambda: not self._urgent and not self._busy)

    def _enter(self, *, cuttable: bool) -> None:
        me = object()
        with self._changed:
            self._line.append(me)
            while self._busy or self._urgent or self._line[0] is not me:
                self._changed.wait()
            self._line.popleft()
            self._busy, self._cuttable, self._cut = True, cuttable, False

    def _leave(self) -> None:
        with self._changed:
            self._busy = self._cuttable = False
            self._changed.notify_all()

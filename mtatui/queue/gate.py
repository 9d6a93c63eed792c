"""One at a time, the urgent first: how threads share the index's single SQLite connection.

A feed takes short turns, one after another for as long as a scan goes on. Questions that may take long (a
view, a facet) take a turn each and may be cut short. A row that is about to be painted is urgent: it goes
before whoever waits, and cuts short a question that is being worked on, which is then asked again. After each
urgent turn a waiting feed has one of its own, so that holding down a key does not stop a scan.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: Seconds without urgent business before a question that was cut short is asked again.
PAUSE = 0.05
#: Seconds until a question is cut short once more, which had not begun its statement when it was first.
_INSIST = 0.005


@dataclass(eq=False, slots=True)
class _Ticket:
    """A place in the line."""

    cuttable: bool


class Gate:
    """Turns at a connection; ``interrupt`` makes its running statement raise `sqlite3.OperationalError`."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._changed = threading.Condition()
        self._line: deque[_Ticket] = deque()
        self._urgent = 0
        self._owed = False
        """The next turn is the feed's, whatever is urgent."""
        self._busy = False
        self._cuttable = False
        self._cut = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A short turn, in the order of asking."""
        self._enter(_Ticket(cuttable=False))
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def urgently(self) -> Iterator[None]:
        """The very next turn, or the one after it."""
        with self._changed:
            self._urgent += 1
            while self._busy or self._owed:
                if self._cuttable:
                    self._cut = True
                    self._interrupt()
                self._changed.wait(_INSIST)
            self._urgent -= 1
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._owed = any(not ticket.cuttable for ticket in self._line)
            self._leave()

    def patiently(self, ask: Callable[[], T]) -> T:
        """What ``ask`` returns, in a turn of its own; asked again when it was cut short, so it only reads."""
        while True:
            self._enter(_Ticket(cuttable=True))
            try:
                return ask()
            except sqlite3.OperationalError:
                if not self._cut:
                    raise
            finally:
                self._leave()
            with self._changed:
                while self._changed.wait_for(lambda: self._urgent > 0, PAUSE):
                    self._changed.wait_for(lambda: not self._urgent)

    def _enter(self, ticket: _Ticket) -> None:
        with self._changed:
            self._line.append(ticket)
            while self._busy or not self._is_next(ticket):
                self._changed.wait()
            self._line.remove(ticket)
            self._owed = False
            self._busy, self._cuttable, self._cut = True, ticket.cuttable, False

    def _is_next(self, ticket: _Ticket) -> bool:
        if self._owed:
            return not ticket.cuttable and ticket is next(t for t in self._line if not t.cuttable)
        return not self._urgent and ticket is self._line[0]

    def _leave(self) -> None:
        with self._changed:
            self._busy = self._cuttable = False
            self._changed.notify_all()

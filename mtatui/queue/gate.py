"""One at a time, the urgent first: how threads share the index's single SQLite connection.

A feed takes short turns, one after another for as long as a scan goes on. Questions that may take long (a
view, a facet) take a turn each and may be cut short. A row that is about to be painted is urgent: it goes
before whoever waits, and cuts short a question that is being worked on, which is then asked again. After each
urgent turn a waiting feed has one of its own, so that holding down a key does not stop a scan.

Whoever answers a key needs Python's lock as well, again and again: from the key until its answer is on the
screen all others stand back.
"""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: Seconds that a question is left alone once it was cut short; twice as many each further time, so that it is
#: answered even if something urgent comes up all the time.
PATIENCE = 0.01
#: Seconds between two looks at whether a question may be cut short, or has to be once more.
_INSIST = 0.005


@dataclass(eq=False, slots=True)
class _Ticket:
    """A place in the line."""

    cuttable: bool


class Unwanted(Exception):
    """A question was cut short, and nobody waits for its answer any more."""


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
        self._cuttable_from = math.inf
        self._cut = False
        self._back_until = 0.0

    def stand_back(self, seconds: float) -> None:
        """Have nobody begin with anything but what is urgent, for so long; 0: they may go on at once."""
        with self._changed:
            self._back_until = time.monotonic() + seconds
            if not seconds:
                self._changed.notify_all()

    def give_way(self) -> None:
        """Wait while others should stand back: for whoever is busy for long, between two pieces of work."""
        with self._changed:
            while (left := self._back_until - time.monotonic()) > 0:
                self._changed.wait(left)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A short turn, in the order of asking."""
        self._enter(_Ticket(cuttable=False))
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def urgently(self, within: float = math.inf) -> Iterator[None]:
        """The very next turn, or the one after it.

        Raises:
            TimeoutError: it did not come within so many seconds.
        """
        deadline = time.monotonic() + within
        with self._changed:
            self._urgent += 1
            try:
                while self._busy or self._owed:
                    now = time.monotonic()
                    if now >= deadline:
                        self._changed.notify_all()  # who stood back may go on
                        raise TimeoutError
                    if now >= self._cuttable_from:
                        self._cut = True
                        self._interrupt()
                    self._changed.wait(min(_INSIST, deadline - now))
                self._busy = True
            finally:
                self._urgent -= 1
        try:
            yield
        finally:
            with self._changed:
                self._owed = any(not ticket.cuttable for ticket in self._line)
            self._leave()

    def patiently(self, ask: Callable[[], T], wanted: Callable[[], bool] = lambda: True) -> T:
        """What ``ask`` returns, in a turn of its own; it is asked again when it was cut short.

        Raises:
            Unwanted: it was cut short, and is not ``wanted`` any more.
        """
        patience = 0.0
        while True:
            self._enter(_Ticket(cuttable=True), patience)
            try:
                return ask()
            except sqlite3.OperationalError:
                if not self._cut:
                    raise
                if not wanted():
                    raise Unwanted from None
            finally:
                self._leave()
            patience = patience * 2 or PATIENCE

    def _enter(self, ticket: _Ticket, patience: float = math.inf) -> None:
        self.give_way()
        with self._changed:
            self._line.append(ticket)
            while self._busy or not self._is_next(ticket):
                self._changed.wait()
            self._line.remove(ticket)
            self._owed = False
            self._busy, self._cut = True, False
            self._cuttable_from = time.monotonic() + patience

    def _is_next(self, ticket: _Ticket) -> bool:
        if self._owed:
            return not ticket.cuttable and ticket is next(t for t in self._line if not t.cuttable)
        return not self._urgent and ticket is self._line[0]

    def _leave(self) -> None:
        with self._changed:
            self._busy, self._cuttable_from = False, math.inf
            self._changed.notify_all()

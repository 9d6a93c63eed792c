"""How many times a long line is gone along and back, counted by what is said on it and not by the clock.

Whoever speaks after having heard something may have waited for it: that is one more trip. What only keeps the
line going (credit, the end of an input that was sent before) asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from mtatui.backends.envoy import wire
from mtatui.backends.link import Link

_ASKS = frozenset({wire.START, wire.DATA, wire.ASK})
_ANSWERS = frozenset({wire.OUT, wire.ERR, wire.EXIT, wire.FAILED, wire.TOLD})


class Trips:
    """What has been counted."""

    def __init__(self) -> None:
        self.count = 0
        self._heard = True

    def said(self, kind: int) -> None:
        """We have said something."""
        if kind in _ASKS and self._heard:
            self.count += 1
            self._heard = False

    def heard(self, kind: int) -> None:
        """We have heard something."""
        self._heard = self._heard or kind in _ANSWERS


@contextmanager
def counted() -> Iterator[Trips]:
    """Count those over all links of this process while inside, of which one may be in use."""
    trips = Trips()
    make, take = wire.frame, Link._frame

    def frame(channel: int, kind: int, payload: bytes = b"") -> bytes:
        trips.said(kind)
        return make(channel, kind, payload)

    def came(link: Link, number: int, kind: int, payload: bytes) -> None:
        trips.heard(kind)
        take(link, number, kind, payload)

    with patch.object(wire, "frame", frame), patch.object(Link, "_frame", came):
        yield trips

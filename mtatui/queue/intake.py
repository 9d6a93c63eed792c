"""Rows on their way into the index: cleaned, taken apart, and what they share looked up.

This is the hot path of a first scan: a hundred thousand rows pass here while the user waits.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from mtatui.queue.message import Row
from mtatui.queue.reasons import cause
from mtatui.queue.schema import CODES
from mtatui.text import clean

#: What a row of a confused or hostile server raises.
_SENSELESS = (AttributeError, KeyError, TypeError, ValueError)
_LARGEST = 2**53
_CACHED = 10_000

SIMPLE = (
    "INSERT OR IGNORE INTO message (n, state, arrival, size, mtime, cause, domain, sender_domain, origin,"
    " id, sender, address, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
FULL = "INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
OTHER = "INSERT INTO other VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Shared(dict[Hashable, Any]):
    """Values of a side table by what was written, each given a key when it is first met.

    Only the last few thousand are remembered, so that a year of strangers' domains does not fill the memory: a
    value that comes back later gets a second key, and whoever counts by key adds up by value in the end.
    """

    def __init__(self, table: str, columns: int, made: Callable[..., tuple[str, ...]]) -> None:
        super().__init__()
        self.table = table
        self.insert = f"INSERT INTO {table} VALUES (?{', ?' * columns})"
        self.fresh: list[tuple[int | str, ...]] = []
        self.given = 0
        self._made = made
        self._keys = count(1)

    def __missing__(self, written: Hashable) -> int:
        if len(self) >= _CACHED:
            self.clear()
        values = self._made(written)
        key = self[written] = next(self._keys)
        self.fresh.append((key, *values))
        self.given += 1
        return key


@dataclass(slots=True)
class Batch:
    """Rows ready to be stored: those with one recipient like most, the fuller ones, and their further recipients."""

    first: int
    simple: list[tuple[Any, ...]] = field(default_factory=list)
    full: list[tuple[Any, ...]] = field(default_factory=list)
    others: list[tuple[Any, ...]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    """IDs (or what stands in their place) of rows that make no sense."""


class Intake:
    """Makes batches; one thread at a time."""

    def __init__(self) -> None:
        self.domains = Shared("domain", 1, lambda text: (clean(text).lower(),))
        self.causes = Shared("cause", 2, lambda known: known)
        self.origins = Shared("origin", 5, lambda texts: tuple(map(clean, texts)))
        self.next = 1
        self._known: dict[tuple[str, str], tuple[int, str]] = {}

    @property
    def shared(self) -> tuple[Shared, ...]:
        """The side tables."""
        return self.domains, self.causes, self.origins

    def batch(self, rows: list[Row]) -> Batch:
        """Prepare rows; of those with the same ID the last counts."""
        batch = Batch(self.next)
        try:
            if len({row[0] for row in rows}) < len(rows):
                rows = list({row[0]: row for row in rows}.values())
            for row in rows:
                self._take(row, batch)
        except _SENSELESS:
            batch = Batch(self.next)
            for row in rows:
                try:
                    self._take(row, batch)
                except _SENSELESS:
                    batch.bad.append(repr(row)[:40])
        return batch

    def _take(self, row: Row, batch: Batch) -> None:
        id, state, arrival, size, mtime, sender, ip, host, helo, user, filter, recipients = row
        if not 0 <= arrival | size | mtime < _LARGEST:
            raise ValueError
        if len(recipients) != 1 or recipients[0][3] or recipients[0][4]:
            self._take_full(row, batch)
            return
        address, reason, status, _, _ = recipients[0]
        known = self._known.get((reason, status)) or self._cause(reason, status)
        batch.simple.append(
            (
                self.next,
                CODES[state],
                arrival,
                size,
                mtime,
                known[0],
                self.domains[address.rpartition("@")[2] if "@" in address else ""],
                self.domains[sender.rpartition("@")[2] if "@" in sender else ""],
                self.origins[ip, host, helo, user, filter],
                clean(id),
                clean(sender),
                clean(address),
                clean(reason),
            )
        )
        self.next += 1

    def _take_full(self, row: Row, batch: Batch) -> None:
        id, state, arrival, size, mtime, sender, ip, host, helo, user, filter, recipients = row
        n = self.next
        lead = next((place for place, recipient in enumerate(recipients) if not recipient[3]), 0)
        address, reason, status, done, original = recipients[lead] if recipients else ("", "", "", 0, "")
        key, label = self._cause(reason, status)
        domain = _domain(address)
        labels, domains = {label}, {domain}
        others = []
        for place, (to, why, code, over, wanted) in enumerate(recipients):
            if place == lead:
                continue
            its_key, its_label = self._cause(why, code)
            its_domain = _domain(to)
            new_label, new_domain = (
                (not over and its_label not in labels),
                (not over and its_domain not in domains),
            )
            if not over:
                labels.add(its_label)
                domains.add(its_domain)
            others.append(
                (n, place, its_key, self.domains[its_domain], bool(over), new_label, new_domain)
                + (clean(to), clean(why), clean(wanted))
            )
        served = sum(bool(recipient[3]) for recipient in recipients)
        batch.full.append(
            (n, CODES[state], arrival, size, mtime)
            + (
                key,
                self.domains[domain],
                self.domains[_domain(sender)],
                self.origins[ip, host, helo, user, filter],
            )
            + (clean(id), clean(sender), clean(address), clean(reason))
            + (len(recipients) - served, served, lead, bool(done), clean(original))
        )
        batch.others += others
        self.next += 1

    def _cause(self, reason: str, status: str) -> tuple[int, str]:
        """The key and the label of a reply's cause."""
        known = self._known.get((reason, status))
        if known is None:
            if len(self._known) >= _CACHED:
                self._known.clear()
            label = cause(clean(reason), status)
            known = self._known[reason, status] = (self.causes[label, clean(status)], label)
        return known


def _domain(address: str) -> str:
    return clean(address.rpartition("@")[2]).lower() if "@" in address else ""

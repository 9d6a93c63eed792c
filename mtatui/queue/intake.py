# ruff: noqa: S608  (what is put into SQL here are names of our own tables)
"""Rows on their way into the index: cleaned, taken apart, and what they share looked up.

This is the hot path of a first scan: a hundred thousand rows pass here while the user waits. So the usual row
(one recipient, not served) is handled in one loop, and the texts of a batch are checked all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any

from mtatui.queue.message import Row
from mtatui.queue.reasons import cause
from mtatui.queue.schema import CODES
from mtatui.text import clean

#: What a row of a confused or hostile reader raises.
_SENSELESS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
_LARGEST = 2**53
_REMEMBERED = 5_000
#: Where a message's texts (id, sender, address, reason) stand in the tuples below.
_TEXTS = slice(9, 13)

OTHER = "INSERT INTO other VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def inserts(server: int) -> tuple[str, str]:
    """The statements that store the simple and the full messages of a batch of one server."""
    simple = (
        "INSERT OR IGNORE INTO message (n, server, state, arrival, size, mtime, cause, domain, sender_domain,"
        " origin, id, sender, address, reason)"
        f" VALUES (?, {server}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    full = (
        "INSERT OR IGNORE INTO message"
        f" VALUES (?, {server}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )
    return simple, full


class Shared(dict[Any, int]):
    """The keys of a side table's values, by the value as it was written; an unknown value gets a new key.

    Only the last few thousand are remembered, so that a year of strangers' domains does not fill the memory:
    a value that comes back later gets a second key, and whoever counts by key adds up by value in the end.
    """

    def __init__(self, table: str, columns: int, made: Callable[[Any], tuple[str, ...]]) -> None:
        super().__init__()
        self.table = table
        self.insert = f"INSERT INTO {table} VALUES (?{', ?' * columns})"
        self.fresh: list[tuple[int | str, ...]] = []
        """What has yet to be stored."""
        self.stored = 0
        self._made = made
        self._keys = count(1)

    def __missing__(self, written: Any) -> int:
        values = self._made(written)
        if len(self) >= _REMEMBERED:
            self.clear()
        key = self[written] = next(self._keys)
        self.fresh.append((key, *values))
        self.stored += 1
        return key


@dataclass(slots=True)
class Batch:
    """Rows ready to be stored under numbers from ``first`` on.

    ``simple`` are most messages, ``full`` those with several recipients, none, or one that is served or was
    rewritten; ``others`` are their further recipients. ``bad`` tells of rows that make no sense.
    """

    first: int
    simple: list[tuple[Any, ...]] = field(default_factory=list)
    full: list[tuple[Any, ...]] = field(default_factory=list)
    others: list[tuple[Any, ...]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    @property
    def messages(self) -> list[tuple[Any, ...]]:
        """Every message in it."""
        return self.simple + self.full


class Intake:
    """Makes batches; one thread at a time."""

    def __init__(self) -> None:
        self.next = 1
        """The number that the next message gets."""
        self._domains = Shared("domain", 1, lambda text: (_one_spelling(text),))
        self._causes = Shared("cause", 2, lambda pair: tuple(map(clean, pair)))
        self._origins = Shared(
            "origin", 5, lambda texts: texts if _plain(texts) else tuple(map(clean, texts))
        )
        self.shared = (self._domains, self._causes, self._origins)
        self._replies: dict[str, tuple[int, str, str]] = {}

    def forget(self) -> None:
        """Give new keys from now on: the side tables are about to lose rows."""
        for shared in self.shared:
            shared.clear()
        self._replies.clear()

    def batch(self, rows: list[Row], prefix: str) -> Batch:
        """Prepare rows of the server whose keys have a prefix; of those with the same ID the last counts."""
        batch = Batch(self.next)
        try:
            if len({row[0] for row in rows}) < len(rows):
                rows = list({row[0]: row for row in rows}.values())
            self._take(rows, batch, prefix)
        except _SENSELESS:
            batch = Batch(self.next)
            for row in rows:
                try:
                    self._take([row], batch, prefix)
                except _SENSELESS:
                    batch.bad.append(repr(row)[:60])
        return batch

    def _take(self, rows: list[Row], batch: Batch, prefix: str) -> None:
        if "/" in "".join([row[0] for row in rows]):  # it would be the key of another server's
            raise ValueError
        n = self.next
        simple: list[tuple[Any, ...]] = []
        replies, domains, origins, codes = self._replies, self._domains, self._origins, CODES
        for row in rows:
            id, state, arrival, size, mtime, sender, ip, host, helo, user, filter, recipients = row
            if not 0 <= arrival | size | mtime < _LARGEST:
                raise ValueError
            if len(recipients) != 1 or recipients[0][3] or recipients[0][4]:
                self._take_full(n, row, batch, prefix)
            else:
                address, reason, status, _, _ = recipients[0]
                reply = replies.get(reason)
                if reply is None or reply[2] != status:
                    reply = self._reply(reason, status)
                domain = domains[address.rpartition("@")[2] if "@" in address else ""]
                sender_domain = domains[sender.rpartition("@")[2] if "@" in sender else ""]
                origin = origins[ip, host, helo, user, filter]
                simple.append(
                    (
                        n,
                        codes[state],
                        arrival,
                        size,
                        mtime,
                        reply[0],
                        domain,
                        sender_domain,
                        origin,
                        prefix + id,
                        sender,
                        address,
                        reason,
                    )
                )
            n += 1
        if not _plain([text for message in simple for text in message[_TEXTS]]):
            simple = [(*message[:9], *map(clean, message[_TEXTS])) for message in simple]
        batch.simple += simple
        self.next = n

    def _take_full(self, n: int, row: Row, batch: Batch, prefix: str) -> None:
        id, state, arrival, size, mtime, sender, ip, host, helo, user, filter, recipients = row
        lead = next((place for place, recipient in enumerate(recipients) if not recipient[3]), 0)
        address, reason, status, done, original = recipients[lead] if recipients else ("", "", "", 0, "")
        key, label, _ = self._reply(reason, status)
        domain = _domain(address)
        causes, domains = {label}, {domain}
        others: list[tuple[Any, ...]] = []
        for place, (to, why, code, over, wanted) in enumerate(recipients):
            if place != lead:
                its_key, its_label, _ = self._reply(why, code)
                its_domain = _domain(to)
                first_cause = not over and its_label not in causes
                first_domain = not over and its_domain not in domains
                if first_cause:
                    causes.add(its_label)
                if first_domain:
                    domains.add(its_domain)
                others.append(
                    (
                        n,
                        place,
                        its_key,
                        self._domains[its_domain],
                        bool(over),
                        first_cause,
                        first_domain,
                        to,
                        why,
                        wanted,
                    )
                )
        if not _plain([text for other in others for text in other[7:]]):
            others = [(*other[:7], *map(clean, other[7:])) for other in others]
        waiting = sum(not recipient[3] for recipient in recipients)
        batch.full.append(
            (
                n,
                CODES[state],
                arrival,
                size,
                mtime,
                key,
                self._domains[domain],
                self._domains[_domain(sender)],
                self._origins[ip, host, helo, user, filter],
                prefix + clean(id),
                clean(sender),
                clean(address),
                clean(reason),
                waiting,
                len(recipients) - waiting,
                lead,
                bool(done),
                clean(original),
            )
        )
        batch.others += others

    def _reply(self, reason: str, status: str) -> tuple[int, str, str]:
        """The key and the label of a reply's cause, and the status that came with it."""
        reply = self._replies.get(reason)
        if reply is None or reply[2] != status:
            if len(self._replies) >= _REMEMBERED:
                self._replies.clear()
            label = cause(reason, status)
            reply = self._replies[reason] = self._causes[label, status], label, status
        return reply


def _domain(address: str) -> str:
    return _one_spelling(address.rpartition("@")[2]) if "@" in address else ""


@lru_cache(_REMEMBERED)
def _one_spelling(domain: str) -> str:
    return clean(domain).lower()


def _plain(texts: Iterable[str]) -> bool:
    """Whether `clean` would leave them all as they are; asked of many at once, for that is cheap."""
    together = "".join(texts)
    return together.isascii() and together.isprintable()

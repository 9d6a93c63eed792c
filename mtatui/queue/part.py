# ruff: noqa: S608  (what is put into SQL here are names of our own tables and columns)
"""One server's share of the index, kept by the deltas of its feed: the half of the index that writes.

`Part.apply` may be called from any thread; parts take turns. A feed tells of queue IDs: whatever a server
says, it says of its own messages.
"""

from __future__ import annotations

import json
from collections import Counter

from mtatui.queue import delta as deltas
from mtatui.queue.intake import OTHER, Batch, inserts
from mtatui.queue.message import Row, State, key
from mtatui.queue.schema import CODES, STATES
from mtatui.queue.store import BATCH, Store
from mtatui.text import clean

_MOST_PROBLEMS = 1000


class Part:
    """What is in the queue of one server, as its feed told it."""

    def __init__(self, store: Store, name: str, number: int) -> None:
        self.name = name
        """What the server is called, "" for a lone one."""
        self.generation = 0
        """Grows with every change of it."""
        self.problems: list[deltas.Problem] = []
        """What the latest scan could not read."""
        self.done: deltas.Done | None = None
        """How the latest complete scan ended."""
        self.number = number
        """What its messages bear in the tables."""
        self.dropped = False
        self._store = store
        self._prefix = key(name, "")
        self._simple, self._full = inserts(number)
        self._held = dict.fromkeys(State, 0)
        self._announced: dict[State, int] | None = None
        self._told: bytearray | None = None

    def counts(self) -> dict[State, int]:
        """How many messages each state holds: as a running scan announced them, else as they are here."""
        return dict(self._announced or self._held)

    def restart(self) -> None:
        """A feed begins anew and will tell everything: what it has not told by its `Done` is gone."""
        with self._store.applying:
            self._told = bytearray(self._store.intake.next) if any(self._held.values()) else None
            self.problems = []

    def apply(self, delta: deltas.Delta) -> None:
        """Take in one delta. Rows that make no sense are left out and become problems."""
        with self._store.applying:
            if self.dropped:
                return
            before = self.counts()
            match delta:
                case deltas.Rows(rows):
                    for start in range(0, len(rows), BATCH):
                        self._take(rows[start : start + BATCH])
                case deltas.Moved(state, ids):
                    for start in range(0, len(ids), BATCH):
                        self._move(state, self._keys(ids[start : start + BATCH]))
                case deltas.Gone(ids):
                    for start in range(0, len(ids), BATCH):
                        self._forget_all("id", self._keys(ids[start : start + BATCH]))
                case deltas.Problem(path, text):
                    self._complain(path, text)
                case deltas.Counts(counts):
                    if self._announced is None:  # a scan begins
                        self.problems = []
                    self._announced = {state: counts.get(state, 0) for state in State}
                    self._changed(self._announced != before)
                    return
                case deltas.Done():
                    self._finish()
                    self.done, self._announced = delta, None
                    self._changed(self._held != before)
                    return
            self._changed()

    def drop(self) -> None:
        """Forget all of it, for good: what a feed still says is not taken in."""
        with self._store.applying:
            self.dropped = True
            self._forget_but(b"")
            self._announced, self.done, self.problems = None, None, []
            self._changed()

    def _changed(self, really: bool = True) -> None:
        self.generation += really
        self._store.generation += really

    def _complain(self, path: str, text: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(deltas.Problem(clean(path), clean(text)))

    def _finish(self) -> None:
        if self._told is not None:
            told, self._told = self._told, None
            self._forget_but(told)
        self._store.tidy()

    def _forget_but(self, told: bytes | bytearray) -> None:
        """Forget all messages but those under whose number there is a mark."""
        numbers = self._store.numbers("SELECT n FROM message WHERE server = ?", (self.number,))
        lost = [n for n in numbers if n >= len(told) or not told[n]]
        for start in range(0, len(lost), BATCH):
            self._forget_all("n", json.dumps(lost[start : start + BATCH]))

    def _keys(self, ids: list[str]) -> str:
        """What the index calls them, as JSON."""
        return json.dumps([f"{self._prefix}{id}" for id in ids] if self._prefix else ids)

    # --- rows ------------------------------------------------------------------------------------------

    def _take(self, rows: list[Row]) -> None:
        store = self._store
        batch = store.intake.batch(rows, self._prefix)
        for row in batch.bad:
            self._complain(row, "the reader sent a row that makes no sense; it is left out")
        run = store.connection.executemany
        with store.gate.turn():
            store.connection.execute("BEGIN")
            for shared in store.intake.shared:
                run(shared.insert, shared.fresh)
                shared.fresh.clear()
            before = store.connection.total_changes
            run(self._simple, batch.simple)
            run(self._full, batch.full)
            if store.connection.total_changes - before < len(batch.messages):
                self._replace(batch)
            run(OTHER, batch.others)
            store.connection.execute("COMMIT")
        for code, number in Counter(message[1] for message in batch.messages).items():
            self._count(code, number)
        if self._told is not None:
            self._told.extend(bytes(store.intake.next - len(self._told)))
            for message in batch.messages:
                self._told[message[0]] = 1

    def _replace(self, batch: Batch) -> None:
        """Store the rows whose IDs were known: in place of the old ones, under their numbers."""
        sql = (
            "SELECT json_group_array(json_array(m.id, m.n)) FROM json_each(?) j"
            " CROSS JOIN message m ON m.id = j.value WHERE m.n < ?"
        )
        known = dict(
            self._store.ask(sql, json.dumps([message[9] for message in batch.messages]), batch.first)
        )
        number = {message[0]: known[message[9]] for message in batch.messages if message[9] in known}
        self._forget("n", json.dumps(list(known.values())))
        for rows in (batch.simple, batch.full, batch.others):
            rows[:] = [(number.get(row[0], row[0]), *row[1:]) for row in rows]
        old = set(known.values())
        run = self._store.connection.executemany
        run(self._simple, [message for message in batch.simple if message[0] in old])
        run(self._full, [message for message in batch.full if message[0] in old])

    # --- moved and gone --------------------------------------------------------------------------------

    def _move(self, state: State, keys: str) -> None:
        with self._store.gate.turn():
            self._uncount("id", keys)
            moved = self._store.connection.execute(
                f"UPDATE message SET state = ? WHERE {self._mine('id')}", (CODES[state], keys)
            )
            self._count(CODES[state], moved.rowcount)

    def _forget_all(self, column: str, values: str) -> None:
        """Forget the messages whose ``id`` or ``n`` is in a JSON list."""
        with self._store.gate.turn():
            self._forget(column, values)

    def _forget(self, column: str, values: str) -> None:
        self._uncount(column, values)
        chosen = f"FROM message WHERE {self._mine(column)}"
        self._store.connection.execute(f"DELETE FROM other WHERE message IN (SELECT n {chosen})", (values,))
        self._store.connection.execute(f"DELETE {chosen}", (values,))

    def _uncount(self, column: str, values: str) -> None:
        sql = (
            "SELECT json_group_array(json_array(state, number)) FROM (SELECT state, count(*) number"
            f" FROM message WHERE {self._mine(column)} GROUP BY state)"
        )
        for code, number in self._store.ask(sql, values):
            self._count(code, -number)

    def _mine(self, column: str) -> str:
        """The condition that a message is one of this server's, and in a JSON list."""
        return f"{column} IN (SELECT value FROM json_each(?)) AND +server = {self.number}"

    def _count(self, code: int, number: int) -> None:
        self._held[STATES[code]] += number
        self._store.messages += number

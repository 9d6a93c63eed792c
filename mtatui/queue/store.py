# ruff: noqa: S608  (what is put into SQL here are names of our own tables and columns)
"""The tables of the index, kept by deltas: the half of `mtatui.queue.index` that writes.

`Store.apply` may be called from any thread and takes short turns, at most one batch of rows each: whoever
waits for a row to paint waits for one batch.
"""

from __future__ import annotations

import json
import threading
from array import array
from collections import Counter
from collections.abc import Callable
from typing import Any

from mtatui.queue import delta as deltas
from mtatui.queue.gate import Gate
from mtatui.queue.intake import FULL, OTHER, SIMPLE, Batch, Intake
from mtatui.queue.message import Row, State
from mtatui.queue.schema import CODES, REFERENCES, STATES, connect
from mtatui.text import clean

_BATCH = 500
_MOST_PROBLEMS = 1000
#: Characters of a list of numbers that are read at once.
_PIECE = 1 << 18
#: A side table may hold so many rows more than two a message before those that nobody refers to are dropped.
_SLACK = 50_000


class Store:
    """What is in the queue of one server, as its feed told it."""

    def __init__(self) -> None:
        self.generation = 0
        """Grows with every change, so that whoever shows the queue knows when to look again."""
        self.problems: list[deltas.Problem] = []
        """What the latest scan could not read."""
        self.done: deltas.Done | None = None
        """How the latest complete scan ended."""
        self._connection = connect()
        self._gate = Gate(self._connection.interrupt)
        self._applying = threading.Lock()
        self._intake = Intake()
        self._held = dict.fromkeys(State, 0)
        self._announced: dict[State, int] | None = None
        self._told: bytearray | None = None

    def counts(self) -> dict[State, int]:
        """How many messages each state holds: as a running scan announced them, else as they are here."""
        return dict(self._announced or self._held)

    def restart(self) -> None:
        """A feed begins anew and will tell everything: what it has not told by its `Done` is gone."""
        with self._applying:
            self._told = bytearray(self._intake.next) if any(self._held.values()) else None

    def apply(self, delta: deltas.Delta) -> None:
        """Take in one delta. Rows that make no sense are left out and become problems."""
        with self._applying:
            match delta:
                case deltas.Rows(rows):
                    for start in range(0, len(rows), _BATCH):
                        self._store(rows[start : start + _BATCH])
                case deltas.Moved(state, ids):
                    for start in range(0, len(ids), _BATCH):
                        self._move(state, json.dumps(ids[start : start + _BATCH]))
                case deltas.Gone(ids):
                    for start in range(0, len(ids), _BATCH):
                        self._drop("id", json.dumps(ids[start : start + _BATCH]))
                case deltas.Counts(counts):
                    self.problems = []
                    self._announce(counts)
                    return
                case deltas.Problem(path, text):
                    self._complain(path, text)
                case deltas.Done():
                    self._finish(delta)
                    return
            self.generation += 1

    def _announce(self, counts: dict[State, int]) -> None:
        before = self.counts()
        self._announced = {state: counts.get(state, 0) for state in State}
        self.generation += self._announced != before

    def _complain(self, path: str, text: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(deltas.Problem(clean(path), clean(text)))

    def _finish(self, done: deltas.Done) -> None:
        before = self.counts()
        if self._told is not None:
            told, self._told = self._told, None
            numbers = self._numbers("SELECT n FROM message", ())
            lost = [n for n in numbers if n >= len(told) or not told[n]]
            for start in range(0, len(lost), _BATCH):
                self._drop("n", json.dumps(lost[start : start + _BATCH]))
        self._tidy()
        self.done, self._announced = done, None
        self.generation += self._held != before

    # --- rows ------------------------------------------------------------------------------------------

    def _store(self, rows: list[Row]) -> None:
        batch = self._intake.batch(rows)
        for row in batch.bad:
            self._complain(row, "the reader sent a row that makes no sense; it is left out")
        run = self._connection.executemany
        with self._gate.turn():
            self._connection.execute("BEGIN")
            for shared in self._intake.shared:
                run(shared.insert, shared.fresh)
                shared.fresh.clear()
            before = self._connection.total_changes
            run(SIMPLE, batch.simple)
            run(FULL, batch.full)
            if self._connection.total_changes - before < len(batch.messages):
                self._replace(batch)
            run(OTHER, batch.others)
            self._connection.execute("COMMIT")
        for code, number in Counter(message[1] for message in batch.messages).items():
            self._held[STATES[code]] += number
        if self._told is not None:
            self._told.extend(bytes(self._intake.next - len(self._told)))
            for message in batch.messages:
                self._told[message[0]] = 1

    def _replace(self, batch: Batch) -> None:
        """Store the rows whose IDs were known: in place of the old ones, under their numbers."""
        sql = (
            "SELECT json_group_array(json_array(m.id, m.n)) FROM json_each(?) j"
            " CROSS JOIN message m ON m.id = j.value WHERE m.n < ?"
        )
        known = dict(self._ask(sql, json.dumps([message[9] for message in batch.messages]), batch.first))
        number = {message[0]: known[message[9]] for message in batch.messages if message[9] in known}
        self._forget("n", json.dumps(list(known.values())))
        for rows in (batch.simple, batch.full, batch.others):
            rows[:] = [(number.get(row[0], row[0]), *row[1:]) for row in rows]
        old = set(known.values())
        self._connection.executemany(SIMPLE, [message for message in batch.simple if message[0] in old])
        self._connection.executemany(FULL, [message for message in batch.full if message[0] in old])

    # --- moved and gone --------------------------------------------------------------------------------

    def _move(self, state: State, ids: str) -> None:
        with self._gate.turn():
            self._uncount("id", ids)
            moved = self._connection.execute(
                "UPDATE message SET state = ? WHERE id IN (SELECT value FROM json_each(?))",
                (CODES[state], ids),
            )
            self._held[state] += moved.rowcount

    def _drop(self, key: str, values: str) -> None:
        """Forget the messages whose ``id`` or ``n`` is in a JSON list."""
        with self._gate.turn():
            self._forget(key, values)

    def _forget(self, key: str, values: str) -> None:
        self._uncount(key, values)
        chosen = f"FROM message WHERE {key} IN (SELECT value FROM json_each(?))"
        self._connection.execute(f"DELETE FROM other WHERE message IN (SELECT n {chosen})", (values,))
        self._connection.execute(f"DELETE {chosen}", (values,))

    def _uncount(self, key: str, values: str) -> None:
        sql = (
            "SELECT json_group_array(json_array(state, number)) FROM (SELECT state, count(*) number"
            f" FROM message WHERE {key} IN (SELECT value FROM json_each(?)) GROUP BY state)"
        )
        for code, number in self._ask(sql, values):
            self._held[STATES[code]] -= number

    # --- order in the house ----------------------------------------------------------------------------

    def _tidy(self) -> None:
        """After a scan: do not let the side tables only grow."""
        for shared in self._intake.shared:
            if shared.stored > 2 * sum(self._held.values()) + _SLACK:
                self._intake.forget()
                used = " UNION ".join(
                    f"SELECT {column} FROM {table}" for table, column in REFERENCES[shared.table]
                )
                unused = self._numbers(f"SELECT key n FROM {shared.table} WHERE key NOT IN ({used})", ())
                shared.stored -= len(unused)
                for start in range(0, len(unused), _BATCH):
                    keys = json.dumps(unused[start : start + _BATCH].tolist())
                    with self._gate.turn():
                        self._connection.execute(
                            f"DELETE FROM {shared.table} WHERE key IN (SELECT value FROM json_each(?))",
                            (keys,),
                        )

    # --- asking ----------------------------------------------------------------------------------------

    def _ask(self, sql: str, *parameters: str | int) -> Any:
        """The JSON value that a statement yields, in the caller's turn; None where it yields none."""
        row = self._connection.execute(sql, parameters).fetchone()
        return None if row is None or row[0] is None else json.loads(row[0])

    def _numbers(
        self, sql: str, parameters: tuple[str | int, ...], wanted: Callable[[], bool] = lambda: True
    ) -> array[int]:
        """The numbers ``n`` that a statement yields, in its order, as one step of SQLite."""
        joined = f"SELECT group_concat(n) FROM ({sql})"
        text = self._gate.patiently(
            lambda: self._connection.execute(joined, parameters).fetchone()[0] or "", wanted
        )
        numbers, start = array("q"), 0
        while start < len(text):  # in pieces: a million numbers at once would hold Python's lock for long
            end = text.find(",", start + _PIECE)
            end = len(text) if end < 0 else end
            numbers.extend(json.loads(f"[{text[start:end]}]"))
            start = end + 1
        return numbers

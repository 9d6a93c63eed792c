"""The tables of the index, kept by deltas: the half of `mtatui.queue.index` that writes.

Deltas come from one feed after another; `Store.apply` may be called from any thread and takes short turns, at most
one batch of rows each, so that whoever waits for a row to paint waits for one batch.
"""

from __future__ import annotations

import json
import threading
from array import array
from collections import Counter
from typing import Any

from mtatui.queue import delta as deltas
from mtatui.queue.gate import Gate
from mtatui.queue.intake import FULL, OTHER, SIMPLE, Batch, Intake
from mtatui.queue.message import Row, State
from mtatui.queue.schema import CODES, STATES, connect
from mtatui.text import clean

_BATCH = 500
_MOST_PROBLEMS = 1000
_PIECE = 1 << 18


class Store:
    """What is in the queue of one server, as its feed told it."""

    def __init__(self) -> None:
        self.generation = 0
        """Grows with every change, so that whoever shows the queue knows when to look again."""
        self.problems: list[deltas.Problem] = []
        """What the latest scan could not read."""
        self.done: deltas.Done | None = None
        """How the last complete scan ended."""
        self._connection = connect()
        self._gate = Gate(self._connection.interrupt)
        self._applying = threading.Lock()
        self._intake = Intake()
        self._held = dict.fromkeys(State, 0)
        self._announced: dict[State, int] | None = None
        self._seen: bytearray | None = None

    def counts(self) -> dict[State, int]:
        """How many messages each state holds: while a scan runs as it announced them, else as they are here."""
        return dict(self._announced or self._held)

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
                    self._announced = {state: counts.get(state, 0) for state in State}
                case deltas.Problem(path, text):
                    self._complain(path, text)
                case deltas.Done():
                    self._finish(delta)
            self.generation += 1

    def restart(self) -> None:
        """A feed begins anew and will tell everything: what it has not told by its `Done` is gone."""
        with self._applying:
            self._seen = bytearray(self._intake.next)

    def _complain(self, path: str, text: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(deltas.Problem(clean(path), clean(text)))

    def _store(self, rows: list[Row]) -> None:
        batch = self._intake.batch(rows)
        for row in batch.bad:
            self._complain(row, "a row of the reader that makes no sense; left out")
        with self._gate.turn():
            run = self._connection.executemany
            self._connection.execute("BEGIN")
            for shared in self._intake.shared:
                if shared.fresh:
                    run(shared.insert, shared.fresh)
                    shared.fresh.clear()
            before = self._connection.total_changes
            run(SIMPLE, batch.simple)
            run(FULL, batch.full)
            stored = len(batch.simple) + len(batch.full)
            if self._connection.total_changes - before < stored:
                self._replace(batch)
            run(OTHER, batch.others)
            self._connection.execute("COMMIT")
        for state, number in Counter(row[1] for row in batch.simple + batch.full).items():
            self._held[STATES[state]] += number
        if self._seen is not None:
            self._seen.extend(bytes(max(0, self._intake.next - len(self._seen))))
            for row in batch.simple + batch.full:
                self._seen[row[0]] = 1

    def _replace(self, batch: Batch) -> None:
        """Store the rows whose IDs were known: in place of the old ones, under their numbers."""
        ids = json.dumps([row[9] for row in batch.simple + batch.full])
        sql = (
            "SELECT json_group_array(json_array(m.id, m.n, m.state)) FROM json_each(?) j"
            " CROSS JOIN message m ON m.id = j.value WHERE m.n < ?"
        )
        known = {id: (n, state) for id, n, state in self._ask(sql, ids, batch.first)}
        for _, state in known.values():
            self._held[STATES[state]] -= 1
        numbers = json.dumps([n for n, _ in known.values()])
        for table, key in (("other", "message"), ("message", "n")):
            self._connection.execute(
                f"DELETE FROM {table} WHERE {key} IN (SELECT value FROM json_each(?))", (numbers,)
            )
        renumbered = {row[0]: known[row[9]][0] for row in batch.simple + batch.full if row[9] in known}
        for rows in (batch.simple, batch.full, batch.others):
            rows[:] = [(renumbered.get(row[0], row[0]), *row[1:]) for row in rows]
        old = set(renumbered.values())
        self._connection.executemany(SIMPLE, [row for row in batch.simple if row[0] in old])
        self._connection.executemany(FULL, [row for row in batch.full if row[0] in old])

    def _move(self, state: State, ids: str) -> None:
        with self._gate.turn():
            self._uncount("id", ids)
            self._connection.execute(
                "UPDATE message SET state = ? WHERE id IN (SELECT value FROM json_each(?))",
                (CODES[state], ids),
            )
            self._held[state] += self._connection.execute("SELECT changes()").fetchone()[0]

    def _drop(self, key: str, values: str) -> None:
        """Forget the messages whose ``id`` or ``n`` is in a JSON list."""
        with self._gate.turn():
            self._uncount(key, values)
            chosen = f"{key} IN (SELECT value FROM json_each(?))"
            self._connection.execute(
                f"DELETE FROM other WHERE message IN (SELECT n FROM message WHERE {chosen})", (values,)
            )
            self._connection.execute(f"DELETE FROM message WHERE {chosen}", (values,))

    def _uncount(self, key: str, values: str) -> None:
        sql = (
            "SELECT json_group_array(json_array(state, number)) FROM (SELECT state, count(*) number"
            f" FROM message WHERE {key} IN (SELECT value FROM json_each(?)) GROUP BY state)"
        )
        for state, number in self._ask(sql, values):
            self._held[STATES[state]] -= number

    def _finish(self, done: deltas.Done) -> None:
        if self._seen is not None:
            seen, self._seen = self._seen, None
            numbers = self._numbers("SELECT n FROM message m", ())
            lost = [n for n in numbers if n >= len(seen) or not seen[n]]
            for start in range(0, len(lost), _BATCH):
                self._drop("n", json.dumps(lost[start : start + _BATCH]))
        self.done, self._announced = done, None

    # --- asking ----------------------------------------------------------------------------------------

    def _ask(self, sql: str, *parameters: str | int) -> Any:
        """The one JSON value that a statement yields, in a turn that the caller has; None where it yields none."""
        row = self._connection.execute(sql, parameters).fetchone()
        return None if row is None or row[0] is None else json.loads(row[0])

    def _numbers(self, sql: str, parameters: tuple[str | int, ...]) -> array[int]:
        """The row numbers that a statement yields, in its order, as one step of SQLite."""
        joined = f"SELECT group_concat(n) FROM ({sql})"
        text: str = (
            self._gate.patiently(lambda: self._connection.execute(joined, parameters).fetchone()[0]) or ""
        )
        numbers, start = array("q"), 0
        while start < len(text):  # in pieces: a million numbers at once would hold Python's lock for long
            end = text.find(",", start + _PIECE)
            end = len(text) if end < 0 else end
            numbers.extend(json.loads(f"[{text[start:end]}]"))
            start = end + 1
        return numbers

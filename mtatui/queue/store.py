# ruff: noqa: S608  (what is put into SQL here are names of our own tables and columns)
"""The tables of the index, and how threads come to them: what every part of it shares.

Whoever changes them holds `Store.applying` and takes short turns at the gate, at most one batch of rows each:
whoever waits for a row to paint waits for one batch.
"""

from __future__ import annotations

import json
import threading
from array import array
from collections.abc import Callable, Iterable
from typing import Any

from mtatui.queue.gate import Gate
from mtatui.queue.intake import Intake
from mtatui.queue.message import key
from mtatui.queue.schema import REFERENCES, connect

#: Messages that are stored, or dropped, in one turn.
BATCH = 500
#: Characters of a list of numbers that are read at once.
_PIECE = 1 << 18
#: A side table may hold so many rows more than two a message before those that nobody refers to are dropped.
_SLACK = 50_000


class Store:
    """The tables, with a question asked in a turn of its own."""

    def __init__(self) -> None:
        self.generation = 0
        """Grows with every change of any part."""
        self.messages = 0
        """How many there are."""
        self.connection = connect()
        self.gate = Gate(self.connection.interrupt)
        self.applying = threading.Lock()
        """Held by the one part that takes in a delta."""
        self.intake = Intake()

    def tidy(self) -> None:
        """After a scan: do not let the side tables only grow."""
        for shared in self.intake.shared:
            if shared.stored > 2 * self.messages + _SLACK:
                self.intake.forget()
                used = " UNION ".join(
                    f"SELECT {column} FROM {table}" for table, column in REFERENCES[shared.table]
                )
                unused = self.numbers(f"SELECT key n FROM {shared.table} WHERE key NOT IN ({used})", ())
                shared.stored -= len(unused)
                for start in range(0, len(unused), BATCH):
                    keys = json.dumps(unused[start : start + BATCH].tolist())
                    with self.gate.turn():
                        self.connection.execute(
                            f"DELETE FROM {shared.table} WHERE key IN (SELECT value FROM json_each(?))",
                            (keys,),
                        )

    def introduce(self, servers: Iterable[tuple[int, str, tuple[str, ...]]]) -> None:
        """Which servers there are: the number of each, its name and its tags ("" stands for none)."""
        known = list(servers)
        with self.gate.turn():
            self.connection.execute("DELETE FROM server")
            self.connection.execute("DELETE FROM tag")
            rows = [(number, name, key(name, "")) for number, name, _ in known]
            self.connection.executemany("INSERT INTO server VALUES (?, ?, ?)", rows)
            tagged = [(number, tag) for number, _, tags in known for tag in tags or ("",)]
            self.connection.executemany("INSERT INTO tag VALUES (?, ?)", tagged)

    # --- asking ----------------------------------------------------------------------------------------

    def ask(self, sql: str, *parameters: str | int) -> Any:
        """The JSON value that a statement yields, in the caller's turn; None where it yields none."""
        row = self.connection.execute(sql, parameters).fetchone()
        return None if row is None or row[0] is None else json.loads(row[0])

    def numbers(
        self, sql: str, parameters: tuple[str | int, ...], wanted: Callable[[], bool] = lambda: True
    ) -> array[int]:
        """The numbers ``n`` that a statement yields, in its order, as one step of SQLite."""
        joined = f"SELECT group_concat(n) FROM ({sql})"
        text = self.gate.patiently(
            lambda: self.connection.execute(joined, parameters).fetchone()[0] or "", wanted
        )
        numbers, start = array("q"), 0
        while start < len(text):  # in pieces: a million numbers at once would hold Python's lock for long
            self.gate.give_way()
            end = text.find(",", start + _PIECE)
            end = len(text) if end < 0 else end
            numbers.extend(json.loads(f"[{text[start:end]}]"))
            start = end + 1
        return numbers

"""What a table shows: an order, the messages in it, and a line for each."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import StrEnum
from itertools import compress

from mtatui.queue.message import State, split
from mtatui.queue.query import Query
from mtatui.queue.schema import CODES

#: Rows that are put in order in one go; in between others get Python's lock.
_PIECE = 50_000


class SortField(StrEnum):
    """By what a view can be ordered."""

    AGE = "age"
    ID = "id"
    SIZE = "size"
    FROM = "from"
    TO = "to"
    RETRY = "retry"
    REASON = "reason"
    STATE = "state"
    RCPTS = "rcpts"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: by a field, the smallest first (by age: the oldest); equals by age, the oldest first."""

    field: SortField = SortField.AGE
    descending: bool = False

    def sql(self, many: bool = False) -> str:
        """The order as SQL over ``message m``, of one server or of ``many``."""
        by = QUEUE_ID if many and self.field is SortField.ID else _ORDERS[self.field]
        order = by + (" DESC" if self.descending else "")
        return order if self.field in {SortField.AGE, SortField.ID} else f"{order}, m.arrival"


#: The queue ID behind the server in a message's key, as SQL over ``message m``.
QUEUE_ID = "substr(m.id, instr(m.id, '/') + 1)"
#: When a deferred message is tried again, as SQL over ``message m``; NULL of the others.
RETRY = f"CASE WHEN m.state = {CODES[State.DEFERRED]} AND m.mtime THEN m.mtime END"
_ORDERS = {
    SortField.AGE: "m.arrival",
    SortField.ID: "m.id",
    SortField.SIZE: "m.size",
    SortField.FROM: "m.sender COLLATE NOCASE",
    SortField.TO: "m.address COLLATE NOCASE",
    SortField.RETRY: f"{RETRY} IS NULL, {RETRY}",
    SortField.REASON: "(SELECT label FROM cause WHERE key = m.cause)",
    SortField.STATE: "m.state",
    SortField.RCPTS: "m.waiting",
    SortField.SERVER: "(SELECT name FROM server WHERE key = m.server) COLLATE NOCASE",
}


@dataclass(frozen=True, slots=True)
class View:
    """The messages a query meant at one moment, in order, by row number of the index."""

    query: Query
    sort: Sort
    generation: int
    numbers: array[int]

    def __len__(self) -> int:
        return len(self.numbers)


def in_order(meant: array[int], whole: array[int]) -> array[int]:
    """Those row numbers of ``meant`` that are in ``whole``, in the order in which they stand there."""
    chosen: set[int] = set()
    for start in range(0, len(meant), _PIECE):
        chosen.update(meant[start : start + _PIECE])
    numbers = array("q")
    for start in range(0, len(whole), _PIECE):
        piece = whole[start : start + _PIECE]
        numbers.extend(compress(piece, map(chosen.__contains__, piece)))
    return numbers


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the table. ``recipient`` is the first still to be served, ``recipients`` how many are.

    ``retry`` is when Postfix will try again (epoch seconds; 0: not known, or not deferred), ``reason`` the
    cause.
    """

    id: str
    state: State
    arrival: int
    size: int
    sender: str
    recipient: str
    recipients: int
    retry: int
    reason: str

    @property
    def server(self) -> str:
        """The name of the server it is on, "" of a lone one."""
        return split(self.id)[0]

    @property
    def queue_id(self) -> str:
        """What its server calls it: its ID without the server."""
        return split(self.id)[1]

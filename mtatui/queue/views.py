"""What a table shows: an order, the messages in it, and a line for each."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import StrEnum
from itertools import compress

from mtatui.queue.message import State
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


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: by a field, the smallest first (by age: the oldest); equals by age, the oldest first."""

    field: SortField = SortField.AGE
    descending: bool = False

    @property
    def sql(self) -> str:
        """The order as SQL over ``message m``."""
        order = _ORDERS[self.field] + (" DESC" if self.descending else "")
        return order if self.field in {SortField.AGE, SortField.ID} else f"{order}, m.arrival"


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

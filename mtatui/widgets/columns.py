"""The columns of a table as data: what they show, how wide, and which go first when it gets narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from mtatui.text import fit

R = TypeVar("R")

#: Cells before the first column (a space, the cursor, the mark, a space), and between two.
PREFIX, GAP = 4, 1


class Cell(NamedTuple):
    """What stands in a cell, and the role it plays (see `mtatui.widgets.lines.Lines`)."""

    text: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column over rows of type ``R``.

    ``cell`` is given a row and the width it has. ``width`` is in terminal cells, at least; what is left over
    goes to columns with ``flex``, by its weight. ``rank`` says which column goes first where there is no
    room: the highest; 0 never goes. ``sort`` is the field the column sorts by, "" where it cannot.
    """

    id: str
    label: str
    cell: Callable[[R, int], Cell | str]
    width: int
    flex: int = 0
    align: str = "left"
    rank: int = 0
    sort: str = ""


#: What stands where the row is not at hand yet.
PENDING = Cell("·", "dim")


def head(column: Column[R], room: int, sort: tuple[str, bool]) -> str:
    """The head of a column in so many cells; with an arrow where ``sort`` (a field, descending) is by it."""
    arrow = ("▾" if sort[1] else "▴") if column.sort and column.sort == sort[0] else ""
    return fit(column.label + arrow, room, column.align)


def shown(column: Column[R], row: R | None, room: int) -> Cell:
    """What a column shows of a row, in so many cells."""
    cell = PENDING if row is None else column.cell(row, room)
    text, role = (cell, "") if isinstance(cell, str) else cell
    return Cell(fit(text, room, column.align), role)


def layout(columns: Sequence[Column[R]], width: int) -> list[tuple[Column[R], int]]:
    """The columns that find room in ``width`` cells, in their order, each with the width it gets."""
    kept = list(columns)
    while (room := width - sum(c.width for c in kept) - GAP * (len(kept) - 1)) < 0:
        first = max(kept, key=lambda column: column.rank, default=None)
        if first is None or not first.rank:
            break
        kept.remove(first)
    shares = sum(column.flex for column in kept)
    widths = []
    for column in kept:
        extra = max(room, 0) * column.flex // shares if column.flex else 0
        room -= extra
        shares -= column.flex
        widths.append((column, column.width + extra))
    return widths

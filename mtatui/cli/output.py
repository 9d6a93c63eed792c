"""How the command line speaks: data on standard output, narration on standard error, all of it clean."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mtatui.cli.guard import Unwritable
from mtatui.text import cells, clean, fit, fit_address

#: How wide a table may be where nobody says (a pipe, a file).
WIDE = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, cells at least and at most, its side, and whether it holds addresses."""

    head: str
    least: int
    most: int
    align: str = "left"
    address: bool = False


def say(text: str) -> None:
    """A line for the person: what is happening, what went wrong."""
    print(clean(text, lines=True), file=sys.stderr, flush=True)


def put(line: str) -> None:
    """A line of data.

    Raises:
        BrokenPipeError: the reader has left (``| head``). Unwritable: there is no room.
    """
    try:
        print(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable(error.errno, error.strerror) from error


def put_json(document: Any) -> None:
    """A JSON document in one line, in ASCII: whatever the terminal, nothing in it can steer."""
    put(json.dumps(document, separators=(",", ":")))


def width() -> int:
    """How many cells a line may have."""
    return shutil.get_terminal_size((WIDE, 24)).columns


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Rows under their heads, aligned, each in one line. Columns get their least, then share what is left."""
    rows = [[clean(cell) for cell in row] for row in rows]
    widths = _widths(columns, rows)
    put("  ".join(fit(c.head, w, c.align) for c, w in zip(columns, widths, strict=True)).rstrip())
    for row in rows:
        out = []
        for column, room, cell in zip(columns, widths, row, strict=True):
            out.append(fit_address(cell, room) if column.address else fit(cell, room, column.align))
        put("  ".join(out).rstrip())


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    wanted = [
        min(c.most, max([cells(c.head), *(cells(row[n]) for row in rows)])) for n, c in enumerate(columns)
    ]
    widths = [min(c.least, w) for c, w in zip(columns, wanted, strict=True)]
    room = width() - sum(widths) - 2 * (len(columns) - 1)
    for n in sorted(range(len(columns)), key=lambda n: wanted[n] - widths[n]):
        more = min(wanted[n] - widths[n], max(0, room))
        widths[n] += more
        room -= more
    return widths

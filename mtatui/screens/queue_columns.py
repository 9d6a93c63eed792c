"""The columns that the message table can show."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from mtatui.queue.message import State, no_sender
from mtatui.queue.views import Summary
from mtatui.text import ago, cells, clean, count, fit, fit_address, size
from mtatui.widgets.columns import Cell, Column
from mtatui.widgets.states import LOOKS

#: Cells for a queue ID, unless there are longer ones.
ID_WIDTH = 11
#: Cells for the name of a server, at least and at most.
SERVER_WIDTH = 6, 16
#: Longer than this (seconds) a message has waited long: its age stands out.
LONG = 86400


def _age(row: Summary, width: int) -> Cell:
    if not row.arrival:
        return Cell("?", "dim")
    waited = time.time() - row.arrival
    return Cell(ago(waited), "strong" if waited >= LONG and row.state is not State.TRASH else "")


def _retry(row: Summary, width: int) -> Cell:
    if row.state is State.HOLD:
        return Cell("held", "warning")
    if not row.retry:
        return Cell("–", "dim")
    ahead = row.retry - time.time()
    return Cell("due" if ahead < 60 else ago(ahead))


def _sender(row: Summary, width: int) -> Cell | str:
    if row.sender:
        return fit_address(row.sender, width)
    return no_sender(row.state, row.arrival) or Cell("–", "dim")


def _recipient(row: Summary, width: int) -> str:
    more = f" +{count(row.recipients - 1)}" if row.recipients > 1 else ""
    return fit_address(row.recipient, width - cells(more)).rstrip() + more if row.recipient else "–"


def _reason(row: Summary, width: int) -> Cell | str:
    if row.reason or row.state in (State.DEFERRED, State.HOLD, State.TRASH):
        return clean(row.reason) or Cell("–", "dim")
    return Cell(LOOKS[row.state].word, "dim")  # no delivery has failed: where it is says why it is here


def _state(row: Summary, width: int) -> Cell:
    look = LOOKS[row.state]
    return Cell(fit(f"{look.glyph} {look.word}", width), look.role)


#: Every column, in the order in which they stand unless the user chooses otherwise.
COLUMNS: tuple[Column[Summary], ...] = (
    Column("id", "ID", lambda row, width: Cell(row.queue_id), ID_WIDTH, rank=6, sort="id"),
    Column("server", "Server", lambda row, width: row.server or Cell("–", "dim"), 6, rank=1, sort="server"),
    Column("state", "State", _state, 14, rank=8, sort="state"),
    Column("age", "Age", _age, 6, align="right", sort="age"),
    Column("size", "Size", lambda row, width: size(row.size), 6, align="right", rank=7, sort="size"),
    Column("from", "From", _sender, 18, flex=3, sort="from"),
    Column("to", "To", _recipient, 18, flex=3, sort="to"),
    Column("retry", "Retry", _retry, 6, align="right", rank=3, sort="retry"),
    Column(
        "reason",
        "Reason",
        _reason,
        12,
        flex=1,
        rank=2,
        sort="reason",
    ),
)
#: Those shown unless the user chooses otherwise, where there is one server and where there are several.
USUAL = ("id", "age", "size", "from", "to", "retry", "reason")
USUAL_MANY = ("server", *USUAL)


def unknown(ids: Sequence[str]) -> str:
    """What is wrong with a choice of columns, in words; "" where nothing is."""
    known = [column.id for column in COLUMNS]
    wrong = [id for id in ids if id not in known]
    return f"No such column: {', '.join(wrong)}. There are {', '.join(known)}." if wrong else ""


def chosen(
    ids: Sequence[str], id_width: int = ID_WIDTH, servers: Sequence[str] = ()
) -> list[Column[Summary]]:
    """The columns with these ids, in their usual order; the usual ones where none fits.

    Args:
        id_width: the length of the longest queue ID: long ones (``enable_long_queue_ids``) need more room.
        servers: their names, where there are several.
    """
    usual = USUAL_MANY if servers else USUAL
    wide = min(max(SERVER_WIDTH[0], *map(len, servers)), SERVER_WIDTH[1]) if servers else SERVER_WIDTH[0]
    widths = {"id": id_width, "server": wide}
    columns = [column for column in COLUMNS if column.id in ids] or [c for c in COLUMNS if c.id in usual]
    return [replace(column, width=widths.get(column.id, column.width)) for column in columns]

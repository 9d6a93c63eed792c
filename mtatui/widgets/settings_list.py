"""The controls of a page of settings, by section: what each is, and what it was before it was touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.strip import Strip

from mtatui.text import cells, clean, fit
from mtatui.widgets.lines import CursorLines, Piece

#: Cells before a label (the mark of what was touched), between columns, and for a state ("● enforce").
MARK, GAP, STATE = 3, 2, 9
#: Cells that what stands behind a value gets at least, if it needs them.
TAIL = 14


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the page: a control, or a heading (which has no key)."""

    key: str
    label: str
    value: str = ""
    """What it is, or will be when what is staged is applied."""
    role: str = ""
    was: str = ""
    """What it is on the server, where something else is staged."""
    touched: bool = False
    note: str = ""
    """What must be seen at once: ``≠ submission``."""


class SettingsList(CursorLines):
    """Sections and their controls; the cursor stands on controls only."""

    class Moved(Message):
        """The cursor is on another control."""

    class Chosen(Message):
        """A control was clicked where the cursor stood already."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: Sequence[Row] = ()
        self._label = 0

    def show(self, rows: Sequence[Row]) -> None:
        """Show a page; the cursor stays with its control, and goes to the first one of another page."""
        key = self.key
        self.rows = rows
        self._label = max((cells(row.label) for row in rows if row.key), default=0)
        at = next((at for at, row in enumerate(rows) if key and row.key == key), -1)
        if at < 0:
            self._top = 0
        self._cursor = at if at >= 0 else self._first()
        self._top = max(0, min(self._top, self.line_count() - self.page))
        self.repaint()

    @property
    def key(self) -> str:
        """The key of the control under the cursor; "" where there is none."""
        return self.rows[self._cursor].key if self._cursor < len(self.rows) else ""

    def find(self, key: str) -> None:
        """Put the cursor on a control."""
        at = next((at for at, row in enumerate(self.rows) if row.key == key), -1)
        if at >= 0:
            self.move_to(at)

    def move_to(self, index: int, top: int | None = None) -> None:
        """Put the cursor on a line, or on the next control where that is a heading."""
        index = max(0, min(index, len(self.rows) - 1))
        step = -1 if index < self._cursor else 1
        at = index
        while 0 <= at < len(self.rows) and not self.rows[at].key:
            at += step
        if not 0 <= at < len(self.rows):
            at = self._first() if step < 0 else self._cursor
        if at == self._first():
            top = 0  # with the heading above it
        super().move_to(at, top)

    def cursor_moved(self) -> None:
        self.post_message(self.Moved())

    def _first(self) -> int:
        return next((at for at, row in enumerate(self.rows) if row.key), 0)

    # -- what `Lines` asks

    def line_count(self) -> int:
        return len(self.rows)

    def draw(self, index: int, width: int) -> Strip:
        row = self.rows[index]
        if not row.key:
            return self.line([(f" {row.label}", "strong")], width)
        at_cursor = index == self._cursor
        label = min(self._label, max(width * 11 // 20, 16))
        room = width - MARK - label - GAP
        mark: Piece = (" • ", "accent") if row.touched else ("   ", "")
        pieces: list[Piece] = [mark, (fit(row.label, label) + " " * GAP, "strong" if row.touched else "")]
        tail: list[Piece] = []
        if row.was:
            tail.append((f"  was {row.was}", "dim"))
        if row.note:
            tail.append((f"  {row.note}", "warning"))
        used = sum(cells(text) for text, _ in tail)
        value = max(min(cells(row.value), room - min(used, TAIL)), min(STATE, room))
        pieces += [(fit(row.value, value), row.role), *((clean(text), role) for text, role in tail)]
        return self.line(pieces, width, self.cursor_role if at_cursor else "")

    def clicked(self, index: int, event: events.Click) -> None:
        if index == self._cursor:
            self.post_message(self.Chosen())
        elif self.rows[index].key:
            self.move_to(index)

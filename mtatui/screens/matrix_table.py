"""The table of settings against servers: scrolls both ways, with a cursor on one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from mtatui.fleet.matrix import Cell, Column, Matrix, Row
from mtatui.screens.settings_model import shown
from mtatui.settings.catalogue import PAGES
from mtatui.settings.kinds import Bytes
from mtatui.settings.setting import Setting
from mtatui.text import clean, fit
from mtatui.widgets.lines import CursorLines, Piece

#: Cells of a setting's label at least and at most, and of a server's column.
LABEL, CELL = (24, 38), (14, 22)
#: What stands before the value of a server that has something else than most.
OTHER = "≠ "


class MatrixTable(CursorLines):
    """Settings, one a line, by section; servers in columns."""

    HEADS = 1
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "across(-1)", "Server before", show=False),
        Binding("right,l", "across(1)", "Next server", show=False),
    ]

    class Moved(Message):
        """The cursor is on another cell."""

    class Chosen(Message):
        """A cell was clicked where the cursor stood already."""

    def __init__(self) -> None:
        super().__init__(id="matrix")
        self.matrix = Matrix(())
        self.column = 0
        """The index of the server under the cursor."""
        self.differing = False
        self.rows: list[Row | str] = []
        self._left = 0

    def line_count(self) -> int:
        return len(self.rows)

    @property
    def row_at_cursor(self) -> Row | None:
        """The setting under the cursor."""
        row = self.rows[self.cursor] if self.rows else None
        return row if isinstance(row, Row) else None

    @property
    def column_at_cursor(self) -> Column | None:
        """The server under the cursor."""
        return self.matrix.columns[self.column] if self.column < len(self.matrix.columns) else None

    def show(self, matrix: Matrix, *, differing: bool) -> None:
        """Show this; the cursor stays with its setting and its server."""
        before = self.row_at_cursor
        self.matrix, self.differing = matrix, differing
        self.rows = _with_sections(matrix.rows(differing=differing))
        self.column = min(self.column, max(len(matrix.columns) - 1, 0))
        at = self.cursor
        for index, row in enumerate(self.rows):
            if before is not None and isinstance(row, Row) and row.setting is before.setting:
                at = index
        self.move_to(at)
        self._off_the_heads(1)
        self.repaint()

    def find(self, key: str, server: int) -> None:
        """Put the cursor on a setting of a server."""
        for index, row in enumerate(self.rows):
            if isinstance(row, Row) and row.setting.key == key:
                self.move_to(index)
        self._to_column(server)

    # --- the cursor ------------------------------------------------------------------------------------

    def action_move(self, lines: int) -> None:
        super().action_move(lines)
        self._off_the_heads(1 if lines > 0 else -1)

    def action_move_pages(self, pages: float) -> None:
        super().action_move_pages(pages)
        self._off_the_heads(1 if pages > 0 else -1)

    def _off_the_heads(self, step: int) -> None:
        """On to a setting, where the cursor is on the name of a section."""
        for way in (step, -step):
            at = self.cursor
            while 0 <= at < len(self.rows):
                if isinstance(self.rows[at], Row):
                    # The first one comes with its section's name.
                    top = 0 if at == 1 else None
                    self.move_to(at, top)
                    return
                at += way

    def action_across(self, columns: int) -> None:
        """To the next server, or the one before."""
        self._to_column(self.column + columns)

    def _to_column(self, column: int) -> None:
        column = max(0, min(column, len(self.matrix.columns) - 1))
        if column != self.column:
            self.column = column
            self._keep_in_view(max(self.size.width - 1, 0))
            self.repaint()
            self.post_message(self.Moved())

    def cursor_moved(self) -> None:
        self.post_message(self.Moved())

    def clicked(self, index: int, event: events.Click) -> None:
        if not isinstance(self.rows[index], Row):
            return
        at = event.get_content_offset(self)
        label, cell, shown = self._layout(max(self.size.width - 1, 0))
        column = self._left + (at.x - label - 3) // (cell + 2) if at is not None else -1
        same = index == self.cursor and column == self.column
        self.move_to(index)
        if self._left <= column < min(self._left + shown, len(self.matrix.columns)):
            self._to_column(column)
            if same:
                self.post_message(self.Chosen())

    # --- drawing ---------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        super().on_resize()
        self._keep_in_view(max(self.size.width - 1, 0))

    def _keep_in_view(self, width: int) -> None:
        shown = self._layout(width)[2]
        last = max(len(self.matrix.columns) - shown, 0)
        self._left = min(max(self._left, self.column - shown + 1), self.column, last)

    def _layout(self, width: int) -> tuple[int, int, int]:
        """Cells of the label and of a column, and how many columns are shown."""
        number = max(len(self.matrix.columns), 1)
        label = max(LABEL[0], min(LABEL[1], width - 3 - number * (CELL[0] + 2)))
        room = width - label - 3
        shown = max(1, min(number, room // (CELL[0] + 2)))
        return label, min(CELL[1], max(room // shown - 2, 1)), shown

    def _shown(self, width: int) -> tuple[int, int, range]:
        label, cell, shown = self._layout(width)
        return label, cell, range(self._left, min(self._left + shown, len(self.matrix.columns)))

    def draw_head(self, y: int, width: int) -> Strip:
        label, cell, columns = self._shown(width)
        before, after = "◂ " if columns.start else "", len(self.matrix.columns) - columns.stop
        more = f"{before}{len(self.matrix.columns)} servers{' ▸' if after > 0 else ''}"
        pieces: list[Piece] = [("   " + fit(more, label), "head")]
        for at in columns:
            column = self.matrix.columns[at]
            name = clean(column.server.name)
            text = f"✖ {name}" if column.trouble else name
            role = "danger" if column.trouble else "strong" if at == self.column else "head"
            pieces += [("  ", ""), (fit(text, cell), role)]
        return self.line(pieces, width)

    def draw(self, index: int, width: int) -> Strip:
        row = self.rows[index]
        if isinstance(row, str):
            return self.line([(f" {row}", "accent")], width)
        label, cell, columns = self._shown(width)
        here = index == self.cursor
        name = fit(clean(row.setting.label), label)
        pieces: list[Piece] = [(" ▶ " if here else "   ", ""), (name, "strong" if here else "")]
        for at in columns:
            text, role = told(row.setting, row.cells[at], self.matrix.columns[at])
            at_cursor = here and at == self.column
            pieces += [("  ", "dim"), (fit(text, cell), self.cursor_role if at_cursor else role)]
        return self.line(pieces, width)

    def draw_beyond(self, index: int, width: int) -> Strip:
        if self.rows or index:
            return self.line([], width)
        read = any(column.reading is not None for column in self.matrix.columns)
        words = "The servers do not differ in anything; d shows all settings." if read else "Reading …"
        return self.line([(f"   {words}", "dim")], width)


def _with_sections(rows: Sequence[Row]) -> list[Row | str]:
    """The rows, with the name of page and section before the first of each."""
    found: list[Row | str] = []
    section = ""
    for row in rows:
        setting = row.setting
        name = f"{PAGES[setting.page].label} · {setting.section}"
        if name != section:
            section = name
            found.append(name)
        found.append(row)
    return found


def told(setting: Setting, cell: Cell, column: Column) -> Piece:
    """What stands in a cell, and its role: never by colour alone."""
    if column.trouble or cell.current is None:
        return ("?" if column.trouble else "…", "dim")
    if not cell.known:
        return ("– not here", "dim")
    text, role = shown(setting.kind, cell.current.value)
    if isinstance(setting.kind, Bytes):
        text = text.partition(" (")[0]  # the bytes are told below
    if cell.differs:
        return (OTHER + clean(text), "warning")
    return (clean(text), role if cell.current.explicit else "dim")

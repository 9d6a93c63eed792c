"""The table of messages: any number of rows, of which only those on the screen are ever asked for.

The table knows no message. A `RowSource` says how many rows there are and gives those at hand; `Column`s
turn a row into cells. The cursor follows a row's *id*, for rows shift under a live refresh; the marks belong
to the screen, the table only asks whether an id is among them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from mtatui.text import wrap
from mtatui.widgets.columns import GAP, PREFIX, Column, head, layout, shown
from mtatui.widgets.lines import CURSOR, CursorLines, Piece

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

MARK = "▪"
#: How long (seconds) rows that are being fetched may be late before the page is drawn without them.
GRACE = 0.05


class RowSource(Protocol[R_co]):
    """Where rows come from, by position in the order on the screen. Nothing here may block."""

    def __len__(self) -> int: ...

    def id(self, index: int) -> str | None:
        """Who stands at a position; None where that is not at hand yet."""
        ...

    def row(self, index: int) -> R_co | None:
        """The row at a position; None where it is not at hand yet: the table asks with `NeedRows`."""
        ...


class NoRows:
    """The source of an empty table."""

    def __len__(self) -> int:
        return 0

    def id(self, index: int) -> None:
        """Nobody."""

    def row(self, index: int) -> None:
        """Nothing."""


class QueueTable(CursorLines, Generic[R]):
    """A virtual table with a header line, a cursor, marks, and columns that give way when it gets narrow."""

    HEADS = 1
    DEFAULT_CSS = """
    QueueTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", show=False, id="open"),
        Binding("shift+down,J", "extend(1)", "Mark downwards", show=False, id="list.mark-down"),
        Binding("shift+up,K", "extend(-1)", "Mark upwards", show=False, id="list.mark-up"),
    ]

    class CursorMoved(Message):
        """Another row is under the cursor (None: the table is empty, or the row is not at hand yet)."""

        def __init__(self, id: str | None) -> None:
            super().__init__()
            self.id = id

    class Opened(Message):
        """The person wants to see this row whole."""

        def __init__(self, id: str) -> None:
            super().__init__()
            self.id = id

    class NeedRows(Message):
        """The rows at these positions are wanted soon; call `refresh_rows` when they are at hand."""

        def __init__(self, rows: range) -> None:
            super().__init__()
            self.rows = rows

    class RangeMarked(Message):
        """The person marks the rows at these positions."""

        def __init__(self, rows: range) -> None:
            super().__init__()
            self.rows = rows

    class MarkClicked(Message):
        """The mark of this row was clicked."""

        def __init__(self, id: str) -> None:
            super().__init__()
            self.id = id

    class SortClicked(Message):
        """The head of a column was clicked; ``field`` is what it sorts by."""

        def __init__(self, field: str) -> None:
            super().__init__()
            self.field = field

    def __init__(
        self,
        columns: Sequence[Column[R]],
        *,
        empty: str = "",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """A table without rows yet (`reload` brings them).

        Args:
            empty: what it says when there are none.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._columns = tuple(columns)
        self._layout: list[tuple[Column[R], int]] = []
        self._layout_width = 0
        self._source: RowSource[R] = NoRows()
        self._marks: Container[str] = frozenset()
        self._sort = ("", False)
        self._empty = empty
        self._cursor_id: str | None = None
        #: Called at once with the id under the cursor when it changes. What this repaints (the detail pane)
        #: goes out in one frame with the table; a handler of `CursorMoved` comes one or two frames later.
        self.follow: Callable[[str | None], None] = lambda id: None
        self._anchor: int | None = None
        self._asked = range(0)
        self._late: Timer | None = None

    # -- what the screen tells the table

    def reload(self, source: RowSource[R], cursor: int | None = None) -> None:
        """Show the rows of a source, or of the same one after its order or number has changed.

        The view moves along with the cursor, so that the row under it stays at its place on the screen.

        Args:
            cursor: where the row under the cursor is now; None leaves the cursor at its position, on whatever
                row has come there.
        """
        self._source = source
        self._anchor = None
        self._asked = range(0)
        shift = 0 if cursor is None else cursor - self._cursor
        self._cursor = max(0, min(self._cursor + shift, len(source) - 1))
        self._top = max(0, min(self._top + shift, len(source) - self.page))
        self.repaint()
        self._look_at_cursor()

    def refresh_rows(self, ids: Container[str] | None = None) -> None:
        """Rows have come, or they (all, or these) or their marks have changed: draw them again."""
        if ids is None:
            self.repaint()
        else:
            self.repaint([i for i in self.on_screen if (id := self._source.id(i)) is not None and id in ids])
        self._look_at_cursor()

    @property
    def source(self) -> RowSource[R]:
        """The rows that are shown."""
        return self._source

    @property
    def marks(self) -> Container[str]:
        """The ids that are marked; the screen keeps them, and calls `refresh_rows` when they change."""
        return self._marks

    @marks.setter
    def marks(self, marks: Container[str]) -> None:
        self._marks = marks
        self.repaint()

    @property
    def columns(self) -> tuple[Column[R], ...]:
        """The columns that were chosen, in their order; a narrow table shows fewer."""
        return self._columns

    @columns.setter
    def columns(self, columns: Sequence[Column[R]]) -> None:
        self._columns = tuple(columns)
        self._layout = []
        self.repaint()

    def sorted_by(self, field: str, descending: bool) -> None:
        """Show an arrow at the column that sorts by this field."""
        self._sort = (field, descending)
        self.repaint()

    def say_when_empty(self, text: str) -> None:
        """What stands in the table when it has no rows."""
        self._empty = text
        self.repaint()

    @property
    def cursor_id(self) -> str | None:
        """Who is under the cursor; None where nobody is, or the row is not at hand yet."""
        return self._cursor_id

    @property
    def on_screen(self) -> range:
        """The positions of the rows on the screen."""
        return range(self._top, min(self._top + self.page, len(self._source)))

    # -- drawing

    def line_count(self) -> int:
        return len(self._source)

    def repaint(self, indexes: Iterable[int] | None = None) -> None:
        """As in `Lines`; while rows are on their way the old page stays up for a moment."""
        visible = self.on_screen
        if all(self._source.row(index) is not None for index in visible):
            self._asked = range(0)
        else:
            self._ask_for(visible)
            if indexes is None and self._late is None and self._drawn:
                self._late = self.set_timer(GRACE, self._draw_without)
            if self._late is not None:
                return
        self._stop_waiting()
        super().repaint(indexes)

    def _ask_for(self, visible: range) -> None:
        if visible and not (visible[0] in self._asked and visible[-1] in self._asked):
            page = self.page
            self._asked = range(max(visible.start - page, 0), min(visible.stop + page, len(self._source)))
            self.post_message(self.NeedRows(self._asked))

    def _draw_without(self) -> None:
        self._late = None
        super().repaint()

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.stop()
            self._late = None

    def draw_head(self, y: int, width: int) -> Strip:
        pieces: list[Piece] = [(" " * PREFIX, "head")]
        for column, room in self._columns_in(width):
            pieces += [(head(column, room, self._sort), "head"), (" " * GAP, "head")]
        return self.line(pieces[:-1], width)

    def draw(self, index: int, width: int) -> Strip:
        row, id = self._source.row(index), self._source.id(index)
        under, marked = index == self._cursor, id is not None and id in self._marks
        whole = self.cursor_role if under else "marked" if marked else ""
        pieces: list[Piece] = [(f" {CURSOR if under else ' '}{MARK if marked else ' '} ", "")]
        for column, room in self._columns_in(width):
            pieces += [shown(column, row, room), (" " * GAP, "")]
        return self.line(pieces[:-1], width, whole)

    def draw_beyond(self, index: int, width: int) -> Strip:
        if len(self._source) or not self._empty:
            return self.line([], width)
        says = ["", *wrap(self._empty, width - PREFIX)]
        return self.line([(" " * PREFIX + says[index], "dim")] if index < len(says) else [], width)

    def _columns_in(self, width: int) -> list[tuple[Column[R], int]]:
        if not self._layout or self._layout_width != width:
            self._layout, self._layout_width = layout(self._columns, width - PREFIX), width
        return self._layout

    # -- moving, opening, marking

    def cursor_moved(self) -> None:
        self._anchor = None
        self._look_at_cursor()

    def _look_at_cursor(self) -> None:
        """Tell who is under the cursor, when that has changed or become known."""
        id = self._source.id(self._cursor) if len(self._source) else None
        if id != self._cursor_id:
            self._cursor_id = id
            self.follow(id)
            self.post_message(self.CursorMoved(id))

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self._cursor_id is not None:
            self.post_message(self.Opened(self._cursor_id))

    def action_extend(self, lines: int) -> None:
        """Move, and mark everything between here and where this began."""
        anchor = self._cursor if self._anchor is None else self._anchor
        self.move_to(self._cursor + lines)
        self._mark_from(anchor)

    def _mark_from(self, anchor: int) -> None:
        self._anchor = anchor
        if len(self._source):
            self.post_message(
                self.RangeMarked(range(min(anchor, self._cursor), max(anchor, self._cursor) + 1))
            )

    # -- the mouse

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None or at.y != 0:
            return
        x = PREFIX
        for column, room in self._columns_in(self._extent.width - 1):
            if x <= at.x < x + room + GAP and column.sort:
                self.post_message(self.SortClicked(column.sort))
            x += room + GAP

    def clicked(self, index: int, event: events.Click) -> None:
        if event.shift:
            anchor = self._cursor if self._anchor is None else self._anchor
            self.move_to(index)
            self._mark_from(anchor)
        elif event.get_content_offset_capture(self).x < PREFIX:
            if (id := self._source.id(index)) is not None:
                self.post_message(self.MarkClicked(id))
        else:
            self.move_to(index)
            if event.chain == 2:
                self.action_open()

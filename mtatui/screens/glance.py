"""The first rows, while Textual is still on its way.

The reader has them a tenth of a second after the start; Textual takes some more to be imported and to lay
out its page. So they are written to the terminal as they are, where the page will have them, under its heads,
without a frame and without colours. What is typed meanwhile waits for the page.
"""

from __future__ import annotations

import os
import termios
import time
from types import TracebackType

from mtatui.config import Config
from mtatui.queue.index import Index
from mtatui.queue.query import Query
from mtatui.queue.views import Sort, SortField
from mtatui.screens import queue_columns
from mtatui.widgets.columns import GAP, PREFIX, head, layout, shown

#: Below this the page says that it needs more room; below this many columns the tree folds into the header;
#: below this many lines the detail pane goes.
LEAST, WIDE, TALL = (60, 12), 100, 30
#: What the page has around its table (``styles/queue.tcss``): the tree, the header and the filter, the
#: detail, the footer; the last column of the table is the scroll bar's.
TREE, ABOVE, DETAIL, FOOTER, BAR = 31, 2, 8, 1, 1
#: The terminal's other screen, without a cursor; and back.
ENTER, _BEGIN, _LEAVE = "\x1b[?1049h", "\x1b[?25l\x1b[H\x1b[J", "\x1b[?25h\x1b[?1049l"


class Glance:
    """The terminal until Textual has it. Use it as a context: at its end the terminal is as it was.

    Args:
        keyboard, screen: file descriptors of the terminal.
    """

    def __init__(self, config: Config, keyboard: int = 0, screen: int = 1) -> None:
        self._config = config
        self._keyboard, self._screen = keyboard, screen
        self._mode = termios.tcgetattr(keyboard)
        self._mine = False

    def __enter__(self) -> Glance:
        """From now on what is typed is not echoed, and comes as Textual wants it: key by key, as they are."""
        mode = termios.tcgetattr(self._keyboard)
        mode[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
        mode[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
        termios.tcsetattr(self._keyboard, termios.TCSANOW, mode)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.hand_over():
            os.write(self._screen, _LEAVE.encode())
        termios.tcsetattr(self._keyboard, termios.TCSANOW, self._mode)

    def hand_over(self) -> bool:
        """It is Textual's turn: whether the first rows are shown, on the terminal's other screen."""
        mine, self._mine = self._mine, False
        return mine

    def show(self, index: Index) -> None:
        """Show the first rows, if there are any and there is room."""
        size = os.get_terminal_size(self._screen)
        lines = self._lines(index, size.columns, size.lines)
        if lines:
            os.write(self._screen, (ENTER + _BEGIN + lines).encode())
            self._mine = True

    def _lines(self, index: Index, width: int, height: int) -> str:
        if width < LEAST[0] or height < LEAST[1]:
            return ""
        x = TREE if width >= WIDE else 0
        room = height - ABOVE - 1 - FOOTER - (DETAIL if height >= TALL else 0)
        sort = Sort(SortField(self._config.sort[0]), self._config.sort[1])
        view = index.view(Query(), sort, int(time.time()))
        rows = [row for row in index.rows(view, 0, 2 * height) if row is not None]
        if not rows:
            return ""
        id_width = max(queue_columns.ID_WIDTH, *(len(row.id) for row in rows))
        columns = layout(queue_columns.chosen(self._config.columns, id_width), width - x - PREFIX - BAR)
        lines = [[head(column, wide, (sort.field, sort.descending)) for column, wide in columns]]
        lines += [[shown(column, row, wide).text for column, wide in columns] for row in rows[:room]]
        gap = " " * GAP
        return "".join(
            f"\x1b[{y};{x + 1}H{' ' * PREFIX}{gap.join(cells)}" for y, cells in enumerate(lines, ABOVE + 1)
        )

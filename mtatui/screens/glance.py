"""The first rows, while Textual is still on its way.

The reader has them a tenth of a second after the start; Textual takes two more to be imported and to lay out
its page. So they are written to the terminal as they come, where the page will have them, without a frame and
without colours; what is typed meanwhile waits for the page.
"""

from __future__ import annotations

import os
import termios
import threading
import time
from types import TracebackType

from mtatui.config import Config
from mtatui.queue.index import Index
from mtatui.queue.query import Query
from mtatui.queue.views import Sort, SortField
from mtatui.screens import queue_columns
from mtatui.text import fit
from mtatui.widgets.columns import GAP, layout

#: Where the page (``styles/queue.tcss``, `mtatui.screens.queue_page`) has its table: beside the tree and
#: above the detail, where there is room for them; below the header, the filter and the heads. A row begins
#: with its mark.
WIDE, TALL = 100, 30
TREE, ABOVE, DETAIL, FOOTER, MARK = 31, 3, 8, 1, 4
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[J", "\x1b[?25h\x1b[?1049l"


class Glance:
    """The terminal until Textual has it. Use it as a context: an error finds the terminal as it was.

    Args:
        keyboard, screen: file descriptors of the terminal.
    """

    def __init__(self, index: Index, config: Config, keyboard: int = 0, screen: int = 1) -> None:
        self._index = index
        self._config = config
        self._keyboard, self._screen = keyboard, screen
        self._mine = threading.Lock()
        self._shown = False
        self._mode = termios.tcgetattr(keyboard)
        self._over = False

    def __enter__(self) -> Glance:
        """Nothing that is typed is echoed from now on."""
        mode = termios.tcgetattr(self._keyboard)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self._keyboard, termios.TCSANOW, mode)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """It is Textual's turn; what is on the screen stays, unless something went wrong."""
        with self._mine:
            self._over = True
            termios.tcsetattr(self._keyboard, termios.TCSANOW, self._mode)
            if error is not None and self._shown:
                os.write(self._screen, _LEAVE.encode())

    def show(self) -> None:
        """Show the first rows, once; from any thread."""
        with self._mine:
            if not (self._over or self._shown):
                self._shown = True
                size = os.get_terminal_size(self._screen)
                os.write(self._screen, (_ENTER + self._rows(size.columns, size.lines)).encode())

    def _rows(self, width: int, height: int) -> str:
        x = TREE if width >= WIDE else 0
        room = height - ABOVE - FOOTER - (DETAIL if height >= TALL else 0)
        sort = Sort(SortField(self._config.sort[0]), self._config.sort[1])
        view = self._index.view(Query(), sort, int(time.time()))
        rows = [row for row in self._index.rows(view, 0, max(room, 0)) if row is not None]
        id_width = max([11, *(len(row.id) for row in rows)])
        columns = layout(queue_columns.chosen(self._config.columns, id_width), width - x - MARK - 1)
        lines = []
        for y, row in enumerate(rows, ABOVE + 1):
            cells = [
                fit(
                    cell if isinstance(cell := column.cell(row, wide), str) else cell.text, wide, column.align
                )
                for column, wide in columns
            ]
            lines.append(f"\x1b[{y};{x + MARK + 1}H{(' ' * GAP).join(cells)}")
        return "".join(lines)

"""The table of all servers, one a line: how each is and what waits there, or its services in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from mtatui.queue.message import State
from mtatui.screens.servers_model import Line, cell, instances, summary
from mtatui.text import cells, clean, count, fit
from mtatui.widgets.lines import CursorLines, Piece

#: From so many columns on hosts, tags, versions and the age of the scan have room.
WIDE = 100
#: Cells of a server's name at least and at most, of its condition, and of one service among the instances.
NAME, CONDITION, CELL = (8, 16), 20, 9

Column = tuple[str, int, bool]
"""Its head, its cells, whether it is a number."""


class ServerLines(CursorLines):
    """Servers; in the view of instances ``left`` and ``right`` show other services."""

    HEADS = 1
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "shift(-1)", "Services before", show=False),
        Binding("right", "shift(1)", "More services", show=False),
    ]

    class Moved(Message):
        """The cursor is on another server."""

    class Chosen(Message):
        """A line was clicked where the cursor stood already."""

    def __init__(self) -> None:
        super().__init__(id="servers")
        self.lines: Sequence[Line] = ()
        self.instances = False
        """Whether services are shown, instead of queues."""
        self._from = 0

    def line_count(self) -> int:
        return len(self.lines)

    @property
    def line_at_cursor(self) -> Line | None:
        """What the cursor is on."""
        return self.lines[self.cursor] if self.lines else None

    def show(self, lines: Sequence[Line]) -> None:
        """These are the servers; the cursor stays with its own."""
        before = self.line_at_cursor
        self.lines = lines
        names = [line.name for line in lines]
        self.move_to(names.index(before.name) if before is not None and before.name in names else self.cursor)
        self.repaint()

    # --- drawing ---------------------------------------------------------------------------------------

    def draw_head(self, y: int, width: int) -> Strip:
        columns = self._columns(width)
        laid = [fit(head, room, "right" if number else "left") for head, room, number in columns]
        return self.line([("   " + "  ".join(laid), "head")], width)

    def draw(self, index: int, width: int) -> Strip:
        line = self.lines[index]
        at_cursor = index == self.cursor
        pieces: list[Piece] = [(" ▶ " if at_cursor else "   ", "")]
        told = self._services_of(line, width) if self.instances else self._queue_of(line, width)
        for (text, role), (_, room, number) in zip(told, self._columns(width), strict=True):
            pieces.append((fit(clean(text), room, "right" if number else "left") + "  ", role))
        text, role = pieces[-1]
        return self.line([*pieces[:-1], (text[:-2], role)], width, self.cursor_role if at_cursor else "")

    def draw_beyond(self, index: int, width: int) -> Strip:
        said = "   There is no server yet; a adds one." if not self.lines and index == 0 else ""
        return self.line([(said, "dim")], width)

    def _columns(self, width: int) -> list[Column]:
        longest = max((cells(line.name) + 2 for line in self.lines), default=0)
        first: list[Column] = [("Server", max(NAME[0], min(longest, NAME[1])), False)]
        if self.instances:
            return self._instances(width, first)
        first.append(("Condition", CONDITION, False))
        numbers: list[Column] = [("All", 7, True), ("Deferred", 8, True), ("Hold", 6, True)]
        if width < WIDE:
            return [*first, *numbers, ("Services", max(self._left(width, first, numbers), 8), False)]
        more: list[Column] = [("Scan", 5, True), ("Postfix", 7, False), ("Services", 12, False)]
        left = self._left(width, first, numbers, more)
        host = left * 3 // 5
        places: list[Column] = [("Host", host - 2, False), ("Tags", left - host - 2, False)]
        return [first[0], *places, first[1], *numbers, *more]

    @staticmethod
    def _left(width: int, *columns: Sequence[Column]) -> int:
        """Cells that these columns leave."""
        return width - 3 - sum(room + 2 for some in columns for _, room, _ in some)

    def _queue_of(self, line: Line, width: int) -> list[Piece]:
        total = sum(number for state, number in line.counts.items() if state is not State.TRASH)
        name: Piece = (line.name + (" ◂" if line.current else ""), "strong" if line.current else "")
        condition: Piece = (line.condition, line.role)
        numbers = [
            self._number(line, total),
            self._number(line, line.counts.get(State.DEFERRED, 0)),
            self._number(line, line.counts.get(State.HOLD, 0)),
        ]
        if width < WIDE:
            return [name, condition, *numbers, summary(line)]
        where: list[Piece] = [(line.host, "dim"), (" ".join(line.tags), "dim")]
        return [name, *where, condition, *numbers, (line.scan, "dim"), (line.version, "dim"), summary(line)]

    @staticmethod
    def _number(line: Line, number: int) -> Piece:
        return (count(number), "" if number and line.answers else "dim") if line.known else ("", "")

    def _services_of(self, line: Line, width: int) -> list[Piece]:
        name: Piece = (line.name + (" ◂" if line.current else ""), "strong" if line.current else "")
        _, (_, room, _), *services = self._columns(width)
        pieces: list[Piece] = [name, (line.condition if room > 1 else line.condition[:1], line.role)]
        for id, _, _ in services:
            if line.services is None:
                pieces.append(("?" if line.trouble else "…" if line.answers else "", "dim"))
            else:
                pieces.append(cell(line.services.get(id)))
        return pieces

    def _instances(self, width: int, first: Sequence[Column]) -> list[Column]:
        """The columns where services are shown; the condition gives up its words before a service goes."""
        services: list[Column] = [(id, CELL, False) for id in instances(self.lines)]
        condition: Column = ("Condition", CONDITION, False)
        if self._left(width, first, [condition], services) < 0:
            condition = ("", 1, False)
        room = max(self._left(width, first, [condition]) // (CELL + 2), 1)
        self._from = max(0, min(self._from, len(services) - room))
        return [*first, condition, *services[self._from :][:room]]

    # --- moving ----------------------------------------------------------------------------------------

    def action_shift(self, step: int) -> None:
        """Show other services, where there is no room for all."""
        self._from += step
        self.repaint()

    def cursor_moved(self) -> None:
        self.post_message(self.Moved())

    def clicked(self, index: int, event: events.Click) -> None:
        if index == self.cursor:
            self.post_message(self.Chosen())
        else:
            self.move_to(index)

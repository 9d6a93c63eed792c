"""The page of the settings of all servers, beside one another: where they differ, and making them alike.

It reads every server in its own time; one that does not answer says why, and keeps nobody waiting. What is to
be changed becomes a plan for each server (`mtatui.screens.rolling`), and nothing is touched before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual import work
from textual.binding import BindingType

from mtatui.backends.host import HostError
from mtatui.fleet.matrix import Cell, Column, Row, made
from mtatui.screens.desk import FleetDesk, FleetFace, bindings
from mtatui.screens.matrix_table import OTHER, MatrixTable
from mtatui.screens.reading import labelled
from mtatui.screens.rolling import ProfileDialog, Rolling, RollingFace
from mtatui.settings.catalogue import PAGES
from mtatui.settings.current import Reading
from mtatui.text import clean
from mtatui.verbs import Action
from mtatui.widgets.lines import Piece

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mtatui.config import Config
    from mtatui.server import Server

#: Cells of the column in which it is said what a line is about.
LABEL = 11


class MatrixFace(FleetFace, RollingFace, Protocol):
    """What the page asks of the app."""

    async def show_setting(self, server: Server, key: str) -> None:
        """Go to a setting of a server, on its page."""
        ...


class MatrixScreen(FleetDesk[MatrixTable]):
    """Settings against servers."""

    AUTO_FOCUS = "MatrixTable"
    BINDINGS: ClassVar[list[BindingType]] = bindings("matrix")
    WHERE = "matrix"
    DETAIL = 7

    def __init__(self, face: MatrixFace, config: Config, key: str = "") -> None:
        """``key``: the setting to begin with; "" for the first."""
        super().__init__(MatrixTable(), face, config.keymap)
        self.face = face
        self.rolling = Rolling(face, self.tell, self._read)
        self._key = key
        self._differing = False
        self._reading = 0
        self._answers: dict[Server, Reading | HostError | None] = {}

    def on_mount(self) -> None:
        """The frame stands at once; values follow as servers answer."""
        self._answers = dict.fromkeys(self.fleet.servers)
        self.show()
        if self._key:
            self.table.find(self._key, self.fleet.servers.index(self.face.server))
        self._read()

    # --- reading ---------------------------------------------------------------------------------------

    @work(group="read", exclusive=True, exit_on_error=False)
    async def _read(self) -> None:
        """Read all servers at once; what the filters say comes later."""
        servers = self.fleet.servers
        self._answers = {server: self._answers.get(server) for server in servers}
        self._reading = len(servers)

        async def read(server: Server) -> None:
            try:
                if not isinstance(self._answers[server], Reading):
                    self._answers[server] = await server.configuration.read(filters=False)
                    self.show()
                self._answers[server] = await server.configuration.read(filters=True)
            except HostError as error:
                self._answers[server] = error
            finally:
                self._reading -= 1
                self.show()

        await asyncio.gather(*map(read, servers))

    # --- showing ---------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show what is known; what looks the same costs nothing."""
        self.table.show(made(self._answers), differing=self._differing)
        self.show_detail()
        self.show_header()

    @property
    def at_cursor(self) -> Server | None:
        """The server under the cursor."""
        column = self.table.column_at_cursor
        return column.server if column is not None else None

    def notes(self) -> list[Piece]:
        notes = super().notes()
        silent = sum(isinstance(answer, HostError) for answer in self._answers.values())
        if self._reading:
            notes.append((f"reading {self._reading} … ", "dim"))
        if silent:
            notes.append((f"{silent} without an answer ", "danger"))
        differ = sum(row.differs for row in self.table.matrix.rows())
        return [*notes, (f"{OTHER}{differ} differ ", "warning" if differ else "dim")]

    def told(self, width: int) -> list[list[Piece]]:
        row, column = self.table.row_at_cursor, self.table.column_at_cursor
        return detail(row, column, self.table.column, self.table.matrix.columns, width)

    def on_matrix_table_moved(self) -> None:
        """The detail follows the cursor."""
        self.show_detail()

    async def on_matrix_table_chosen(self) -> None:
        """Clicked twice."""
        await self.action_do("matrix-open")

    # --- doing -----------------------------------------------------------------------------------------

    @property
    def _cell(self) -> Cell | None:
        row = self.table.row_at_cursor
        return row.cells[self.table.column] if row is not None and row.cells else None

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done here and now; "" where it can."""
        if action.id in ("matrix-same", "matrix-profile") and self.fleet.read_only:
            return "the servers are open read-only"
        if action.id == "matrix-open" and self.table.row_at_cursor is None:
            return "there is no setting under the cursor"
        if action.id == "matrix-same":
            return self._not_for_all()
        return ""

    def _not_for_all(self) -> str:
        """Why the value under the cursor cannot be planned for all servers; "" where it can."""
        row, cell = self.table.row_at_cursor, self._cell
        if row is None or cell is None or not cell.known:
            return "there is no value under the cursor"
        if row.setting.of_one_server:
            return "it is the server's own: no other is meant to have it"
        if row.setting.kind.secret:
            return "what is secret is set on each server, in its editor"
        return "" if row.differs else "all servers have it already"

    async def do_matrix_open(self, argument: str) -> None:
        """The setting, on the page of its server."""
        row = self.table.row_at_cursor
        assert row is not None
        self.dismiss()
        await self.face.show_setting(self.server, row.setting.key)

    def do_matrix_differing(self, argument: str) -> None:
        """Only what differs, or all."""
        self._differing = not self._differing
        self.show()

    def do_matrix_read(self, argument: str) -> None:
        """Anew."""
        self._read()

    def do_matrix_same(self, argument: str) -> None:
        """The value under the cursor, on all servers."""
        row, cell = self.table.row_at_cursor, self._cell
        assert row is not None
        assert cell is not None
        assert cell.current is not None
        source = self.server
        self._plan(
            self.rolling.plan(
                f"{row.setting.label}: as on {source.name}", {row.setting.key: cell.current.value}
            )
        )

    def _plan(self, planning: Coroutine[Any, Any, None]) -> None:
        """Plan, and keep listening to keys: a server may take its time."""
        self.run_worker(planning, group="plan", exclusive=True, exit_on_error=False)

    def do_matrix_profile(self, argument: str) -> None:
        """A profile, on all servers."""
        if argument:
            self._plan(self.rolling.profile(argument))
            return

        def answered(path: str | None) -> None:
            if path:
                self._plan(self.rolling.profile(path))

        self.app.push_screen(ProfileDialog(), answered)


def detail(
    row: Row | None, column: Column | None, at: int, columns: tuple[Column, ...], width: int
) -> list[list[Piece]]:
    """What is to be known of a cell, in lines of so many cells."""
    if row is None or column is None:
        return []
    setting, cell = row.setting, row.cells[at]
    lines: list[list[Piece]] = [
        [(clean(setting.label), "strong"), (f"   {PAGES[setting.page].label}, {setting.section}   ", "dim")],
    ]

    def say(label: str, text: str, role: str = "") -> None:
        lines.extend(labelled(label, clean(text), role, width, LABEL))

    name = clean(column.server.name)
    if column.trouble:
        say(name[: LABEL - 1], column.trouble, "danger")
    elif cell.current is None:
        say(name[: LABEL - 1], "is still being read", "dim")
    elif not cell.known:
        say(name[: LABEL - 1], cell.current.unavailable, "dim")
    else:
        where = cell.current.where if cell.current.explicit else "default"
        say(name[: LABEL - 1], f"{setting.kind.show(cell.current.value)}   ({where})")
        for override in cell.current.overrides:
            say("but on", f"{override.service}: {override.value}", "warning")
    if row.differs:
        for value, names in _groups(row, columns):
            say("", f"{value}: {', '.join(names)}", "")
    elif setting.of_one_server:
        say("", "It is each server's own: they are not meant to agree.", "dim")
    return lines


def _groups(row: Row, columns: tuple[Column, ...]) -> list[tuple[str, list[str]]]:
    """Which servers have which value, the most frequent first."""
    found: dict[str, list[str]] = {}
    for cell, column in zip(row.cells, columns, strict=True):
        if cell.known:
            found.setdefault(cell.show(row.setting), []).append(column.server.name)
    return sorted(found.items(), key=lambda group: -len(group[1]))

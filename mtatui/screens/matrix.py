"""The page of the settings of all servers, beside one another: where they differ, and making them alike.

It reads every server in its own time; one that does not answer says why, and keeps nobody waiting. What is to
be changed becomes a plan for each server (`mtatui.screens.rolling`), and nothing is touched before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual import events, work
from textual.app import ComposeResult
from textual.binding import BindingType

from mtatui.backends.host import HostError
from mtatui.fleet.matrix import Cell, Column, Row, made
from mtatui.screens.desk import Desk, bindings
from mtatui.screens.matrix_table import OTHER, MatrixTable
from mtatui.screens.reading import Sheet
from mtatui.screens.rolling import ProfileDialog, Rolling, RollingFace
from mtatui.settings.catalogue import PAGES
from mtatui.settings.current import Reading
from mtatui.text import clean, wrap
from mtatui.verbs import Action, pages
from mtatui.widgets.lines import Piece

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mtatui.config import Config
    from mtatui.screens.acting import Acting
    from mtatui.server import Server

#: Lines for what is to be known of the cell under the cursor.
DETAIL = 7
#: Cells of the column in which it is said what a line is about.
LABEL = 11


class MatrixFace(RollingFace, Protocol):
    """What the page asks of the app."""

    server: Server
    acting: Acting

    async def attend(self, server: Server) -> None:
        """Make it the current server."""
        ...

    async def show_setting(self, server: Server, key: str) -> None:
        """Go to a setting of a server, on its page."""
        ...


class MatrixScreen(Desk):
    """Settings against servers."""

    AUTO_FOCUS = "MatrixTable"
    DEFAULT_CSS = f"""
    MatrixScreen {{
        & > MatrixTable {{ height: 1fr; }}
        & > Sheet {{ height: {DETAIL + 1}; padding: 0 1; border-top: solid $primary-muted; }}
        & > #too-small {{ display: none; }}
        &:ansi > Sheet {{ border-top: solid ansi_default; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("matrix")
    WHERE = "matrix"

    def __init__(self, face: MatrixFace, config: Config, key: str = "") -> None:
        """``key``: the setting to begin with; "" for the first."""
        super().__init__(face.server, config.keymap)
        self.face = face
        self.table = MatrixTable()
        self.detail = Sheet([])
        self.rolling = Rolling(face, self.tell, self._read)
        self._key = key
        self._differing = False
        self._reading = 0
        self._answers: dict[Server, Reading | HostError | None] = {}

    def compose(self) -> ComposeResult:
        yield self.too_small
        yield self.header
        yield self.table
        yield self.detail
        yield self.footer

    def on_mount(self) -> None:
        """The frame stands at once; values follow as servers answer."""
        self.detail.can_focus = False
        self._answers = dict.fromkeys(self.face.fleet.servers)
        self.show()
        if self._key:
            self.table.find(self._key, self.face.fleet.servers.index(self.face.server))
        self._read()

    def on_resize(self, event: events.Resize) -> None:
        """Lines are wrapped anew."""
        self.mind_size(event)
        self.show()

    # --- reading ---------------------------------------------------------------------------------------

    @work(group="read", exclusive=True, exit_on_error=False)
    async def _read(self) -> None:
        """Read all servers at once; what the filters say comes later."""
        servers = self.face.fleet.servers
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
        self._moved()
        self.show_header()

    def show_header(self) -> None:
        """How many servers, and whether all have answered."""
        notes: list[Piece] = list(self.face.acting.standings.notes())
        silent = sum(isinstance(answer, HostError) for answer in self._answers.values())
        if self._reading:
            notes.append((f"reading {self._reading} … ", "dim"))
        if silent:
            notes.append((f"{silent} without an answer ", "danger"))
        differ = sum(row.differs for row in self.table.matrix.rows())
        notes.append((f"{OTHER}{differ} differ ", "warning" if differ else "dim"))
        self.header.show(
            server=self.face.fleet.name, pages=pages(self.face.fleet.many), page="matrix", notes=notes
        )

    def _moved(self) -> None:
        row, column = self.table.row_at_cursor, self.table.column_at_cursor
        if column is not None:
            self.server = column.server
        width = max(self.size.width - 4, 20)
        self.detail.lines = detail(row, column, self.table.column, self.table.matrix.columns, width)[:DETAIL]
        self.detail.repaint()
        self.show_footer()

    def on_matrix_table_moved(self) -> None:
        """The detail follows the cursor."""
        self._moved()

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
        if action.id in ("matrix-same", "matrix-profile") and self.face.fleet.read_only:
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

    async def do_history(self, argument: str) -> None:
        """The history of the server under the cursor."""
        await self.face.attend(self.server)
        await super().do_history(argument)

    async def do_services(self, argument: str) -> None:
        """The services of the server under the cursor."""
        await self.face.attend(self.server)
        await super().do_services(argument)


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
        for line in wrap(clean(text), width - LABEL - 1):
            lines.append([(f"{label:<{LABEL}}", "dim"), (line, role)])
            label = ""

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

"""The services of a server: what is configured, what runs, what answers; started and stopped from here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import BindingType
from textual.strip import Strip

from mtatui.backends.host import HostError
from mtatui.backends.services.words import answering, question, running
from mtatui.screens.desk import TableDesk, bindings
from mtatui.screens.reading import labelled
from mtatui.screens.watching import Watching
from mtatui.text import clean, fit, size
from mtatui.verbs import Action
from mtatui.widgets.dialog import ConfirmDialog
from mtatui.widgets.lines import CursorLines, Piece

if TYPE_CHECKING:
    from mtatui.backends.services import Acted, Service

#: Seconds between two whole looks while the sheet is open.
PACE = 10.0
#: From this many columns on what a service is for has a column of its own.
WIDE = 100
#: Cells of the labels below the table.
LABEL = 12


class ServiceLines(CursorLines):
    """One service a line."""

    HEADS = 1

    def __init__(self) -> None:
        super().__init__(id="services")
        self.services: Sequence[Service] = ()
        self.empty = "Looking …"

    def line_count(self) -> int:
        return len(self.services)

    def draw_head(self, y: int, width: int) -> Strip:
        cells = ["Service", "Configured", "Running", "Answering"]
        return self.line(self._laid("   ", "What for", cells, width, "head"), width)

    def draw(self, index: int, width: int) -> Strip:
        service = self.services[index]
        at_cursor = index == self.cursor
        cells = [service.id, service.where or "–", running(service, time.time()), answering(service)]
        role = "danger" if not service.well else "" if service.configured else "dim"
        pieces = self._laid(" ▶ " if at_cursor else "   ", service.role, cells, width, role)
        return self.line(pieces, width, self.cursor_role if at_cursor else "")

    def _laid(self, lead: str, what_for: str, cells: Sequence[str], width: int, role: str) -> list[Piece]:
        """A line: the place where it is configured gives way first."""
        columns = [*([(what_for, 18)] if width >= WIDE else []), (cells[0], 12)]
        left = width - len(lead) - sum(wide + 2 for _, wide in columns) - 16 - 4
        columns += [(cells[1], left * 2 // 5), (cells[2], 16), (cells[3], left - left * 2 // 5)]
        return [(lead + "  ".join(fit(text, wide) for text, wide in columns), role)]

    def draw_beyond(self, index: int, width: int) -> Strip:
        return self.line([("   " + self.empty if not self.services and index == 0 else "", "dim")], width)

    def cursor_moved(self) -> None:
        assert isinstance(self.screen, ServicesScreen)
        self.screen.show_detail()


class ServicesScreen(TableDesk[ServiceLines]):
    """The services of one server."""

    AGAIN = "app.services"
    AUTO_FOCUS = "ServiceLines"
    BINDINGS: ClassVar[list[BindingType]] = bindings("services")
    WHERE = "services"
    LABEL = "Instances"
    DETAIL = 7

    def __init__(self, watching: Watching, keymap: Mapping[str, str]) -> None:
        super().__init__(ServiceLines(), watching.server, watching.acting, keymap)
        self.watching = watching

    def on_mount(self) -> None:
        """Look, and again from time to time."""
        self.show_header()
        self.show_footer()
        self.look()
        self.set_interval(PACE, self.look)

    @work(group="services", exclusive=True, exit_on_error=False)
    async def look(self) -> None:
        """Look at all of them; the cursor stays with its service."""
        try:
            found = await self.server.services.look()
        except HostError as error:
            self.table.empty = clean(str(error))
            self.show([])
            return
        self.watching.take([one for one in found if one.configured and not one.within])
        self.show(found)

    def show(self, found: list[Service]) -> None:
        """These are the services."""
        before = self.service.id if self.service is not None else ""
        self.table.services = found
        self.table.move_to(next((at for at, one in enumerate(found) if one.id == before), 0))
        self.table.repaint()
        self.show_detail()

    @property
    def service(self) -> Service | None:
        """The one under the cursor."""
        return self.table.services[self.table.cursor] if self.table.services else None

    # --- showing ---------------------------------------------------------------------------------------

    def notes(self) -> list[Piece]:
        return self.acting.standings.notes(self.server, but="*")  # services stand below

    def told(self, width: int) -> list[Sequence[Piece]]:
        return told(self.service, width) if self.service is not None else []

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done here and now; "" where it can."""
        if not action.id.startswith("service-"):
            return ""
        service = self.service
        return "nothing is known yet" if service is None else self.server.services.why_not(service)

    # --- doing -----------------------------------------------------------------------------------------

    def do_service_start(self, argument: str) -> None:
        """Start the service under the cursor."""
        self._choose("start")

    def do_service_stop(self, argument: str) -> None:
        """Stop it."""
        self._choose("stop")

    def do_service_restart(self, argument: str) -> None:
        """Stop it and start it again."""
        self._choose("restart")

    def do_service_reload(self, argument: str) -> None:
        """Have it read its configuration anew."""
        self._choose("reload")

    def _choose(self, deed: str) -> None:
        service = self.service
        assert service is not None

        def answered(yes: bool | None) -> None:
            if yes:
                self.acting.run(f"{deed.capitalize()} {service.id}", lambda: self._act(service, deed))
            else:
                self.tell("Nothing was done.")

        self.app.push_screen(
            ConfirmDialog(
                f"{deed.capitalize()} {service.id} on {self.server.name}?",
                question(service, deed),
                act=deed.capitalize(),
            ),
            answered,
        )

    async def _act(self, service: Service, deed: str) -> tuple[str, str]:
        acted = await self.server.services.act(service, deed)
        if self.is_mounted:
            self.look()
        await self.watching.look()
        return story(acted)

    def do_look(self, argument: str) -> None:
        """Look again, now."""
        self.look()


def told(service: Service, width: int) -> list[Sequence[Piece]]:
    """A service with all that is known of it, in lines of so many cells."""
    runs = running(service, time.time())
    if (process := service.running) is not None and process.pid:
        since = time.strftime("%a %Y-%m-%d %H:%M:%S", time.localtime(process.since))
        runs = f"✔ process {process.pid}, since {since}, {size(process.memory)}"
        runs += f", {process.unit}" if process.unit else ""
    rows = [
        ("", f"{service.role}: {service.id}", "strong"),
        ("Configured", service.where or "–", ""),
        ("Running", runs, "danger" if service.runs is False else ""),
        ("Answering", answering(service), "danger" if service.answering is False else ""),
        ("To do", service.advice, "warning" if not service.well else ""),
    ]
    lines: list[Sequence[Piece]] = []
    for head, text, role in rows:
        if text:
            lines += labelled(head, text, role, width, LABEL if head else 0)
    return lines


def story(acted: Acted) -> tuple[str, str]:
    """What came of a deed in one line, and how serious it is."""
    ran = " && ".join(acted.commands)
    return f"{acted.text}   (ran: {ran})", "information" if acted.ok else "warning"

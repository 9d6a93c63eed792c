"""A page of the terminal face: a header, a footer that speaks, and the ways to the other pages."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from mtatui.backends.host import CommandLog
from mtatui.screens import queue_sheets
from mtatui.screens.reading import ReadingScreen, room
from mtatui.text import cells, clean
from mtatui.verbs import PAGES, SERVERS_PAGE
from mtatui.widgets.header import PageHeader
from mtatui.widgets.notice import NoticeFooter
from mtatui.widgets.one_line import OneLine

#: Below this the page says that it needs more room.
LEAST = (60, 12)


class Page(Screen[None]):
    """A page. Each action of the user has a method ``do_…``, here or in a child class."""

    DEFAULT_CSS = """
    Page {
        & > #too-small { display: none; }
        &.-too-small > * { display: none; }
        &.-too-small > #too-small { display: block; }
    }
    """
    AGAIN: ClassVar[str] = ""
    """The action of the app that opens it, for a page over a page: so that another server's comes instead."""

    #: Textual would repaint the whole screen whenever the focus moves; the panes draw their own.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self.header = PageHeader(id="header")
        self.footer = NoticeFooter(id="footer")
        self.too_small = OneLine(id="too-small")

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Every style is fresh, for the theme stays; Textual would work them all out once more."""
        event.refresh_styles = False

    def mind_size(self, event: events.Resize) -> None:
        """Say so when there is no room for a page."""
        width, height = event.size
        self.too_small.say([(f"mtatui needs {LEAST[0]} × {LEAST[1]}; this is {width} × {height}", "warning")])
        self.set_class(width < LEAST[0] or height < LEAST[1], "-too-small")

    def show_header(self) -> None:
        """Say where we are, and what must be known at a glance."""
        raise NotImplementedError

    def tell(self, text: str, severity: str = "information") -> None:
        """One line for the person; trouble that does not fit opens as a sheet."""
        self.footer.tell(text.splitlines()[0] if text else "", severity)
        if severity != "information" and (cells(clean(text)) > self.size.width - 4 or "\n" in text):
            self.app.push_screen(
                ReadingScreen("What happened", queue_sheets.wrapped(text, room(self.size.width)))
            )

    def show_commands(self, server: str, log: CommandLog) -> None:
        """The command log."""
        lines = queue_sheets.commands(log, room(self.size.width))
        self.app.push_screen(ReadingScreen(f"Commands that ran on {server}", lines, at_end=True))

    # --- the ways from here ----------------------------------------------------------------------------

    async def on_page_header_page_clicked(self, event: PageHeader.PageClicked) -> None:
        """The name of a page was clicked in the header."""
        await self.run_action(f"app.page('{event.page}')")

    async def do_page(self, argument: str) -> None:
        """Go to a page by its name."""
        known = [id for id, _ in (*PAGES, SERVERS_PAGE)]
        named = [id for id in known if argument and id.startswith(argument.strip().lower())]
        if named:
            await self.run_action(f"app.page('{named[0]}')")
        else:
            self.tell(f"The pages are {', '.join(known)}.", "warning")

    async def do_page_inbound(self, argument: str) -> None:
        """Settings of mail that comes in."""
        await self.do_page("inbound")

    async def do_page_outbound(self, argument: str) -> None:
        """Settings of mail that goes out."""
        await self.do_page("outbound")

    async def do_page_filtering(self, argument: str) -> None:
        """Antispam, antivirus, signatures."""
        await self.do_page("filtering")

    async def do_page_queue(self, argument: str) -> None:
        """The queue."""
        await self.do_page("queue")

    async def do_page_servers(self, argument: str) -> None:
        """All servers."""
        await self.do_page("servers")

    async def do_server(self, argument: str) -> None:
        """Another server, by its name or from a list."""
        await self.run_action(f"app.server({argument!r})")

    async def do_server_next(self, argument: str) -> None:
        """The same of the next server."""
        await self.run_action("app.next_server(1)")

    async def do_server_previous(self, argument: str) -> None:
        """The same of the server before."""
        await self.run_action("app.next_server(-1)")

    async def do_history(self, argument: str) -> None:
        """What was changed, by whom."""
        await self.run_action("app.history")

    async def do_services(self, argument: str) -> None:
        """What the mail goes through."""
        await self.run_action("app.services")

    async def do_matrix(self, argument: str) -> None:
        """The settings of all servers, beside one another."""
        await self.run_action("app.matrix")

    async def do_confirm(self, argument: str) -> None:
        """Keep what waits to be confirmed."""
        await self.run_action("app.confirm")

    async def do_quit(self, argument: str) -> None:
        """Leave."""
        await self.run_action("app.leave")

    def do_next_pane(self, argument: str) -> None:
        """On to the next pane that is shown."""
        self.focus_next()

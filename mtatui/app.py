"""The terminal face: the Textual app that holds the screens together. Short, because the work is elsewhere.

It owns what no screen can: the theme, the keymap of the config file, the running verbs, and what happens when
the terminal is lost. A lost terminal (SIGHUP) lets a running verb finish and be journaled, then leaves.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import termios
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual import work as aside
from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.widgets import Input

from mtatui.config import Config
from mtatui.driver import SteadyDriver
from mtatui.screens.acting import Acting
from mtatui.screens.queue import QueueScreen
from mtatui.server import Server
from mtatui.verbs import ALL, PAGES, VERBS
from mtatui.widgets.lines import Piece
from mtatui.widgets.notice import NoticeFooter

if TYPE_CHECKING:
    from mtatui.screens.changing import Changing
    from mtatui.screens.glance import Glance
    from mtatui.screens.message import MessageScreen
    from mtatui.screens.page import Page
    from mtatui.screens.settings import SettingsScreen
    from mtatui.screens.watching import Watching

#: Beside the package in an installed wheel, beside the checkout's package in source.
STYLES = next(
    path
    for path in (Path(__file__).parent / "styles", Path(__file__).parent.parent / "styles")
    if path.is_dir()
)

#: Seconds after the start in which nothing but the queue is read.
IDLE = 3.0


class MtatuiApp(App[None]):
    """mtatui in the terminal, on one server."""

    TITLE = "mtatui"
    CSS_PATH: ClassVar[Any] = sorted(str(path) for path in STYLES.glob("*.tcss"))
    ENABLE_COMMAND_PALETTE = False
    #: The queue, and the pages of settings: each with what lies over it.
    DEFAULT_MODE = "queue"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(ALL["quit"].keys, "leave", ALL["quit"].label, id="quit", show=False, priority=True),
        # Textual's own ctrl+c asks to press ctrl+q; ctrl+z would leave the terminal raw (textual#6298).
        Binding("ctrl+c", "leave", show=False),
        *(
            Binding(ALL[f"page-{id}"].keys, f"page('{id}')", label, id=f"page-{id}", show=False)
            for id, label in PAGES
        ),
    ]

    def __init__(self, server: Server, config: Config, *, greeting: str = "") -> None:
        super().__init__(driver_class=SteadyDriver)
        self.theme = config.theme
        self.server = server
        self.config = config
        self.greeting = greeting
        self.lost = False
        self.acting = Acting(self, server)
        self._jobs: set[asyncio.Task[None]] = set()
        self._clashes: set[str] = set()
        self._changing: Changing | None = None
        self._watching: Watching | None = None
        self._settings: SettingsScreen | None = None
        self._pages: list[Page] = []

    def get_default_screen(self) -> QueueScreen:
        """The queue is the first screen: no empty one is laid out before it."""
        queue = QueueScreen(self.server, self.config, self.acting, greeting=self.greeting)
        self._pages.append(queue)
        return queue

    def on_mount(self) -> None:
        """Take the keys from the config, mind the terminal, open the queue."""
        self.animation_level = "none"
        self.set_keymap(self.config.keymap)
        self.add_mode("queue", self.get_default_screen)
        self.add_mode("settings", self._settings_screen)
        self.set_timer(IDLE, self._prepare)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._terminal_lost, number)

    async def on_event(self, event: events.Event) -> None:
        """Take keys in the order in which they were typed.

        Textual lets a key climb from the widget in focus up to the app before it looks what it is bound to.
        What is typed ahead over a slow line, or pasted, overtakes it: of "/delete" the "d" would have reached
        the list before the "/" had moved the focus into the filter, and would be a verb.
        """
        if isinstance(event, events.Key) and not event.is_forwarded and not isinstance(self.focused, Input):
            for first in (True, False):
                if await self._check_bindings(event.key, priority=first):
                    return
        await super().on_event(event)

    def on_resize(self) -> None:
        """Draw everything anew. A terminal that shrank for a moment has lost what was outside meanwhile, and
        Textual draws nothing when the size is what it was."""
        self.screen.refresh()

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        """Say once that the config file gives one key to two actions."""
        names = ", ".join(sorted(binding.id or binding.action for binding in clashed_bindings))
        if names not in self._clashes:
            self._clashes.add(names)
            self.tell(f"The config file gives one key to several actions: {names}", "warning")

    async def on_message_screen_verb_chosen(self, event: MessageScreen.VerbChosen) -> None:
        """A verb was chosen for the message that is shown whole."""
        await self.acting.choose(VERBS[event.verb_id], event.ids, event.ids[0])

    # --- running verbs ---------------------------------------------------------------------------------

    def work(self, job: Coroutine[Any, Any, None]) -> None:
        """Run something that changes a server: it goes on when its screen or the terminal is gone."""
        task = asyncio.get_running_loop().create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    @property
    def working(self) -> bool:
        """Whether something that changes a server is running."""
        return bool(self._jobs)

    def tell(self, text: str, severity: str = "information") -> None:
        """One line for the person, on the page, which stands beneath whatever sheet or dialog is open."""
        for screen in reversed(self.screen_stack):
            if (tell := getattr(screen, "tell", None)) is not None:
                tell(text, severity)
                return

    def progress(self, pieces: Sequence[Piece]) -> None:
        """Show what is being done, on every page and whatever screen is there."""
        for screen in {*self._pages, *self.screen_stack}:
            footer = getattr(screen, "footer", None)
            if isinstance(footer, NoticeFooter):
                footer.progress(pieces)

    # --- the pages -------------------------------------------------------------------------------------

    @property
    def changing(self) -> Changing:
        """The hands of the pages of settings; imported when it is asked for, for the queue comes first."""
        if self._changing is None:
            from mtatui.screens.changing import Changing

            self._changing = Changing(self, self.server, self.acting)
        return self._changing

    @property
    def watching(self) -> Watching:
        """Who keeps watch over the services; imported when it is asked for, like `changing`."""
        if self._watching is None:
            from mtatui.screens.watching import Watching

            self._watching = Watching(self.server, self.acting, self.show_headers)
        return self._watching

    def _settings_screen(self) -> SettingsScreen:
        from mtatui.screens.settings import SettingsScreen

        self._settings = SettingsScreen(self.changing, self.config)
        # Its styles are worked out when it is mounted; Textual would parse every style sheet anew, twice.
        self._settings._css_update_count = self._css_update_count
        self._pages.append(self._settings)
        return self._settings

    async def action_page(self, id: str) -> None:
        """Go to a page."""
        if id == "queue":
            await self.switch_mode("queue")
            return
        self.changing.read_soon()  # its commands run while the page is laid out
        await self.switch_mode("settings")
        assert self._settings is not None
        self._settings.open_page(id)

    def action_history(self) -> None:
        """Show what was changed, by whom."""
        from mtatui.screens.history import HistoryScreen

        self.push_screen(HistoryScreen(self.changing))

    def action_services(self) -> None:
        """Show what the mail goes through."""
        from mtatui.screens.services import ServicesScreen

        if not isinstance(self.screen, ServicesScreen):
            self.push_screen(ServicesScreen(self.watching, self.config.keymap))

    def action_signatures(self) -> None:
        """Show the signatures of viruses."""
        from mtatui.screens.signatures import SignaturesScreen

        self.push_screen(SignaturesScreen(self.changing, self.config.keymap))

    def action_dkim(self) -> None:
        """Show which domains are signed."""
        from mtatui.screens.dkim import DkimScreen

        self.push_screen(DkimScreen(self.changing, self.config.keymap))

    async def action_confirm(self) -> None:
        """Keep what was applied and waits to be confirmed."""
        await self.changing.confirm()

    @aside(group="prepare", exit_on_error=False)
    async def _prepare(self) -> None:
        """Lay the pages of settings out unseen, and read, while nothing is to do: they open at once."""
        await asyncio.to_thread(importlib.import_module, "mtatui.screens.settings")
        await self._init_mode("settings")
        await self.changing.look_ahead()
        await asyncio.to_thread(importlib.import_module, "mtatui.screens.services")
        self._watch()

    @aside(group="watch", exit_on_error=False)
    async def _watch(self) -> None:
        """Look at the services, and again when it is time."""
        await self.watching.look()
        self.set_timer(self.watching.pace, self._watch)

    def show_headers(self) -> None:
        """Something that every page says in its header is different now."""
        for screen in {*self._pages, *self.screen_stack}:
            if (show := getattr(screen, "show_header", None)) is not None:
                show()

    # --- leaving ---------------------------------------------------------------------------------------

    async def action_leave(self) -> None:
        """Leave; ask first when something is running, or staged and not applied."""
        staged = self._changing.staged if self._changing is not None else {}
        if not self.working and not staged:
            self.exit()
            return
        from mtatui.widgets.dialog import ConfirmDialog

        if self.working:
            title, act = "Something is still running", "Wait and leave"
            lines = [
                "Something is at work on this server. mtatui can wait for its end and then leave.",
                "To stop it half way, go back and press esc.",
            ]
        else:
            title, act = f"Staged and not applied: {len(staged)}", "Leave"
            lines = [
                *self.changing.told(8),
                "",
                "Nothing on the server was touched; this is forgotten when you leave.",
            ]

        def answered(leave: bool | None) -> None:
            if leave:
                self.work(self._leave_when_done())

        await self.push_screen(ConfirmDialog(title, lines, act=act), answered)

    async def _leave_when_done(self) -> None:
        mine = asyncio.current_task()
        await asyncio.gather(*(task for task in self._jobs if task is not mine), return_exceptions=True)
        self.exit()

    def _terminal_lost(self, number: int) -> None:
        if self.lost:
            return
        self.lost = True
        if number == signal.SIGHUP:
            _let_go_of_terminal()
        self.work(self._leave_when_done())


def _let_go_of_terminal() -> None:
    """Put a silent terminal where the keyboard was and nothing where the screen was.

    On the dead one Textual's input thread would spin and its writer would block for ever. The new one answers
    a read at once with nothing (VMIN and VTIME 0, termios(3)), for the thread may be about to read.
    """
    master, silent = os.openpty()
    os.set_inheritable(master, False)
    mode = termios.tcgetattr(silent)
    mode[3] &= ~(termios.ICANON | termios.ECHO)
    mode[6][termios.VMIN] = mode[6][termios.VTIME] = 0
    termios.tcsetattr(silent, termios.TCSANOW, mode)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 0)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def run(server: Server, config: Config, *, greeting: str = "", glance: Glance | None = None) -> None:
    """Show the terminal face until the user leaves it. ``greeting`` is said at the start; ``glance`` has the
    terminal until then."""
    SteadyDriver.glance = glance
    try:
        MtatuiApp(server, config, greeting=greeting).run()
    finally:
        server.close()

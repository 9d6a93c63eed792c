"""The terminal face: the Textual app that holds the screens together. Short, because the work is elsewhere.

It owns what no screen can: the theme, the keymap of the config file, the running verbs, and what happens when
the terminal is lost. A lost terminal (SIGHUP) lets a running verb finish and be journaled, then leaves.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
from collections.abc import Coroutine, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work as aside
from textual.binding import Binding, BindingType
from textual.dom import DOMNode

from mtatui.config import Config
from mtatui.driver import SteadyDriver, let_go_of_terminal
from mtatui.fleet import Fleet, Phase
from mtatui.screens.acting import Acting
from mtatui.screens.answering import AnsweringApp
from mtatui.screens.current import ALONE
from mtatui.screens.prompts import Prompts
from mtatui.screens.queue import QueueScreen
from mtatui.screens.tending import Tending
from mtatui.server import Server
from mtatui.verbs import ALL, PAGES, SERVERS_PAGE, VERBS
from mtatui.widgets.lines import Piece
from mtatui.widgets.notice import NoticeFooter

if TYPE_CHECKING:
    from mtatui.screens.asking import Asking
    from mtatui.screens.changing import Changing
    from mtatui.screens.glance import Glance
    from mtatui.screens.message import MessageScreen
    from mtatui.screens.page import Page
    from mtatui.screens.servers import ServersScreen
    from mtatui.screens.settings import SettingsScreen
    from mtatui.screens.watching import Watching

#: Beside the package in an installed wheel, beside the checkout's package in source.
STYLES = next(
    path
    for path in (Path(__file__).parent / "styles", Path(__file__).parent.parent / "styles")
    if path.is_dir()
)

#: Of so many looks at the services of the current server one is at those of all others, too.
OTHERS = 4
#: Seconds after the start in which nothing but the queue is read.
IDLE = 3.0


class MtatuiApp(AnsweringApp):
    """mtatui in the terminal, on one server or many.

    The queue is that of all of them. The pages of settings and services show the *current* server; what is
    staged there is its own, and stays when another one is current.
    """

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
            for id, label in (*PAGES, SERVERS_PAGE)
        ),
    ]

    def __init__(self, fleet: Fleet | Server, config: Config, *, greeting: str = "") -> None:
        """Nothing is shown yet.

        Args:
            fleet: the servers; one alone is a fleet of one.
            greeting: said at the start.
        """
        super().__init__(driver_class=SteadyDriver)
        self.theme = config.theme
        self.fleet = fleet if isinstance(fleet, Fleet) else Fleet((fleet,))
        self.server = self.fleet.servers[0]
        self.config = config
        self.greeting = greeting
        self.lost = False
        self.prompts = Prompts()
        self.acting = Acting(self, self.fleet)
        self.acting.standings.servers = self.fleet.servers
        self._jobs: set[asyncio.Task[None]] = set()
        self._clashes: set[str] = set()
        self.tending = Tending(self, self.fleet, self.acting)
        self._rounds = 0
        self._pages: list[Page] = []

    def get_default_screen(self) -> QueueScreen:
        """The queue is the first screen: no empty one is laid out before it."""
        queue = QueueScreen(self.fleet, self.config, self.acting, greeting=self.greeting)
        self._pages.append(queue)
        return queue

    def on_mount(self) -> None:
        """Take the keys from the config, mind the terminal, open the queue."""
        self.animation_level = "none"
        self.set_keymap(self.config.keymap)
        self.add_mode("queue", self.get_default_screen)
        self.add_mode("settings", self._settings_screen)
        self.add_mode("servers", self._servers_screen)
        self.set_timer(IDLE, self._prepare)
        self.set_timer(IDLE, self._watch)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._terminal_lost, number)
        self.prompts.listen_in(loop, self._ask)
        self.fleet.questions.answer_by(self.prompts)

    def on_unmount(self) -> None:
        """Nobody can be asked any more."""
        self.fleet.questions.answer_by(None)
        self.prompts.close()

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
        """The hands of the pages of settings, for the current server."""
        return self.changing_of(self.server)

    def changing_of(self, server: Server) -> Changing:
        """Those for a server."""
        return self.tending.changing(server)

    @cached_property
    def asking(self) -> Asking:
        """Who puts the questions of ssh to the person."""
        from mtatui.screens.asking import Asking

        return Asking(self, self.prompts)

    def _ask(self) -> None:
        self.asking.next()

    @property
    def watching(self) -> Watching:
        """Who keeps watch over the services of the current server."""
        return self.watching_of(self.server)

    def watching_of(self, server: Server) -> Watching:
        """Who keeps watch over a server."""
        return self.tending.watching(server)

    def _settings_screen(self) -> SettingsScreen:
        from mtatui.screens.settings import SettingsScreen

        self.settings_page = SettingsScreen(self.changing, self.config)
        # Its styles are worked out when it is mounted; Textual would parse every style sheet anew, twice.
        self.settings_page._css_update_count = self._css_update_count
        self._pages.append(self.settings_page)
        return self.settings_page

    def _servers_screen(self) -> ServersScreen:
        from mtatui.screens.servers import ServersScreen

        self.servers_page = ServersScreen(self)
        self.servers_page._css_update_count = self._css_update_count
        self._pages.append(self.servers_page)
        return self.servers_page

    async def action_page(self, id: str) -> None:
        """Go to a page; where it is this one already, leave what lies over it."""
        from mtatui.screens.desk import Desk

        mode = id if id in ("queue", "servers") else "settings"
        while mode == self.current_mode and len(self.screen_stack) > 1 and isinstance(self.screen, Desk):
            await self.pop_screen()
        if mode != "settings":
            await self.switch_mode(id)
            await self.catch_up()
            return
        self.changing.read_soon()  # its commands run while the page is laid out
        await self.switch_mode("settings")
        await self.catch_up()
        assert self.settings_page is not None
        self.settings_page.open_page(id)

    def action_matrix(self) -> None:
        """Show the settings of all servers beside one another."""
        from mtatui.screens.matrix import MatrixScreen

        if not self.fleet.many:
            self.tell(ALONE)
        elif not isinstance(self.screen, MatrixScreen):
            here = (
                self.settings_page.setting.key
                if self.screen is self.settings_page and self.settings_page
                else ""
            )
            self.push_screen(MatrixScreen(self, self.config, here))

    def action_history(self) -> None:
        """Show what was changed, by whom."""
        from mtatui.screens.history import HistoryScreen

        self.push_screen(HistoryScreen(self.changing, self.config.keymap))

    async def action_services(self) -> None:
        """Show what the mail goes through: of all servers, where the page is about all of them."""
        from mtatui.screens.services import ServicesScreen

        if self.fleet.many and self.current_mode == "queue" and len(self.screen_stack) == 1:
            await self.switch_mode("servers")
            assert self.servers_page is not None
            self.servers_page.show_instances()
        elif not isinstance(self.screen, ServicesScreen):
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
        await self.tending.confirm(self.server)

    @aside(group="prepare", exit_on_error=False)
    async def _prepare(self) -> None:
        """Lay the pages of settings out unseen, and read, while nothing is to do: they open at once."""
        if any(self.fleet.condition(name).phase is Phase.READING for name in self.fleet.names):
            self.set_timer(IDLE, self._prepare)
            return
        await asyncio.to_thread(importlib.import_module, "mtatui.screens.settings")
        await self._init_mode("settings")
        await self.changing.look_ahead()

    @aside(group="watch", exit_on_error=False)
    async def _watch(self) -> None:
        """Look at the services, and again when it is time; at those of other servers less often."""
        if not self._rounds:
            await asyncio.to_thread(importlib.import_module, "mtatui.screens.services")
        if self.fleet.many and self._rounds % OTHERS == 0:
            self._watch_others()
        self._rounds += 1
        await self.watching.look()
        self.set_timer(self.watching.pace, self._watch)

    @aside(group="watch-others", exclusive=True, exit_on_error=False)
    async def _watch_others(self) -> None:
        """Look at the others; who is still looking is called off."""
        await self.tending.look_at_others(self.server)

    def show_headers(self) -> None:
        """Something that every page says in its header is different now."""
        for screen in {*self._pages, *self.screen_stack}:
            if (show := getattr(screen, "show_header", None)) is not None:
                show()

    # --- leaving ---------------------------------------------------------------------------------------

    async def action_leave(self) -> None:
        """Leave; ask first when something is running, or staged and not applied."""
        staged = self.tending.staged
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
            title, act = f"Staged and not applied: {staged}", "Leave"
            lines = [
                *self.tending.told(),
                "",
                "Nothing on the server was touched; this is forgotten when you leave.",
            ]

        def answered(leave: bool | None) -> None:
            if leave:
                self.work(self._leave_when_done())

        await self.push_screen(ConfirmDialog(title, lines, act=act), answered)

    async def _close_all(self) -> None:
        """Call off what runs aside before the screens are closed: it could open another one meanwhile."""
        self.workers.cancel_all()
        await super()._close_all()

    async def _leave_when_done(self) -> None:
        mine = asyncio.current_task()
        await asyncio.gather(*(task for task in self._jobs if task is not mine), return_exceptions=True)
        self.exit()

    def _terminal_lost(self, number: int) -> None:
        if self.lost:
            return
        self.lost = True
        if number == signal.SIGHUP:
            let_go_of_terminal()
        self.work(self._leave_when_done())


def run(fleet: Fleet | Server, config: Config, *, greeting: str = "", glance: Glance | None = None) -> None:
    """Show the terminal face until the user leaves it. ``greeting`` is said at the start; ``glance`` has the
    terminal until then."""
    SteadyDriver.glance = glance
    try:
        MtatuiApp(fleet, config, greeting=greeting).run()
    finally:
        fleet.close()

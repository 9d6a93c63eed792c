"""A desk: a page that lies over the pages until it is left, with keys of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from mtatui.screens import queue_sheets
from mtatui.screens.page import Page
from mtatui.screens.reading import ReadingScreen, room
from mtatui.server import Server
from mtatui.verbs import ALL, Action, on
from mtatui.widgets.footer import KeyFooter

_NOT_HERE = frozenset({"quit", "palette", "next-pane"})


def bindings(where: str) -> list[BindingType]:
    """The keys of the actions that belong to a desk; it is not opened a second time over itself."""
    return [
        Binding(a.keys, f"do('{a.id}')", a.label, tooltip=a.help, id=a.id, show=False)
        for a in on(where)
        if a.keys and a.id not in _NOT_HERE and a.id != where and not a.id.startswith("page")
    ]


def footer(where: str) -> list[Action]:
    """What stands in the footer of a desk: its own actions, and how to leave it."""
    return [*(action for action in on(where) if action.where == where), ALL["back"], ALL["help"]]


class Desk(Page):
    """What all desks do alike. A child class has ``BINDINGS = bindings(…)``, and a method for each action."""

    WHERE: ClassVar[str]
    """The ``where`` of its actions."""

    def __init__(self, server: Server, keymap: Mapping[str, str]) -> None:
        """``keymap``: what the config file binds otherwise."""
        super().__init__()
        self.server = server
        self.keymap = keymap

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done here and now; "" where it can."""
        return ""

    def show_footer(self) -> None:
        """The keys, those that do not apply now dimmed."""
        self.footer.show([(action, not self.why_not(action)) for action in footer(self.WHERE)])

    async def action_do(self, id: str, argument: str = "") -> None:
        """Do what an action's id says."""
        self.footer.hush()
        action = ALL[id]
        if why := self.why_not(action):
            self.tell(f"{action.label}: {why}.", "warning")
            return
        done = getattr(self, "do_" + id.replace("-", "_"))(argument)
        if asyncio.iscoroutine(done):
            await done

    def on_key_footer_pressed(self, event: KeyFooter.Pressed) -> None:
        """An action was clicked in the footer."""
        self.run_worker(self.action_do(event.action), exit_on_error=False)

    def do_commands(self, argument: str) -> None:
        """The command log."""
        self.show_commands(self.server.name, self.server.host.log)

    def do_help(self, argument: str) -> None:
        """The keys."""
        lines = [*queue_sheets.keys(on(self.WHERE), self.keymap, room(self.size.width))]
        self.app.push_screen(ReadingScreen("Keys", lines))

    def do_back(self, argument: str) -> Coroutine[Any, Any, None] | None:
        """Back to the page."""
        self.dismiss()
        return None

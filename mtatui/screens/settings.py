"""The pages of settings: what their keys do. What they show is in `mtatui.screens.settings_page`.

Every key stages and nothing more; from staged to applied it is `mtatui.screens.changing` that goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from mtatui.screens.editing import editor
from mtatui.screens.finding import FindScreen
from mtatui.screens.list_editor import Tested
from mtatui.screens.palette import PaletteScreen
from mtatui.screens.reading import ReadingScreen, room
from mtatui.screens.review import told
from mtatui.screens.settings_page import SettingsPage
from mtatui.screens.settings_sheets import findings, help
from mtatui.settings.catalogue import ALL as SETTINGS
from mtatui.settings.catalogue import complete, near, search
from mtatui.settings.kinds import Refused, Restriction, Switch, Zones
from mtatui.settings.setting import Setting
from mtatui.text import clean
from mtatui.verbs import ALL, on
from mtatui.widgets.dialog import ConfirmDialog
from mtatui.widgets.footer import KeyFooter
from mtatui.widgets.lines import Piece
from mtatui.widgets.setting_help import column

#: From so many staged changes on, taking all of them back asks.
MANY = 3


class SettingsScreen(SettingsPage):
    """The settings of one server."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(a.keys, f"do('{a.id}')", a.label, tooltip=a.help, id=a.id, show=False)
        for a in on("settings")
        if a.keys and a.id != "quit"
    ]

    async def action_do(self, id: str, argument: str = "") -> None:
        """Do what an action's id says."""
        self.footer.hush()
        action = ALL[id]
        if argument and not action.argument:
            self.tell(f":{id} takes nothing after it.", "warning")
        elif not argument and (why := self.why_not(action)):
            self.tell(f"{action.label}: {why}.", "warning")
        else:
            done = getattr(self, "do_" + id.replace("-", "_"))(argument)
            if asyncio.iscoroutine(done):
                await done

    def on_key_footer_pressed(self, event: KeyFooter.Pressed) -> None:
        """An action was clicked in the footer."""
        self.run_worker(self.action_do(event.action), exit_on_error=False)

    # --- staging ---------------------------------------------------------------------------------------

    def do_switch(self, argument: str) -> None:
        """The next state, where there are states; else the editor."""
        setting = self.setting
        if isinstance(setting.kind, Switch | Restriction):
            self.model.stage(setting.key, setting.kind.turned(self.model.value(setting.key)))
        else:
            self.do_edit("")

    def do_edit(self, argument: str) -> None:
        """Open the editor, of what is under the cursor or of what is named."""
        if argument and not self._go_to(argument):
            return
        if why := self.why_not(ALL["edit"]):
            self.tell(f"{self.setting.label}: {why}.", "warning")
            return
        setting = self.setting
        if isinstance(setting.kind, Switch | Restriction):
            self.do_switch("")
            return

        def answered(value: Any) -> None:
            if value is not None:
                self.model.stage(setting.key, value.value)

        current = self.current()
        assert current is not None
        screen = editor(
            setting,
            self.model.value(setting.key),
            current,
            self._tests(setting),
            partial(self.model.scale, setting.key),
        )
        self.app.push_screen(screen, answered)

    def _tests(self, setting: Setting) -> Callable[[str], Awaitable[Tested]]:
        """What tries one of a list."""
        if isinstance(setting.kind, Zones):
            return self.changing.configuration.test_zone
        return self.changing.server.signatures.test

    def on_settings_list_chosen(self) -> None:
        """Clicked twice."""
        self.run_worker(self.action_do("edit"), exit_on_error=False)

    def do_reset(self, argument: str) -> None:
        """Forget what was staged for one."""
        self.model.reset(self.setting.key)

    def do_reset_all(self, argument: str) -> None:
        """Forget everything that was staged; ask where that is much."""
        staged = len(self.changing.staged)
        if staged < MANY:
            self.model.reset()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.model.reset()

        lines = [*(f"• {line}" for line in self.changing.told(12)), "", "Nothing on the server was touched."]
        self.app.push_screen(
            ConfirmDialog(f"Take back {staged} staged changes", lines, act="Take back"), answered
        )

    def do_default(self, argument: str) -> None:
        """What it is when nobody says anything."""
        current = self.current()
        assert current is not None
        setting = self.setting
        self.model.stage(setting.key, current.default)
        if setting.key not in self.changing.staged:
            self.tell(f"{setting.label} is what it is by default.")

    def do_set(self, argument: str) -> None:
        """Set something by its key: ``inbound.smtpd_helo_required on``."""
        key, _, text = argument.strip().partition(" ")
        key, equals, value = key.partition("=") if "=" in key else (key, "", text)
        if not self._go_to(key):
            return
        text = f"{value} {text}".strip() if equals else text
        if self.setting.kind.secret:
            PaletteScreen.history[:] = [line for line in PaletteScreen.history if argument not in line]
            self.tell("What is secret is typed in its editor: enter opens it.", "warning")
            return
        if why := self.why_not(ALL["edit"]):
            self.tell(f"{self.setting.label}: {why}.", "warning")
            return
        try:
            self.model.stage(self.setting.key, self.setting.kind.parse(text))
        except Refused as refused:
            self.tell(f"{self.setting.label}: {refused}.", "warning")

    async def do_review(self, argument: str) -> None:
        """The plan."""
        await self.changing.review()

    async def do_undo_change(self, argument: str) -> None:
        """The way back from the last change, as a plan."""
        await self.changing.undo_last()

    # --- looking ---------------------------------------------------------------------------------------

    def _go_to(self, key: str) -> bool:
        """Show a setting on its page; whether there is one of that name."""
        found = SETTINGS.get(key) or next((s for s in SETTINGS.values() if s.name == key), None)
        if found is None:
            meant = near(key)
            hint = f" Meant: {meant[0]}?" if meant else ""
            self.tell(f"There is no setting called {clean(key) or '(nothing)'}.{hint}", "warning")
            return False
        self.open_page(found.page)
        self.list.find(found.key)
        self.show_help()
        return True

    def do_find(self, argument: str) -> None:
        """Search all pages."""

        self.app.push_screen(FindScreen(search, lambda setting: self._go_to(setting.key), argument))

    def do_lint(self, argument: str) -> None:
        """What is wrong now."""
        reading = self.model.reading
        if reading is None:
            self.tell(self.model.trouble or "The server has not answered yet.")
            return
        lines = findings(reading.findings, room(self.size.width))
        self.app.push_screen(ReadingScreen("What is wrong with the configuration as it works now", lines))

    async def do_signatures(self, argument: str) -> None:
        """The signatures of viruses."""
        await self.run_action("app.signatures")

    async def do_dkim(self, argument: str) -> None:
        """Which domains are signed."""
        await self.run_action("app.dkim")

    def do_probe_chain(self, argument: str) -> None:
        """Test messages through the whole chain; the sheet says first what it will do."""
        from mtatui.screens.probing import ProbingScreen

        self.app.push_screen(ProbingScreen(self.changing.server))

    def do_copy_directive(self, argument: str) -> None:
        """The directive, to the clipboard (OSC 52)."""
        self.app.copy_to_clipboard(self.setting.directive)
        self.tell(f"Copied: {self.setting.directive}")

    def do_more_help(self, argument: str) -> None:
        """Into the text about the control, to read on; esc comes back."""
        if self.help_pane.display:
            self.help_pane.focus()
            return
        setting, current, width = self.setting, self.current(), room(self.size.width)
        lines: list[Sequence[Piece]] = []
        for paragraph in column(setting, current, self.model.trial(setting.key)):
            lines += told(paragraph.label, [(paragraph.text, paragraph.role)], width)
        self.app.push_screen(ReadingScreen(setting.label, lines))

    def do_reread(self, argument: str) -> None:
        """Read the configuration anew."""
        self.changing.read_soon()

    def do_commands(self, argument: str) -> None:
        """The command log."""
        self.show_commands(self.changing.server.name, self.changing.server.host.log)

    def do_help(self, argument: str) -> None:
        """The keys."""
        self.app.push_screen(ReadingScreen("Keys", help(self.config.keymap, room(self.size.width))))

    async def do_palette(self, argument: str) -> None:
        """Every action by name."""
        actions = [a for a in on("settings") if a.id not in {"palette", "next-pane"}]
        reasons = {a.id: why for a in actions if (why := self.why_not(a))}

        def take(answer: tuple[str, str] | None) -> None:
            if answer is not None:
                self.run_worker(self.action_do(*answer), exit_on_error=False)

        self.app.push_screen(PaletteScreen(actions, reasons, self._offers), take)

    def _offers(self, id: str, argument: str) -> list[tuple[str, str]]:
        """What can stand behind an action in the palette, each with a note."""
        if id == "edit":
            return [(key, setting.label) for key, setting in SETTINGS.items() if key.startswith(argument)]
        offered = complete(argument.replace(" ", "=", 1)) if id == "set" else []
        return [(text, SETTINGS[text.partition("=")[0]].label) for text in offered]

    def do_back(self, argument: str) -> None:
        """Back to the list."""
        self.list.focus()

"""What a page of settings shows: its controls by section, and what is to be known of the one in focus.

The frame with its labels stands at once; values follow when the server has answered. There is one such
screen for all pages of settings, made from `mtatui.settings.catalogue` alone.
"""

from __future__ import annotations

from functools import partial

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from mtatui.config import Config
from mtatui.screens.changing import Changing
from mtatui.screens.page import Page
from mtatui.screens.review import changes
from mtatui.screens.settings_sheets import called
from mtatui.settings.catalogue import ALL as SETTINGS
from mtatui.settings.catalogue import PAGES
from mtatui.settings.current import Current
from mtatui.settings.setting import Setting
from mtatui.text import clean
from mtatui.verbs import ALL, FILTERS, Action, pages
from mtatui.widgets.lines import Piece
from mtatui.widgets.one_line import OneLine
from mtatui.widgets.scale import picture
from mtatui.widgets.setting_help import SettingHelp
from mtatui.widgets.settings_list import SettingsList

#: From this many columns on the text about a control stands beside the list, else below it.
WIDE = 100
#: From this many lines on there is one between two sections.
TALL = 34

_LAST = [ALL[id] for id in ("find", "history", "lint", "page", "palette", "help")]
_FOOTER = [*(ALL[id] for id in ("switch", "edit", "reset", "review")), *_LAST]
#: Enter switches, too, where there is no room for both.
_FOOTER_OF_FILTERS = [*(ALL[id] for id in ("edit", "review")), *FILTERS, ALL["reset"], *_LAST]

#: Below this many lines a narrow page has room for its list only; the text opens over it.
LOW = 18

#: What changes no setting, and so can be done where none may be changed.
_LOOKS = frozenset({"find", "lint", "copy-directive", "more-help", "reread", "commands"}) | {
    action.id for action in FILTERS
}
_READ_SOON = "it is still being read"


class SettingsPage(Page):
    """The face of the pages of settings."""

    AUTO_FOCUS = "SettingsList"

    def __init__(self, changing: Changing, config: Config) -> None:
        super().__init__()
        self.changing = changing
        self.model = changing.model
        self.config = config
        self.page_id = next(iter(PAGES))
        self.list = SettingsList(id="settings")
        self.help_pane = SettingHelp(id="setting-help")
        self.instances = OneLine(id="instances")
        self._cursors: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        yield self.too_small
        yield self.header
        with Container(id="page"):
            yield self.list
            yield self.help_pane
        yield self.instances
        yield self.footer

    def on_mount(self) -> None:
        """Show labels at once, and values as soon as they are known."""
        self.model.listeners.add(self.show_all)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.model.listeners.discard(self.show_all)

    def attend(self, changing: Changing) -> None:
        """Show another server; what is staged stays with the one before."""
        self.model.listeners.discard(self.show_all)
        self.changing, self.model = changing, changing.model
        if self.is_mounted:
            self.model.listeners.add(self.show_all)
            self.show_all()

    def on_resize(self, event: events.Resize) -> None:
        """The text goes below where it is narrow."""
        self.set_class(event.size.width < WIDE, "-narrow")
        self.set_class(event.size.width < WIDE and event.size.height < LOW, "-low")
        self.mind_size(event)
        self.show_all()

    def open_page(self, id: str) -> None:
        """Show another page; each remembers where its cursor was."""
        if id != self.page_id:
            self._cursors[self.page_id] = self.list.key
            self.page_id = id
            self.show_all()
            self.list.find(self._cursors.get(id, self.list.key))
        self.list.focus()
        self.show_all()

    @property
    def setting(self) -> Setting:
        """The control under the cursor."""
        return SETTINGS[self.list.key] if self.list.key else PAGES[self.page_id].settings[0]

    def current(self) -> Current | None:
        """How it stands on the server."""
        return self.model.current(self.setting.key)

    # --- showing ---------------------------------------------------------------------------------------

    def show_all(self) -> None:
        """Show what is true now; what looks the same costs nothing."""
        self.list.show(self.model.rows(self.page_id, spaced=self.size.height >= TALL))
        self.show_help()
        self.show_header()
        self.show_footer()

    def show_help(self) -> None:
        """The text about the control under the cursor."""
        key = self.setting.key
        marks = self.model.scale(key)
        self.help_pane.explain(
            self.setting,
            self.current(),
            self.model.trial(key),
            labelled=self.has_class("-narrow"),
            picture=partial(picture, marks) if marks is not None else None,
        )

    def show_header(self) -> None:
        """Where we are, and how much is staged."""
        notes: list[Piece] = self.changing.acting.standings.notes(self.changing.server)
        if self.changing.server.host.read_only:
            notes.append(("read-only ", "warning"))
        if staged := len(self.changing.staged):
            words = changes(staged) + " staged"
            notes.append((f"{words} · p Review" if self.size.width >= WIDE else f"{words} · p", "accent"))
        elif self.model.trouble:
            nothing = self.model.reading is None
            notes.append(("no answer" if nothing else "not all was read", "danger"))
        elif not self.model.whole:
            notes.append(("reading …", "dim"))
        standings = self.changing.acting.standings
        self.header.show(
            server=standings.called(self.changing.server),
            pages=pages(standings.many),
            page=self.page_id,
            notes=notes,
        )
        self._show_instances()

    def _show_instances(self) -> None:
        """What the mail goes through; on every page, for a line that comes and goes would lay out all."""
        pieces: list[Piece] = [(" Instances  ", "accent")]
        for id, runs in self.changing.standing.services.items():
            pieces.append((f"{'✔' if runs else '✖'} {clean(id)}  ", "" if runs else "danger"))
        self.instances.say(pieces, [("S shows them ", "dim")])

    def show_footer(self) -> None:
        """The keys, those that do not apply now dimmed, and what the lint found."""
        actions = _FOOTER_OF_FILTERS if self.page_id == "filtering" else _FOOTER
        if actions is not _FOOTER and self.size.width >= WIDE:
            actions = [ALL["switch"], *actions]
        self.footer.show([(action, not self.why_not(action)) for action in actions], self._lint())

    def _lint(self) -> list[Piece]:
        findings = self.model.reading.findings if self.model.reading is not None else ()
        if not findings:
            return []
        grave = [finding for finding in findings if finding.grave]
        role = "danger" if grave else "warning"
        if self.size.width < WIDE:
            return [(f"{'✖' if grave else '!'} L lint: {len(findings)} ", role)]
        worst = called((grave or list(findings))[0])
        warnings = f"{len(findings)} warning{'' if len(findings) == 1 else 's'}"
        return [(f"{'✖' if grave else '!'} L lint: {warnings} ({worst}) ", role)]

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done here and now; "" where it can."""
        if action.where != "settings" or action.id in _LOOKS:
            return ""
        if why := self.changing.configuration.why_not():
            return why
        if self.model.reading is None:
            return self.model.trouble or "the server has not answered yet"
        if action.id in ("review", "reset-all") and not self.changing.staged:
            return "nothing is staged"
        if action.id == "reset" and self.setting.key not in self.changing.staged:
            return "it has not been touched"
        current = self.current()
        if action.id in ("switch", "edit", "default"):
            return clean(current.unavailable) if current is not None else self.model.trouble or _READ_SOON
        return ""

    def on_settings_list_moved(self) -> None:
        """The text follows the cursor."""
        self.show_help()
        self.show_footer()

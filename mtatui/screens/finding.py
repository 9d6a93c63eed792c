"""Search across the settings of all pages: type a word, go there with enter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, Static

from mtatui.settings.setting import Setting
from mtatui.text import fit
from mtatui.widgets.lines import CursorLines, Piece

#: How many settings are shown at once.
MOST = 12


class Found(CursorLines, can_focus=False):
    """The settings in whose texts the words are."""

    def __init__(self) -> None:
        super().__init__()
        self.settings: Sequence[Setting] = ()

    def line_count(self) -> int:
        return len(self.settings)

    def draw(self, index: int, width: int) -> Strip:
        setting = self.settings[index]
        at_cursor = index == self.cursor
        pieces: list[Piece] = [
            ("▶ " if at_cursor else "  ", "accent"),
            (fit(setting.label, 36), ""),
            (fit(setting.page, 10), "dim"),
            (setting.directive, "dim"),
        ]
        return self.line(pieces, width, "cursor" if at_cursor else "")

    def draw_beyond(self, index: int, width: int) -> Strip:
        text = "" if self.settings else "  No setting speaks of that; esc goes back."
        return self.line([(text, "warning")], width)

    def clicked(self, index: int, event: events.Click) -> None:
        self.move_to(index)
        screen = self.screen
        if isinstance(screen, FindScreen):
            screen.take()


class Words(Input):
    """The words that are looked for. Enter is obeyed in its turn among the letters; keys after it are none of
    ours any more, and go where they belong."""

    def __init__(self, words: str) -> None:
        super().__init__(words, placeholder="a word: helo, relay, tls, spam …", select_on_focus=False)
        self.cursor_blink = False
        self._done = False

    def on_key(self, event: events.Key) -> None:
        """Before Textual's own handler, which would look for what enter is bound to when it is too late."""
        if self._done:
            self.app.post_message(events.Key(event.key, event.character))
        elif event.key == "enter":
            screen = self.screen
            assert isinstance(screen, FindScreen)
            self._done = screen.take()
        else:
            return
        event.stop()
        event.prevent_default()


class FindScreen(ModalScreen[None]):
    """Goes to the setting that is chosen: before it closes, for the next key may be on its way."""

    DEFAULT_CSS = """
    FindScreen {
        align: center bottom;
        & > Found { background: $surface; padding: 0 1; }
        & > #find-line {
            layout: horizontal; height: 1; background: $panel;
            & > Static { width: 2; text-style: bold; padding-left: 1; }
            & > Input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
        }
        &:ansi > Found { background: ansi_default; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
    ]

    def __init__(
        self, search: Callable[[str], Sequence[Setting]], go: Callable[[Setting], object], words: str = ""
    ) -> None:
        super().__init__()
        self.search = search
        self.go = go
        self.found = Found()
        self.input = Words(words)

    def compose(self) -> ComposeResult:
        yield self.found
        with Container(id="find-line"):
            yield Static(Content("/"), markup=False)
            yield self.input

    def on_mount(self) -> None:
        """Show everything there is, and wait for letters."""
        self._narrow(self.input.value)
        self.input.focus()

    def on_key(self, event: events.Key) -> None:
        """What was typed while this opened goes where it belongs."""
        if event.is_printable and event.character and self.focused is None:
            self.input.insert_text_at_cursor(event.character)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list to what fits."""
        self._narrow(event.value)

    def take(self) -> bool:
        """Go to what the cursor is on, if there is something."""
        found = self.search(self.input.value)  # what was typed last may not be shown yet
        if found:
            cursor = self.found.cursor if list(self.found.settings) == list(found) else 0
            self.go(found[cursor])
            self.dismiss()
        return bool(found)

    def action_move(self, lines: int) -> None:
        """Move in the list."""
        self.found.move_to(self.found.cursor + lines)

    def _narrow(self, words: str) -> None:
        self.found.settings = self.search(words)
        self.found.styles.height = max(1, min(len(self.found.settings), MOST))
        self.found.move_to(0)
        self.found.repaint()

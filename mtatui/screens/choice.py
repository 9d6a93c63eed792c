"""A short list to choose from: what to sort by, what to copy, which saved filter, which columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Static

from mtatui.text import clean, fit
from mtatui.widgets.lines import CursorLines, Piece


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose: what it is to the program, its label, and a note for the person."""

    key: str
    label: str
    note: str = ""


class Options(CursorLines):
    """The options, one a line; several can be ticked where that is asked for."""

    def __init__(self, options: Sequence[Option], ticked: set[str] | None) -> None:
        super().__init__()
        self.options = options
        self.ticked = ticked
        self.label_width = max((len(option.label) for option in options), default=0)

    def line_count(self) -> int:
        return len(self.options)

    def draw(self, index: int, width: int) -> Strip:
        option = self.options[index]
        at_cursor = index == self.cursor
        tick = "" if self.ticked is None else ("▪ " if option.key in self.ticked else "  ")
        pieces: list[Piece] = [
            ("▶ " if at_cursor else "  ", ""),
            (tick, "marked"),
            (fit(clean(option.label), self.label_width), ""),
            (f"   {clean(option.note)}", "dim"),
        ]
        return self.line(pieces, width, self.cursor_role if at_cursor else "")

    def clicked(self, index: int, event: events.Click) -> None:
        self.move_to(index)
        screen = self.screen
        if isinstance(screen, ChoiceScreen):
            screen.action_choose()


class ChoiceScreen(ModalScreen[list[str] | None]):
    """Choose one option with enter, or tick several with space; None where the user went back."""

    DEFAULT_CSS = """
    ChoiceScreen {
        align: center middle;
        & > Options { width: 70; max-width: 96%; background: $surface; padding: 0 1; }
        & > Static {
            width: 70; max-width: 96%; height: 1; padding: 0 1;
            background: $panel; color: $foreground; text-style: bold;
        }
        &:ansi > Static { background: ansi_default; text-style: reverse; }
        &:ansi > Options { background: ansi_default; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back", show=False),
        Binding("enter", "choose", "Choose", show=False),
        Binding("space", "tick", "Tick", show=False),
    ]

    def __init__(
        self, title: str, options: Sequence[Option], *, current: str = "", ticked: set[str] | None = None
    ) -> None:
        super().__init__()
        hint = "enter chooses" if ticked is None else "space ticks, enter takes them"
        self.heading = f"{title}   ({hint}, esc goes back)"
        self.options = Options(options, ticked)
        self.current = current

    def compose(self) -> ComposeResult:
        yield Static(Content(clean(self.heading)), markup=False)
        yield self.options

    def on_mount(self) -> None:
        """Begin at what holds now."""
        self.options.styles.height = min(len(self.options.options), self.app.size.height - 4)
        keys = [option.key for option in self.options.options]
        self.call_after_refresh(self.options.move_to, keys.index(self.current) if self.current in keys else 0)
        self.options.focus()

    def action_choose(self) -> None:
        """Take the option at the cursor, or all that are ticked."""
        ticked = self.options.ticked
        if ticked is None:
            self.dismiss([self.options.options[self.options.cursor].key])
        else:
            self.dismiss([option.key for option in self.options.options if option.key in ticked])

    def action_tick(self) -> None:
        """Tick the option at the cursor, or take the tick away."""
        if self.options.ticked is None:
            self.action_choose()
            return
        self.options.ticked ^= {self.options.options[self.options.cursor].key}
        self.options.repaint()

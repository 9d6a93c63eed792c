"""A line at the bottom in which one types, and above it what fits: palette and search stand on this."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, Static

from mtatui.widgets.lines import CursorLines, Piece

T = TypeVar("T")
Answer = TypeVar("Answer")


class Fitting(CursorLines, Generic[T], can_focus=False):
    """What fits what was typed so far. A child class says what stands in a line."""

    NOTHING: ClassVar[str]
    """What is said where nothing fits."""

    def __init__(self) -> None:
        super().__init__()
        self.items: Sequence[T] = ()

    def told(self, item: T) -> Iterable[Piece]:
        """A line."""
        raise NotImplementedError

    @property
    def chosen(self) -> T | None:
        """What is under the cursor."""
        return self.items[self.cursor] if self.items else None

    def line_count(self) -> int:
        return len(self.items)

    def draw(self, index: int, width: int) -> Strip:
        at_cursor = index == self.cursor
        pieces = [("▶ " if at_cursor else "  ", "accent"), *self.told(self.items[index])]
        return self.line(pieces, width, "cursor" if at_cursor else "")

    def draw_beyond(self, index: int, width: int) -> Strip:
        return self.line([("" if self.items else f"  {self.NOTHING}; esc goes back.", "warning")], width)

    def clicked(self, index: int, event: events.Click) -> None:
        self.move_to(index)
        screen = self.screen
        if isinstance(screen, SeekingScreen):
            screen.take()


class SeekingScreen(ModalScreen[Answer], Generic[T, Answer]):
    """Type, choose, enter. A child class narrows, and says what it means to take."""

    DEFAULT_CSS = """
    SeekingScreen {
        align: center bottom;
        & > Fitting { background: $surface; padding: 0 1; }
        & > #typed-line {
            layout: horizontal; height: 1; background: $panel;
            & > Static { width: 2; text-style: bold; padding-left: 1; }
            & > Input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
        }
        &:ansi > Fitting { background: ansi_default; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
    ]
    SIGN: ClassVar[str]
    """What stands before the line: the key that opened it."""
    MOST: ClassVar[int] = 12
    """How many are shown at once."""

    def __init__(self, fitting: Fitting[T], line: Input) -> None:
        super().__init__()
        self.fitting = fitting
        self.input = line
        self.input.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield self.fitting
        with Container(id="typed-line"):
            yield Static(Content(self.SIGN), markup=False)
            yield self.input

    def on_mount(self) -> None:
        """Show what fits already, and wait for letters."""
        self.narrow(self.input.value)
        self.input.focus()

    def on_key(self, event: events.Key) -> None:
        """What was typed while this opened goes where it belongs."""
        if event.is_printable and event.character and self.focused is None:
            self.input.insert_text_at_cursor(event.character)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list to what fits."""
        self.narrow(event.value)

    def narrow(self, typed: str) -> None:
        """Show what fits this (`show`)."""
        raise NotImplementedError

    def take(self) -> bool:
        """Take what is under the cursor; whether there is something."""
        raise NotImplementedError

    def show(self, items: Sequence[T]) -> None:
        """These fit. What is left stands right above the line in which one types."""
        self.fitting.items = items
        self.fitting.styles.height = max(1, min(len(items), self.MOST))
        self.fitting.move_to(0)
        self.fitting.repaint()

    def action_move(self, lines: int) -> None:
        """Move in the list."""
        self.fitting.move_to(self.fitting.cursor + lines)

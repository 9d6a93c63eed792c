"""A sheet to read: help, the command log, receipts. It opens over the page, scrolls, and closes with esc."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Static

from mtatui.text import clean, fit, wrap
from mtatui.widgets.lines import Lines, Piece

#: The widest a sheet gets, and what of it is not for text: padding and the scroll bar.
WIDEST, MARGIN = 110, 4


def room(columns: int) -> int:
    """Cells that a line of a sheet has on a screen of so many columns."""
    return min(WIDEST, columns * 96 // 100) - MARGIN


def wrapped(text: str, role: str, width: int) -> Iterator[list[Piece]]:
    """A paragraph in lines of so many cells."""
    for line in wrap(text, width - 2):
        yield [(f" {line}", role)]


def labelled(label: str, text: str, role: str, width: int, room: int) -> Iterator[list[Piece]]:
    """A paragraph in lines of so many cells, the first behind its label, which has ``room`` of them."""
    for line in wrap(text, width - room):
        yield [(fit(label, room), "dim"), (line, role)]
        label = ""


class Sheet(Lines):
    """Lines of pieces, as they were given."""

    def __init__(self, lines: Sequence[Sequence[Piece]]) -> None:
        super().__init__()
        self.lines = lines

    def line_count(self) -> int:
        return len(self.lines)

    def draw(self, index: int, width: int) -> Strip:
        return self.line([(clean(text), role) for text, role in self.lines[index]], width)


class ReadingScreen(ModalScreen[None]):
    """A titled sheet over the page."""

    DEFAULT_CSS = """
    ReadingScreen {
        align: center middle;
        & > Sheet {
            width: 96%; max-width: 110; height: auto; max-height: 80%;
            background: $surface; padding: 0 1;
        }
        & > Static {
            width: 96%; max-width: 110; height: 1; padding: 0 1;
            background: $panel; color: $foreground; text-style: bold;
        }
        &:ansi > Static { background: ansi_default; text-style: reverse; }
        &:ansi > Sheet { background: ansi_default; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Back", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Sequence[Piece]], *, at_end: bool = False) -> None:
        """A sheet; ``at_end`` shows its end first, as a log wants it."""
        super().__init__()
        self.at_end = at_end
        self.heading = clean(title)
        self.sheet = Sheet(lines)

    def compose(self) -> ComposeResult:
        yield Static(Content(f"{self.heading}   (esc closes)"), markup=False)
        yield self.sheet

    def on_mount(self) -> None:
        """As tall as what there is to read, within the screen."""
        self.sheet.styles.height = len(self.sheet.lines)
        self.sheet.focus()
        if self.at_end:
            self.call_after_refresh(self.sheet.action_move_to_end)

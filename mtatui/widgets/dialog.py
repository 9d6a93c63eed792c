"""Dialogs: a thin frame in the middle, plain words, and the harmless answer in focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mtatui.text import clean

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A question over the screen. A child class gives `body` and buttons; escape dismisses it with None."""

    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $background 60%;
        & > #frame {
            width: 72;
            max-width: 95%;
            height: auto;
            max-height: 90%;
            padding: 0 1;
            background: $surface;
            border: solid $foreground 50%;
            border-title-style: bold;
            border-title-color: $foreground;
        }
        & #body { height: auto; max-height: 70vh; }
        & #body Static { width: auto; max-width: 100%; }
        & #answers { height: 1; align-horizontal: right; margin-top: 1; }
        & Button {
            height: 1;
            margin-left: 2;
            &, &:hover, &:disabled, &:focus { border: none !important; text-style: none; }
            &, &:hover, &:disabled { background: transparent; color: $foreground; }
            &:disabled { color: $text-disabled; text-opacity: 100%; opacity: 100%; }
            &:focus {
                background: $block-cursor-background;
                color: $block-cursor-foreground;
                text-style: bold !important;
            }
        }
        &:ansi {
            background: transparent;
            & > #frame { background: ansi_default; border: solid ansi_default; }
            & Button:focus { background: ansi_default; color: ansi_default; text-style: reverse !important; }
            & Button.-style-default:disabled { border: none !important; text-style: dim; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False, id="dialog.cancel"),
        Binding("left", "app.focus_previous", "Previous answer", show=False, id="dialog.previous"),
        Binding("right", "app.focus_next", "Next answer", show=False, id="dialog.next"),
    ]
    AUTO_FOCUS = "#cancel"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._says = clean(title)

    def body(self) -> ComposeResult:
        """What stands in the frame above the answers."""
        yield from ()

    def answers(self) -> Sequence[Widget]:
        """What stands in the bottom row; one of them has the id "cancel"."""
        return [answer("Cancel", "cancel")]

    def compose(self) -> ComposeResult:
        with Vertical(id="frame") as frame:
            frame.border_title = Content(self._says)
            with VerticalScroll(id="body", can_focus=False):
                yield from self.body()
            with Horizontal(id="answers"):
                yield from self.answers()

    def action_cancel(self) -> None:
        """Close the dialog; nothing has happened."""
        self.dismiss(None)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()


class ConfirmDialog(Dialog[bool]):
    """Asks before an act; dismissed with True when it shall happen, else with False or None."""

    DEFAULT_CSS = """
    ConfirmDialog {
        & #typed { height: 1; margin-top: 1; }
        & #typed Static { width: auto; }
        & #typed Input, & #typed Input:focus { width: 12; background: transparent; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(digit, f"type('{digit}')", show=False) for digit in "0123456789"
    ]

    def __init__(self, title: str, lines: Sequence[str | Content], *, act: str, typed: str = "") -> None:
        """Make the question.

        Args:
            lines: what will happen, in words; `Content` where a part of a line is styled.
            act: what the button says, "Delete".
            typed: the count that must be typed before the button can be pressed ("" for none).
        """
        super().__init__(title)
        self._words = [line if isinstance(line, Content) else Content(clean(line)) for line in lines]
        self._act = clean(act)
        self._typed = typed

    def body(self) -> ComposeResult:
        yield Static(Content("\n").join(self._words))
        if self._typed:
            with Horizontal(id="typed"):
                yield Static(Content(f"Type {self._typed} to {self._act.lower()}: [ "))
                typed = Input(compact=True, select_on_focus=False, max_length=len(self._typed) + 4)
                typed.cursor_blink = False
                yield typed
                yield Static(Content("]"))

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer(self._act, "act", disabled=bool(self._typed))]

    def action_type(self, digit: str) -> None:
        """Cancel has the focus, and yet what is typed goes where it belongs."""
        if self._typed:
            typed = self.query_one(Input)
            self.set_focus(typed)  # at once, for the next digit may be on its way
            typed.insert_text_at_cursor(digit)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#act", Button).disabled = event.value.strip().replace(",", "") != self._typed

    def on_input_submitted(self) -> None:
        """Enter goes on to the button; only pressing that acts."""
        button = self.query_one("#act", Button)
        if not button.disabled:
            button.focus()

    @on(Button.Pressed, "#act")
    def _agreed(self) -> None:
        self.dismiss(True)


def answer(label: str, id: str, *, disabled: bool = False) -> Button:
    """A button in brackets, so that it is one without colours, too."""
    return Button(Content(f"[ {label} ]"), id=id, compact=True, disabled=disabled)

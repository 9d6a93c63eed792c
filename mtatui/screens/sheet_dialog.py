"""Something to read above the answers, in a frame or over the whole screen; also while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button

from mtatui.screens.reading import Sheet
from mtatui.widgets.dialog import Dialog, T
from mtatui.widgets.lines import Piece
from mtatui.widgets.one_line import OneLine


class SheetDialog(Dialog[T]):
    """Something to read: the answers have the focus, and yet the keys that scroll do so."""

    DEFAULT_CSS = """
    SheetDialog {
        & > #frame { width: 96; height: auto; max-height: 95%; }
        &.-whole {
            align: left top;
            background: $background;
            & > Sheet { height: 1fr; }
            & > #answers {
                height: 1; align-horizontal: left; margin-top: 0;
                & Button { margin: 0 1; padding: 0; min-width: 0; background: $background; }
                & Button:focus { background: $block-cursor-background; }
            }
            &:ansi { background: ansi_default; }
            &:ansi > #answers Button, &:ansi > #answers Button:focus { background: ansi_default; }
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "lines(1)", show=False),
        Binding("up,k", "lines(-1)", show=False),
        Binding("pagedown", "pages(1)", show=False),
        Binding("pageup", "pages(-1)", show=False),
        Binding("home,g", "lines(-99999)", show=False),
        Binding("end,G", "lines(99999)", show=False),
    ]
    WHOLE: ClassVar[bool] = False
    """Over the whole screen, under a heading; else in a frame that is as tall as what there is to read."""
    LEAST: ClassVar[int] = 12
    """Lines of the sheet in a frame, at least: so that it does not grow with every line."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.set_class(self.WHOLE, "-whole")
        self.heading = OneLine(id="heading")
        self.sheet = Sheet(())
        self.sheet.can_focus = False

    def compose(self) -> ComposeResult:
        if self.WHOLE:
            yield self.heading
            yield self.sheet
            yield from self.body()
            with Horizontal(id="answers"):
                yield from self.answers()
        else:
            with Vertical(id="frame") as frame:
                frame.border_title = Content(self._says)
                yield self.sheet
                with Horizontal(id="answers"):
                    yield from self.answers()

    def told(self, width: int) -> Iterable[Sequence[Piece]]:
        """What there is to read, in lines of so many cells."""
        raise NotImplementedError

    def on_resize(self) -> None:
        """Wrap to the width there is."""
        self.show()

    def show(self) -> None:
        """Show what there is to read now."""
        # Laid out later than the screen: where it is all of it, the screen's width is known already.
        width = self.size.width if self.WHOLE else self.sheet.size.width
        self.sheet.lines = [*self.told(max(width - 1, 20))]
        if not self.WHOLE:
            # Within what the frame may have of the screen: its border, and the row of answers.
            room = self.app.size.height * 95 // 100 - 4
            self.sheet.styles.height = min(max(len(self.sheet.lines), self.LEAST), max(room, 5))
        self.sheet.repaint()

    def action_lines(self, lines: int) -> None:
        """Down (or up) by some lines."""
        self.sheet.action_move(lines)

    def action_pages(self, pages: float) -> None:
        """Down (or up) by some pages."""
        self.sheet.action_move_pages(pages)


class LiveSheet(SheetDialog[None]):
    """What goes on. While it runs it can be stopped, and not be left."""

    AUTO_FOCUS = ""

    def __init__(self, title: str, stop: Callable[[], object]) -> None:
        """``stop`` asks what is running to end, or to go back."""
        super().__init__(title)
        self._stop = stop

    @property
    def running(self) -> bool:
        """Whether something is going on that can be stopped."""
        raise NotImplementedError

    def offered(self) -> Mapping[str, bool]:
        """Which answers make sense now, by their id; the first of them is the harmless one."""
        return {"stop": self.running, "cancel": not self.running}

    def on_mount(self) -> None:
        """Show what was told before it was laid out."""
        self.show()

    def show(self) -> None:
        """Show how far it is, and the answers that make sense now, the harmless one in focus."""
        if not self.is_mounted or not self.is_attached:  # what runs goes on when the terminal is gone
            return
        super().show()
        offered = self.offered()
        buttons = [self.query_one(f"#{id}", Button) for id in offered]
        for button, display in zip(buttons, offered.values(), strict=True):
            button.display = display
        if self.focused is None or not self.focused.display:
            next(button for button in buttons if button.display).focus()

    def action_cancel(self) -> None:
        """Close it; while it runs, ask it to stop."""
        if self.running:
            self._stopped()
        else:
            self.dismiss(None)

    @on(Button.Pressed, "#stop")
    def _stopped(self) -> None:
        self.query_one("#stop", Button).disabled = True
        self._stop()

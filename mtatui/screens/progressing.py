"""Something that takes a while, line by line as it says them, and what came of it. It can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button

from mtatui.screens.review import SheetDialog
from mtatui.text import clean, wrap
from mtatui.widgets.dialog import answer
from mtatui.widgets.lines import Piece

#: Lines that are kept: somebody may talk without end.
MOST = 2000


class ProgressScreen(SheetDialog[None]):
    """What is going on. It can be left only when it is over."""

    DEFAULT_CSS = """
    ProgressScreen {
        & > #frame { width: 96; height: auto; max-height: 90%; }
        & Sheet { height: 14; }
    }
    """
    AUTO_FOCUS = ""

    def __init__(self, title: str, stop: Callable[[], None]) -> None:
        """Nothing has been said yet. ``stop`` asks what is running to end."""
        super().__init__(title)
        self.said: list[str] = []
        self.outcome: tuple[str, str] | None = None
        """What came of it, and the role that it plays; None while it runs."""
        self._stop = stop

    def compose(self) -> ComposeResult:
        with Vertical(id="frame") as frame:
            frame.border_title = Content(self._says)
            yield self.sheet
            with Horizontal(id="answers"):
                yield from self.answers()

    def answers(self) -> Sequence[Widget]:
        return [answer("Stop", "stop"), answer("Close", "cancel")]

    def on_mount(self) -> None:
        """Show what was said before it was laid out."""
        self._offer()
        self._show()

    def on_resize(self) -> None:
        """Wrap to the width there is."""
        self._show()

    def took(self, line: str) -> None:
        """Another line."""
        if self.outcome is None:
            self.said = [*self.said[-MOST:], line]
            self._show()

    def ended(self, text: str, role: str) -> None:
        """It is over."""
        self.outcome = text, role
        if self.is_mounted:  # else it is shown when it is
            self._offer()
            self._show()

    def _offer(self) -> None:
        """The one answer that makes sense now has the focus."""
        over = self.outcome is not None
        for id, display in (("stop", not over), ("cancel", over)):
            self.query_one(f"#{id}", Button).display = display
        self.query_one("#cancel" if over else "#stop", Button).focus()

    def _show(self) -> None:
        width = max(self.sheet.size.width - 1, 20)
        lines: list[Sequence[Piece]] = []
        for said in self.said:
            lines += [[(f" {line}", "")] for line in wrap(clean(said), width - 2)]
        if self.outcome is None:
            lines.append([(" …", "accent")])
        else:
            text, role = self.outcome
            lines += [[], *([(f" {line}", role)] for line in wrap(clean(text), width - 2))]
        self.sheet.lines = lines
        self.sheet.styles.height = min(max(len(lines), 8), max(self.app.size.height - 6, 5))
        self.sheet.show_from(len(lines))
        self.sheet.repaint()

    def action_cancel(self) -> None:
        """Close it when it is over; while it runs, ask it to stop."""
        if self.outcome is not None:
            self.dismiss(None)
        else:
            self._stopped()

    @on(Button.Pressed, "#stop")
    def _stopped(self) -> None:
        self.query_one("#stop", Button).disabled = True
        self._stop()

"""The footer that can speak: a notice or a progress line takes the place of the keys for a while."""

from __future__ import annotations

from collections.abc import Sequence

from textual.timer import Timer

from mtatui.text import clean
from mtatui.widgets.footer import KeyFooter
from mtatui.widgets.lines import Piece

#: How long a notice stays, in seconds, unless a key is pressed before.
STAYS = 12.0

ROLES = {"information": "strong", "warning": "warning", "error": "danger"}


class NoticeFooter(KeyFooter):
    """Keys; in their place what is being done, what was just done or went wrong, or both."""

    DEFAULT_CSS = """
    NoticeFooter { dock: bottom; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._notice: Sequence[Piece] = ()
        self._progress: Sequence[Piece] = ()
        self._until: Timer | None = None

    def tell(self, text: str, severity: str = "information") -> None:
        """Say one line; what went wrong says so by a sign as well as by colour."""
        sign = {"warning": "! ", "error": "✖ "}.get(severity, "")
        self._notice = [(f" {sign}{clean(text)}", ROLES[severity])]
        if self._until is not None:
            self._until.stop()
        self._until = self.set_timer(STAYS, self.hush)
        self.repaint()

    def hush(self) -> None:
        """Take the notice away."""
        if self._until is not None:
            self._until.stop()
            self._until = None
        if self._notice:
            self._notice = ()
            self.repaint()

    def progress(self, pieces: Sequence[Piece]) -> None:
        """Show what is being done; nothing takes it away."""
        self._progress = pieces
        self.repaint()

    def _said(self, width: int) -> tuple[Sequence[Piece], Sequence[Piece]]:
        gap: Sequence[Piece] = [("  ", "")] if self._progress and self._notice else ()
        shown = [*self._progress, *gap, *self._notice]
        return (shown, ()) if shown else super()._said(width)

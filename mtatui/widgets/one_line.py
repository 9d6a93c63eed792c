"""One line of pieces, some at the left and some at the right; it repaints only to say something new."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from mtatui.text import cells
from mtatui.widgets.lines import Lines, Piece


class OneLine(Lines, can_focus=False, inherit_bindings=False):
    """A status line. What stands at the right gives way when there is no room for both."""

    DEFAULT_CSS = """
    OneLine { height: 1; }
    """

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._left: Sequence[Piece] = ()
        self._right: Sequence[Piece] = ()

    def say(self, left: Sequence[Piece] = (), right: Sequence[Piece] = ()) -> None:
        """Say something else. Text of strangers passes `mtatui.text.clean` before it comes here."""
        self._left, self._right = left, right
        self.repaint()

    def line_count(self) -> int:
        return 1

    def draw(self, index: int, width: int) -> Strip:
        left, right = self._said(width)
        room = width - width_of(left) - width_of(right)
        if left and room < 2:
            right, room = (), width - width_of(left)
        return self.line([*left, (" " * room, ""), *right], width)

    def _said(self, width: int) -> tuple[Sequence[Piece], Sequence[Piece]]:
        """What to say in this width; a child class says less where it is narrow."""
        return self._left, self._right


def width_of(pieces: Sequence[Piece]) -> int:
    """How many cells pieces take."""
    return sum(cells(text) for text, _ in pieces)

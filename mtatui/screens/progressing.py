"""Something that takes a while, line by line as it says them, and what came of it. It can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from textual.widget import Widget

from mtatui.screens.reading import wrapped
from mtatui.screens.sheet_dialog import LiveSheet
from mtatui.widgets.dialog import answer
from mtatui.widgets.lines import Piece

#: Lines that are kept: somebody may talk without end.
MOST = 2000


class ProgressScreen(LiveSheet):
    """What is said, the last of it in view."""

    LEAST = 8

    def __init__(self, title: str, stop: Callable[[], object]) -> None:
        """Nothing has been said yet. ``stop`` asks what is running to end."""
        super().__init__(title, stop)
        self.said: list[str] = []
        self.outcome: tuple[str, str] | None = None
        """What came of it, and the role that it plays; None while it runs."""

    @property
    def running(self) -> bool:
        """Whether nothing has come of it yet."""
        return self.outcome is None

    def answers(self) -> Sequence[Widget]:
        return [answer("Stop", "stop"), answer("Close", "cancel")]

    def took(self, line: str) -> None:
        """Another line."""
        if self.outcome is None:
            self.said = [*self.said[-MOST:], line]
            self.show()

    def ended(self, text: str, role: str) -> None:
        """It is over."""
        self.outcome = text, role
        self.show()

    def told(self, width: int) -> Iterator[list[Piece]]:
        for said in self.said:
            yield from wrapped(said, "", width)
        if self.outcome is None:
            yield [(" …", "accent")]
        else:
            yield []
            yield from wrapped(*self.outcome, width)

    def show(self) -> None:
        """The last lines are the new ones."""
        super().show()
        self.sheet.action_move_to_end()

"""The head of the message screen: who the message is, which section is shown, and how much of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip

from mtatui.text import cells
from mtatui.verbs import SECTIONS
from mtatui.widgets.lines import Lines, Piece


class Head(Lines, can_focus=False):
    """Who the message is, which section is shown, and how much of it."""

    class SectionClicked(Message):
        """The name of a section was clicked."""

        def __init__(self, section: str) -> None:
            super().__init__()
            self.section = section

    def __init__(self) -> None:
        super().__init__(id="message-head")
        self.about: list[list[Piece]] = []
        self.section = ""
        self.extent = ""

    def line_count(self) -> int:
        return len(self.about) + 2

    def draw(self, index: int, width: int) -> Strip:
        if index < len(self.about):
            return self.line([(" ", ""), *_that_fit(self.about[index], width - 1)], width)
        if index == len(self.about):
            return self.line(self._sections(), width)
        said = f" {self.extent} ──" if self.extent else ""
        return self.line([("─" * (width - cells(said)), "dim"), (said, "dim")], width)

    def _sections(self) -> Iterable[Piece]:
        for section in SECTIONS:
            before, key, after = section.label.partition(section.keys)
            if section.id == self.section:
                yield f"[{section.label}]", "strong"
            else:
                yield from ((f" {before}", "dim"), (key, "accent"), (f"{after} ", "dim"))

    def on_click(self, event: events.Click) -> None:
        """A click on the name of a section goes there."""
        at = 0
        for section in SECTIONS:
            wide = len(section.label) + 2
            if event.y == len(self.about) and at <= event.x < at + wide:
                self.post_message(self.SectionClicked(section.id))
            at += wide


def _that_fit(pieces: Sequence[Piece], width: int) -> Sequence[Piece]:
    """Those for which there is room: of what is said besides (" · …") rather nothing than half of it."""
    whole = list(pieces)
    while whole and whole[-1][0].startswith(" · ") and sum(cells(text) for text, _ in whole) > width:
        whole.pop()
    return whole

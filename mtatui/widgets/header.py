"""The line at the top: the program, the server, the pages, and what must be known at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from mtatui.text import clean
from mtatui.widgets.lines import Piece
from mtatui.widgets.one_line import OneLine, width_of

#: How serious a note is that has a role; others are between the first two.
_SERIOUS = {"dim": 0, "accent": 2, "warning": 3, "danger": 4}


class PageHeader(OneLine):
    """Program and server at the left, pages in the middle, notes (scan time, read-only) at the right.

    Where it is narrow only the open page is named, then the program goes, and then one note after the other:
    what is serious stays.
    """

    DEFAULT_CSS = """
    PageHeader { dock: top; }
    """

    class PageClicked(Message):
        """The person clicked the name of a page."""

        def __init__(self, page: str) -> None:
            super().__init__()
            self.page = page

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._server = ""
        self._pages: Sequence[tuple[str, str]] = ()
        self._page = ""
        self._notes: Sequence[Piece] = ()
        self._places: list[tuple[range, str]] = []

    def show(
        self, *, server: str, pages: Sequence[tuple[str, str]], page: str, notes: Sequence[Piece] = ()
    ) -> None:
        """Say where we are.

        Args:
            pages: id and name of each page there is.
            page: the id of the open one.
            notes: pieces for the right end, such as ``("read-only", "warning")``.
        """
        self._server, self._pages, self._page, self._notes = clean(server), pages, page, notes
        self.repaint()

    def _said(self, width: int) -> tuple[Sequence[Piece], Sequence[Piece]]:
        name: Piece = (f" {self._server}", "strong")
        open_page = [(id, label) for id, label in self._pages if id == self._page]
        notes = self._notes
        while (
            notes and width_of([name]) + width_of(_tabs(open_page, self._page)) + 4 + width_of(notes) > width
        ):
            notes = _fewer(notes)
        needed = width - width_of(notes) - 2
        for lead, pages in (
            ([(" mtatui ", "accent"), name], self._pages),
            ([(" mtatui ", "accent"), name], open_page),
            ([name], open_page),
        ):
            tabs = _tabs(pages, self._page)
            room = needed - width_of(lead) - width_of(tabs)
            if room >= 2:
                break
        gap = max(min(room // 2, 24), 2)
        self._places = []
        at = width_of(lead) + gap
        for (id, _), tab in zip(pages, tabs, strict=True):
            self._places.append((range(at, at + width_of([tab])), id))
            at += width_of([tab])
        return [*lead, (" " * gap, ""), *tabs], notes

    def on_click(self, event: events.Click) -> None:
        for place, page in self._places:
            if event.get_content_offset_capture(self).x in place:
                self.post_message(self.PageClicked(page))


def _tabs(pages: Sequence[tuple[str, str]], open_page: str) -> list[Piece]:
    return [(f"[{label}]", "strong") if id == open_page else (f" {label} ", "dim") for id, label in pages]


def _fewer(notes: Sequence[Piece]) -> list[Piece]:
    """Notes without the least serious of them, the last of several; no sign stays that led on to it."""
    at = min(range(len(notes)), key=lambda at: (_SERIOUS.get(notes[at][1], 1), -at))
    left = [*notes[:at], *notes[at + 1 :]]
    if left and at == len(left):
        text, role = left[-1]
        left[-1] = (text.rstrip(" ·"), role)
    return left

"""The line at the top: the program, the server, the pages, and what must be known at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from mtatui.text import clean
from mtatui.widgets.lines import Piece
from mtatui.widgets.one_line import OneLine, width_of


class PageHeader(OneLine):
    """Program and server at the left, pages in the middle, notes (scan time, read-only) at the right.

    Where it is narrow only the open page is named, and then the program goes.
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
        needed = width - width_of(self._notes) - 2
        for lead, pages in (
            ([(" mtatui ", "accent"), name], self._pages),
            ([(" mtatui ", "accent"), name], open_page),
            ([name], open_page),
        ):
            tabs = [
                (f"[{label}]", "strong") if id == self._page else (f" {label} ", "dim") for id, label in pages
            ]
            room = needed - width_of(lead) - width_of(tabs)
            if room >= 2:
                break
        gap = max(min(room // 2, 24), 2)
        self._places = []
        at = width_of(lead) + gap
        for (id, _), tab in zip(pages, tabs, strict=True):
            self._places.append((range(at, at + width_of([tab])), id))
            at += width_of([tab])
        return [*lead, (" " * gap, ""), *tabs], self._notes

    def on_click(self, event: events.Click) -> None:
        for place, page in self._places:
            if event.get_content_offset_capture(self).x in place:
                self.post_message(self.PageClicked(page))

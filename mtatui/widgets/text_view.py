"""A text to read: wrapped to the width, searched inside, drawn a line at a time however long it is.

A text is a list of paragraphs. A paragraph may carry a label, which stands in a column of its own, so that
"From", "To" and "Subject" line up and long values wrap beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.strip import Strip

from mtatui.text import fit, wrap
from mtatui.widgets.lines import Lines, Piece

#: Labels take at most this share of the width.
_LABEL_SHARE = 0.3
_GAP = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text, clean, that may hold newlines; the role it plays (see `Lines`), and its label."""

    text: str
    role: str = ""
    label: str = ""
    picture: Callable[[int], Sequence[Sequence[Piece]]] | None = None
    """Draws lines of so many cells, which stand there instead of the text."""


class TextView(Lines):
    """Paragraphs, wrapped. Plain strings stand for paragraphs without label and role."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._paragraphs: Sequence[Paragraph | str] = ()
        self._rows: list[tuple[int, str]] = []
        self._pictures: dict[int, Sequence[Piece]] = {}
        self._labels = 0
        self._wanted: re.Pattern[str] | None = None
        self._found = -1

    def show(self, paragraphs: Sequence[Paragraph | str], *, stay: bool = False) -> None:
        """Show other text, from its beginning or from the line that stands on top now (``stay``)."""
        self._paragraphs = paragraphs
        self._found = -1
        self._lay_out()
        top = self._top if stay else 0
        self._top = max(0, min(top, self.line_count() - self.page))
        self.repaint()

    def search(self, text: str) -> bool:
        """Look for a text from the top of the view on, whatever its case; go to it. "" ends the search."""
        self._wanted = re.compile(re.escape(text), re.IGNORECASE) if text else None
        self._found = self._top - 1
        found = self.search_on(1)
        self.repaint()
        return found

    def search_on(self, step: int) -> bool:
        """Go to the next place (1) or the one before (-1), round the end; whether there is one."""
        if self._wanted is None or not self._rows:
            return False
        count = len(self._rows)
        places = ((self._found + step * away) % count for away in range(1, count + 1))
        place = next((place for place in places if self._begins(place, self._wanted)), -1)
        if place < 0:
            return False
        self._found = place
        if not self._top <= place < self._top + self.page:
            self.show_from(place - self.page // 3)
        self.repaint()
        return True

    @property
    def searching(self) -> bool:
        """Whether there is something to go on with."""
        return self._wanted is not None

    @property
    def text(self) -> str:
        """All of it as it is laid out, to copy or to test."""
        return "\n".join(row for _, row in self._rows)

    # -- what `Lines` asks

    def line_count(self) -> int:
        return len(self._rows)

    def draw(self, index: int, width: int) -> Strip:
        number, text = self._rows[index]
        paragraph = self._paragraphs[number]
        role = "" if isinstance(paragraph, str) else paragraph.role
        pieces: list[Piece] = []
        if self._labels:
            label = "" if isinstance(paragraph, str) else paragraph.label
            first = index == 0 or self._rows[index - 1][0] != number
            pieces.append((fit(label if first else "", self._labels) + " " * _GAP, "dim"))
        if index in self._pictures:
            return self.line([*pieces, *self._pictures[index]], width)
        return self.line([*pieces, *self._lit(text, role, index == self._found)], width)

    def on_resize(self) -> None:
        before = self._rows[self._top][0] if self._rows else 0
        self._lay_out()
        self._top = next((at for at, (number, _) in enumerate(self._rows) if number >= before), 0)
        super().on_resize()

    def _lit(self, text: str, role: str, here: bool) -> list[Piece]:
        if self._wanted is None:
            return [(text, role)]
        pieces: list[Piece] = []
        end = 0
        for match in self._wanted.finditer(text):
            pieces += [(text[end : match.start()], role), (match[0], "cursor" if here else "marked")]
            end = match.end()
        return [*pieces, (text[end:], role)]

    def _begins(self, place: int, wanted: re.Pattern[str]) -> bool:
        """Whether what is wanted begins in a row; it may end in the next, for a row breaks anywhere."""
        number, row = self._rows[place]
        if wanted.search(row):
            return True
        if place + 1 == len(self._rows) or self._rows[place + 1][0] != number:
            return False
        rest = self._rows[place + 1][1]
        across = wanted.search(f"{row} {rest}") or wanted.search(row + rest)
        return across is not None and not wanted.search(rest) and across[0] in self._text(number)

    def _text(self, number: int) -> str:
        paragraph = self._paragraphs[number]
        return paragraph if isinstance(paragraph, str) else paragraph.text

    def _lay_out(self) -> None:
        width = max(self.size.width - 1, 1)
        longest = max((len(p.label) for p in self._paragraphs if not isinstance(p, str)), default=0)
        self._labels = min(longest, int(width * _LABEL_SHARE))
        room = width - self._labels - (_GAP if self._labels else 0)
        self._rows, self._pictures = [], {}
        for number, paragraph in enumerate(self._paragraphs):
            if isinstance(paragraph, str) or paragraph.picture is None:
                self._rows += [(number, row) for row in _rows(self._text(number), room)]
                continue
            for line in paragraph.picture(room):
                self._pictures[len(self._rows)] = line
                self._rows.append((number, "".join(text for text, _ in line)))


def _rows(text: str, width: int) -> list[str]:
    """A paragraph in rows; a very long one in steps, for its rest is measured again for each row."""
    if len(text) <= width and text.isascii() and text.isprintable():
        return [text]
    step = 4 * width if text.isascii() else width  # what is not ASCII is measured letter by letter
    if len(text) <= step:
        return wrap(text, width)
    rows: list[str] = []
    rest = ""
    for start in range(0, len(text), step):
        *full, rest = wrap(rest + text[start : start + step], width)
        rows += full
    return [*rows, rest]

"""Lists that draw a line at a time and send to the terminal only the lines that look different now.

The table, the tree and the detail pane stand on this. Textual repaints a whole viewport when it scrolls and
keeps a widget or a cell object for each row; over SSH, with 100,000 messages, both are felt. Here a list is a
number of lines, a function that draws one, and a memory of what stands on the screen: `Lines.repaint` draws
the visible lines again, compares, and refreshes what changed. Nothing changed: no bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from mtatui.text import cells, fit

#: A piece of a line: text that is clean already, and the role it plays ("" is plain text).
Piece = tuple[str, str]

CURSOR = "▶"
THUMB = "▐"


class Lines(Widget, can_focus=True):
    """A list of lines that scrolls. A child class says how many there are and draws one."""

    DEFAULT_CSS = """
    Lines {
        & > .lines--head { color: $text-muted; text-style: none; }
        & > .lines--dim { color: $text-muted; }
        & > .lines--strong { text-style: bold; }
        & > .lines--accent { color: $text-primary; text-style: bold; }
        & > .lines--warning { color: $text-warning; }
        & > .lines--danger { color: $text-error; text-style: bold; }
        & > .lines--marked { color: $text-primary; text-style: bold; }
        & > .lines--thumb { color: $text-muted; }
        & > .lines--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        & > .lines--cursor-blurred { background: $block-cursor-blurred-background; text-style: bold; }
        &:ansi {
            & > .lines--accent { color: ansi_cyan; }
            & > .lines--marked { color: ansi_cyan; }
            & > .lines--dim { color: ansi_default; text-style: dim; }
            & > .lines--head { color: ansi_default; text-style: dim; }
            & > .lines--thumb { color: ansi_default; text-style: dim; }
            & > .lines--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
            & > .lines--cursor-blurred { background: ansi_default; text-style: bold; }
        }
    }
    """
    #: The roles a piece of a line can play; `Piece` names them without the prefix.
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--head",
        "lines--dim",
        "lines--strong",
        "lines--accent",
        "lines--warning",
        "lines--danger",
        "lines--marked",
        "lines--thumb",
        "lines--cursor",
        "lines--cursor-blurred",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("pagedown", "move_pages(1)", "Page down", show=False, id="list.page-down"),
        Binding("pageup", "move_pages(-1)", "Page up", show=False, id="list.page-up"),
        Binding("ctrl+d", "move_pages(0.5)", "Half a page down", show=False, id="list.half-down"),
        Binding("ctrl+u", "move_pages(-0.5)", "Half a page up", show=False, id="list.half-up"),
        Binding("home,g", "move_to_start", "Top", show=False, id="list.top"),
        Binding("end,G", "move_to_end", "Bottom", show=False, id="list.bottom"),
    ]
    #: Lines at the top that stay when the rest scrolls.
    HEADS: ClassVar[int] = 0
    ALLOW_SELECT = False

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._top = 0
        self._extent = Size(0, 0)
        self._drawn: list[Strip] = []
        self._styles: dict[str, Style] = {}
        self._dragged_from: tuple[int, int] | None = None

    # -- what a child class gives

    def line_count(self) -> int:
        """How many lines there are, heads apart."""
        raise NotImplementedError

    def draw(self, index: int, width: int) -> Strip:
        """The line at an index, ``width`` cells wide (`line` makes it)."""
        raise NotImplementedError

    def draw_head(self, y: int, width: int) -> Strip:
        """A line that stays at the top."""
        return self.line([], width)

    def draw_beyond(self, index: int, width: int) -> Strip:
        """What stands below the last line."""
        return self.line([], width)

    # -- drawing

    @property
    def top(self) -> int:
        """The index of the first visible line."""
        return self._top

    @property
    def page(self) -> int:
        """How many lines are visible at once."""
        return max(self._extent.height - self.HEADS, 1)

    def line(self, pieces: Iterable[Piece], width: int, whole: str = "") -> Strip:
        """Pieces as a strip, cut or padded to the width; neighbours of one role become one segment.

        Args:
            whole: a role for the whole line, over those of the pieces ("cursor", "marked").
        """
        merged: list[list[str]] = []
        for text, own in pieces:
            role = whole or own
            if not text:
                continue
            if merged and (merged[-1][1] == role or text.isspace()):
                merged[-1][0] += text
            else:
                merged.append([text, role])
        room = width - sum(cells(text) for text, _ in merged)
        if not merged:
            merged.append(["", whole])
        if room < 0:
            merged = self._cut(merged, width)
        else:
            merged[-1][0] += " " * room
        return Strip([Segment(text, self.role(role)) for text, role in merged if text], width)

    @staticmethod
    def _cut(pieces: Sequence[list[str]], width: int) -> list[list[str]]:
        kept: list[list[str]] = []
        for text, role in pieces:
            room = width - sum(cells(t) for t, _ in kept)
            kept.append([fit(text, room) if cells(text) > room else text, role])
        return kept

    def role(self, role: str) -> Style:
        """The style of a role, as the theme has it."""
        if (style := self._styles.get(role)) is None:
            style = self.get_component_rich_style(f"lines--{role}") if role else self.rich_style
            self._styles[role] = style
        return style

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._drawn.clear()

    def render_line(self, y: int) -> Strip:
        if not self._drawn or self._extent != self.size:
            self._extent = self.size
            self._drawn = [self._draw_at(at) for at in range(self._extent.height)]
        return self._drawn[y] if y < len(self._drawn) else Strip.blank(self._extent.width)

    def _draw_at(self, y: int) -> Strip:
        width = max(self._extent.width - 1, 0)
        index = self._top + y - self.HEADS
        if y < self.HEADS:
            body = self.draw_head(y, width)
        elif index < self.line_count():
            body = self.draw(index, width)
        else:
            body = self.draw_beyond(index, width)
        start, stop = self._thumb()
        if start <= y < stop:
            return Strip([*body, Segment(THUMB, self.role("thumb"))], width + 1)
        *segments, (text, style, _) = list(body) or [Segment("", self.role(""))]
        return Strip([*segments, Segment(text + " ", style)], width + 1)

    def _thumb(self) -> tuple[int, int]:
        """The lines (from the widget's top) on which the scroll bar's thumb stands; none when all fits."""
        count, page = self.line_count(), self.page
        if count <= page:
            return 0, 0
        size = max(1, page * page // count)
        start = self.HEADS + self._top * (page - size) // (count - page)
        return start, start + size

    def repaint(self, indexes: Iterable[int] | None = None) -> None:
        """Draw the visible lines again (or some of them), and refresh those that look different now."""
        if not self._drawn:
            self.refresh()
            return
        width, height = self._extent
        if indexes is None:
            ys: Iterable[int] = range(height)
        else:
            shift = self.HEADS - self._top
            ys = [index + shift for index in indexes if 0 <= index - self._top < self.page]
        for y in ys:
            strip = self._draw_at(y)
            if strip != self._drawn[y]:
                self._drawn[y] = strip
                self.refresh(Region(0, y, width, 1))

    # -- scrolling

    def show_from(self, top: int) -> None:
        """Scroll so that the line ``top`` comes first, as far as there are lines."""
        top = max(0, min(top, self.line_count() - self.page))
        if top != self._top:
            self._top = top
            self.repaint()

    def on_resize(self) -> None:
        self._extent = self.size
        self._drawn.clear()
        self._top = max(0, min(self.top_here(), self.line_count() - self.page))
        self.refresh()

    def top_here(self) -> int:
        """The line that shall come first now that the size is another."""
        return self._top

    def action_move(self, lines: int) -> None:
        """Down (or up) by some lines."""
        self.show_from(self._top + lines)

    def action_move_pages(self, pages: float) -> None:
        """Down (or up) by some pages."""
        self.action_move(round(pages * self.page))

    def action_move_to_start(self) -> None:
        """To the first line."""
        self.action_move(-self.line_count())

    def action_move_to_end(self) -> None:
        """To the last line."""
        self.action_move(self.line_count())

    # -- the mouse

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.show_from(self._top + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.show_from(self._top - 3)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        start, stop = self._thumb()
        at = event.get_content_offset(self)
        if at is None or at.x != self._extent.width - 1 or stop == start or at.y < self.HEADS:
            return
        if at.y < start:
            self.show_from(self._top - self.page)
        elif at.y >= stop:
            self.show_from(self._top + self.page)
        else:
            self._dragged_from = event.y, self._top
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged_from is None:
            return
        y, top = self._dragged_from
        start, stop = self._thumb()
        track = max(self.page - (stop - start), 1)
        self.show_from(top + round((event.y - y) * (self.line_count() - self.page) / track))

    def on_mouse_up(self) -> None:
        if self._dragged_from is not None:
            self._dragged_from = None
            self.release_mouse()


class CursorLines(Lines):
    """Lines with a cursor on one of them. A child class is told when it moves (`cursor_moved`)."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._cursor = 0

    @property
    def cursor(self) -> int:
        """The index of the line the cursor is on; 0 in an empty list."""
        return self._cursor

    def cursor_moved(self) -> None:
        """The cursor is on another line now."""

    def top_here(self) -> int:
        """As far from where it was as the cursor needs to be in view."""
        return max(min(self._top, self._cursor), self._cursor - self.page + 1)

    @property
    def cursor_role(self) -> str:
        """The role of the cursor's line: quieter while another pane has the focus."""
        return "cursor" if self.has_focus else "cursor-blurred"

    def move_to(self, index: int, top: int | None = None) -> None:
        """Put the cursor on a line.

        Args:
            top: the line that shall come first. Without it the view stays where it is as long as it holds the
                cursor, and else jumps by half a page: one whole repaint instead of one for each line.
        """
        index = max(0, min(index, self.line_count() - 1))
        before, self._cursor = self._cursor, index
        if top is None:
            inside = self._top <= index < self._top + self.page
            top = self._top if inside else index - self.page // 2
        top = max(0, min(top, self.line_count() - self.page))
        if top != self._top:
            self._top = top
            self.repaint()
        elif index != before:
            self.repaint((before, index))
        if index != before:
            self.cursor_moved()

    def action_move(self, lines: int) -> None:
        self.move_to(self._cursor + lines)

    def action_move_pages(self, pages: float) -> None:
        lines = round(pages * self.page)
        self.move_to(self._cursor + lines, self._top + lines)

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.repaint((self._cursor,))

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None or at.x >= self._extent.width - 1 or at.y < self.HEADS:
            return
        if (index := self._top + at.y - self.HEADS) < self.line_count():
            self.clicked(index, event)

    def clicked(self, index: int, event: events.Click) -> None:
        """A line was clicked."""
        self.move_to(index)

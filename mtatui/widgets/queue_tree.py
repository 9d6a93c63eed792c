"""The tree beside the table: servers, their queue states, and facets, each with its live count.

The screen makes the tree as a flat list of visible nodes and sets it whole as often as it likes: only lines
that look different are repainted, and the cursor stays on its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from mtatui.text import cells, clean, count, fit
from mtatui.widgets.lines import CURSOR, CursorLines


@dataclass(frozen=True, slots=True)
class Node:
    """One visible line of the tree.

    ``key`` says which node it is, whatever its place; ``count`` is a number, a short word in its place ("no
    answer"), or None; ``glyph`` stands where the arrow of an expandable node would; ``role`` colours it (see
    `mtatui.widgets.lines.Lines`), ``count_role`` its count where that is to look different; one that is not
    ``selectable`` is only a heading, which enter folds.
    """

    key: str
    label: str
    count: int | str | None = None
    depth: int = 0
    expandable: bool = False
    expanded: bool = False
    glyph: str = ""
    role: str = ""
    selectable: bool = True
    count_role: str = ""


class QueueTree(CursorLines):
    """A tree over a flat list of visible nodes."""

    DEFAULT_CSS = """
    QueueTree { width: 30; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Choose", show=False, id="tree.select"),
        Binding("right,plus", "unfold", "Unfold", show=False, id="tree.unfold"),
        Binding("left,minus", "fold", "Fold", show=False, id="tree.fold"),
    ]

    class _About(Message):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Selected(_About):
        """The person chooses this node: the table shall show what it stands for."""

    class Highlighted(_About):
        """The cursor is on another node."""

    class Expanded(_About):
        """The person wants to see what is under this node."""

    class Collapsed(_About):
        """The person folds this node."""

    def __init__(
        self,
        nodes: Sequence[Node] = (),
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._listed = list(nodes)
        self._chosen = ""

    @property
    def nodes(self) -> Sequence[Node]:
        """The visible nodes, top to bottom."""
        return self._listed

    @nodes.setter
    def nodes(self, nodes: Sequence[Node]) -> None:
        key, self._listed = self.cursor_key, list(nodes)
        places = {node.key: index for index, node in enumerate(self._listed)}
        before = self._cursor
        self._cursor = places.get(key, max(0, min(before, len(self._listed) - 1))) if key else before
        self._top = max(0, min(self._top + self._cursor - before, len(self._listed) - self.page))
        self.repaint()
        if self.cursor_key != key:
            self.cursor_moved()

    @property
    def chosen(self) -> str:
        """The key of the node whose messages the table shows; "" where none. It bears a mark."""
        return self._chosen

    @chosen.setter
    def chosen(self, key: str) -> None:
        self._chosen = key
        self.repaint()

    @property
    def cursor_key(self) -> str | None:
        """The key of the node under the cursor; None in an empty tree."""
        return self._listed[self._cursor].key if self._cursor < len(self._listed) else None

    def line_count(self) -> int:
        return len(self._listed)

    def draw(self, index: int, width: int) -> Strip:
        node = self._listed[index]
        under, chosen = index == self._cursor, node.key == self._chosen
        quiet = "dim" if node.count == 0 else node.role
        arrow = ("▾" if node.expanded else "▸") if node.expandable else ""
        lead = f"{CURSOR if under and self.has_focus else ' '}{'  ' * node.depth}"
        if mark := node.glyph or arrow:
            lead += mark + " "
        number = count(node.count) if isinstance(node.count, int) else clean(node.count or "")
        room = width - cells(lead) - cells(number) - 3
        pieces = [
            (lead, quiet),
            (fit(node.label, room), quiet or ("strong" if not node.depth else "")),
            (f" {number}", node.count_role or quiet or ("" if isinstance(node.count, int) else "dim")),
            (" ◂" if chosen else "  ", "accent"),
        ]
        return self.line(pieces, width, self.cursor_role if under else "")

    def cursor_moved(self) -> None:
        if (key := self.cursor_key) is not None:
            self.post_message(self.Highlighted(key))

    def action_select(self) -> None:
        """Choose the node under the cursor; fold or unfold it where it is only a heading."""
        if self._cursor < len(self._listed):
            node = self._listed[self._cursor]
            if node.selectable:
                self.post_message(self.Selected(node.key))
            else:
                self._toggle(node)

    def action_unfold(self) -> None:
        """Unfold the node; where it is unfolded already, go to what is under it."""
        if self._cursor < len(self._listed):
            node = self._listed[self._cursor]
            if node.expandable and not node.expanded:
                self._toggle(node)
            elif node.expanded:
                self.move_to(self._cursor + 1)

    def action_fold(self) -> None:
        """Fold the node; where there is nothing to fold, go to the node above it."""
        if self._cursor < len(self._listed):
            node = self._listed[self._cursor]
            if node.expanded:
                self._toggle(node)
                return
            above = (i for i in range(self._cursor, -1, -1) if self._listed[i].depth < node.depth)
            self.move_to(next(above, self._cursor))

    def _toggle(self, node: Node) -> None:
        if node.expandable:
            self.post_message((self.Collapsed if node.expanded else self.Expanded)(node.key))

    def clicked(self, index: int, event: events.Click) -> None:
        self.move_to(index)
        node = self._listed[index]
        if node.expandable and event.get_content_offset_capture(self).x < 3 + 2 * node.depth:
            self._toggle(node)
        else:
            self.action_select()

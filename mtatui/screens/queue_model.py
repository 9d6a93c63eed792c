"""What the queue page shows, apart from how: filter, order, marks, the rows at hand, the tree's counts.

`QueueModel.look` and `QueueModel.tally` ask the index and run in a thread; everything else is quick. The
filter's text is the one truth: a click in the tree changes it, and what the tree marks as chosen is read
from it. What the tree is made of stands in `mtatui.screens.queue_tree_model`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from mtatui.queue.facets import Facet, FacetCount
from mtatui.queue.index import Index
from mtatui.queue.message import State
from mtatui.queue.query import Query, parse
from mtatui.queue.views import Sort, Summary, View
from mtatui.screens import queue_tree_model as tree

#: Values shown under a facet.
FACET_ROWS = 12
#: Rows kept at hand.
AT_HAND = 3000


class Window:
    """The rows of a view that are at hand: the table's `RowSource`. Of a ``partial`` one more will come."""

    def __init__(self, view: View, *, partial: bool = False) -> None:
        self.view = view
        self.partial = partial
        self._rows: dict[int, Summary | None] = {}

    def __len__(self) -> int:
        return len(self.view)

    def add(self, start: int, rows: Sequence[Summary | None]) -> None:
        """Take rows from a position on; far ones are let go of when there are too many."""
        if len(self._rows) + len(rows) > AT_HAND:
            self._rows.clear()
        self._rows.update(enumerate(rows, start))

    @property
    def id_width(self) -> int:
        """The length of the longest ID at hand."""
        return max((len(row.queue_id) for row in self._rows.values() if row is not None), default=0)

    def row(self, index: int) -> Summary | None:
        """The row at a position; None where it is not at hand."""
        return self._rows.get(index)

    def place(self, id: str) -> int | None:
        """The position of a row that is at hand; None where it is not."""
        return next((at for at, row in self._rows.items() if row is not None and row.id == id), None)

    def id(self, index: int) -> str | None:
        """Who stands at a position; None where that is not at hand."""
        row = self._rows.get(index)
        return row.id if row is not None else None


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the index found for the table."""

    window: Window
    cursor: int | None
    generation: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What one count found for the tree."""

    counts: dict[str, dict[State, int]]
    """By the name of the server; "" is all of them."""
    facets: dict[tuple[str, Facet], Sequence[FacetCount]]
    """By place (`mtatui.screens.queue_tree_model.place`)."""
    lost_marks: frozenset[str]


@dataclass
class QueueModel:
    """The state of the queue page."""

    index: Index
    text: str = ""
    query: Query = field(default_factory=Query)
    sort: Sort = field(default_factory=Sort)
    marks: set[str] = field(default_factory=set)
    unfolded: set[str] = field(default_factory=set)

    # --- the filter ------------------------------------------------------------------------------------

    def filter(self, text: str) -> None:
        """Take over a filter as it was typed.

        Raises:
            QuerySyntaxError: it has a mistake; the one before stays.
        """
        self.query = parse(text)
        self.text = text

    def narrow(self, key: str) -> None:
        """Take over what a node of the tree stands for."""
        self.query = tree.narrowed(self.query, key)
        self.text = str(self.query)

    def narrow_state(self, state: State) -> None:
        """Take over a state, on the servers that are chosen already."""
        self.query = self.query.narrowed("state", state)
        self.text = str(self.query)

    @property
    def state(self) -> State | None:
        """The one state that the filter asks for, None where it asks for none or several."""
        return tree.state(self.query)

    @property
    def server(self) -> str:
        """The one server that the filter asks for; "" where it asks for none, or several."""
        return tree.only(self.query, "server")

    # --- asking the index (in a thread) ----------------------------------------------------------------

    def look(self, top: int, page: int, cursor: int, cursor_id: str | None) -> Look:
        """The view of the filter as of now, and the rows around the screen.

        Raises:
            Unwanted: another filter was typed meanwhile.

        Args:
            top, page: the first row on the screen, and how many fit.
            cursor, cursor_id: where the cursor is, and on whom.
        """
        generation, query = self.index.generation, self.query
        view = self.index.view(query, self.sort, int(time.time()), lambda: self.query is query)
        place = self.index.position(view, cursor_id) if cursor_id else None
        top = max(0, min(top + (place - cursor if place is not None else 0), len(view) - page))
        window = Window(view)
        self.fetch(window, range(max(0, top - page), top + 2 * page))
        return Look(window, place, generation)

    def first(self, query: Query, page: int) -> Look | None:
        """The first two pages of a filter, before all that it means is known; None where they take long."""
        generation = self.index.generation
        view = self.index.first(query, self.sort, int(time.time()), 2 * page)
        if view is None:
            return None
        window = Window(view, partial=True)
        self.fetch(window, range(2 * page))
        return Look(window, None, generation)

    def fetch(self, window: Window, wanted: range) -> None:
        """Bring rows of a window to hand."""
        wanted = range(wanted.start, min(wanted.stop, len(window)))
        window.add(wanted.start, self.index.rows(window.view, wanted.start, wanted.stop))

    def ids(self, window: Window, rows: range) -> set[str]:
        """Who stands at these positions of a window."""
        return set(self.index.ids(window.view, rows.start, rows.stop))

    def tally(self, names: Sequence[str] = ()) -> Tally:
        """Counts for the tree, under the filter where it narrows.

        Args:
            names: the servers, where there are several.
        """
        now = int(time.time())
        facets: dict[tuple[str, Facet], Sequence[FacetCount]] = {}
        for key in self.unfolded:
            kind, _, rest = key.partition(":")
            if kind == "facet":
                place, by = rest.split(":")
                query = tree.narrowed(self.query, f"state:{place}").without(Facet(by).field)
                facets[place, Facet(by)] = self.index.facets(query, Facet(by), FACET_ROWS, now)
        lost = self.index.unknown(self.marks) if self.marks else ()
        counts = {"": self.index.counts(), **{name: self.index.counts([name]) for name in names}}
        return Tally(counts, facets, frozenset(lost))

    # --- the tree --------------------------------------------------------------------------------------

    @property
    def chosen(self) -> str:
        """The key of the node that the filter stands for."""
        return tree.chosen(self.query)

    def unfold(self, key: str) -> None:
        """Show what is under a node; a state opens with its reasons."""
        self.unfolded.add(key)
        kind, _, rest = key.partition(":")
        if kind == "state":
            self.unfolded.add(f"facet:{rest}:{Facet.REASON}")

    def fold(self, key: str) -> None:
        """Hide what is under a node."""
        self.unfolded.discard(key)

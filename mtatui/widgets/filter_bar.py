"""The line in which a query is written: its mistakes are shown at their place, while typing."""

from __future__ import annotations

from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from mtatui.text import cells, clean
from mtatui.widgets.one_line import OneLine

#: The part of the line (percent) in which it is said what is wrong with the query.
_ROOM_FOR_MISTAKES = 60


class _Mistake(Highlighter):
    """Underlines the part of the query that is wrong."""

    def __init__(self) -> None:
        self.at: tuple[int, int] | None = None

    def highlight(self, text: Text) -> None:
        if self.at is not None:
            text.stylize("red underline", *self.at)


class QueryInput(Input):
    """An input that keeps out what steers a terminal, remembers what was asked, and does not blink."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False, id="filter.leave"),
        Binding("up", "older", "Older", show=False, id="filter.older"),
        Binding("down", "newer", "Newer", show=False, id="filter.newer"),
    ]

    class Left(Message):
        """The person leaves without asking."""

    def __init__(self, placeholder: str) -> None:
        self.mistake = _Mistake()
        self.history: list[str] = []
        self._at = 0
        super().__init__(
            placeholder=placeholder, compact=True, select_on_focus=False, highlighter=self.mistake
        )
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """What is pasted is a stranger's text, too."""
        return clean(value)

    def remember(self) -> None:
        """Put what is written into the history, once."""
        if self.value and self.value not in self.history[-1:]:
            self.history.append(self.value)
        self._at = len(self.history)

    def action_leave(self) -> None:
        """Leave without asking."""
        self.post_message(self.Left())

    def action_older(self) -> None:
        """The query before this one."""
        self._recall(self._at - 1)

    def action_newer(self) -> None:
        """The query after this one; after the last an empty line."""
        self._recall(self._at + 1)

    def _recall(self, at: int) -> None:
        if 0 <= at <= len(self.history):
            self._at = at
            self.value = self.history[at] if at < len(self.history) else ""
            self.cursor_position = len(self.value)


class FilterBar(Horizontal):
    """A query at the left, how much it matches (or what is wrong with it) at the right.

    While the person types `Changed` is posted; the screen answers with `show_count` or `show_mistake`. Enter
    keeps the query (`Submitted`), escape goes back to the one that was kept (`Dismissed`).
    """

    DEFAULT_CSS = """
    FilterBar {
        height: 1;
        & > #slash { width: 3; }
        & > QueryInput, & > QueryInput:focus {
            width: 1fr;
            background: transparent;
            background-tint: transparent;
        }
        & > #matches { width: 34; max-width: 45%; }
        &.-mistaken > #matches { width: $room; max-width: $room; }
    }
    """.replace("$room", f"{_ROOM_FOR_MISTAKES}%")

    class Changed(Message):
        """Another text stands in the bar, by whatever way."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Submitted(Changed):
        """The person keeps this query."""

    class Dismissed(Message):
        """The person leaves the bar; the query that was kept stands in it again."""

    def __init__(
        self,
        placeholder: str = "from: to: reason: age>2h …  or any word",
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._input = QueryInput(placeholder)
        self._matches = OneLine(id="matches")
        self._kept = ""

    def compose(self) -> ComposeResult:
        slash = OneLine(id="slash")
        slash.say([(" /", "accent")])
        yield slash
        yield self._input
        yield self._matches

    @property
    def value(self) -> str:
        """The query as it stands there."""
        return self._input.value

    def keep(self, text: str) -> None:
        """Put a query into the bar as the one that is kept, as when a facet was chosen."""
        self._kept = clean(text)
        self._input.value = self._kept
        self._input.cursor_position = len(self._kept)
        self._input.remember()

    def ask(self) -> None:
        """Let the person write."""
        self.screen.set_focus(self._input)  # at once, for the next key may be on its way

    @property
    def history(self) -> list[str]:
        """What was asked before, oldest first."""
        return self._input.history

    def show_count(self, text: str) -> None:
        """The query is well-formed; say how much it matches."""
        self._mark(None)
        self._matches.say(right=[(clean(text), "dim")])

    def show_mistake(self, text: str, start: int = 0, stop: int | None = None) -> bool:
        """Say what is wrong with the query, and underline it there; whether there was room to say all of it.

        Args:
            start: the first character that is wrong, from 0.
            stop: the one after the last; without it all the rest is underlined.
        """
        end = len(self.value) if stop is None else stop
        self._mark((min(start, max(len(self.value) - 1, 0)), max(end, start + 1)))
        said = " ✖ " + clean(text)
        self._matches.say(right=[(said, "danger")])
        return cells(said) < self.size.width * _ROOM_FOR_MISTAKES // 100

    def _mark(self, at: tuple[int, int] | None) -> None:
        self.set_class(at is not None, "-mistaken")
        if at != self._input.mistake.at:
            self._input.mistake.at = at
            self._input.refresh()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._kept = event.value
        self._input.remember()
        self.post_message(self.Submitted(event.value))

    def on_query_input_left(self, event: QueryInput.Left) -> None:
        event.stop()
        self._input.value = self._kept
        self.post_message(self.Dismissed())

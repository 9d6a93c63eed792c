"""The palette: every action by name, with its argument (``:filter from:shop``, ``:hold``, ``:sort age``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from mtatui.screens.seeking import Fitting, SeekingScreen
from mtatui.text import fit
from mtatui.verbs import Action
from mtatui.widgets.footer import cap
from mtatui.widgets.lines import Piece

#: Cells of the names of actions.
NAME = 24
#: What an action's argument can be, as far as it was typed: words, each with a note.
Offers = Callable[[str, str], Sequence[tuple[str, str]]]


class Matches(Fitting[Action]):
    """The actions that fit what was typed so far; those that cannot be done now say why."""

    NOTHING = "No action is called that"

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__()
        self.reasons = reasons
        self.name_width = NAME

    def told(self, item: Action) -> Iterable[Piece]:
        why = self.reasons.get(item.id, "")
        yield fit(f"{item.id} {item.argument}", self.name_width), "dim" if why else ""
        yield fit(cap(item.keys) if item.keys else "", 8), "dim"
        yield why or item.help, "dim"


class PaletteScreen(SeekingScreen[Action, tuple[str, str] | None]):
    """Type an action's name, with an argument where it takes one; answers with both."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]
    SIGN = ":"
    MOST = 10
    #: What was run before, newest last; kept while mtatui runs.
    history: ClassVar[list[str]] = []

    def __init__(
        self, actions: Sequence[Action], reasons: dict[str, str], offers: Offers = lambda id, argument: ()
    ) -> None:
        matches = Matches(reasons)
        super().__init__(matches, Input(placeholder="an action, and what it takes", select_on_focus=False))
        self.matches = matches
        self.actions = actions
        self.offers = offers
        self._back = 0

    def on_input_submitted(self) -> None:
        """Run what was typed, or what the cursor is on."""
        self.take()

    def take(self) -> bool:
        """Answer with the action and its argument; what is offered for that is taken over first."""
        if self.matches.items and " " in self.matches.items[0].id and self.matches.cursor:
            self.action_complete()
            return True
        word, _, argument = self.input.value.strip().partition(" ")
        named = next((action for action in self.actions if action.id == word), self.matches.chosen)
        if named is None:
            return False
        self.history.append(f"{named.id} {argument}".strip())
        self.dismiss((named.id, argument.strip()))
        return True

    def action_move(self, lines: int) -> None:
        """Move in the list; up from its first line goes back in history."""
        if lines < 0 and self.matches.cursor == 0 and self._back < len(self.history):
            self._back += 1
            self._type(self.history[-self._back])
        else:
            super().action_move(lines)

    def action_complete(self) -> None:
        """Take over the name at the cursor, ready for its argument."""
        if (chosen := self.matches.chosen) is not None:
            self._type(chosen.id if chosen.id.endswith("=") else chosen.id + " ")

    def _type(self, text: str) -> None:
        self.input.value = text
        self.input.cursor_position = len(text)

    def narrow(self, typed: str) -> None:
        word, blank, argument = typed.lstrip().lower().partition(" ")
        offered = self.offers(word, argument) if blank else ()
        self.matches.name_width = max([NAME, *(len(word) + len(text) + 2 for text, _ in offered)])
        if offered:
            self.show([Action(f"{word} {text}", "", text, note) for text, note in offered])
            return
        found = [action for action in self.actions if word in action.id or word in action.label.lower()]
        self.show(sorted(found, key=lambda action: not action.id.startswith(word)))

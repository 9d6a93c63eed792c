"""The palette: every action by name, with its argument (``:filter from:shop``, ``:hold``, ``:sort age``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, Static

from mtatui.text import fit
from mtatui.verbs import Action
from mtatui.widgets.footer import cap
from mtatui.widgets.lines import CursorLines, Piece

#: How many actions are shown at once.
MOST = 10
#: Cells of the names of actions.
NAME = 24
#: What an action's argument can be, as far as it was typed: words, each with a note.
Offers = Callable[[str, str], Sequence[tuple[str, str]]]


class Matches(CursorLines, can_focus=False):
    """The actions that fit what was typed so far; those that cannot be done now say why."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__()
        self.actions: Sequence[Action] = ()
        self.reasons = reasons
        self.name_width = NAME

    def line_count(self) -> int:
        return len(self.actions)

    def draw(self, index: int, width: int) -> Strip:
        action = self.actions[index]
        why = self.reasons.get(action.id, "")
        pieces: list[Piece] = [
            ("▶ " if index == self.cursor else "  ", "accent"),
            (fit(f"{action.id} {action.argument}", self.name_width), "dim" if why else ""),
            (fit(cap(action.keys) if action.keys else "", 8), "dim"),
            (why or action.help, "dim"),
        ]
        return self.line(pieces, width, "cursor" if index == self.cursor else "")

    def draw_beyond(self, index: int, width: int) -> Strip:
        text = "" if self.actions else "  No action is called that; esc goes back."
        return self.line([(text, "warning")], width)

    def clicked(self, index: int, event: events.Click) -> None:
        self.move_to(index)
        screen = self.screen
        if isinstance(screen, PaletteScreen):
            screen.take()


class PaletteScreen(ModalScreen[tuple[str, str] | None]):
    """Type an action's name, with an argument where it takes one; answers with both."""

    DEFAULT_CSS = """
    PaletteScreen {
        align: center bottom;
        & > Matches { background: $surface; padding: 0 1; }
        & > #palette-line {
            layout: horizontal; height: 1; background: $panel;
            & > Static { width: 2; text-style: bold; padding-left: 1; }
            & > Input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
        }
        &:ansi > Matches { background: ansi_default; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("tab", "complete", "Complete", show=False),
    ]
    #: What was run before, newest last; kept while mtatui runs.
    history: ClassVar[list[str]] = []

    def __init__(
        self, actions: Sequence[Action], reasons: dict[str, str], offers: Offers = lambda id, argument: ()
    ) -> None:
        super().__init__()
        self.actions = actions
        self.offers = offers
        self.matches = Matches(reasons)
        self.input = Input(placeholder="an action, and what it takes", select_on_focus=False)
        self.input.cursor_blink = False
        self._back = 0

    def compose(self) -> ComposeResult:
        from textual.containers import Container

        yield self.matches
        with Container(id="palette-line"):
            yield Static(Content(":"), markup=False)
            yield self.input

    def on_mount(self) -> None:
        """Show everything there is, and wait for letters."""
        self._narrow("")
        self.input.focus()

    def on_key(self, event: events.Key) -> None:
        """What was typed while this opened goes where it belongs."""
        if event.is_printable and event.character and self.focused is None:
            self.input.insert_text_at_cursor(event.character)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list to what fits."""
        self._narrow(event.value)

    def on_input_submitted(self) -> None:
        """Run what was typed, or what the cursor is on."""
        self.take()

    def take(self) -> None:
        """Answer with the action and its argument; what is offered for that is taken over first."""
        if self.matches.actions and " " in self.matches.actions[0].id and self.matches.cursor:
            self.action_complete()
            return
        word, _, argument = self.input.value.strip().partition(" ")
        named = next((action for action in self.actions if action.id == word), None)
        if named is None and self.matches.actions:
            named = self.matches.actions[self.matches.cursor]
        if named is None:
            return
        self.history.append(f"{named.id} {argument}".strip())
        self.dismiss((named.id, argument.strip()))

    def action_move(self, lines: int) -> None:
        """Move in the list; up from its first line goes back in history."""
        if lines < 0 and self.matches.cursor == 0 and self._back < len(self.history):
            self._back += 1
            self.input.value = self.history[-self._back]
            self.input.cursor_position = len(self.input.value)
            return
        self.matches.move_to(self.matches.cursor + lines)

    def action_complete(self) -> None:
        """Take over the name at the cursor, ready for its argument."""
        if self.matches.actions:
            taken = self.matches.actions[self.matches.cursor].id
            self.input.value = taken if taken.endswith("=") else taken + " "
            self.input.cursor_position = len(self.input.value)

    def _narrow(self, typed: str) -> None:
        word, blank, argument = typed.lstrip().lower().partition(" ")
        offered = self.offers(word, argument) if blank else ()
        self.matches.name_width = max([NAME, *(len(word) + len(text) + 2 for text, _ in offered)])
        if offered:
            self._list([Action(f"{word} {text}", "", text, note) for text, note in offered])
            return
        found = [action for action in self.actions if word in action.id or word in action.label.lower()]
        self._list(sorted(found, key=lambda action: not action.id.startswith(word)))

    def _list(self, actions: Sequence[Action]) -> None:
        self.matches.actions = actions
        # What is left stands right above the line in which one types.
        self.matches.styles.height = max(1, min(len(actions), MOST))
        self.matches.move_to(0)
        self.matches.repaint()

"""The line at the bottom: the keys that apply here, made from the table of actions."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from mtatui.text import cells
from mtatui.verbs import Action
from mtatui.widgets.lines import Piece
from mtatui.widgets.one_line import OneLine, width_of

#: Textual's names of keys, as they are printed on keyboards.
_CAPS = {
    "slash": "/",
    "asterisk": "*",
    "question_mark": "?",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "comma": ",",
    "at": "@",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


def cap(keys: str) -> str:
    """The first of an action's keys as a person reads it: ``slash,f`` is ``/``, ``ctrl+q`` is ``^q``."""
    key = keys.split(",", maxsplit=1)[0]
    held, _, last = key.rpartition("+")
    return held.replace("ctrl", "^").replace("shift", "⇧").replace("+", "") + _CAPS.get(last, last)


class KeyFooter(OneLine):
    """Keys and what they do. Where it is narrow the last ones go first; the very last (help) always stays."""

    DEFAULT_CSS = """
    KeyFooter { dock: bottom; }
    """

    class Pressed(Message):
        """The person clicked an action."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._actions: Sequence[tuple[Action, bool]] = ()
        self._note: Sequence[Piece] = ()
        self._places: list[tuple[range, str]] = []

    def show(self, actions: Sequence[tuple[Action, bool]], note: Sequence[Piece] = ()) -> None:
        """Show these actions, in this order of importance; those that do not apply now (False) are dim.

        Args:
            note: pieces for the right end, for which keys give way.
        """
        self._actions, self._note = [pair for pair in actions if pair[0].keys], note
        self.repaint()

    def _said(self, width: int) -> tuple[Sequence[Piece], Sequence[Piece]]:
        shown = list(self._actions)
        room = width - width_of(self._note) - 2 * bool(self._note)
        while sum(_width(action) for action, _ in shown) > room and len(shown) > 1:
            del shown[-2]
        pieces: list[Piece] = []
        self._places = []
        at = 0
        for action, applies in shown:
            pieces += [(f" {cap(action.keys)}", "accent" if applies else "dim")]
            pieces += [(f" {action.label} ", "" if applies else "dim")]
            self._places.append((range(at, at + _width(action)), action.id))
            at += _width(action)
        return pieces, self._note

    def on_click(self, event: events.Click) -> None:
        for place, action in self._places:
            if event.get_content_offset_capture(self).x in place:
                self.post_message(self.Pressed(action))


def _width(action: Action) -> int:
    return cells(cap(action.keys)) + cells(action.label) + 3

"""What the keys of the message screen do: each of its actions with the Textual action for it."""

from __future__ import annotations

from collections.abc import Iterable

from mtatui.screens import queue_sheets
from mtatui.verbs import ALL, SECTIONS, VERBS, Action
from mtatui.widgets.footer import cap
from mtatui.widgets.lines import Piece

_READING = {
    "next-section": "turn(1)",
    "previous-section": "turn(-1)",
    "next-message": "neighbour(1)",
    "previous-message": "neighbour(-1)",
    "search": "ask('search')",
    "search-next": "search_on(1)",
    "search-back": "search_on(-1)",
    "more": "more",
    "save": "ask('save')",
    "copy": "copy",
    "back": "back",
    "help": "help",
}

#: Each action with what the screen does for it.
KEYS: tuple[tuple[Action, str], ...] = (
    *((section, f"section('{section.id}')") for section in SECTIONS),
    *((verb, f"verb('{verb.id}')") for verb in VERBS.values()),
    *((ALL[id], does) for id, does in _READING.items()),
)

MESSAGE_ACTIONS: tuple[Action, ...] = tuple(action for action, _ in KEYS)

#: What the footer names, the most needed first; sections stand above the text. Help always stays.
FOOTER = ("next-message", "previous-message", *VERBS, "search", "more", "save", "copy", "back", "help")


def help_lines(actions: Iterable[Action], width: int) -> list[list[Piece]]:
    """The keys of the screen and what they do, as actions bear them now."""
    lines: list[list[Piece]] = []
    for action in actions:
        keys = " ".join(cap(key) for key in action.keys.split(","))
        lines += queue_sheets.row(keys, action.label, action.help, width)
    return lines + list(queue_sheets.row("j k g G", "Move", "Also arrows and pages.", width))

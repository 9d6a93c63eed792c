"""What the keys of the message screen do: each of its actions with the Textual action for it."""

from __future__ import annotations

from mtatui.verbs import ALL, SECTIONS, VERBS, Action

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

"""Every action of the user, once: its id, key, label, help, danger and name on the command line.

Footer, palette, help, keymap, documentation and the ``queue`` commands are made from this table, so that a
key can never do one thing and be described as another.
"""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger, Verb
from mtatui.verbs.dkim import DKIM
from mtatui.verbs.filters import FILTERS, SIGNATURES
from mtatui.verbs.messages import (
    BOUNCE,
    DELETE,
    DELIVER,
    HOLD,
    READING,
    RELEASE,
    REQUEUE,
    RESTORE,
    SECTIONS,
    VERBS,
)
from mtatui.verbs.pages import ACTIONS
from mtatui.verbs.setup import HISTORY, SERVICES, SETTINGS

__all__ = [
    "ACTIONS",
    "ALL",
    "BOUNCE",
    "DELETE",
    "DELIVER",
    "DKIM",
    "FILTERS",
    "HISTORY",
    "HOLD",
    "PAGES",
    "PLACES",
    "READING",
    "RELEASE",
    "REQUEUE",
    "RESTORE",
    "SECTIONS",
    "SERVICES",
    "SETTINGS",
    "SIGNATURES",
    "VERBS",
    "Action",
    "Danger",
    "Verb",
    "on",
]

#: Every action there is, by id.
ALL: dict[str, Action] = {
    action.id: action
    for action in (
        *VERBS.values(),
        *ACTIONS,
        *SECTIONS,
        *READING,
        *SETTINGS,
        *FILTERS,
        *HISTORY,
        *SERVICES,
        *SIGNATURES,
        *DKIM,
    )
}

#: The pages there are: the id and the name of each, in the order of their keys.
PAGES: tuple[tuple[str, str], ...] = tuple(
    (action.id.removeprefix("page-"), action.label) for action in ACTIONS if action.id.startswith("page-")
)

#: The screens that "pages" and "everywhere" mean.
PLACES: dict[str, tuple[str, ...]] = {
    "pages": ("queue", "settings", "history", "services", "signatures", "dkim"),
    "everywhere": ("queue", "message", "settings", "history", "services", "signatures", "dkim"),
}


def on(screen: str) -> tuple[Action, ...]:
    """The actions that belong to a screen, in order."""
    return tuple(a for a in ALL.values() if screen in PLACES.get(a.where, (a.where,)))

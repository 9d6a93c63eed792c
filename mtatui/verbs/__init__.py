"""Every action of the user, once: its id, key, label, help, danger and name on the command line.

Footer, palette, help, keymap, documentation and the ``queue`` commands are made from this table, so that a
key can never do one thing and be described as another.
"""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger, Verb
from mtatui.verbs.dkim import DKIM
from mtatui.verbs.filters import FILTERS, SIGNATURES
from mtatui.verbs.matrix import MATRIX, OPEN
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
from mtatui.verbs.servers import CURRENT, SERVERS
from mtatui.verbs.setup import HISTORY, SERVICES, SETTINGS

__all__ = [
    "ACTIONS",
    "ALL",
    "BOUNCE",
    "CURRENT",
    "DELETE",
    "DELIVER",
    "DKIM",
    "FILTERS",
    "HISTORY",
    "HOLD",
    "MATRIX",
    "PAGES",
    "PLACES",
    "READING",
    "RELEASE",
    "REQUEUE",
    "RESTORE",
    "SECTIONS",
    "SERVERS",
    "SERVERS_PAGE",
    "SERVICES",
    "SETTINGS",
    "SIGNATURES",
    "VERBS",
    "Action",
    "Danger",
    "Verb",
    "on",
    "pages",
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
        *SERVERS,
        *CURRENT,
        OPEN,
        *MATRIX,
    )
}

#: The page of all servers: where there is one only, the header does not speak of it.
SERVERS_PAGE = ("servers", "Servers")

#: The pages of a server: the id and the name of each, in the order of their keys.
PAGES: tuple[tuple[str, str], ...] = tuple(
    (action.id.removeprefix("page-"), action.label)
    for action in ACTIONS
    if action.id.startswith("page-") and action.id != f"page-{SERVERS_PAGE[0]}"
)

#: The screens that show one server.
_OF_ONE = ("settings", "history", "services", "signatures", "dkim")

#: The screens that "one", "pages" and "everywhere" mean.
PLACES: dict[str, tuple[str, ...]] = {
    "one": _OF_ONE,
    "pages": ("queue", "servers", "matrix", *_OF_ONE),
    "everywhere": ("queue", "message", "servers", "matrix", *_OF_ONE),
}


def pages(many: bool) -> tuple[tuple[str, str], ...]:
    """The pages that a header names, where there are many servers or one."""
    return (SERVERS_PAGE, *PAGES) if many else PAGES


def on(screen: str) -> tuple[Action, ...]:
    """The actions that belong to a screen, in order."""
    return tuple(a for a in ALL.values() if screen in PLACES.get(a.where, (a.where,)))

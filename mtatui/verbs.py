"""Every action of the user, once: its id, key, label, help, danger and name on the command line.

Footer, palette, help, keymap, documentation and the ``queue`` commands are made from this table, so that a
key can never do one thing and be described as another.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Danger(IntEnum):
    """How much an action can hurt: it looks, it can be taken back, it cannot."""

    LOOKS = 0
    REVERSIBLE = 1
    FINAL = 2


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do.

    ``id`` is what a config file rebinds; ``keys`` are Textual's names, comma-separated; ``where`` is the
    screen it belongs to ("queue", "message", "settings", "history", "services"), or "pages" (all but the
    message), or "everywhere"; ``argument`` describes what it takes in the palette; ``footer`` says whether
    its key is worth a place there.
    """

    id: str
    keys: str
    label: str
    help: str
    where: str = "queue"
    danger: Danger = Danger.LOOKS
    cli: str = ""
    argument: str = ""
    footer: bool = True


@dataclass(frozen=True, slots=True)
class Verb(Action):
    """An action over messages. ``postsuper`` is its option letter, "" where another command does it."""

    postsuper: str = ""
    directories: tuple[str, ...] = ()
    """Where postsuper is to look, if not in its default directories: qmgr has what is active in its memory,
    so that is not to be moved under its own queue ID."""
    needs_root: bool = True
    done: str = ""
    """What a receipt says when it worked."""


HOLD = Verb(
    "hold",
    "h",
    "Hold",
    "Put messages on hold: no delivery is tried until they are released.",
    danger=Danger.REVERSIBLE,
    cli="queue hold",
    postsuper="h",
    directories=("deferred",),
    done="put on hold",
)
RELEASE = Verb(
    "release",
    "l",
    "Release",
    "Let held messages go: they are deferred again and tried at the next retry.",
    danger=Danger.REVERSIBLE,
    cli="queue release",
    postsuper="H",
    done="released",
)
REQUEUE = Verb(
    "requeue",
    "r",
    "Requeue",
    "Run messages through cleanup again, as new: they get new queue IDs, addresses are rewritten anew.",
    danger=Danger.FINAL,
    cli="queue requeue",
    postsuper="r",
    done="requeued",
)
DELETE = Verb(
    "delete",
    "d",
    "Delete",
    "Delete messages. They go to the trash first and can be restored from there.",
    danger=Danger.REVERSIBLE,
    cli="queue delete",
    postsuper="d",
    directories=("hold", "deferred"),
    done="deleted",
)
BOUNCE = Verb(
    "bounce",
    "b",
    "Bounce",
    "Return messages to their senders, with the reason, at the next attempt (Postfix 3.5 or newer).",
    danger=Danger.FINAL,
    cli="queue bounce",
    postsuper="f",
    directories=("hold", "deferred"),
    done="will be returned to the sender",
)
DELIVER = Verb(
    "deliver",
    "i",
    "Deliver now",
    "Try to deliver these messages now, out of turn.",
    danger=Danger.LOOKS,
    cli="queue deliver",
    needs_root=False,
    done="scheduled for delivery now",
)
RESTORE = Verb(
    "restore",
    "u",
    "Restore",
    "Take messages out of the trash: they come back on hold, under their own IDs.",
    danger=Danger.REVERSIBLE,
    footer=False,
    cli="queue trash restore",
    done="restored, on hold",
)

VERBS: dict[str, Verb] = {v.id: v for v in (HOLD, RELEASE, REQUEUE, DELETE, BOUNCE, DELIVER, RESTORE)}

#: What a user can do besides the verbs, in the order in which help and footer show it.
ACTIONS: tuple[Action, ...] = (
    Action(
        "open",
        "enter",
        "Open",
        "Open the message under the cursor: envelope, headers, body, log.",
        argument="[ID]",
    ),
    Action("filter", "slash", "Filter", "Filter the queue with a query.", argument="query"),
    Action("mark", "space", "Mark", "Mark the message under the cursor, or take its mark away."),
    Action("mark-all", "asterisk", "All", "Mark all messages that match the filter; again: none."),
    Action("invert", "I", "Invert", "Turn the marks round among what matches.", footer=False),
    Action("range", "V", "Range", "Mark from the last mark to the cursor.", footer=False),
    Action(
        "flush",
        "F",
        "Flush",
        "Ask Postfix to try every deferred message now, or those for one site.",
        argument="[site]",
        cli="queue flush",
    ),
    Action("rescan", "R", "Rescan", "Restart the scan: read the whole spool anew."),
    Action("undo", "z", "Undo", "Take back the last delete, hold or release.", cli="history undo"),
    Action(
        "sort",
        "s",
        "Sort",
        "Sort the list by a field; the same again turns it round.",
        argument="[field]",
        footer=False,
    ),
    Action(
        "columns", "v", "Columns", "Choose which columns the list shows.", argument="[columns]", footer=False
    ),
    Action(
        "copy", "y", "Copy", "Copy ID, sender, reason … to the clipboard.", argument="[what]", footer=False
    ),
    Action("saved", "f", "Saved", "Choose one of your saved filters.", argument="[name]", footer=False),
    Action("save-filter", "", "Save filter", "Keep the filter under a name.", argument="name", footer=False),
    Action("receipts", "o", "Receipts", "Show what became of each message of the last verb.", footer=False),
    Action(
        "commands",
        "c",
        "Commands",
        "Show the commands that ran on this server.",
        where="pages",
        footer=False,
    ),
    Action("trash", "T", "Trash", "Show the trash; restore with u.", cli="queue trash list", footer=False),
    Action(
        "empty-trash",
        "",
        "Empty trash",
        "Remove what is in the trash for good.",
        danger=Danger.FINAL,
        footer=False,
        cli="queue trash empty",
    ),
    Action("tree", "t", "Tree", "Show or hide the tree.", footer=False),
    Action("next-pane", "tab", "Pane", "Go to the next pane.", where="everywhere", footer=False),
    *(
        Action(f"page-{id}", key, label, f"Go to the page {label}.", where="everywhere", footer=False)
        for id, key, label in (
            ("inbound", "1", "Inbound"),
            ("outbound", "2", "Outbound"),
            ("queue", "4", "Queue"),
        )
    ),
    Action(
        "page", "", "Page", "Go to a page by its name.", where="everywhere", argument="name", footer=False
    ),
    Action(
        "confirm",
        "Y",
        "Keep",
        "Keep the settings that were applied and wait to be confirmed.",
        where="pages",
        danger=Danger.REVERSIBLE,
        footer=False,
        cli="history confirm",
    ),
    Action(
        "history",
        "H",
        "History",
        "What was changed on this server, by whom, and what came of it.",
        where="pages",
        footer=False,
        cli="history list",
    ),
    Action(
        "services",
        "S",
        "Instances",
        "What the mail goes through: which services are configured, run and answer; start and stop them.",
        where="pages",
        footer=False,
        cli="services",
    ),
    Action(
        "back",
        "escape",
        "Back",
        "Go back: out of a sheet or a pane; in the queue stop, unmark, then clear the filter.",
        where="everywhere",
        footer=False,
    ),
    Action("palette", "colon", "Palette", "Every action by name, with arguments.", where="everywhere"),
    Action("help", "question_mark", "Help", "The keys that apply here.", where="everywhere"),
    Action(
        "quit",
        "ctrl+q",
        "Quit",
        "Leave mtatui; asks when something is staged or running.",
        where="everywhere",
        footer=False,
    ),
)

#: The faces of a message. The key of each is a letter of its label, which the screen lets stand out.
SECTIONS: tuple[Action, ...] = tuple(
    Action(id, key, label, help, where="message", footer=False)
    for id, key, label, help in (
        ("envelope", "E", "Envelope", "Sender, origin, times, every recipient with its reason."),
        ("headers", "H", "Headers", "The headers, decoded."),
        ("attachments", "A", "Attachments", "The tree of parts and what is attached."),
        ("body", "B", "Body", "The body as text."),
        ("raw", "W", "raW", "Every byte, as it is."),
        ("records", "C", "reCords", "The envelope records, as postcat -e prints them."),
        ("log", "L", "Log", "The story of the message from the mail log."),
    )
)

#: What else a user can do on the message screen, besides the verbs.
READING: tuple[Action, ...] = tuple(
    Action(id, keys, label, help, where="message")
    for id, keys, label, help in (
        ("next-section", "tab,right", "Section", "The next section."),
        ("previous-section", "shift+tab,left", "Section", "The section before."),
        ("next-message", "J", "Next", "The next message of the list."),
        ("previous-message", "K", "Previous", "The message before."),
        ("search", "slash", "Search", "Search in the text."),
        ("search-next", "n", "Next place", "The next place."),
        ("search-back", "N", "Last place", "The place before."),
        ("more", "m", "More", "Read further into a long message."),
        ("save", "S", "Save", "Save the raw message to a file."),
    )
)

#: What a user can do on the pages of settings, the most needed first. They only stage: nothing is touched
#: before a plan has been looked at and applied.
SETTINGS: tuple[Action, ...] = (
    Action(
        "switch",
        "space",
        "Switch",
        "Turn what is under the cursor: on, off; off, trial, enforce.",
        "settings",
    ),
    Action("edit", "enter", "Edit", "Edit what is under the cursor.", "settings", argument="[key]"),
    Action("reset", "x", "Reset", "Take back what was changed here and not yet applied.", "settings"),
    Action(
        "review",
        "p",
        "Review",
        "Look at the plan: what it means, the lines that change, the commands. Apply from there.",
        "settings",
        cli="settings apply",
    ),
    Action("find", "slash", "Search", "Search the settings of all pages.", "settings", argument="words"),
    Action(
        "undo-change",
        "z",
        "Undo",
        "Plan the way back from the last change of settings, and look at it first.",
        "settings",
        footer=False,
        cli="history undo",
    ),
    Action("lint", "L", "Findings", "What is wrong with the configuration as it works now.", "settings"),
    Action(
        "default",
        "D",
        "Default",
        "Have what Postfix does when nobody says anything.",
        "settings",
        footer=False,
    ),
    Action(
        "reset-all",
        "X",
        "Reset all",
        "Take back everything that is not yet applied.",
        "settings",
        footer=False,
    ),
    Action(
        "set",
        "",
        "Set",
        "Set something by its key.",
        "settings",
        argument="key value",
        footer=False,
        cli="settings set",
    ),
    Action("copy-directive", "y", "Copy", "Copy the directive under the cursor.", "settings", footer=False),
    Action(
        "more-help",
        "right",
        "Explain",
        "Read on in the text about what is under the cursor.",
        "settings",
        footer=False,
    ),
    Action("reread", "R", "Read again", "Read the configuration anew.", "settings", footer=False),
)

#: What a user can do in the history.
HISTORY: tuple[Action, ...] = tuple(
    Action(id, keys, label, help, where="history", cli=cli)
    for id, keys, label, help, cli in (
        ("show-entry", "enter", "Show", "Every line and every step of the entry.", "history show"),
        ("undo-entry", "z", "Undo", "Plan the way back, and look at it first.", "history undo"),
        ("roll-back", "B", "Roll back", "Take back now what waits to be confirmed.", ""),
    )
)

#: What a user can do to the services of a server.
SERVICES: tuple[Action, ...] = tuple(
    Action(id, key, label, help, "services", Danger(danger), cli)
    for id, key, label, help, danger, cli in (
        ("service-start", "s", "Start", "Start the service under the cursor.", 1, "service start"),
        (
            "service-stop",
            "x",
            "Stop",
            "Stop it; without Postfix no mail is taken or sent.",
            1,
            "service stop",
        ),
        ("service-restart", "r", "Restart", "Stop it and start it again.", 1, "service restart"),
        ("service-reload", "l", "Reload", "Have it read its configuration anew.", 1, "service reload"),
        ("look", "R", "Look again", "Look at all of them now, not only every few seconds.", 0, "services"),
    )
)

#: Every action there is, by id.
ALL: dict[str, Action] = {
    action.id: action
    for action in (*VERBS.values(), *ACTIONS, *SECTIONS, *READING, *SETTINGS, *HISTORY, *SERVICES)
}

#: The pages there are: the id and the name of each, in the order of their keys.
PAGES: tuple[tuple[str, str], ...] = tuple(
    (action.id.removeprefix("page-"), action.label) for action in ACTIONS if action.id.startswith("page-")
)

#: The screens that "pages" and "everywhere" mean.
PLACES: dict[str, tuple[str, ...]] = {
    "pages": ("queue", "settings", "history", "services"),
    "everywhere": ("queue", "message", "settings", "history", "services"),
}


def on(screen: str) -> tuple[Action, ...]:
    """The actions that belong to a screen, in order."""
    return tuple(a for a in ALL.values() if screen in PLACES.get(a.where, (a.where,)))

"""What can be done in the queue, and what on every page."""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger

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
            ("filtering", "3", "Antispam & AV"),
            ("queue", "4", "Queue"),
            ("servers", "0", "Servers"),
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

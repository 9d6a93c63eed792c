"""What can be done on the pages of settings, in the history, and to the services of a server."""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger

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

"""What can be done where all servers are shown, and how one goes from one of them to the next."""

from __future__ import annotations

from mtatui.verbs.action import Action

#: In the order in which the footer of their page shows them.
SERVERS: tuple[Action, ...] = (
    Action(
        "server-use",
        "enter",
        "Use",
        "Make it the current server: settings, history and instances are shown of it.",
        "servers",
    ),
    Action(
        "server-add",
        "a",
        "Add",
        "Add a server by its host, as ssh knows it; it is tested before it is written down.",
        "servers",
        cli="servers add",
    ),
    Action(
        "server-check",
        "C",
        "Check",
        "Check it from the ground up: reach, Python, Postfix, rights, filters; what to do about each gap.",
        "servers",
        cli="servers check",
    ),
    Action("server-edit", "e", "Edit", "Change its host, sudo, tags.", "servers"),
    Action(
        "server-remove",
        "x",
        "Remove",
        "Take it off the list: only your config file is changed, nothing on the server.",
        "servers",
        cli="servers remove",
    ),
    Action(
        "server-open",
        "o",
        "Connect",
        "Connect again now, where there is no answer; ask for the password again.",
        "servers",
    ),
    Action("server-look", "R", "Look again", "Look at all of them now: queue and services.", "servers"),
    Action(
        "server-view",
        "v",
        "View",
        "Show the servers, or their instances: which service runs and answers where.",
        "servers",
        cli="services",
    ),
)

#: The current server, from every page that shows one.
CURRENT: tuple[Action, ...] = (
    Action(
        "server-previous",
        "left_square_bracket",
        "Server before",
        "Show the same of the server before this one.",
        "one",
        footer=False,
    ),
    Action(
        "server-next",
        "right_square_bracket",
        "Next server",
        "Show the same of the next server.",
        "one",
        footer=False,
    ),
    Action(
        "server",
        "at",
        "Server",
        "Choose the server that is shown.",
        "one",
        argument="[name]",
        footer=False,
    ),
)

"""What can be done where the settings of several servers stand beside one another."""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger

#: In the order in which the footer of their page shows them.
MATRIX: tuple[Action, ...] = (
    Action(
        "matrix-open",
        "enter",
        "Open",
        "Go to this setting of this server.",
        "matrix",
    ),
    Action(
        "matrix-differing",
        "d",
        "Differing",
        "Only those settings in which the servers differ, or all.",
        "matrix",
        cli="settings diff",
    ),
    Action(
        "matrix-same",
        "e",
        "Same on all",
        "Plan this server's value for all the others, and look at the plans first.",
        "matrix",
        Danger.REVERSIBLE,
        cli="settings set",
    ),
    Action(
        "matrix-profile",
        "p",
        "Profile",
        "Plan a profile (a TOML file) for all servers, and look at the plans first.",
        "matrix",
        Danger.REVERSIBLE,
        cli="settings apply",
        argument="[file]",
    ),
    Action("matrix-read", "R", "Read again", "Read the settings of all servers anew.", "matrix"),
)

#: The way there, from every page.
OPEN = Action(
    "matrix",
    "M",
    "Matrix",
    "The settings of all servers beside one another; where they differ.",
    "pages",
    footer=False,
    cli="settings show",
)

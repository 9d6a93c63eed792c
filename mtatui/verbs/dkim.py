"""What can be done where it is shown which domains are signed."""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger

#: In the order in which the footer shows them.
DKIM: tuple[Action, ...] = (
    Action(
        "dkim-new",
        "n",
        "New key",
        "Make a key for a domain that is not signed yet, and sign its mail with it.",
        "dkim",
        Danger.REVERSIBLE,
        "dkim generate",
    ),
    Action(
        "dkim-rotate",
        "r",
        "Rotate",
        "Make a new key in reserve; once its record is published, sign with it. On a key in reserve: sign "
        "with that one.",
        "dkim",
        Danger.REVERSIBLE,
        "dkim rotate",
    ),
    Action(
        "dkim-record",
        "enter",
        "Record",
        "Show the record to publish, as a zone file wants it.",
        "dkim",
        cli="dkim record",
    ),
    Action("dkim-copy", "y", "Copy", "Copy the record to the clipboard.", "dkim", footer=False),
    Action(
        "dkim-stop",
        "x",
        "Stop",
        "Sign mail of the domain no longer; on a key in reserve: forget it. The files of keys stay.",
        "dkim",
        Danger.REVERSIBLE,
        "dkim stop",
    ),
    Action("dkim-check", "R", "Check", "Compare the keys with the DNS again, now.", "dkim", cli="dkim check"),
)

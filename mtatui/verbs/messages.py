"""What is done to messages, and what can be done where one of them is read."""

from __future__ import annotations

from mtatui.verbs.action import Action, Danger, Verb

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
        ("verdicts", "V", "Verdicts", "Have clamd, SpamAssassin and its signatures say what it is."),
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

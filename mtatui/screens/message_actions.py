"""What a user can do on the message screen, besides the verbs: the same table as in `mtatui.verbs`."""

from __future__ import annotations

from dataclasses import dataclass

from mtatui.verbs import ALL, VERBS, Action


@dataclass(frozen=True, slots=True)
class Section(Action):
    """One of the faces of a message. Its key is a letter of its label, which the screen lets stand out."""


SECTIONS = tuple(
    Section(id, key, label, help, "message")
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

#: Each with what the screen does for it: its Textual action.
KEYS: tuple[tuple[Action, str], ...] = (
    *((section, f"section('{section.id}')") for section in SECTIONS),
    (Action("next-section", "tab,right", "Section", "The next section.", "message"), "turn(1)"),
    (Action("previous-section", "shift+tab,left", "Section", "The section before.", "message"), "turn(-1)"),
    (Action("next-message", "J", "Next", "The next message of the list.", "message"), "neighbour(1)"),
    (Action("previous-message", "K", "Previous", "The message before.", "message"), "neighbour(-1)"),
    *((verb, f"verb('{verb.id}')") for verb in VERBS.values()),
    (Action("search", "slash", "Search", "Search in the text.", "message"), "ask('search')"),
    (Action("search-next", "n", "Next place", "The next place.", "message"), "search_on(1)"),
    (Action("search-back", "N", "Last place", "The place before.", "message"), "search_on(-1)"),
    (Action("more", "m", "More", "Read further into a long message.", "message"), "more"),
    (Action("save", "S", "Save", "Save the raw message to a file.", "message"), "ask('save')"),
    (ALL["copy"], "copy"),
    (ALL["back"], "back"),
    (ALL["help"], "help"),
)

MESSAGE_ACTIONS: tuple[Action, ...] = tuple(action for action, _ in KEYS)

#: What the footer names, the most needed first; sections stand above the text. Help always stays.
FOOTER = ("next-message", "previous-message", *VERBS, "search", "more", "save", "copy", "back", "help")

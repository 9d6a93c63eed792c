"""The queue states as people see them: a glyph *and* a word, for colour alone says nothing to many."""

from __future__ import annotations

from typing import NamedTuple

from mtatui.queue.message import State


class Look(NamedTuple):
    """How a state is shown: a glyph, its name in the tree, its word in a sentence, and its role."""

    glyph: str
    label: str
    word: str
    role: str = ""


LOOKS: dict[State, Look] = {
    State.ACTIVE: Look("●", "Queued", "active"),
    State.CORRUPT: Look("✖", "Corrupted", "corrupt", "danger"),
    State.DEFERRED: Look("◐", "Deferred", "deferred"),
    State.INCOMING: Look("○", "Incoming", "incoming"),
    State.HOLD: Look("‖", "On hold", "on hold", "warning"),
    State.MAILDROP: Look("▽", "Maildrop", "maildrop"),
    State.TRASH: Look("⌫", "Trash", "in the trash", "dim"),
}

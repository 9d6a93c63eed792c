"""What was done on a server, in one list: settings that were changed, verbs over the queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtatui import ask
from mtatui.screens.review import diff_lines, told
from mtatui.server import Server
from mtatui.text import clean, count
from mtatui.verbs import VERBS
from mtatui.widgets.lines import Piece

if TYPE_CHECKING:
    from mtatui.backends.history import Entry
    from mtatui.backends.journal import Entry as QueueEntry

#: Entries that are shown of each kind.
MOST = 200


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done."""

    id: str
    at: float
    who: str
    what: str
    became: str
    role: str = ""
    settings: Entry | None = None
    queue: QueueEntry | None = None


async def deeds(server: Server) -> list[Deed]:
    """Everything that is remembered, the last first.

    Raises:
        HostError: it cannot be read: in words.
    """
    found = [_of_settings(entry) for entry in await server.configuration.history(MOST)]
    if server.host.superuser:
        entries = await asyncio.to_thread(server.journal.entries)
        found += [_of_queue(entry) for entry in entries[:MOST]]
    return sorted(found, key=lambda deed: -deed.at)


def _of_settings(entry: Entry) -> Deed:
    what = "; ".join(f"{c.label}: {c.before} → {c.after}" for c in entry.changes) or "; ".join(entry.words)
    if entry.undoes:
        what = f"undo: {what}"
    outcome = str(entry.outcome or "")
    became, role = {
        "applied": ("✔ applied", ""),
        "awaiting": ("◐ keep?", "warning"),
        "rolled back": ("✖ rolled back", "warning"),
        "broken": ("✖ BROKEN", "danger"),
        "": ("… under way", "accent"),
    }.get(outcome, (outcome, "dim"))
    return Deed(entry.id, entry.at, entry.who, clean(what), became, role, settings=entry)


def _of_queue(entry: QueueEntry) -> Deed:
    label = VERBS[entry.verb].label if entry.verb in VERBS else entry.verb
    what = f"{label} {ask.messages(entry.messages)} · {entry.chosen_by}"
    if not entry.finished:
        became, role = "… under way", "accent"
    elif entry.interrupted:
        became, role = "! interrupted", "warning"
    else:
        done = len(entry.did)
        became, role = (f"✔ {count(done)} done", "") if done else ("– nothing done", "dim")
    return Deed(entry.id, entry.at, clean(entry.who), clean(what), became, role, queue=entry)


def told_whole(deed: Deed, width: int) -> list[Sequence[Piece]]:
    """An entry of the settings with all that is known of it, in lines of so many cells."""
    entry = deed.settings
    assert entry is not None
    when = time.strftime("%a %Y-%m-%d %H:%M:%S", time.localtime(entry.at))
    lines: list[Sequence[Piece]] = [[(f" {when}, {entry.who}, on {entry.server}", "strong")], []]
    lines += told("In words", ((text, "") for text in entry.words), width)
    changed = (f"{change.label}: {change.before} → {change.after}" for change in entry.changes)
    lines += told("Changes", ((text, "") for text in changed), width)
    lines += told("Cautions", ((text, "warning") for text in entry.cautions), width)
    ending = [(deed.became, deed.role or "strong"), *([(entry.text, "")] if entry.text else [])]
    lines += told("Outcome", ending, width)
    if entry.until is not None:
        until = time.strftime("%H:%M:%S", time.localtime(entry.until))
        lines += told("", [(f"it is taken back at {until} unless it is confirmed (Y)", "warning")], width)
    if entry.undoes:
        lines += told("Undoes", [(entry.undoes, "")], width)
    lines += [[], *([(f" {line[0][0]}", line[0][1])] for line in diff_lines(entry.diff)), []]
    lines += told("Commands", ((text, "") for text in entry.commands), width)
    lines += told("Entry", [(entry.id, "dim")], width)
    return lines

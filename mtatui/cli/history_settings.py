"""What was done to the settings, as `history` tells it: an entry with its diff, undoing it, keeping it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mtatui.cli import changing, output
from mtatui.cli.guard import DONE, Refused
from mtatui.cli.session import wait_for
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.applying import Applied
    from mtatui.backends.history import Entry
    from mtatui.server import Server


def show(found: Entry, *, json: bool) -> None:
    """An entry: what was changed, what it meant, the diff, the commands, how it ended."""
    if json:
        output.put_json(document(found))
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.at))
    about = f", undo of {found.undoes}" if found.undoes else ""
    output.put(f"{found.id}  {when}  {clean(found.who)}: settings{about}")
    output.put(f"became:    {clean(_became(found))}")
    if found.text:
        output.put(f"           {clean(found.text)}")
    for change in found.changes:
        output.put(
            f"changed:   {clean(f'{change.label}: {change.before} → {change.after}   ({change.key})')}"
        )
    for words in found.words:
        output.put(f"means:     {clean(words)}")
    for caution in found.cautions:
        output.put(f"warned:    {clean(caution)}")
    for command in found.commands:
        output.put(f"runs:      {clean(command)}")
    for line in found.diff:
        output.put(clean(line))


def document(found: Entry) -> dict[str, Any]:
    """An entry as an object (a contract), with its diff."""
    return as_json(found) | {
        "words": list(found.words),
        "cautions": list(found.cautions),
        "commands": list(found.commands),
        "diff": list(found.diff),
        "files": [file.path for file in found.files],
    }


def undo(server: Server, found: Entry, *, yes: bool, accept_risk: bool, json: bool) -> int:
    """Take it back: as a new plan, or by the guard's own undo while it waits to be confirmed."""
    changing.permitted(server)
    if found.awaiting:
        return _roll_back(server, found, yes=yes, json=json)
    if not found.undoable:
        raise Refused(
            f"{found.id} changed nothing that is still there ({_became(found)}): nothing to take back"
        )
    from mtatui.settings.kinds import Refused as Impossible

    try:
        plan = wait_for(server.configuration.undo_plan(found))
    except Impossible as error:
        raise Refused(f"{found.id} cannot be taken back: {error}") from error
    return changing.change(server, plan, yes=yes, accept_risk=accept_risk, json=json)


def _roll_back(server: Server, found: Entry, *, yes: bool, json: bool) -> int:
    changing.question(f"Take back what waits to be confirmed, {found.id}, by {found.who}", yes=yes)
    applied: Applied = wait_for(server.configuration.roll_back(found.id))
    changing.told(applied, json=json)
    # That it is back is what was asked for here.
    return DONE if applied.outcome == "rolled back" else applied.exit_code


def confirm(server: Server, found: Entry, *, json: bool) -> int:
    """Keep what waits to be confirmed."""
    changing.permitted(server)
    if not found.awaiting:
        raise Refused(f"{found.id} does not wait to be confirmed: {_became(found)}")
    entry = wait_for(server.configuration.confirm(found.id))
    if json:
        output.put_json(as_json(entry))
    output.say(f"{entry.id} stays.")
    return DONE


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as an object (a contract), without its diff. ``until`` (epoch seconds): it waits so long."""
    return {
        "entry": entry.id,
        "kind": "settings",
        "at": round(entry.at, 3),
        "who": entry.who,
        "changes": [{"key": c.key, "before": c.before, "after": c.after} for c in entry.changes],
        "outcome": str(entry.outcome) if entry.outcome else None,
        "text": entry.text,
        "finished": entry.finished,
        "interrupted": entry.interrupted,
        "until": entry.until,
        "undoes": entry.undoes or None,
    }


def row(entry: Entry) -> tuple[str, ...]:
    """Verb, number, what became of it, what it was about: for the list."""
    about = "; ".join(f"{change.label}: {change.before} → {change.after}" for change in entry.changes)
    if entry.undoes:
        about = f"undo of {entry.undoes}" + (f": {about}" if about else "")
    return ("settings", str(len(entry.changes)), _became(entry), about)


def _became(entry: Entry) -> str:
    if entry.outcome is None:
        return "under way, or interrupted"
    words = str(entry.outcome)
    if entry.awaiting and entry.until is not None:
        words += f" confirmation until {time.strftime('%H:%M:%S', time.localtime(entry.until))}"
    return f"{words}, interrupted" if entry.interrupted else words

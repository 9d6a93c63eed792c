"""What was done to the queue, as `history` tells it: an entry of the journal with its receipts."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mtatui import ask
from mtatui.cli import output, receipts
from mtatui.cli.guard import DONE, NOT_ALL, Refused
from mtatui.cli.picking import named
from mtatui.cli.session import wait_for
from mtatui.cli.verbs import permitted
from mtatui.queue.selection import Outcome, Receipt, Result
from mtatui.text import clean, count
from mtatui.verbs import ALL, VERBS

if TYPE_CHECKING:
    from mtatui.backends.journal import Entry
    from mtatui.fleet import Fleet
    from mtatui.fleet.deeds import Deed


def show(found: Entry, *, json: bool) -> None:
    """An entry: every message with its receipt, and the commands that ran."""
    if json:
        output.put_json(document(found))
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.at))
    output.put(f"{found.id}  {when}  {clean(found.who)}: {found.verb}, {ask.messages(len(found.selection))}")
    output.put(f"chosen by: {clean(found.selection.chosen_by)}")
    output.put(f"became:    {_became(found)}")
    for command in found.outcome.commands if found.outcome else ():
        output.put(f"ran:       {clean(command)}")
    for note in found.outcome.notes if found.outcome else ():
        output.put(f"note:      {clean(note)}")
    for receipt in _receipts(found):
        output.put(f"{receipt.id}  {receipt.result:7}  {clean(receipt.text)}".rstrip())


def document(found: Entry) -> dict[str, Any]:
    """An entry as an object (a contract), with its receipts."""
    return as_json(found) | {"receipts": [receipts.one(receipt) for receipt in _receipts(found)]}


def undo(fleet: Fleet, found: Mapping[str, Entry], *, yes: bool, json: bool) -> int:
    """Take back a delete, hold or release, on all servers on which it was done; the exit code."""
    from mtatui.fleet.deeds import Deed

    permitted(fleet, ALL["undo"])
    deed = Deed({name: entry for name, entry in found.items() if entry.did} or found)
    if not deed.did:
        raise Refused(f"{deed.id} changed nothing, so there is nothing to take back")
    if not yes:
        _agree(deed)
    outcome = wait_for(_undo(fleet, deed))
    receipts.tell(outcome, json=json)
    return DONE if outcome.ok else NOT_ALL


async def _undo(fleet: Fleet, deed: Deed) -> Outcome:
    with receipts.Watch() as watch:
        return await fleet.undo(deed, progress=watch.progress, cancel=watch.cancel)


def _agree(entry: Deed) -> None:
    verb = VERBS[entry.verb]
    when = time.strftime("%a %H:%M:%S", time.localtime(entry.at))
    what = f"{verb.label} of {ask.messages(len(entry.did))}, {when}, by {entry.who}"
    if "" not in entry.entries:
        what += f", on {named(entry.entries)}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"Take back {what}: that asks first, and nobody is here to be asked. Say --yes to do it."
        )
    output.say(f"{what}\n  {entry.chosen_by}")
    if not click.confirm("Take it back?", err=True):
        raise Refused("nothing was done")


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as an object (a contract), without its receipts."""
    tally = entry.outcome.tally() if entry.outcome else {}
    return {
        "entry": entry.id,
        "kind": "queue",
        "at": round(entry.at, 3),
        "who": entry.who,
        "verb": entry.verb,
        "chosen_by": entry.selection.chosen_by,
        "messages": len(entry.selection),
        "finished": entry.finished,
        "interrupted": entry.interrupted,
        "cancelled": bool(entry.outcome and entry.outcome.cancelled),
        "undoes": entry.undoes or None,
        "tally": {result.value: tally.get(result, 0) for result in Result},
    }


def row(entry: Entry) -> tuple[str, ...]:
    """Verb, number, what became of it, what it was about: for the list."""
    about = f"undo of {entry.undoes}" if entry.undoes else entry.selection.chosen_by
    return (entry.verb, count(len(entry.selection)), _became(entry), about)


def _became(entry: Entry) -> str:
    if entry.outcome is None:
        return "under way, or interrupted"
    words = [f"{count(number)} {result}" for result, number in entry.outcome.tally().items()]
    if entry.interrupted:
        words.append("interrupted")
    if entry.outcome.cancelled:
        words.append("stopped half way")
    return ", ".join(words)


def _receipts(entry: Entry) -> list[Receipt]:
    return entry.outcome.receipts if entry.outcome else []

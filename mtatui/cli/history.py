"""``mtatui history …``: what was done to the queue, by whom, what became of it, and taking it back."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mtatui import ask
from mtatui.cli import output, receipts
from mtatui.cli.guard import DONE, NOT_ALL, Misused, Refused
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import opened, wait_for
from mtatui.cli.verbs import permitted
from mtatui.queue.selection import Outcome, Receipt, Result
from mtatui.text import clean, count
from mtatui.verbs import ALL, VERBS

if TYPE_CHECKING:
    from mtatui.backends.journal import Entry
    from mtatui.server import Server

_COLUMNS = (
    Column("N", 1, 5, "right"),
    Column("Entry", 18, 18),
    Column("When", 16, 16),
    Column("Who", 4, 16),
    Column("Verb", 4, 8),
    Column("Messages", 8, 10, "right"),
    Column("What became of them", 20, 60),
    Column("Chosen by", 10, 120),
)


@click.group()
def history() -> None:
    """What was done to the queue, and taking it back.

    N is the number of an entry, 1 being the last, or its name.
    """


@history.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="So many at most.")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def list_(options: Options, limit: int, json: bool) -> None:
    """List what was done, the last first."""
    with opened(options) as server:
        entries = _entries(server)[:limit]
        if json:
            output.put_json([as_json(entry) for entry in entries])
        elif entries:
            output.table(_COLUMNS, [_row(number, entry) for number, entry in enumerate(entries, 1)])
        else:
            output.say("Nothing was done yet.")


@history.command()
@click.argument("entry", metavar="N")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def show(options: Options, entry: str, json: bool) -> None:
    """Show an entry: every message with its receipt, and the commands that ran."""
    with opened(options) as server:
        found = _find(_entries(server), entry)
        if json:
            output.put_json(
                as_json(found) | {"receipts": [receipts.one(receipt) for receipt in _receipts(found)]}
            )
            return
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.at))
        output.put(
            f"{found.id}  {when}  {clean(found.who)}: {found.verb}, {ask.messages(len(found.selection))}"
        )
        output.put(f"chosen by: {clean(found.selection.chosen_by)}")
        output.put(f"became:    {_became(found)}")
        for command in found.outcome.commands if found.outcome else ():
            output.put(f"ran:       {clean(command)}")
        for note in found.outcome.notes if found.outcome else ():
            output.put(f"note:      {clean(note)}")
        for receipt in _receipts(found):
            output.put(f"{receipt.id}  {receipt.result:7}  {clean(receipt.text)}".rstrip())


@history.command()
@click.argument("entry", metavar="N")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "json", is_flag=True, help="The receipts as one document.")
@click.pass_obj
def undo(options: Options, entry: str, yes: bool, json: bool) -> int:
    """Take back a delete, hold or release, for those messages that still are as it left them."""
    with opened(options) as server:
        permitted(server, ALL["undo"])
        found = _find(_entries(server), entry)
        if not found.did:
            raise Refused(f"{found.id} changed nothing, so there is nothing to take back")
        if not yes:
            _agree(found)
        outcome = wait_for(_undo(server, found))
        receipts.tell(outcome, json=json)
        return DONE if outcome.ok else NOT_ALL


async def _undo(server: Server, entry: Entry) -> Outcome:
    with receipts.Watch() as watch:
        return await server.actor.undo(entry, progress=watch.progress, cancel=watch.cancel)


def _agree(entry: Entry) -> None:
    verb = VERBS[entry.verb]
    when = time.strftime("%a %H:%M:%S", time.localtime(entry.at))
    what = f"{verb.label} of {ask.messages(len(entry.did))}, {when}, by {entry.who}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"Take back {what}: that asks first, and nobody is here to be asked. Say --yes to do it."
        )
    output.say(f"{what}\n  {entry.selection.chosen_by}")
    if not click.confirm("Take it back?", err=True):
        raise Refused("nothing was done")


def _entries(server: Server) -> list[Entry]:
    """The journal, the last first; what was interrupted has been looked into."""
    from mtatui.backends.host import NotPermitted

    if not server.host.superuser:
        raise NotPermitted(f"The history of {server.name} is root's. Run mtatui as root, or let it use sudo.")
    wait_for(server.settle())
    return server.journal.entries()


def _find(entries: list[Entry], name: str) -> Entry:
    if name.isdigit() and 1 <= int(name) <= len(entries):
        return entries[int(name) - 1]
    for entry in entries:
        if entry.id == name:
            return entry
    raise Misused(f"there is no entry {clean(name)!r}; mtatui history list shows them")


def as_json(entry: Entry) -> dict[str, Any]:
    """An entry as an object (a contract), without its receipts."""
    tally = entry.outcome.tally() if entry.outcome else {}
    return {
        "entry": entry.id,
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


def _row(number: int, entry: Entry) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.at))
    chosen_by = f"undo of {entry.undoes}" if entry.undoes else entry.selection.chosen_by
    messages = count(len(entry.selection))
    return (str(number), entry.id, when, entry.who, entry.verb, messages, _became(entry), chosen_by)


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

"""``mtatui history …``: what was done to the queue and to the settings, by whom, and taking it back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mtatui.cli import output
from mtatui.cli.guard import Misused, Refused
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import opened, wait_for
from mtatui.text import clean

if TYPE_CHECKING:
    from types import ModuleType

    from mtatui.server import Server

_COLUMNS = (
    Column("N", 1, 5, "right"),
    Column("Entry", 18, 18),
    Column("When", 16, 16),
    Column("Who", 4, 16),
    Column("Verb", 4, 8),
    Column("Number", 6, 10, "right"),
    Column("What became of it", 20, 60),
    Column("About", 10, 120),
)


class Done(NamedTuple):
    """Something that was done. ``by`` is the module that tells of its kind: queue or settings."""

    entry: Any
    by: ModuleType


@click.group()
def history() -> None:
    """What was done to the queue and to the settings, and taking it back.

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
            output.put_json([done.by.as_json(done.entry) for done in entries])
        elif entries:
            output.table(_COLUMNS, [_row(number, done) for number, done in enumerate(entries, 1)])
        else:
            output.say("Nothing was done yet.")


def _row(number: int, done: Done) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(done.entry.at))
    return (str(number), done.entry.id, when, done.entry.who, *done.by.row(done.entry))


@history.command()
@click.argument("entry", metavar="N")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def show(options: Options, entry: str, json: bool) -> None:
    """Show an entry: messages with their receipts, or settings with their diff; and the commands."""
    with opened(options) as server:
        found = _find(_entries(server), entry)
        found.by.show(found.entry, json=json)


@history.command()
@click.argument("entry", metavar="N")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--accept-risk", is_flag=True, help="With --yes: also where taking it back has a grave caution."
)
@click.option("--json", "json", is_flag=True, help="What became of it as one document.")
@click.pass_obj
def undo(options: Options, entry: str, yes: bool, accept_risk: bool, json: bool) -> int:
    """Take something back.

    A delete, hold or release: for those messages that still are as it left them. A change of settings: as a
    new plan, or at once while it waits to be confirmed.
    """
    from mtatui.cli import history_queue, history_settings

    with opened(options) as server:
        found = _find(_entries(server), entry)
        if found.by is history_queue:
            return history_queue.undo(server, found.entry, yes=yes, json=json)
        return history_settings.undo(server, found.entry, yes=yes, accept_risk=accept_risk, json=json)


@history.command()
@click.argument("entry", metavar="N")
@click.option("--json", "json", is_flag=True, help="The entry as one document.")
@click.pass_obj
def confirm(options: Options, entry: str, json: bool) -> int:
    """Keep a change of settings that was applied with --confirm-within."""
    from mtatui.cli import history_settings

    with opened(options) as server:
        found = _find(_entries(server), entry)
        if found.by is not history_settings:
            raise Refused(f"{found.entry.id} does not wait to be confirmed: it is about the queue")
        return history_settings.confirm(server, found.entry, json=json)


def _entries(server: Server) -> list[Done]:
    """What was done, the last first; what was interrupted has been looked into."""
    from mtatui.backends.host import NotPermitted
    from mtatui.cli import changing, history_queue, history_settings

    if not server.host.superuser:
        raise NotPermitted(f"The history of {server.name} is root's. Run mtatui as root, or let it use sudo.")
    wait_for(server.settle())
    if not server.host.read_only:
        changing.settle(server)
    found = [Done(entry, history_queue) for entry in server.journal.entries()]
    found += [Done(entry, history_settings) for entry in wait_for(server.configuration.history())]
    return sorted(found, key=lambda done: -done.entry.at)


def _find(entries: list[Done], name: str) -> Done:
    if name.isdecimal() and 1 <= int(name[:9]) <= len(entries):
        return entries[int(name) - 1]
    for done in entries:
        if done.entry.id == name:
            return done
    raise Misused(f"there is no entry {clean(name)!r}; mtatui history list shows them")

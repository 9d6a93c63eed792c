"""``mtatui history …``: what was done to the queue and to the settings, by whom, and taking it back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mtatui.cli import output
from mtatui.cli.guard import Misused, Refused
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.picking import named
from mtatui.cli.session import gathered, wait_for
from mtatui.text import clean

if TYPE_CHECKING:
    from types import ModuleType

    from mtatui.cli.gathering import Gathered
    from mtatui.server import Server

_SERVER = Column("Server", 6, 20)
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
    """Something that was done. ``by`` is the module that tells of its kind: queue or settings; ``on`` are the
    entries of each server, by its name ("" of a lone one): one deed on queues has the same name on all of
    them. A change of settings is each server's own, and another's of the same name is so by chance."""

    entry: Any
    by: ModuleType
    on: dict[str, Any]


@click.group()
def history() -> None:
    """What was done to the queue and to the settings, and taking it back.

    N is the number of an entry, 1 being the last, or its name. What was done to the queues of several servers
    at once has one number and one name; each change of settings has its own.
    """


@history.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="So many at most.")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def list_(options: Options, limit: int, json: bool) -> int:
    """List what was done, the last first."""
    with gathered(options) as them:
        entries = _entries(them)[:limit]
        each = [(number, name, done) for number, done in enumerate(entries, 1) for name in done.on]
        if json:
            output.put_json([_whose(name) | done.by.as_json(done.on[name]) for _, name, done in each])
        elif entries:
            columns = (*_COLUMNS[:1], _SERVER, *_COLUMNS[1:]) if them.many else _COLUMNS
            output.table(columns, [_row(*one) for one in each])
        elif not them.silent:
            output.say("Nothing was done yet.")
        return them.code()


def _row(number: int, name: str, done: Done) -> tuple[str, ...]:
    entry = done.on[name]
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.at))
    return (str(number), *([name] if name else []), entry.id, when, entry.who, *done.by.row(entry))


def _whose(name: str) -> dict[str, str]:
    return {"server": name} if name else {}


@history.command()
@click.argument("entry", metavar="N")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def show(options: Options, entry: str, json: bool) -> int:
    """Show an entry: messages with their receipts, or settings with their diff; and the commands."""
    with gathered(options) as them:
        found = _find(_entries(them), entry)
        if json and them.many:
            output.put_json([_whose(name) | found.by.document(one) for name, one in found.on.items()])
            return them.code()
        for name, one in found.on.items():
            if name:
                output.put(name)
            found.by.show(one, json=json)
        return them.code()


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

    with gathered(options, changes="Take back") as them:
        found = _find(_entries(them), entry)
        if found.by is history_queue:
            return them.code(history_queue.undo(them.fleet, found.on, yes=yes, json=json))
        server = _server(them, found)
        return history_settings.undo(server, found.entry, yes=yes, accept_risk=accept_risk, json=json)


@history.command()
@click.argument("entry", metavar="N")
@click.option("--json", "json", is_flag=True, help="The entry as one document.")
@click.pass_obj
def confirm(options: Options, entry: str, json: bool) -> int:
    """Keep a change of settings that was applied with --confirm-within."""
    from mtatui.cli import history_settings

    with gathered(options, changes="Confirm") as them:
        found = _find(_entries(them), entry)
        if found.by is not history_settings:
            raise Refused(f"{found.entry.id} does not wait to be confirmed: it is about the queue")
        return history_settings.confirm(_server(them, found), found.entry, json=json)


def _server(them: Gathered, found: Done) -> Server:
    """The one server on which something was done."""
    if len(found.on) > 1:
        raise Misused(f"{found.entry.id} is on several servers, {named(found.on)}: say --server NAME")
    (name,) = found.on
    return them.fleet.server(name)


def _entries(them: Gathered) -> list[Done]:
    """What was done, the last first; what was interrupted has been looked into."""
    from mtatui.cli import history_queue

    deeds: dict[tuple[str, str], Done] = {}
    for name, told in them.side_by_side(_entries_of).items():
        for entry, by in told:
            whose = "" if by is history_queue else name
            deeds.setdefault((entry.id, whose), Done(entry, by, {})).on[name] = entry
    return sorted(deeds.values(), key=lambda done: -done.entry.at)


def _entries_of(server: Server) -> list[tuple[Any, ModuleType]]:
    from mtatui.backends.host import NotPermitted
    from mtatui.cli import changing, history_queue, history_settings

    wait_for(server.reached())  # else it is not known who we are there
    if not server.host.superuser:
        how = "Log in there as root" if server.far else "Run mtatui as root"
        raise NotPermitted(server.host.limits or f"The history is root's. {how}, or let it use sudo.")
    wait_for(server.settle())
    if not server.host.read_only:
        changing.settle(server)
    found: list[tuple[Any, ModuleType]] = [(entry, history_queue) for entry in server.journal.entries()]
    return found + [(entry, history_settings) for entry in wait_for(server.configuration.history())]


def _find(entries: list[Done], name: str) -> Done:
    if name.isdecimal() and 1 <= int(name[:9]) <= len(entries):
        return entries[int(name) - 1]
    if found := [done for done in entries if done.entry.id == name]:
        return found[0]._replace(on={name: entry for done in found for name, entry in done.on.items()})
    raise Misused(f"there is no entry {clean(name)!r}; mtatui history list shows them")

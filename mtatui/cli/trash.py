"""``mtatui queue trash …``: what was deleted, and taking it back."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from mtatui.cli import output
from mtatui.cli.guard import Refused
from mtatui.cli.messages import as_json
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import gathered, wait_for
from mtatui.cli.verbs import command_of, permitted
from mtatui.queue.message import key, no_sender
from mtatui.text import ago, count, size
from mtatui.verbs import ALL, RESTORE

if TYPE_CHECKING:
    from mtatui.cli.gathering import Gathered
    from mtatui.queue.message import Message

_SERVER = Column("Server", 6, 20)
_COLUMNS = (
    Column("ID", 11, 24),
    Column("Deleted", 7, 8, "right"),
    Column("Size", 5, 6, "right"),
    Column("From", 16, 60, address=True),
    Column("To", 16, 60, address=True),
)


@click.group()
def trash() -> None:
    """What was deleted lies here for a while and can come back."""


trash.add_command(command_of(RESTORE))


@trash.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="So many at most.")
@click.option("--json", "json", is_flag=True, help="One object a line; 'deleted' is epoch seconds.")
@click.pass_obj
def list_(options: Options, limit: int, json: bool) -> int:
    """List what was deleted, the last first."""
    with gathered(options) as them:
        number, octets, messages = _contents(them, limit)
        if json:
            for message in messages:
                output.put_json(as_json(message, them.fleet) | {"deleted": message.mtime})
            return them.code()
        now = time.time()
        rows = [
            (
                *([m.server] if them.many else []),
                m.queue_id,
                ago(now - m.mtime),
                size(m.size),
                m.sender or no_sender(m.state, m.arrival),
                m.recipients[0].address if m.recipients else "",
            )
            for m in messages
        ]
        if rows:
            output.table((_SERVER, *_COLUMNS) if them.many else _COLUMNS, rows)
        where = f" of {len(them.answering)} servers" if them.many else ""
        output.say(f"{count(len(rows))} of {count(number)} messages, {size(octets)} on disk{where}")
        return them.code()


def _contents(them: Gathered, limit: int) -> tuple[int, int, list[Message]]:
    """What lies in the trash of all, the last first: how many messages, their bytes, and some of them."""
    found = them.heard(wait_for(them.fleet.trash(limit, them.answering)))
    messages = [replace(m, id=key(name, m.id)) for name, one in found.items() for m in one.messages]
    if len(found) > 1:
        messages = sorted(messages, key=lambda m: -m.mtime)[:limit]
    parts = found.values()
    return sum(one.number for one in parts), sum(one.bytes for one in parts), messages


@trash.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def empty(options: Options, yes: bool, json: bool) -> int:
    """Remove all that is in the trash for good."""
    with gathered(options, changes="Empty the trash") as them:
        permitted(them.fleet, ALL["empty-trash"])
        number, octets, _ = _contents(them, 0)
        if number and not yes:
            _agree(number, octets)
        removed = them.heard(wait_for(them.fleet.empty_trash(them.answering))) if number else {}
        number, octets = (sum(part) for part in zip((0, 0), *removed.values(), strict=True))
        if json:
            each = [{"server": name, "removed": n, "bytes": octets} for name, (n, octets) in removed.items()]
            document = {"removed": number, "bytes": octets}
            output.put_json(document | ({"servers": each} if them.many else {}))
        output.say(f"{count(number)} removed for good, {size(octets)} of disk space")
        return them.code()


def _agree(number: int, octets: int) -> None:
    what = f"{count(number)} messages, {size(octets)}, are removed for good"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{what}: that asks first, and nobody is here to be asked. Say --yes to do it.")
    output.say(f"{what}. They cannot be restored after that.")
    if click.prompt(f"Type {number} to go on", default="", show_default=False, err=True).strip() != str(
        number
    ):
        raise Refused("nothing was done")

"""``mtatui queue trash …``: what was deleted, and taking it back."""

from __future__ import annotations

import sys
import time

import click

from mtatui.cli import output
from mtatui.cli.guard import Refused
from mtatui.cli.messages import as_json
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import opened, wait_for
from mtatui.cli.verbs import command_of, permitted
from mtatui.queue.message import no_sender
from mtatui.text import ago, count, size
from mtatui.verbs import ALL, RESTORE

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
def list_(options: Options, limit: int, json: bool) -> None:
    """List what was deleted, the last first."""
    with opened(options) as server:
        number, octets, messages = wait_for(server.actor.trash.contents(limit))
        if json:
            for message in messages:
                output.put_json(as_json(message, server) | {"deleted": message.mtime})
            return
        now = time.time()
        rows = [
            (
                m.id,
                ago(now - m.mtime),
                size(m.size),
                m.sender or no_sender(m.state, m.arrival),
                m.recipients[0].address if m.recipients else "",
            )
            for m in messages
        ]
        if rows:
            output.table(_COLUMNS, rows)
        output.say(f"{count(len(rows))} of {count(number)} messages, {size(octets)} on disk")


@trash.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def empty(options: Options, yes: bool, json: bool) -> None:
    """Remove all that is in the trash for good."""
    with opened(options) as server:
        permitted(server, ALL["empty-trash"])
        number, octets, _ = wait_for(server.actor.trash.contents(0))
        if number and not yes:
            _agree(number, octets)
        number, octets = wait_for(server.actor.trash.empty()) if number else (0, 0)
        if json:
            output.put_json({"removed": number, "bytes": octets})
        output.say(f"{count(number)} removed for good, {size(octets)} of disk space")


def _agree(number: int, octets: int) -> None:
    what = f"{count(number)} messages, {size(octets)}, are removed for good"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{what}: that asks first, and nobody is here to be asked. Say --yes to do it.")
    output.say(f"{what}. They cannot be restored after that.")
    if click.prompt(f"Type {number} to go on", default="", show_default=False, err=True).strip() != str(
        number
    ):
        raise Refused("nothing was done")

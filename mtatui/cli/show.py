"""``mtatui queue show ID``: one message, or what is inside it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import output
from mtatui.cli.guard import NOT_ALL
from mtatui.cli.messages import as_json, checked, envelope
from mtatui.cli.options import Options
from mtatui.cli.session import scanned, wait_for

if TYPE_CHECKING:
    from mtatui.server import Server

#: Bytes of a message that are read to be shown; of ``--raw`` into a file or a pipe, all.
ENOUGH = 8 * 1024 * 1024
ALL = 1 << 40


@click.command()
@click.argument("id")
@click.option(
    "--envelope",
    "part",
    flag_value="envelope",
    default=True,
    help="Sender, origin, times, recipients (usual).",
)
@click.option("--headers", "part", flag_value="headers", help="The headers, decoded.")
@click.option("--body", "part", flag_value="body", help="The body, as text.")
@click.option("--raw", "part", flag_value="raw", help="Every byte; into a pipe or a file exactly as it is.")
@click.option("--log", "part", flag_value="log", help="Its story, from the mail log.")
@click.option(
    "--verdicts",
    "part",
    flag_value="verdicts",
    help="What clamd, SpamAssassin and its DKIM signatures say of it; it does not leave the server.",
)
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def show(options: Options, id: str, part: str, json: bool) -> int | None:
    """Show a message: its envelope, or what is inside it."""
    (id,) = checked([id])
    with scanned(options) as server:
        message = server.message(id)
        if message is None and part != "log":
            output.say(f"mtatui: {id} is not in the queue: delivered, returned or deleted meanwhile.")
            return NOT_ALL
        document: dict[str, Any] = as_json(message, server) if message else {"id": id}
        if part == "verdicts":
            from mtatui.cli.verdicts import show_verdicts

            return show_verdicts(server, id, document if json else None)
        if json:
            output.put_json(document | _inside(server, id, part))
        elif part == "raw" and not sys.stdout.isatty():
            sys.stdout.buffer.write(wait_for(server.content(id, ALL))[0])
        else:
            for line in (
                envelope(message, server) if message and part == "envelope" else _lines(server, id, part)
            ):
                output.put(line)
    return None


def _content(server: Server, id: str) -> bytes:
    raw, more = wait_for(server.content(id, ENOUGH))
    if more:
        output.say(f"Cut after {ENOUGH // 1024**2} MiB; all of it: mtatui queue show {id} --raw > FILE")
    return raw


def _inside(server: Server, id: str, part: str) -> dict[str, Any]:
    """What a part says, as JSON: to be put beside the envelope."""
    from mtatui.queue import content, log

    match part:
        case "headers":
            return {"headers": [[h.name, h.value] for h in content.headers(_content(server, id))]}
        case "body":
            return {"body": content.body_text(_content(server, id))}
        case "raw":
            return {"raw": _content(server, id).decode("latin-1")}
        case "log":
            events = log.timeline(wait_for(server.log_lines(id)), id)
            return {
                "log": [
                    {"at": e.at or None, "id": e.id, "kind": e.kind, "text": log.words(e)} for e in events
                ]
            }
    return {}


def _lines(server: Server, id: str, part: str) -> list[str]:
    """What a part says, for people."""
    from mtatui.queue import content, log

    match part:
        case "headers":
            return [
                f"{h.name}: {h.value}" if h.name else h.value for h in content.headers(_content(server, id))
            ]
        case "body":
            return content.body_text(_content(server, id)).split("\n")
        case "raw":
            return content.raw_text(_content(server, id)).removesuffix("\n").split("\n")
    events = log.timeline(wait_for(server.log_lines(id)), id)
    if not events:
        output.say(f"The mail log says nothing about {id}; compressed logs are not searched.")
    return [f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(e.at))}  {log.words(e)}" for e in events]

"""``mtatui queue show ID``: one message, or what is inside it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import output
from mtatui.cli.guard import DONE, NOT_ALL, Misused
from mtatui.cli.messages import as_json, checked, envelope, keys_of, servers_named
from mtatui.cli.options import Options
from mtatui.cli.session import scanned, wait_for
from mtatui.queue.message import key, split

if TYPE_CHECKING:
    from mtatui.cli.gathering import Gathered
    from mtatui.fleet import Fleet

#: Bytes of a message that are read to be shown; of ``--raw`` into a file or a pipe, all.
ENOUGH = 8 * 1024 * 1024
ALL = 1 << 40


@click.command()
@click.argument("id", metavar="[SERVER/]ID")
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
def show(options: Options, id: str, part: str, json: bool) -> int:
    """Show a message: its envelope, or what is inside it."""
    (id,) = checked([id])
    with scanned(options, named=servers_named([id])) as them:
        fleet = them.fleet
        (id,) = keys_of(them, [id])
        message = fleet.message(id)
        if message is None and part == "log":
            id = _in_a_log(them, id)
        if message is None and part != "log":
            output.say(f"mtatui: {id} is not in the queue: delivered, returned or deleted meanwhile.")
            return NOT_ALL
        document: dict[str, Any] = as_json(message, fleet) if message else _only(id)
        if part == "verdicts":
            from mtatui.cli.verdicts import show_verdicts

            return show_verdicts(fleet, id, document if json else None)
        if json:
            output.put_json(document | _inside(fleet, id, part))
        elif part == "raw" and not sys.stdout.isatty():
            sys.stdout.buffer.write(wait_for(fleet.content(id, ALL))[0])
        else:
            for line in (
                envelope(message, fleet) if message and part == "envelope" else _lines(fleet, id, part)
            ):
                output.put(line)
        return them.code() if message is None else DONE


def _only(key: str) -> dict[str, Any]:
    """What is known of a message that is in no queue."""
    server, id = split(key)
    return ({"server": server} if server else {}) | {"id": id}


def _in_a_log(them: Gathered, id: str) -> str:
    """The key of a message that is in no queue, by the log of a server that speaks of it."""
    if not them.many or split(id)[0]:
        return id
    said = them.ask(lambda server: server.log_lines(id))
    found = [key(name, id) for name, lines in said.items() if lines]
    if len(found) > 1:
        raise Misused(f"the logs of several servers know {id}: say {' or '.join(found)}")
    return found[0] if found else key(them.answering[0], id)


def _content(fleet: Fleet, id: str) -> bytes:
    raw, more = wait_for(fleet.content(id, ENOUGH))
    if more:
        output.say(f"Cut after {ENOUGH // 1024**2} MiB; all of it: mtatui queue show {id} --raw > FILE")
    return raw


def _inside(fleet: Fleet, id: str, part: str) -> dict[str, Any]:
    """What a part says, as JSON: to be put beside the envelope."""
    from mtatui.queue import content, log

    match part:
        case "headers":
            return {"headers": [[h.name, h.value] for h in content.headers(_content(fleet, id))]}
        case "body":
            return {"body": content.body_text(_content(fleet, id))}
        case "raw":
            return {"raw": _content(fleet, id).decode("latin-1")}
        case "log":
            events = log.timeline(wait_for(fleet.log_lines(id)), split(id)[1])
            return {
                "log": [
                    {"at": e.at or None, "id": e.id, "kind": e.kind, "text": log.words(e)} for e in events
                ]
            }
    return {}


def _lines(fleet: Fleet, id: str, part: str) -> list[str]:
    """What a part says, for people."""
    from mtatui.queue import content, log

    match part:
        case "headers":
            return [
                f"{h.name}: {h.value}" if h.name else h.value for h in content.headers(_content(fleet, id))
            ]
        case "body":
            return content.body_text(_content(fleet, id)).split("\n")
        case "raw":
            return content.raw_text(_content(fleet, id)).removesuffix("\n").split("\n")
    events = log.timeline(wait_for(fleet.log_lines(id)), split(id)[1])
    if not events:
        output.say(f"The mail log says nothing about {id}; compressed logs are not searched.")
    return [f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(e.at))}  {log.words(e)}" for e in events]

"""``mtatui services`` and ``mtatui service``: what runs and answers; start, stop, restart, reload."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import output
from mtatui.cli.guard import DONE, NOT_ALL, Misused, Refused
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import gathered, opened, wait_for
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.services import Service
    from mtatui.cli.gathering import Gathered
    from mtatui.server import Server

_SERVER = Column("Server", 6, 20)
_COLUMNS = (
    Column("Name", 8, 24),
    Column("Service", 8, 18),
    Column("Configured", 10, 60),
    Column("Running", 7, 30),
    Column("Answering", 10, 60),
)


@click.command()
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def services(options: Options, json: bool) -> int:
    """Show the services: what is configured, what runs, what answers.

    Exit code 0: all that is configured is well; 1: something does not run, or does not answer.
    """
    from mtatui.backends.services.words import answering, running

    with gathered(options) as them:
        looked = them.ask(lambda server: server.services.look())
        if json:
            output.put_json(_document(them, looked))
        else:
            now, many = time.time(), them.many
            rows = [
                (*([name] if many else []), s.id, s.role, s.where or "–", running(s, now), answering(s))
                for name, found in looked.items()
                for s in found
            ]
            output.table((_SERVER, *_COLUMNS) if many else _COLUMNS, rows)
            for name, found in looked.items():
                for service in found:
                    if service.advice and (service.configured or not many):
                        output.say(f"{f'{name}: ' if many else ''}{service.id}: {service.advice}")
        well = all(service.well for found in looked.values() for service in found)
        return them.code(DONE if well else NOT_ALL)


def _document(them: Gathered, looked: dict[str, list[Service]]) -> dict[str, Any]:
    at = round(time.time(), 3)
    servers = [
        {
            "server": them.fleet.server(name).name,
            "at": at,
            "services": [as_json(service) for service in found],
        }
        for name, found in looked.items()
    ]
    return them.document(servers)


@click.group()
def service() -> None:
    """Start, stop, restart or reload a service, by the name that `mtatui services` gives it.

    Postfix by its own command, the others by systemd or init scripts. Asks first; what was run is told, and
    what came of it.
    """


def _command(deed: str, text: str) -> click.Command:
    """The command of one deed."""

    @click.command(deed, help=text)
    @click.argument("name")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.pass_obj
    def command(options: Options, name: str, yes: bool) -> int:
        return _act(options, name, deed, yes)

    return command


service.add_command(_command("start", "Start a service."))
service.add_command(_command("stop", "Stop a service. Without Postfix no mail is taken, sent or delivered."))
service.add_command(_command("restart", "Stop a service and start it again."))
service.add_command(_command("reload", "Have a service read its configuration anew."))


def _act(options: Options, name: str, deed: str, yes: bool) -> int:
    from mtatui.backends.services.words import question

    with opened(options) as server:
        found = _named(wait_for(server.services.look()), name)
        if why := server.services.why_not(found):
            raise Refused(f"{deed} {found.id}: {why}")
        _confirm(server, f"{deed.capitalize()} {found.id} on {server.name}", question(found, deed), yes)
        acted = wait_for(server.services.act(found, deed))
        for command in acted.commands:
            output.say(f"ran: {command}")
        output.put(acted.text)
        if not acted.ok and acted.service.advice:
            output.say(acted.service.advice)
    return DONE if acted.ok else NOT_ALL


def _named(found: list[Service], name: str) -> Service:
    for one in found:
        if one.id == name:
            return one
    raise Misused(f"there is no service called {clean(name)!r}; there are: {', '.join(s.id for s in found)}")


def _confirm(server: Server, title: str, lines: list[str], yes: bool) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{title}: that asks first, and nobody is here to be asked. Say --yes to do it.")
    output.say(title)
    for line in lines:
        output.say(f"  {line}")
    if not click.confirm("Do it?", err=True):
        raise Refused("nothing was done")


def as_json(service: Service) -> dict[str, Any]:
    """A service as an object (a contract). ``since`` is epoch seconds, ``memory`` bytes; null: not known."""
    running = service.running
    return {
        "name": service.id,
        "service": service.role,
        "configured": service.where or None,
        "runs": service.runs,
        "pid": (running.pid or None) if running else None,
        "since": (round(running.since, 1) or None) if running else None,
        "memory": (running.memory or None) if running else None,
        "unit": (running.unit or None) if running else None,
        "within": service.within or None,
        "answering": service.answering,
        "said": service.said,
        "advice": service.advice or None,
        "well": service.well,
    }

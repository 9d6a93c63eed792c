"""``mtatui servers …``: the servers that are managed, checking them, writing them down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import output
from mtatui.cli.gathering import HERE, chosen
from mtatui.cli.guard import DONE, NOT_ALL, Misused, Refused
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import gathered
from mtatui.config import ServerEntry, load

if TYPE_CHECKING:
    from mtatui.backends.postfix.doctor import Finding
    from mtatui.server import Server

_COLUMNS = (
    Column("Name", 4, 30),
    Column("Host", 9, 50),
    Column("Sudo", 4, 4),
    Column("Tags", 4, 40),
    Column("Config directory", 10, 60),
)


@click.group()
def servers() -> None:
    """The servers that mtatui manages: in the config file, or named by --hosts or --inventory."""


@servers.command("list")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def list_(options: Options, json: bool) -> None:
    """List the servers. None of them is asked anything."""
    config = load()
    for problem in config.problems:
        output.say(f"mtatui: {problem}")
    entries = chosen(options, config)
    if json:
        output.put_json([as_json(entry) for entry in entries])
        return
    if entries == [ServerEntry("")]:
        output.say("No server is configured, so it is the Postfix of this machine: mtatui servers add …")
        return
    rows = [
        (e.name, e.host, "yes" if e.sudo else "no", ", ".join(e.tags), e.config_directory) for e in entries
    ]
    output.table(_COLUMNS, rows)


def as_json(entry: ServerEntry) -> dict[str, Any]:
    """A server as an object (a contract)."""
    return {
        "name": entry.name or None,
        "host": entry.host,
        "sudo": entry.sudo,
        "tags": list(entry.tags),
        "config_directory": entry.config_directory or None,
    }


@servers.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def check(options: Options, names: tuple[str, ...], json: bool) -> int:
    """Look at servers from the ground up: reach, Python, Postfix, rights, queue, filters.

    NAME is what --server takes. Every gap says what to do about it. Exit code 0: nothing is wrong; 1:
    something is; 4: none of them can be reached.
    """
    from mtatui.backends.postfix.doctor import Level
    from mtatui.cli.doctor import findings_as_json, show

    if names and options.server:
        raise Misused("--server or NAME, not both")
    if names:
        options.server = ",".join(names)
    with gathered(options) as them:
        found = them.ask(_check)
        if json:
            documents = [
                {"server": them.fleet.server(name).name, "findings": findings_as_json(findings)}
                for name, findings in found.items()
            ]
            output.put_json({"servers": documents})
        for name, findings in () if json else found.items():
            output.put(them.fleet.server(name).name)
            for finding in findings:
                show(finding)
        bad = [findings for findings in found.values() if any(f.level is Level.BAD for f in findings)]
        if len(bad) == len(found) and all(findings[-1].check == "reach" for findings in bad):
            return 4
        return NOT_ALL if bad else DONE


async def _check(server: Server) -> list[Finding]:
    from mtatui.fleet.checking import check

    return await check(server)


@servers.command()
@click.argument("name")
@click.argument("host")
@click.option("--sudo", is_flag=True, help="Run what needs root with sudo there.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="To choose it by, with others: @TAG.")
@click.option("--config-directory", metavar="DIR", default="", help="Postfix's config_directory there.")
def add(name: str, host: str, sudo: bool, tags: tuple[str, ...], config_directory: str) -> None:
    """Write a server down in your config file.

    HOST is what ssh takes: a host, user@host, an alias of its configuration; localhost is this machine.
    Nothing is asked of it: mtatui servers check NAME does that.
    """
    from mtatui.config.schema import server_of
    from mtatui.config.writing import NotWritten, put_server

    table = {
        "name": name, "host": host, "sudo": sudo, "tags": list(tags), "config_directory": config_directory
    }  # fmt: skip
    try:
        entry = server_of(table)
    except ValueError as error:
        raise Misused(str(error)) from error
    config = load()
    if any(entry.name == known.name for known in config.servers):
        raise Misused(f"there is a server called {entry.name} already: mtatui servers list")
    try:
        put_server(config.path, entry)
    except NotWritten as error:
        raise Refused(str(error)) from error
    where = "this machine" if entry.host in HERE else entry.host
    output.say(f"{entry.name} is {where}, in {config.path}. To look at it: mtatui servers check {entry.name}")


@servers.command()
@click.argument("name")
def remove(name: str) -> None:
    """Take a server out of your config file. Nothing happens on the server."""
    from mtatui.config.writing import NotWritten, remove_server

    config = load()
    if all(name != entry.name for entry in config.servers):
        from mtatui.cli import picking

        there = picking.named(config.servers) or "none is configured"
        raise Misused(f"no server is called {name!r}; there are: {there}")
    try:
        remove_server(config.path, name)
    except NotWritten as error:
        raise Refused(str(error)) from error
    output.say(f"{name} is not in {config.path} any more.")

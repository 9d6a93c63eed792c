"""``mtatui signatures``: how old the signatures of viruses are, new ones now, and files of one's own."""

from __future__ import annotations

import dataclasses
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import changing, output
from mtatui.cli.guard import DONE, NOT_ALL, Misused, Refused
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import opened, wait_for
from mtatui.text import ago, clean, count, size

if TYPE_CHECKING:
    from mtatui.backends.filters.databases_read import Database, State
    from mtatui.server import Server
    from mtatui.settings.plan import Plan

_COLUMNS = (
    Column("Database", 10, 40),
    Column("Version", 7, 9, "right"),
    Column("Built", 5, 17),
    Column("Age", 3, 8, "right"),
    Column("Signatures", 10, 12, "right"),
    Column("Size", 4, 7, "right"),
    Column("", 0, 30),
)


@click.group(invoke_without_command=True)
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_context
def signatures(ctx: click.Context, json: bool) -> int:
    """Show the signatures of viruses: version, age and count of each database, and the last update.

    Exit code 1: something is wrong with them.
    """
    if ctx.invoked_subcommand is not None:
        return DONE
    with opened(ctx.obj) as server:
        state = wait_for(server.signatures.state())
        _show(server, state, json)
        return NOT_ALL if state.findings else DONE


@signatures.command()
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def update(options: Options, json: bool) -> int:
    """Have freshclam look for new ones now, and clamd load them. Exit code 1: it brought nothing."""
    with opened(options) as server:
        try:
            updated = wait_for(server.signatures.update(output.say))
        except ValueError as error:
            raise Refused(f"Not updated: {error}.") from None
        if json:
            state = as_json(server, updated.state)
            output.put_json(state | {"ok": updated.ok, "text": updated.text, "commands": updated.commands})
        else:
            output.put(updated.text)
        return DONE if updated.ok else NOT_ALL


@signatures.command()
@click.argument("source")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def check(options: Options, source: str, json: bool) -> int:
    """Try a file on the server (it is loaded, and clamd sees nothing of it), a mirror, or a URL.

    Exit code 1: it is of no use.
    """
    with opened(options) as server:
        try:
            tested = wait_for(server.signatures.test(source))
        except ValueError as error:
            raise Misused(f"{clean(str(error))}.") from None
        if json:
            output.put_json({"server": server.name, "source": source, **dataclasses.asdict(tested)})
        else:
            output.put(tested.text)
        return DONE if tested.ok else NOT_ALL


@signatures.command()
@click.argument("what", metavar="FILE|URL")
@changing.options
@click.pass_obj
def add(options: Options, /, what: str, **how: Any) -> int:
    """Add a file of signatures, or a URL from which freshclam fetches one; tried before clamd sees it."""
    from mtatui.backends.filters.databases_read import LARGEST
    from mtatui.backends.filters.own_signatures import adding

    if "://" in what:
        return _add_url(options, what, **how)
    try:
        with sys.stdin.buffer if what == "-" else open(what, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Misused(f"{clean(what)}: {error.strerror}.") from None
    with opened(options) as server:
        changing.settle(server)
        reading = wait_for(server.configuration.read())
        plan = _planned(lambda: adding(reading, what.rpartition("/")[2], data))
        return changing.change(server, plan, **how)


@signatures.command()
@click.argument("what", metavar="NAME|URL")
@changing.options
@click.pass_obj
def remove(options: Options, /, what: str, **how: Any) -> int:
    """Remove a file of one's own from the database directory, or a URL from what freshclam fetches."""
    from mtatui.backends.filters.own_signatures import KEY, removing

    with opened(options) as server:
        changing.settle(server)
        reading = wait_for(server.configuration.read())
        there = reading.current[KEY].value
        if what not in there:
            names = ", ".join(map(clean, there)) or "there are none"
            raise Misused(f"{clean(what)} is not among them: {names}.")
        plan = _planned(lambda: wait_for(removing(server.host, reading, what)))
        return changing.change(server, plan, **how)


def _add_url(options: Options, url: str, **how: Any) -> int:
    """Have freshclam fetch it."""
    from mtatui.backends.filters.own_signatures import KEY
    from mtatui.settings.catalogue import ALL

    with opened(options) as server:
        changing.settle(server)
        reading = wait_for(server.configuration.read())
        there = reading.current[KEY].value
        wanted = list(there if url in there else (*there, url))
        plan = _planned(lambda: server.configuration.plan(reading, {KEY: ALL[KEY].kind.load(wanted)}))
        return changing.change(server, plan, **how)


def _planned(make: Any) -> Plan:
    """A plan, or why there can be none."""
    try:
        plan: Plan = make()
    except ValueError as error:
        raise Refused(f"{clean(str(error))}.") from None
    return plan


def _show(server: Server, state: State, json: bool) -> None:
    if json:
        output.put_json(as_json(server, state))
        return
    output.table(_COLUMNS, [_row(one, state.at) for one in state.databases])
    if state.engine:
        loaded = f", daily version {state.loaded} loaded" if state.loaded else ""
        loaded += f", {count(state.count)} signatures" if state.count is not None else ""
        output.put(f"clamd {state.engine}{loaded}")
    if state.attempt is not None:
        result = "" if state.attempt.ok else "failed: "
        output.put(f"Last update {ago(state.at - state.attempt.at)} ago: {result}{state.attempt.text}")
    for finding in state.findings:
        output.say(finding)


def _row(one: Database, now: float) -> tuple[str, ...]:
    built = one.built or one.changed
    return (
        one.name,
        str(one.version or "–"),
        time.strftime("%Y-%m-%d %H:%M", time.localtime(built)),
        ago(now - built),
        "?" if one.count is None else count(one.count),
        size(one.size),
        one.trouble or ("your own" if one.own else ""),
    )


def as_json(server: Server, state: State) -> dict[str, Any]:
    """The state of signatures for scripts; times are epoch seconds."""
    return {"server": server.name, **dataclasses.asdict(state)}

"""From the options before a command to a `Server`, opened and read once."""

from __future__ import annotations

import os
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from mtatui.cli.guard import Misused
from mtatui.cli.options import Options
from mtatui.cli.output import say
from mtatui.config import Config, ServerEntry, load
from mtatui.text import cells, clean

if TYPE_CHECKING:
    from mtatui.queue.query import Query
    from mtatui.server import Server

T = TypeVar("T")

#: Complaints about single files that are told one by one.
COMPLAINTS = 5


def open_server(options: Options, config: Config) -> Server:
    """The server that the options mean: the one named, else the first of the config file, else this machine.

    Nothing has been asked of it yet.

    Raises:
        Misused: there is none of that name.
    """
    from mtatui.server import Server

    read_only = options.read_only or config.read_only
    if options.demo:
        from mtatui.backends.host_demo import DemoHost

        demo = DemoHost(read_only=read_only)
        return Server(
            demo,
            name="demo",  # by its own name it would look like somebody's server
            filter_places=demo.places,
            keep_days=config.trash_days,
            keep_bytes=config.trash_bytes,
        )
    entry = _entry(options.server, config)
    if entry.host not in ("localhost", ""):
        raise Misused(f"{entry.name} is on {entry.host}: only servers on this machine can be managed so far")
    from mtatui.backends.host_local import LocalHost
    from mtatui.backends.host_sudo import SudoHost

    host = SudoHost(read_only=read_only) if entry.sudo else LocalHost(read_only=read_only)
    return Server(
        host,
        # Absolute, because commands run in the root directory.
        os.path.abspath(options.config_dir) if options.config_dir else entry.config_directory or None,
        entry.name,
        keep_days=config.trash_days,
        keep_bytes=config.trash_bytes,
    )


def _entry(name: str, config: Config) -> ServerEntry:
    for entry in config.servers:
        if name in ("", entry.name):
            return entry
    if not name:
        return ServerEntry("")
    known = ", ".join(entry.name for entry in config.servers)
    there_are = f"there are: {known}" if known else f"none is configured in {config.path}"
    raise Misused(f"no server is called {clean(name)!r}; {there_are}")


@contextmanager
def opened(options: Options) -> Iterator[Server]:
    """The server, let go of afterwards. What is wrong in mtatui's own configuration is said."""
    config = load()
    for problem in config.problems:
        say(f"mtatui: {problem}")
    server = open_server(options, config)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def scanned(options: Options) -> Iterator[Server]:
    """The same with the queue read once. What could not be read is said, and does not stop the rest."""
    with opened(options) as server:
        server.scan()
        # Of what Postfix has put aside as corrupt nobody expects that it can be read.
        problems = [p for p in server.index.problems if not p.path.startswith("corrupt/")]
        if not server.host.superuser:
            say(f"mtatui: {server.feed().limits}")
        for problem in problems[:COMPLAINTS]:
            say(f"mtatui: {problem.path}: {problem.text}".replace(" : ", " "))
        if len(problems) > COMPLAINTS:
            say(f"mtatui: {len(problems) - COMPLAINTS:,} more could not be read")
        yield server


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Do what is asynchronous, to its end. (Importing asyncio takes 30 ms, which ``--help`` does without.)"""
    import asyncio

    return asyncio.run(_with_all_it_began(work))


async def _with_all_it_began(work: Coroutine[Any, Any, T]) -> T:
    """Work, and then the end of what it began and waits for no more, because something else failed.

    ``asyncio.run`` would end these, too, but along with asyncio's own: a command that is just being started
    then waits for ever, for pipes that nobody connects any more.
    """
    import asyncio

    try:
        return await work
    finally:
        rest = [
            task
            for task in asyncio.all_tasks() - {asyncio.current_task()}
            if not getattr(task.get_coro(), "__qualname__", "").endswith("._connect_pipes")
        ]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


def query_of(text: str) -> Query:
    """A filter as it was typed.

    Raises:
        Misused: there is a mistake in it; the words show where.
    """
    from mtatui.queue.query import QuerySyntaxError, parse

    try:
        return parse(text)
    except QuerySyntaxError as error:
        shown, before = clean(text), cells(clean(text[: error.start]))
        marks = "^" * max(1, cells(clean(text[error.start : error.end])))
        raise Misused(f"a mistake in the filter: {error}\n  {shown}\n  {' ' * before}{marks}") from error

"""A command of the command line: the servers that it is about read once, what it waits for, its filter."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from mtatui.cli.gathering import Gathered, gathered, opened
from mtatui.cli.guard import Misused
from mtatui.cli.options import Options
from mtatui.cli.output import say
from mtatui.text import cells, clean

if TYPE_CHECKING:
    from mtatui.queue.query import Query

__all__ = ["Gathered", "gathered", "opened", "query_of", "scanned", "wait_for"]

T = TypeVar("T")

#: Complaints about single files that are told one by one.
COMPLAINTS = 5


@contextmanager
def scanned(options: Options, *, changes: str = "", named: Iterable[str] | None = None) -> Iterator[Gathered]:
    """The servers that a command is about (see `gathered`), with their queues read once. What could not be
    read is said, and does not stop the rest."""
    with gathered(options, changes=changes, named=named) as them:
        with them.waiting() as left:
            troubles = them.fleet.scan(them.names, left.discard)
        them.lost(troubles)
        for name in them.answering:
            _complain(them, name)
        yield them


def _complain(them: Gathered, name: str) -> None:
    """Say what is not known of a queue."""
    server = them.fleet.server(name)
    whose = f"mtatui: {name}" if name else "mtatui"
    # Of what Postfix has put aside as corrupt nobody expects that it can be read.
    problems = [p for p in server.part.problems if not p.path.startswith("corrupt/")]
    if not server.host.superuser:
        say(f"{whose}: {server.feed().limits}")
    for problem in problems[:COMPLAINTS]:
        say(f"{whose}: {problem.path}: {problem.text}".replace(" : ", " "))
    if len(problems) > COMPLAINTS:
        say(f"{whose}: {len(problems) - COMPLAINTS:,} more could not be read")


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

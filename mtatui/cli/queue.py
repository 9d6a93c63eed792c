"""``mtatui queue …``: looking at the queue. What changes it stands in `mtatui.cli.verbs`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mtatui import ask
from mtatui.cli import output
from mtatui.cli.messages import as_json
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import query_of, scanned
from mtatui.cli.show import show
from mtatui.cli.trash import trash
from mtatui.cli.verbs import COMMANDS, flush
from mtatui.queue.message import no_sender
from mtatui.text import ago, count, size

if TYPE_CHECKING:
    from mtatui.queue.query import Query
    from mtatui.queue.views import Summary, View
    from mtatui.server import Server

STATES = ("active", "corrupt", "deferred", "incoming", "hold", "maildrop", "trash")
FACETS = ("reason", "domain", "sender", "sender-domain", "ip", "user", "age")
SORTS = ("age", "id", "size", "from", "to", "retry", "reason", "state", "rcpts", "server")
#: Rows that are taken from the index at a time.
CHUNK = 2000

_COLUMNS = (
    Column("ID", 11, 20),
    Column("State", 8, 8),
    Column("Age", 3, 8, "right"),
    Column("Size", 5, 6, "right"),
    Column("From", 16, 40, address=True),
    Column("To", 16, 40, address=True),
    Column("", 0, 7),
    Column("Retry", 5, 7, "right"),
    Column("Reason", 8, 40),
)


@click.group()
def queue() -> None:
    """Look at the queue and act on it."""


@queue.command("list")
@click.option("--filter", "text", metavar="QUERY", default="", help="Only what it means (docs/query.md).")
@click.option("--state", type=click.Choice(STATES), help="Only messages in this state.")
@click.option(
    "--sort",
    type=click.Choice([way + field for field in SORTS for way in ("", "-")]),
    default="age",
    metavar="[-]FIELD",
    help=f"By {', '.join(SORTS)}; the oldest or smallest first, with '-' last.",
)
@click.option("--limit", type=click.IntRange(min=1), help="So many messages at most.")
@click.option("--json", "json", is_flag=True, help="One object a line, with every recipient.")
@click.option("--ids", is_flag=True, help="Queue IDs only, for a verb that reads them from '-'.")
@click.pass_obj
def list_(
    options: Options, text: str, state: str | None, sort: str, limit: int | None, json: bool, ids: bool
) -> None:
    """List messages.

    Times in JSON are seconds since the epoch, null where they are not known.
    """
    if json and ids:
        raise click.UsageError("--json or --ids, not both")
    query = narrowed(text, state)
    with scanned(options) as server:
        view = sorted_view(server, query, sort)
        number = min(len(view), limit or len(view))
        if json:
            for row in rows(server, view, number):
                message = server.index.message(row.id)
                if message is not None:
                    output.put_json(as_json(message, server))
        elif ids:
            for row in rows(server, view, number):
                output.put(row.id)
        else:
            listing(server, view, number, trash=state == "trash")


def narrowed(text: str, state: str | None) -> Query:
    """The query of a filter and a state: both must hold."""
    query = query_of(text)
    return query_of(f"({query}) state:{state}" if str(query) else f"state:{state}") if state else query


def sorted_view(server: Server, query: Query, sort: str) -> View:
    """The messages in the order that was asked for."""
    from mtatui.queue.views import Sort, SortField

    order = Sort(SortField(sort.removeprefix("-")), sort.startswith("-"))
    return server.index.view(query, order, int(time.time()))


def rows(server: Server, view: View, number: int) -> Iterator[Summary]:
    """The first lines of a view, a few thousand at a time."""
    for start in range(0, number, CHUNK):
        yield from filter(None, server.index.rows(view, start, min(start + CHUNK, number)))


def listing(server: Server, view: View, number: int, *, trash: bool = False) -> None:
    """The table for people, of the queue or of the trash."""
    now = time.time()
    if number:
        output.table(_COLUMNS, (_row(row, now) for row in rows(server, view, number)))
    everything = sum(n for state, n in server.index.counts().items() if (state == "trash") is trash)
    output.say(f"{count(number)} of {ask.messages(everything)}")


def _row(row: Summary, now: float) -> tuple[str, ...]:
    return (
        row.id,
        row.state,
        ago(now - row.arrival) if row.arrival else "",
        size(row.size),
        row.sender or no_sender(row.state, row.arrival),
        row.recipient,
        f"+{row.recipients - 1}" if row.recipients > 1 else "",
        ago(row.retry - now) if row.retry else "",
        row.reason,
    )


@queue.command()
@click.option("--by", type=click.Choice(FACETS), help="Count by this instead of by state.")
@click.option("--filter", "text", metavar="QUERY", default="", help="Only what it means (docs/query.md).")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="So many values at most."
)
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def stats(options: Options, by: str | None, text: str, limit: int, json: bool) -> None:
    """Count messages, by state or by what they have in common."""
    query_of(text)
    with scanned(options) as server:
        if by is None:
            _by_state(server, text, json)
        else:
            _by_facet(server, query_of(text), by, limit, json)


def _by_state(server: Server, text: str, json: bool) -> None:
    now = int(time.time())
    states = {state: server.index.total(narrowed(text, state), now) for state in STATES}
    total = sum(number for state, number in states.items() if state != "trash")
    if json:
        output.put_json({"filter": str(query_of(text)), "messages": total, "states": states})
        return
    pairs = [(state, count(number)) for state, number in states.items()] + [("in the queue", count(total))]
    output.table((Column("State", 8, 20), Column("Messages", 8, 12, "right")), pairs)


def _by_facet(server: Server, query: Query, by: str, limit: int, json: bool) -> None:
    from mtatui.queue.facets import Facet

    counts = server.index.facets(query, Facet(by), limit, int(time.time()))
    if json:
        values = [{"value": c.value, "messages": c.messages, "query": c.term} for c in counts]
        output.put_json({"filter": str(query), "by": by, "values": values})
        return
    columns = (Column(by.capitalize(), 20, 60), Column("Messages", 8, 12, "right"), Column("Query", 10, 80))
    output.table(columns, [(c.label, count(c.messages), c.term) for c in counts])


for command in (show, *COMMANDS, flush, trash):
    queue.add_command(command)

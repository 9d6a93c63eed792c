"""``mtatui queue …``: looking at the queue. What changes it stands in `mtatui.cli.verbs`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
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
    from mtatui.cli.gathering import Gathered
    from mtatui.queue.index import Index
    from mtatui.queue.query import Query
    from mtatui.queue.views import Summary, View

STATES = ("active", "corrupt", "deferred", "incoming", "hold", "maildrop", "trash")
FACETS = ("reason", "domain", "sender", "sender-domain", "ip", "user", "age", "server")
SORTS = ("age", "id", "size", "from", "to", "retry", "reason", "state", "rcpts", "server")
#: Rows that are taken from the index at a time.
CHUNK = 2000

_SERVER = Column("Server", 6, 20)
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
) -> int:
    """List messages.

    Times in JSON are seconds since the epoch, null where they are not known. Where there are several servers,
    --ids prints SERVER/ID.
    """
    if json and ids:
        raise click.UsageError("--json or --ids, not both")
    query = narrowed(text, state)
    with scanned(options) as them:
        index = them.fleet.index
        view = sorted_view(index, query, sort)
        number = min(len(view), limit or len(view))
        if json:
            for row in rows(index, view, number):
                message = index.message(row.id)
                if message is not None:
                    output.put_json(as_json(message, them.fleet))
        elif ids:
            for row in rows(index, view, number):
                output.put(row.id)
        else:
            _listing(them, view, number, trash=state == "trash")
        return them.code()


def narrowed(text: str, state: str | None) -> Query:
    """The query of a filter and a state: both must hold."""
    query = query_of(text)
    return query_of(f"({query}) state:{state}" if str(query) else f"state:{state}") if state else query


def sorted_view(index: Index, query: Query, sort: str) -> View:
    """The messages in the order that was asked for."""
    from mtatui.queue.views import Sort, SortField

    order = Sort(SortField(sort.removeprefix("-")), sort.startswith("-"))
    return index.view(query, order, int(time.time()))


def rows(index: Index, view: View, number: int) -> Iterator[Summary]:
    """The first lines of a view, a few thousand at a time."""
    for start in range(0, number, CHUNK):
        yield from filter(None, index.rows(view, start, min(start + CHUNK, number)))


def _listing(them: Gathered, view: View, number: int, *, trash: bool = False) -> None:
    """The table for people, of the queue or of the trash."""
    index, now = them.fleet.index, time.time()
    if number and them.many:
        lines = ((row.server, *_row(row, now)) for row in rows(index, view, number))
        output.table((_SERVER, *_COLUMNS), lines)
    elif number:
        output.table(_COLUMNS, (_row(row, now) for row in rows(index, view, number)))
    everything = sum(n for state, n in index.counts().items() if (state == "trash") is trash)
    where = f" on {len(them.answering)} servers" if them.many else ""
    output.say(f"{count(number)} of {ask.messages(everything)}{where}")


def _row(row: Summary, now: float) -> tuple[str, ...]:
    return (
        row.queue_id,
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
def stats(options: Options, by: str | None, text: str, limit: int, json: bool) -> int:
    """Count messages, by state or by what they have in common."""
    query_of(text)
    with scanned(options) as them:
        if by is not None:
            _by_facet(them.fleet.index, query_of(text), by, limit, json)
        elif them.many:
            _by_state_and_server(them, text, json)
        else:
            _by_state(them.fleet.index, text, json)
        return them.code()


def _by_state(index: Index, text: str, json: bool) -> None:
    now = int(time.time())
    states = {state: index.total(narrowed(text, state), now) for state in STATES}
    total = _in_the_queue(states)
    if json:
        output.put_json({"filter": str(query_of(text)), "messages": total, "states": states})
        return
    pairs = [(state, count(number)) for state, number in states.items()] + [("in the queue", count(total))]
    output.table((Column("State", 8, 20), Column("Messages", 8, 12, "right")), pairs)


def _in_the_queue(states: Mapping[str, int]) -> int:
    return sum(number for state, number in states.items() if state != "trash")


def _by_state_and_server(them: Gathered, text: str, json: bool) -> None:
    """A line for each server that answers, and one for all."""
    from mtatui.queue.facets import Facet

    now = int(time.time())
    index, each = them.fleet.index, {name: dict.fromkeys(STATES, 0) for name in them.answering}
    for state in STATES:
        for found in index.facets(narrowed(text, state), Facet.SERVER, len(each), now):
            if found.value in each:
                each[found.value][state] = found.messages
    whole = {state: sum(states[state] for states in each.values()) for state in STATES}
    if json:
        servers = [{"server": n, "messages": _in_the_queue(s), "states": s} for n, s in each.items()]
        silent = [{"server": name, "error": str(error)} for name, error in them.silent.items()]
        document = {"filter": str(query_of(text)), "messages": _in_the_queue(whole), "states": whole}
        output.put_json(document | {"servers": servers + silent})
        return
    columns = [Column(state.capitalize(), len(state), 12, "right") for state in STATES]
    lines = [
        (name, *(count(number) for number in states.values()), count(_in_the_queue(states)))
        for name, states in [*each.items(), ("all", whole)]
    ]
    output.table((_SERVER, *columns, Column("In the queue", 12, 12, "right")), lines)


def _by_facet(index: Index, query: Query, by: str, limit: int, json: bool) -> None:
    from mtatui.queue.facets import Facet

    counts = index.facets(query, Facet(by), limit, int(time.time()))
    if json:
        values = [{"value": c.value, "messages": c.messages, "query": c.term} for c in counts]
        output.put_json({"filter": str(query), "by": by, "values": values})
        return
    columns = (Column(by.capitalize(), 20, 60), Column("Messages", 8, 12, "right"), Column("Query", 10, 80))
    output.table(columns, [(c.label, count(c.messages), c.term) for c in counts])


for command in (show, *COMMANDS, flush, trash):
    queue.add_command(command)

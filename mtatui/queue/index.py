# ruff: noqa: S608  (what is put into SQL here are names of our own tables and columns)
"""The index: what is in the queue, kept live by deltas, asked by queries.

A SQLite database in memory, for all servers that are managed: each has a `Part`, and its feed's thread calls
`Part.apply`; any thread asks. Of several servers, what is called a message's ID here is its key, see
`mtatui.queue.message`. What a screen is about to paint (`rows`, `message`, `position`) is urgent and waits
for one batch at most; `view`, `facets`, `select` and `blast_radius` may take their time and belong in a
thread. Each question is one SQLite step that yields one JSON text: stepping row by row would hand Python's
lock to and fro with the feeds a hundred thousand times.

Ages and retries are relative to the ``now`` a caller gives (epoch seconds).
"""

from __future__ import annotations

import json
import math
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mtatui.queue.delta import Delta, Done, Problem
from mtatui.queue.facets import AGE_BANDS, Facet, FacetCount, counted, counted_ages
from mtatui.queue.message import Identity, Message, Recipient, State, split
from mtatui.queue.part import Part
from mtatui.queue.query import Query
from mtatui.queue.schema import LONE, STATES
from mtatui.queue.selection import BlastRadius, Selection, Target
from mtatui.queue.sql import Clause, Scope, where
from mtatui.queue.store import Store
from mtatui.queue.views import RETRY, Sort, SortField, Summary, View, in_order

__all__ = ["Facet", "FacetCount", "Index", "Part", "Sort", "SortField", "Summary", "View"]

_CHUNK = 20_000
#: A condition is worked out anew for each piece of a column, so pieces are large.
_COLUMN_CHUNK = 100_000
_LARGEST_FEW = 5
#: How many of the first messages are looked at for those that a view begins with: at first, and at most.
_NEAR = (500, 5000)
#: Fields that the order by arrival can serve by itself.
_BY_ARRIVAL = frozenset({"state", "age", "server", "tag"})
#: Where the values of a facet stand: the column of a message, and the side table and its column behind it.
_SIDES = {
    Facet.REASON: ("cause", "cause", "t.label"),
    Facet.DOMAIN: ("domain", "domain", "t.text"),
    Facet.SENDER_DOMAIN: ("sender_domain", "domain", "t.text"),
    Facet.IP: ("origin", "origin", "t.ip"),
    Facet.USER: ("origin", "origin", "lower(t.user)"),
    Facet.SERVER: ("server", "server", "t.name"),
}


class Index:
    """What is in the queues of the servers, and every question about it."""

    def __init__(self) -> None:
        self._store = Store()
        self._gate, self._ask, self._numbers = self._store.gate, self._store.ask, self._store.numbers
        self.stand_back = self._gate.stand_back
        self._parts: dict[str, Part] = {}
        self._latest = LONE
        """The number of the latest part with a name."""
        self._making = threading.Lock()
        self._tags: Mapping[str, tuple[str, ...]] = {}
        self._known_order: View | None = None

    # --- whose it is -----------------------------------------------------------------------------------

    def part(self, name: str = "") -> Part:
        """The share of one server; a lone one needs no name. One that was dropped begins anew."""
        with self._making:
            part = self._parts.get(name)
            if part is None or part.dropped:
                self._latest += bool(name)
                part = Part(self._store, name, self._latest if name else LONE)
                self._parts = {**self._parts, name: part}
                self._introduce()
            return part

    @property
    def tags(self) -> Mapping[str, tuple[str, ...]]:
        """The tags of each server, by its name: by them servers are chosen together (``tag:`` in a query)."""
        return self._tags

    @tags.setter
    def tags(self, tags: Mapping[str, tuple[str, ...]]) -> None:
        with self._making:
            self._tags = tags
            self._introduce()

    def _introduce(self) -> None:
        known = [(part.number, name, self._tags.get(name, ())) for name, part in self._parts.items()]
        self._store.introduce(known)

    @property
    def generation(self) -> int:
        """Grows with every change of any part, so that whoever shows the queue knows when to look again."""
        return self._store.generation

    def counts(self, names: Iterable[str] | None = None) -> dict[State, int]:
        """How many messages each state holds, on the servers named or on all; see `Part.counts`."""
        parts = self._parts
        chosen = parts.values() if names is None else [parts[name] for name in names if name in parts]
        total = dict.fromkeys(State, 0)
        for part in chosen:
            for state, number in part.counts().items():
                total[state] += number
        return total

    @property
    def problems(self) -> list[Problem]:
        """What the latest scans could not read."""
        return [problem for part in self._parts.values() for problem in part.problems]

    @property
    def done(self) -> Done | None:
        """How the latest complete scan of a lone server ended."""
        part = self._parts.get("")
        return part.done if part is not None else None

    def apply(self, delta: Delta) -> None:
        """Take in one delta of a lone server."""
        self.part().apply(delta)

    def restart(self) -> None:
        """The feed of a lone server begins anew; see `Part.restart`."""
        self.part().restart()

    # --- which messages --------------------------------------------------------------------------------

    def _where(self, query: Query, now: int) -> Clause:
        return where(query, Scope(now, self._many))

    @property
    def _many(self) -> bool:
        """Whether messages have keys that are more than their IDs."""
        return self._latest > LONE

    def total(self, query: Query, now: int) -> int:
        """How many messages a query means."""
        clause = self._where(query, now)
        sql = f"SELECT json_array(count(*)) FROM message m WHERE {clause.sql}"
        total: int = self._gate.patiently(lambda: self._ask(sql, *clause.parameters))[0]
        return total

    # --- rows on a screen ------------------------------------------------------------------------------

    def view(self, query: Query, sort: Sort, now: int, wanted: Callable[[], bool] = lambda: True) -> View:
        """The messages a query means, in order. The trash is left out unless the query asks for it.

        Raises:
            Unwanted: something urgent came up, and it is not ``wanted`` any more.
        """
        clause, generation = self._where(query, now), self.generation
        meant = f"SELECT m.n FROM message m WHERE {clause.sql}"
        order = sort.sql(self._many)
        fields = {term.field for term in query.terms}
        if fields - _BY_ARRIVAL:
            if "id" not in fields:  # every message must be looked at: best as they lie, by no index
                meant = meant.replace("message m", "message m NOT INDEXED", 1)
            if (whole := self._whole(sort)) is not None:
                numbers = self._numbers(meant, clause.parameters, wanted)
                ordered = in_order(numbers, whole)
                if len(ordered) == len(numbers):  # else something has come in between
                    return View(query, sort, generation, ordered)
            order = f"+{order}"  # one look at every message, then sorting those that fit: not by the index
        numbers = self._numbers(f"{meant} ORDER BY {order}", clause.parameters, wanted)
        return View(query, sort, generation, numbers)

    def first(self, query: Query, sort: Sort, now: int, number: int) -> View | None:
        """So many of the messages that a view would begin with, without a look at all the others; None where
        they are not found near the beginning of everything."""
        whole = self._whole(sort)
        if whole is None or len(whole) <= _NEAR[-1]:
            return None
        clause, generation = self._where(query, now), self.generation
        sql = (
            "SELECT json_group_array(m.n) FROM json_each(?) j CROSS JOIN message m ON m.n = j.value"
            f" WHERE {clause.sql}"
        )
        found, start = array("q"), 0
        for stop in _NEAR:
            candidates = json.dumps(whole[start:stop].tolist())
            with self._gate.urgently():
                found.extend(self._ask(sql, candidates, *clause.parameters))
            if len(found) >= number:
                return View(query, sort, generation, found[:number])
            start = stop
        return None

    def _whole(self, sort: Sort) -> array[int] | None:
        """Everything in order, where that is at hand: sorting is half of what a view costs."""
        known = self._known_order
        if known is not None and known.sort == sort and known.generation == self.generation:
            return known.numbers
        if sort.field is not SortField.AGE:
            return None
        generation = self.generation
        numbers = self._numbers(f"SELECT m.n FROM message m ORDER BY {sort.sql(self._many)}", ())
        self._known_order = View(Query(), sort, generation, numbers)
        return numbers

    def rows(self, view: View, start: int, stop: int) -> list[Summary | None]:
        """The lines of a view from ``start`` up to ``stop``, as they are now; None for what is gone since."""
        numbers = view.numbers[start:stop]
        sql = (
            "SELECT json_group_array(json_array(m.n, m.id, m.state, m.arrival, m.size, m.sender, m.address,"
            f" m.waiting, coalesce({RETRY}, 0), c.label)) FROM json_each(?) j"
            " CROSS JOIN message m ON m.n = j.value CROSS JOIN cause c ON c.key = m.cause"
        )
        with self._gate.urgently():
            found = self._ask(sql, json.dumps(numbers.tolist()))
        lines = {n: Summary(id, STATES[state], *rest) for n, id, state, *rest in found}
        return [lines.get(n) for n in numbers]

    def ids(self, view: View, start: int, stop: int) -> list[str]:
        """Who stands in a view from ``start`` up to ``stop``, in no order; what is gone since is left out."""
        sql = "SELECT json_group_array(m.id) FROM json_each(?) j CROSS JOIN message m ON m.n = j.value"
        return [id for chunk in self._chunks(sql, view.numbers[start:stop]) for id in chunk]

    def position(self, view: View, id: str) -> int | None:
        """Where a message stands in a view; None where it does not."""
        with self._gate.urgently():
            n = self._ask("SELECT json_group_array(n) FROM message WHERE id = ?", id)
        try:
            return view.numbers.index(n[0]) if n else None
        except ValueError:
            return None

    def message(self, id: str, within: float = math.inf) -> Message | None:
        """All that is known of a message, None where it is not here.

        Raises:
            TimeoutError: nothing could be asked within so many seconds.
        """
        itself = (
            "SELECT json_array(m.n, m.waiting + m.served,"
            " json_array(m.place, m.address, m.reason, c.status, m.done, m.original), m.state,"
            " json_array(m.arrival, m.size, m.mtime, m.sender, o.ip, o.host, o.helo, o.user, o.filter))"
            " FROM message m CROSS JOIN cause c ON c.key = m.cause CROSS JOIN origin o ON o.key = m.origin"
            " WHERE m.id = ?"
        )
        further = (
            "SELECT json_group_array(json_array(o.place, o.address, o.reason, c.status, o.done, o.original))"
            " FROM other o JOIN cause c ON c.key = o.cause WHERE o.message = ?"
        )
        with self._gate.urgently(within):
            found = self._ask(itself, id)
            if found is None:
                return None
            n, number, lead, state, plain = found
            recipients = self._ask(further, n) + ([lead] if number else [])
        recipients = [Recipient(a, r, s, bool(d), o) for _, a, r, s, d, o in sorted(recipients)]
        arrival, size, mtime, sender, ip, host, helo, user, filter = plain
        return Message(
            id, STATES[state], arrival, size, mtime, sender, ip, host, helo, user, filter, tuple(recipients)
        )

    # --- facets ----------------------------------------------------------------------------------------

    def facets(self, query: Query, by: Facet, limit: int, now: int) -> list[FacetCount]:
        """How many of the messages a query means have each value: the most frequent first; ages in order."""
        clause = self._where(query, now)
        if by is Facet.AGE:
            return self._ages(clause, now)
        if by is Facet.SENDER:
            senders = Counter[str]()
            for chunk in self._columns("lower(m.sender)", clause):
                senders.update(chunk)
            most = sorted(senders.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
            return [counted(by, value, number) for value, number in most]
        column, table, name = _SIDES[by]
        keys = Counter[int]()
        for chunk in self._columns(f"m.{column}", clause):
            keys.update(chunk)
        if by in {Facet.REASON, Facet.DOMAIN}:
            sql = (
                f"SELECT json_group_array(o.{column}) FROM other o CROSS JOIN message m ON m.n = o.message"
                f" WHERE o.first_{column} AND {clause.sql}"
            )
            keys.update(self._gate.patiently(lambda: self._ask(sql, *clause.parameters)))
        most = self._named(keys, table, name, limit)
        return [counted(by, value, number) for value, number in most]

    def _ages(self, clause: Clause, now: int) -> list[FacetCount]:
        bands = ", ".join("sum(m.arrival <= ? AND m.arrival > ?)" for _ in AGE_BANDS)
        limits: list[int] = []
        for band in AGE_BANDS:
            youngest = now - band.youngest if band.youngest else 2**62
            limits += (youngest, max(0, now - band.oldest) if band.oldest else 0)
        sql = f"SELECT json_array({bands}) FROM message m WHERE {clause.sql}"
        return counted_ages(self._gate.patiently(lambda: self._ask(sql, *limits, *clause.parameters)))

    def _named(self, keys: Counter[int], table: str, name: str, limit: int) -> list[tuple[str, int]]:
        """The most frequent values behind keys of a side table, which may know a value by several keys."""
        sql = (
            "SELECT json_group_array(json_array(name, number))"
            f" FROM (SELECT {name} name, sum(j.value) number FROM json_each(?) j"
            f" CROSS JOIN {table} t ON t.key = CAST(j.key AS INTEGER) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?)"
        )
        found = self._gate.patiently(lambda: self._ask(sql, json.dumps(keys), limit))
        return [(value, number) for value, number in found]

    # --- selections ------------------------------------------------------------------------------------

    def select(self, chosen: Query | View | Iterable[str], now: int, chosen_by: str = "") -> Selection:
        """Freeze what a query means, what a view shows, or messages by ID; what is gone is left out."""
        if isinstance(chosen, Query):
            chosen_by = chosen_by or str(chosen)
            chosen = self.view(chosen, Sort(), now)
        values: Sequence[int | str]
        key, values = ("n", chosen.numbers) if isinstance(chosen, View) else ("id", list(chosen))
        sql = (
            "SELECT json_group_array(json_array(m.id, m.arrival, m.size, m.sender, m.state))"
            f" FROM json_each(?) j CROSS JOIN message m ON m.{key} = j.value"
        )
        targets = tuple(
            Target(Identity(id, arrival, size, sender), STATES[state])
            for chunk in self._chunks(sql, values)
            for id, arrival, size, sender, state in chunk
        )
        return Selection(targets, chosen_by, now)

    def blast_radius(self, selection: Selection) -> BlastRadius:
        """What a verb over a selection would touch."""
        plain = (
            "SELECT json_group_array(json_array(m.waiting, m.served, m.domain))"
            " FROM json_each(?) j CROSS JOIN message m ON m.id = j.value"
        )
        further = (
            "SELECT json_group_array(o.domain) FROM json_each(?) j CROSS JOIN message m ON m.id = j.value"
            " CROSS JOIN other o ON o.message = m.n WHERE NOT o.done"
        )
        who = [target.identity for target in selection.targets]
        ids = [identity.id for identity in who]
        keys = Counter[int]()
        recipients = partly_served = 0
        for chunk in self._chunks(plain, ids):
            keys.update(domain for waiting, _, domain in chunk if waiting)
            recipients += sum(waiting for waiting, _, _ in chunk)
            partly_served += sum(1 for waiting, served, _ in chunk if waiting and served)
        for chunk in self._chunks(further, ids):
            keys.update(chunk)
        domains = self._named(keys, "domain", "t.text", len(keys))
        senders = Counter(identity.sender for identity in who).most_common()
        servers = Counter(split(id)[0] for id in ids) if self._many else Counter[str]()
        return BlastRadius(
            messages=len(who),
            recipients=recipients,
            domains=tuple(domains[:_LARGEST_FEW]),
            domain_count=len(domains),
            senders=tuple(senders[:_LARGEST_FEW]),
            sender_count=len(senders),
            bytes=sum(identity.size for identity in who),
            oldest=min((identity.arrival for identity in who if identity.arrival), default=0),
            partly_served=partly_served,
            servers=tuple(servers.most_common()),
        )

    def states_of(self, ids: Iterable[str]) -> dict[str, State]:
        """Where messages are; those that are not here are left out."""
        sql = (
            "SELECT json_group_array(json_array(m.id, m.state))"
            " FROM json_each(?) j CROSS JOIN message m ON m.id = j.value"
        )
        return {id: STATES[state] for chunk in self._chunks(sql, list(ids)) for id, state in chunk}

    def unknown(self, ids: Iterable[str]) -> list[str]:
        """Those of the IDs that are not here, in their order."""
        ids = list(ids)
        known = self.states_of(ids)
        return [id for id in ids if id not in known]

    # --- in pieces -------------------------------------------------------------------------------------

    def _chunks(self, sql: str, values: Sequence[int | str]) -> Iterator[Any]:
        """What a statement yields for a long list of row numbers or IDs, a few thousand at a time."""
        for start in range(0, len(values), _CHUNK):
            chosen = json.dumps(list(values[start : start + _CHUNK]))
            yield self._gate.patiently(partial(self._ask, sql, chosen))

    def _columns(self, column: str, clause: Clause) -> Iterator[list[Any]]:
        """An expression over the messages that a condition holds for, in pieces."""
        sql = (
            "SELECT json_array(json_group_array(value), max(n))"
            f" FROM (SELECT m.n n, {column} value FROM message m WHERE m.n > ? AND {clause.sql}"
            " ORDER BY m.n LIMIT ?)"
        )
        last: int | None = 0
        while last is not None:
            values, last = self._gate.patiently(
                partial(self._ask, sql, last, *clause.parameters, _COLUMN_CHUNK)
            )
            yield values

"""The index against a naive one: what SQL says about random messages, of one server or of several, is what
plain Python says about them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.queue.delta import Rows
from mtatui.queue.facets import AGE_BANDS, Facet
from mtatui.queue.index import Index, Sort, SortField
from mtatui.queue.message import Message, Recipient, State, key, split
from mtatui.queue.query import Query, parse
from mtatui.queue.reasons import cause
from mtatui.queue.terms import And, Kind, Not, Or, Term

NOW = 1_780_000_000
TAGS = {"": ("here",), "mx1": ("eu", "prod"), "A": ("prod",), "gone": ("eu",)}

# --- the naive matcher -----------------------------------------------------------------------------------


def seen(message: Message) -> tuple[Recipient, ...]:
    """The recipients that queries look at."""
    waiting = tuple(r for r in message.recipients if not r.done)
    return waiting or message.recipients[:1] or (Recipient(""),)


def domain(address: str) -> str:
    return address.rpartition("@")[2].lower() if "@" in address else ""


def fits(text: str, term: Term, begin: bool = False, label: bool = False) -> bool:
    value = str(term.value)
    if term.kind is Kind.REGEX:
        return re.search(value, text, re.IGNORECASE) is not None
    if not value:
        return not text
    flags = re.IGNORECASE | re.DOTALL | (re.ASCII if value.isascii() else 0)
    if term.kind is Kind.GLOB:
        return re.fullmatch(".*".join(map(re.escape, value.split("*"))), text, flags) is not None
    if term.op == "=":
        return re.fullmatch(re.escape(value), text, flags) is not None
    before = r"\A" if begin else r"(\A|\.)" if label else ""
    return re.search(before + re.escape(value), text, flags) is not None


def reason_fits(recipient: Recipient, term: Term) -> bool:
    by_group = fits(cause(recipient.reason, recipient.status), term)
    return by_group or (term.op != "=" and fits(recipient.reason, term))


def called(message: Message, term: Term) -> str:
    """The ID that a term looks at: with a slash in it, it knows the server too."""
    return message.id if "/" in str(term.value) else message.queue_id


def compared(left: int, op: str, right: int) -> bool:
    return {
        "<": left < right,
        ">": left > right,
        "=": left == right,
        "<=": left <= right,
        ">=": left >= right,
    }[op]


def holds(message: Message, node: Any) -> bool:
    match node:
        case Not(part):
            return not holds(message, part)
        case And(parts):
            return all(holds(message, part) for part in parts)
        case Or(parts):
            return any(holds(message, part) for part in parts)
    assert isinstance(node, Term)
    origin = {
        "ip": message.client_ip,
        "host": message.client_name,
        "helo": message.helo,
        "user": message.sasl_user,
        "filter": message.content_filter,
    }
    value = int(node.value) if node.kind is Kind.NUMBER else 0
    match node.field:
        case "":
            return (
                fits(called(message, node), node, begin=True)
                or fits(message.sender, node)
                or any(fits(r.address, node) or reason_fits(r, node) for r in seen(message))
            )
        case "id":
            id = called(message, node)
            return id == node.value if node.op == "=" else fits(id, node, begin=True)
        case "server":
            return fits(message.server, node)
        case "tag":
            return any(fits(tag, node) for tag in TAGS.get(message.server, ("",)))
        case "from":
            return fits(message.sender, node)
        case "to":
            return any(fits(r.address, node) for r in seen(message))
        case "domain":
            return any(fits(domain(r.address), node, label=True) for r in seen(message))
        case "sender-domain":
            return fits(domain(message.sender), node, label=True)
        case "reason":
            return any(reason_fits(r, node) for r in seen(message))
        case "state":
            return message.state == node.value
        case "size":
            return compared(message.size, node.op, value)
        case "rcpts":
            return compared(sum(not r.done for r in message.recipients), node.op, value)
        case "age":
            return message.arrival > 0 and compared(NOW - message.arrival, node.op, value)
        case "retry":
            return message.retry > 0 and compared(message.retry - NOW, node.op, value)
    return fits(origin[node.field], node, begin=node.field == "ip")


def expected(messages: list[Message], query: Query) -> list[Message]:
    kept = [m for m in messages if query.wants_trash or m.state is not State.TRASH]
    return [m for m in kept if holds(m, query.root)]


# --- random messages and queries -------------------------------------------------------------------------

_letters = st.text(st.sampled_from("abAB._-%\\*üÜ1"), max_size=4)
_addresses = st.one_of(
    st.just(""),
    st.just("root"),
    st.builds("{}@{}".format, _letters, st.sampled_from(["a.test", "A.test", "b.a.test", "ba.test", "xn.ü"])),
)
_reasons = st.sampled_from(
    [
        ("", ""),
        ("connect to mx.a.test[192.0.2.1]:25: Connection timed out", "4.4.1"),
        ("connect to mx.b.test[192.0.2.1]:25: Connection refused", "4.4.1"),
        (
            "host a.test[192.0.2.2] said: 452 4.2.2 <a@a.test>: Mailbox full (in reply to RCPT TO command)",
            "4.2.2",
        ),
        ("host a.test[192.0.2.2] said: 450 4.2.0 Greylisted 100%", "4.2.0"),
        ("eine ÜBERRASCHUNG", ""),
    ]
)
_recipients = st.builds(
    lambda address, reason, done, original: [address, *reason, done, original],
    _addresses,
    _reasons,
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from(["", "", "old@a.test"]),
)
_origins = st.sampled_from(
    [
        ("", "", "", "", ""),
        ("192.0.2.7", "host.a.test", "A", "Ann", ""),
        ("192.0.2.77", "unknown", "b", "ann", "smtp:b"),
    ]
)


def _row(
    id: str, state: str, times: tuple[int, int], size: int, sender: str, origin: Any, to: Any
) -> list[Any]:
    arrival, mtime = times
    return [id, state, arrival, size, mtime, sender, *origin, to]


_rows = st.builds(
    _row,
    st.text(st.sampled_from("ABCabc123"), min_size=5, max_size=5),
    st.sampled_from([*(str(s) for s in State), *["deferred"] * 4]),
    st.tuples(
        st.one_of(st.just(0), st.integers(NOW - 400_000, NOW + 5)),
        st.one_of(st.just(0), st.integers(NOW - 100, NOW + 4000)),
    ),
    st.sampled_from([0, 1, 681, 10240, 10241]),
    _addresses,
    _origins,
    st.lists(_recipients, max_size=4),
)
_queues = st.lists(_rows, max_size=12, unique_by=lambda row: row[0])
_few = st.lists(_rows, max_size=4, unique_by=lambda row: row[0])
Queues = dict[str, list[list[Any]]]
#: What lies in the queues of each server: of a lone one without a name, or of several.
queues = st.one_of(
    st.fixed_dictionaries({"": _queues}),
    st.dictionaries(st.sampled_from(["mx1", "mx2.a.test", "MX1", "A", "mx1", ""]), _few, max_size=4),
)

_WORDS = (
    r'a A b a.test test ü Ü überr % _ \ 1 *a* a* *.test *ü* none "none" /a.*t/ /ü/ /^b?$/ timeout mail root'
)
_values = st.sampled_from(
    [*_WORDS.split(), '"mailbox full"', "192.0.2.7", '"*"', "a@a.test", "mx", "mx1/A", "prod"]
)
_terms = st.one_of(
    _values,
    st.builds(
        "{}{}{}".format,
        st.sampled_from(
            [
                *["id", "from", "to", "domain", "sender-domain", "reason", "ip", "host", "helo", "user"],
                *["filter", "server", "tag"],
            ]
        ),
        st.sampled_from([":", ":", "="]),
        _values,
    ),
    st.sampled_from([f"state:{state}" for state in State]),
    st.builds("size{}{}".format, st.sampled_from("<>="), st.sampled_from(["0", "681", "10k"])),
    st.builds("rcpts{}{}".format, st.sampled_from(["<", ">", "=", "<=", ">="]), st.integers(0, 4)),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["age", "retry"]),
        st.sampled_from(["<", ">="]),
        st.sampled_from(["0s", "30m", "2h", "1d"]),
    ),
)
texts = st.recursive(
    _terms,
    lambda inner: st.one_of(
        inner.map("-({})".format),
        st.builds("{} {}".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
    ),
    max_leaves=4,
)


def filled(queues: Queues) -> Index:
    index = Index()
    index.tags = TAGS
    for name, rows in queues.items():
        index.part(name).apply(Rows(rows))
    return index


def messages_in(queues: Queues) -> list[Message]:
    messages = [(name, Message.from_row(row)) for name, rows in queues.items() for row in rows]
    return [replace(message, id=key(name, message.id)) for name, message in messages]


def shown(index: Index, query: Query, sort: Sort | None = None) -> list[str]:
    view = index.view(query, sort or Sort(), NOW)
    summaries = index.rows(view, 0, len(view))
    assert None not in summaries
    return [summary.id for summary in summaries if summary]


@settings(max_examples=250, deadline=None)
@given(queues, texts)
def test_a_query_finds_what_plain_python_finds(queues: Queues, text: str) -> None:
    index, query = filled(queues), parse(text)
    messages = messages_in(queues)
    wanted = sorted(m.id for m in expected(messages, query))
    assert sorted(shown(index, query)) == wanted
    assert index.total(query, NOW) == len(wanted)
    assert sorted(t.identity.id for t in index.select(query, NOW).targets) == wanted


def values(message: Message, by: Facet) -> set[str]:
    match by:
        case Facet.REASON:
            return {cause(r.reason, r.status) for r in seen(message)}
        case Facet.DOMAIN:
            return {domain(r.address) for r in seen(message)}
        case Facet.SENDER:
            return {message.sender.translate(_LOWER)}
        case Facet.SENDER_DOMAIN:
            return {domain(message.sender)}
        case Facet.IP:
            return {message.client_ip}
        case Facet.USER:
            return {message.sasl_user.translate(_LOWER)}
        case Facet.AGE:
            age = NOW - message.arrival
            fitting = (
                b
                for b in AGE_BANDS
                if (not b.youngest or age >= b.youngest) and (not b.oldest or age < b.oldest)
            )
            return {band.value for band in fitting} if message.arrival else set()
        case Facet.SERVER:
            return {message.server}


@settings(max_examples=100, deadline=None)
@given(queues, texts, st.sampled_from(list(Facet)))
def test_a_facet_counts_what_its_term_finds(queues: Queues, text: str, by: Facet) -> None:
    index, query = filled(queues), parse(text)
    found = expected(messages_in(queues), query)
    counts = index.facets(query, by, 100, NOW)
    wanted = Counter(value for message in found for value in values(message, by))
    assert {count.value: count.messages for count in counts} == wanted
    if by is not Facet.AGE:
        assert [(-c.messages, c.value) for c in counts] == sorted((-c.messages, c.value) for c in counts)
        assert index.facets(query, by, 2, NOW) == counts[:2]
    everything = Query()
    for count in index.facets(everything, by, 100, NOW):
        assert index.total(everything.adding(count.term), NOW) == count.messages


def rank(message: Message, field: SortField) -> Any:
    lead = seen(message)[0]
    return {
        SortField.AGE: message.arrival,
        SortField.ID: message.queue_id,
        SortField.SIZE: message.size,
        SortField.FROM: message.sender.translate(_LOWER).encode(),
        SortField.TO: lead.address.translate(_LOWER).encode(),
        SortField.RETRY: message.retry,
        SortField.REASON: cause(lead.reason, lead.status).encode(),
        SortField.STATE: list(State).index(message.state),
        SortField.RCPTS: sum(not r.done for r in message.recipients),
        SortField.SERVER: message.server.lower(),
    }[field]


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


@settings(max_examples=100, deadline=None)
@given(queues, st.sampled_from(list(SortField)), st.booleans(), st.sampled_from(["", "a", "state:deferred"]))
def test_a_view_is_in_order(queues: Queues, field: SortField, descending: bool, text: str) -> None:
    index, query = filled(queues), parse(text)
    messages = {message.id: message for message in messages_in(queues)}
    order = [messages[id] for id in shown(index, query, Sort(field, descending))]
    keys = [rank(message, field) for message in order]
    if field is SortField.RETRY:  # what has no retry stands last, either way
        known = [k for k in keys if k]
        assert keys == known + [0] * (len(keys) - len(known))
        keys = known
    assert keys == sorted(keys, reverse=descending)
    if field not in {SortField.AGE, SortField.ID}:
        for one, other in pairwise(order):
            assert rank(one, field) != rank(other, field) or one.arrival <= other.arrival


@settings(max_examples=100, deadline=None)
@given(queues, st.booleans(), st.sampled_from(["", "a", "state:deferred", "-a", "nobody"]), st.integers(1, 3))
def test_the_first_are_those_that_a_view_begins_with(
    queues: Queues, descending: bool, text: str, number: int
) -> None:
    index, query, sort = filled(queues), parse(text), Sort(SortField.AGE, descending)
    arrival = {message.id: message.arrival for message in messages_in(queues)}
    view = index.view(query, sort, NOW)
    with mock.patch("mtatui.queue.index._NEAR", (1, 3)):
        first = index.first(query, sort, NOW, number)
    if first is None:  # there are few messages, or few that fit
        assert len(arrival) <= 3 or len(view) < len(arrival)
        return
    ids = [row.id for row in index.rows(first, 0, number) if row is not None]
    assert len(ids) == number
    assert {index.position(view, id) is not None for id in ids} == {True}
    expected = [row.id for row in index.rows(view, 0, number) if row is not None]
    assert [arrival[id] for id in ids] == [arrival[id] for id in expected]


@settings(max_examples=100, deadline=None)
@given(queues)
def test_what_is_told_comes_back(queues: Queues) -> None:
    index = filled(queues)
    view = index.view(parse("-state:trash OR state:trash"), Sort(), NOW)
    messages = messages_in(queues)
    assert len(view) == len(messages)
    for message in messages:
        assert index.message(message.id) == message
        place = index.position(view, message.id)
        assert place is not None
        (summary,) = index.rows(view, place, place + 1)
        assert summary is not None
        lead = seen(message)[0]
        assert (summary.id, summary.state, summary.sender) == (message.id, message.state, message.sender)
        assert (summary.server, summary.queue_id) == split(message.id)
        assert (summary.arrival, summary.size, summary.retry) == (
            message.arrival,
            message.size,
            message.retry,
        )
        assert (summary.recipient, summary.reason) == (lead.address, cause(lead.reason, lead.status))
        assert summary.recipients == sum(not r.done for r in message.recipients)

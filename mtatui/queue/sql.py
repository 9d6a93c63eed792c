# ruff: noqa: S608  (what is put into SQL here are names of our own tables and columns)
"""Queries and orders as SQL, with bound parameters only.

The words of a text never become SQL: they are parameters of LIKE (which knows upper and lower case in ASCII
only, so texts beyond it go through a function of our own), and its wildcards in them are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from mtatui.queue.message import State
from mtatui.queue.query import Query
from mtatui.queue.schema import CODES, LONE
from mtatui.queue.terms import And, Kind, Node, Not, Or, Term
from mtatui.queue.views import QUEUE_ID


class Clause(NamedTuple):
    """A condition over ``message m`` (or one of its side tables), and its parameters in order."""

    sql: str
    parameters: tuple[str | int, ...] = ()


class Scope(NamedTuple):
    """What a query is asked of: the time (epoch seconds), and whether of many servers: then the ``id`` of a
    message is its key."""

    now: int
    many: bool = False


#: Where in a field a value must stand, as LIKE patterns around it: anywhere, first, first in a label, behind
#: the server in a key.
_CONTAINS = ("%{}%",)
_BEGINS = ("{}%",)
_LABEL = ("{}%", "%.{}%")
_BEHIND = ("%/{}%",)


def where(query: Query, scope: Scope) -> Clause:
    """The condition that holds for the messages a query means."""
    clause = _node(query.root, scope)
    if query.wants_trash:
        return clause
    kept = Clause("m.state <> ?", (CODES[State.TRASH],))
    return kept if query.everything else _joined("AND", [kept, clause])


def _node(node: Node, scope: Scope) -> Clause:
    match node:
        case And(()):
            return Clause("1")
        case And(parts):
            return _joined("AND", [_node(part, scope) for part in parts])
        case Or(parts):
            return _joined("OR", [_node(part, scope) for part in parts])
        case Not(part):
            inner = _node(part, scope)
            return Clause(f"NOT {inner.sql}", inner.parameters)
        case Term():
            return _TERMS[node.field](node, scope)


def _joined(word: str, clauses: list[Clause]) -> Clause:
    sql = f" {word} ".join(clause.sql for clause in clauses)
    return Clause(f"({sql})", tuple(p for clause in clauses for p in clause.parameters))


def _text(column: str, term: Term, around: tuple[str, ...] = _CONTAINS) -> Clause:
    """The condition that a column fits a text term; ``around`` says where in it the value must stand."""
    value = str(term.value)
    if term.kind is Kind.REGEX:
        return Clause(f"found(?, {column})", (value,))
    if not value:
        return Clause(f"{column} = ''")
    if term.kind is Kind.GLOB:
        around = ("{}",)
        pieces = re.split(r"\*+", value)
    else:
        around = ("{}",) if term.op == "=" else around
        pieces = [value]
    if not value.isascii():
        return _joined("OR", [_spelt(column, pattern, pieces) for pattern in around])
    inner = "%".join(re.sub(r"([\\%_])", r"\\\1", piece) for piece in pieces)
    return _joined("OR", [Clause(f"{column} LIKE ? ESCAPE '\\'", (p.format(inner),)) for p in around])


def _spelt(column: str, pattern: str, pieces: list[str]) -> Clause:
    inner = ".*?".join(map(re.escape, pieces))
    whole = "".join({"%": ".*?", ".": r"\."}.get(char, char) for char in pattern.replace("{}", "\0"))
    return Clause(
        f"spelt(?, {column})", (whole.replace("\0", inner) + ("" if pattern.endswith("%") else r"\Z"),)
    )


def _in(column: str, table: str, inner: Clause) -> Clause:
    return Clause(f"{column} IN (SELECT key FROM {table} WHERE {inner.sql})", inner.parameters)


def _recipient(conditions: Callable[[str], list[Clause]]) -> Clause:
    """One of the conditions holds for the lead recipient, or for another still to be served.

    There are others where more than one is waiting: those of few messages, looked at when nothing else fits.
    """
    other = _joined("OR", conditions("o"))
    further = Clause(
        "(m.waiting > 1 AND EXISTS"
        f" (SELECT 1 FROM other o WHERE o.message = m.n AND NOT o.done AND {other.sql}))",
        other.parameters,
    )
    return _joined("OR", [*conditions("m"), further])


def _reasons(table: str, term: Term) -> list[Clause]:
    label = _text("label", term)
    group = _in(f"{table}.cause", "cause", label)
    if term.op == "=":
        return [group]
    # Most words are in no label: that is found out once, and not for every message.
    some = Clause(f"EXISTS (SELECT 1 FROM cause WHERE {label.sql})", label.parameters)
    return [_joined("AND", [some, group]), _text(f"{table}.reason", term)]


def _bare(term: Term, scope: Scope) -> Clause:
    recipient = _recipient(lambda table: [_text(f"{table}.address", term), *_reasons(table, term)])
    return _joined("OR", [_id(term, scope), _text("m.sender", term), recipient])


def _id(term: Term, scope: Scope) -> Clause:
    whole = not scope.many or "/" in str(term.value)
    if term.op == "=":
        among = "= ?" if whole else "IN (SELECT prefix || ? FROM server)"
        return Clause(f"m.id {among}", (term.value,))
    if whole:
        return _text("m.id", term, _BEGINS)
    if term.kind is not Kind.TEXT:
        return _text(QUEUE_ID, term)
    unnamed = _text("m.id", term, _BEGINS)  # to take every key apart would take twice the time
    lone = Clause(f"(m.server = {LONE} AND {unnamed.sql})", unnamed.parameters)
    return _joined("OR", [_text("m.id", term, _BEHIND), lone])


def _domain(term: Term, scope: Scope) -> Clause:
    domains = _text("text", term, _LABEL)
    return _recipient(lambda table: [_in(f"{table}.domain", "domain", domains)])


def _sender_domain(term: Term, scope: Scope) -> Clause:
    return _in("m.sender_domain", "domain", _text("text", term, _LABEL))


def _server(term: Term, scope: Scope) -> Clause:
    return _in("m.server", "server", _text("name", term))


def _tag(term: Term, scope: Scope) -> Clause:
    tag = _text("text", term)
    return Clause(f"m.server IN (SELECT server FROM tag WHERE {tag.sql})", tag.parameters)


def _origin(term: Term, scope: Scope) -> Clause:
    around = _BEGINS if term.field == "ip" else _CONTAINS
    return _in("m.origin", "origin", _text(term.field, term, around))


def _age(term: Term, scope: Scope) -> Clause:
    flipped = term.op.translate(str.maketrans("<>", "><"))
    return Clause(f"(m.arrival > 0 AND m.arrival {flipped} ?)", (scope.now - int(term.value),))


def _retry(term: Term, scope: Scope) -> Clause:
    parameters = (CODES[State.DEFERRED], scope.now + int(term.value))
    return Clause(f"(m.state = ? AND m.mtime > 0 AND m.mtime {term.op} ?)", parameters)


#: How each field's terms become SQL. An operator comes from the parser's own list, never from a text.
_TERMS: dict[str, Callable[[Term, Scope], Clause]] = {
    "": _bare,
    "id": _id,
    "from": lambda term, scope: _text("m.sender", term),
    "to": lambda term, scope: _recipient(lambda table: [_text(f"{table}.address", term)]),
    "domain": _domain,
    "sender-domain": _sender_domain,
    "reason": lambda term, scope: _recipient(lambda table: _reasons(table, term)),
    "ip": _origin,
    "host": _origin,
    "helo": _origin,
    "user": _origin,
    "filter": _origin,
    "server": _server,
    "tag": _tag,
    "state": lambda term, scope: Clause("m.state = ?", (CODES[State(str(term.value))],)),
    "size": lambda term, scope: Clause(f"m.size {term.op} ?", (term.value,)),
    "rcpts": lambda term, scope: Clause(f"m.waiting {term.op} ?", (term.value,)),
    "age": _age,
    "retry": _retry,
}

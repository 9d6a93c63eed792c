"""The query language: what an admin types to say which messages are meant.

    state:deferred reason:timeout age>2h -from:news@ (to:*@isp5.test OR size>1.5M) /virus|spam/

Terms beside each other must all hold; ``OR`` binds weaker; ``-`` negates; parentheses group. ``field:value``
asks whether the field contains the value (see `FIELDS` for the few that mean something narrower),
``field=value`` whether it is exactly that, unquoted ``none`` whether it is empty. An unquoted value may hold
``*`` (then the whole field must fit) or be a ``/regular expression/``. A bare word is looked for in the queue
ID (from its beginning), the sender, the recipients and the reasons. Upper and lower case are the same, but in
``id=``. Recipients are those still to be served (of a message where none is, the first).

`parse` reads a text into a small tree, ``str()`` writes it back; `mtatui.queue.sql` turns it into SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtatui.queue import regex
from mtatui.queue.message import State
from mtatui.queue.terms import (
    FIELDS,
    NUMBER_FIELDS,
    SIZE_UNITS,
    TIME_UNITS,
    TIMES,
    And,
    Kind,
    Node,
    Not,
    Or,
    Term,
    walk,
)

MAX_TEXT = 4000
MAX_TERMS = 100
MAX_DEPTH = 40

_STATE_ALIASES = {"queued": State.ACTIVE, "corrupted": State.CORRUPT, "held": State.HOLD}
_FIELD = re.compile(r"([A-Za-z][A-Za-z-]*)(:|>=|<=|=|>|<)")
_SIZE = re.compile(r"([0-9]{1,16}(?:\.[0-9]{1,9})?)([kmgt]?)b?", re.IGNORECASE)
_SPAN_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)([wdhms])", re.IGNORECASE)
_SPAN = re.compile(rf"(?:{_SPAN_PART.pattern})+", re.IGNORECASE)
_LARGEST = 2**53
_EVERYTHING = And()


class QuerySyntaxError(ValueError):
    """A mistake in a query: what it is, for the person, and where (character offsets into the text)."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class Query:
    """Which messages are meant. ``str(query)`` is a text that parses to the same query."""

    root: Node = _EVERYTHING

    def __str__(self) -> str:
        return str(self.root)

    @property
    def everything(self) -> bool:
        """Whether it asks nothing, so that all messages match."""
        return self.root == _EVERYTHING

    @property
    def parts(self) -> tuple[Node, ...]:
        """What must hold, side by side."""
        return self.root.parts if isinstance(self.root, And) else (self.root,)

    @property
    def terms(self) -> Iterator[Term]:
        """Every term anywhere in it."""
        return walk(self.root)

    @property
    def wants_trash(self) -> bool:
        """Whether it asks for the trash by name; else the trash is left out."""
        return any(term.field == "state" and term.value == State.TRASH for term in self.terms)

    def without(self, *fields: str) -> Query:
        """The query without those of the terms side by side at its top that ask about ``fields``."""
        return _query(part for part in self.parts if not (isinstance(part, Term) and part.field in fields))

    def adding(self, text: str) -> Query:
        """The query with the terms of ``text``, in place of those it has about the same fields.

        Raises:
            QuerySyntaxError: ``text`` is not a query.
        """
        added = parse(text)
        fields = {part.field for part in added.parts if isinstance(part, Term) and part.field}
        return _query((*self.without(*fields).parts, *added.parts))

    def narrowed(self, field: str, value: str) -> Query:
        """The query narrowed to messages whose ``field`` is exactly ``value`` ("" for none)."""
        return self.adding(exactly(field, value))


def exactly(field: str, value: str) -> str:
    """The term that asks for exactly this value of a text field ("" for none), quoted where need be."""
    if field == "state":
        return f"state:{value}"
    return str(Term(field, "=", value, Kind.TEXT if value else Kind.NONE))


def parse(text: str) -> Query:
    """Read a query; an empty text matches everything.

    Raises:
        QuerySyntaxError: there is a mistake in it.
    """
    return _Parser(text).query()


def _query(parts: Iterable[Node]) -> Query:
    parts = tuple(parts)
    return Query(parts[0] if len(parts) == 1 else And(parts))


class _Parser:
    """A parser by recursive descent over the characters of one text."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise QuerySyntaxError(f"longer than {MAX_TEXT} characters", MAX_TEXT, len(text))
        for place, char in enumerate(text):
            if not char.isprintable() and not char.isspace():
                raise QuerySyntaxError("a character that no address or reply can hold", place, place + 1)
        self.text = text
        self.at = 0
        self.terms = 0

    def query(self) -> Query:
        self.skip_space()
        if self.at == len(self.text):
            return Query()
        root = self.either(0)
        if self.at < len(self.text):
            raise QuerySyntaxError("‘)’ without its ‘(’", self.at, self.at + 1)
        return Query(root)

    def either(self, depth: int) -> Node:
        parts = [self.all_of(depth)]
        while self.at_or():
            self.at += len("OR")
            self.skip_space()
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def all_of(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] != ")" and not self.at_or():
            parts.append(self.one(depth))
            self.skip_space()
        if not parts:
            raise QuerySyntaxError("something to look for is missing here", self.at, self.word_end())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def one(self, depth: int) -> Node:
        start = self.at
        if depth > MAX_DEPTH:
            raise QuerySyntaxError("nested too deeply", start, start + 1)
        if self.text[start] == "-":
            self.at += 1
            if self.at_space_or(")"):
                raise QuerySyntaxError("‘-’ stands before what it negates", start, start + 1)
            return Not(self.one(depth + 1))
        if self.text[start] == "(":
            self.at += 1
            self.skip_space()
            inner = self.either(depth + 1)
            if self.at == len(self.text):
                raise QuerySyntaxError("‘(’ without its ‘)’", start, start + 1)
            self.at += 1
            return inner
        return self.term()

    def term(self) -> Term:
        start = self.at
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise QuerySyntaxError(f"more than {MAX_TERMS} terms", start, len(self.text))
        named = _FIELD.match(self.text, start)
        if named is None:
            if self.text[start] in ":=>":
                raise QuerySyntaxError(f"‘{self.text[start]}’ stands behind a field", start, start + 1)
            return self.text_term("", ":")
        field, op = named[1].lower(), named[2]
        if field not in FIELDS:
            raise QuerySyntaxError(_no_such_field(field), start, named.end(1))
        self.at = named.end()
        if self.at_space_or("()"):
            # What it looks like, where that is said: the line in which this is told may be short.
            value = FIELDS[field].rpartition(": ")[2]
            raise QuerySyntaxError(f"{field}{op} needs a value: {value}", start, self.at)
        if field in NUMBER_FIELDS:
            if op == ":" or (field in TIMES and op == "="):
                raise QuerySyntaxError(f"{field} takes ‘>’ or ‘<’: {FIELDS[field]}", start, self.at)
            return self.number_term(field, op)
        if op not in {":", "="}:
            raise QuerySyntaxError(f"{field} takes ‘:’ or ‘=’, not ‘{op}’", start, self.at)
        return self.state_term() if field == "state" else self.text_term(field, op)

    def text_term(self, field: str, op: str) -> Term:
        start = self.at
        if self.text[start] == '"':
            return Term(field, op, self.delimited('"'))
        if self.text[start] == "/" and op == ":":
            pattern = self.delimited("/")
            try:
                regex.compiled(pattern)
            except ValueError as error:
                raise QuerySyntaxError(str(error), start, self.at) from None
            return Term(field, op, pattern, Kind.REGEX)
        value = self.bare()
        if field and (value.lower() == "none" or (field == "from" and value == "<>")):
            return Term(field, "=", "", Kind.NONE)
        return Term(field, op, value, Kind.GLOB if "*" in value and op == ":" else Kind.TEXT)

    def state_term(self) -> Term:
        start = self.at
        word = (self.delimited('"') if self.text[start] == '"' else self.bare()).lower()
        fitting = [state for state in State if word and state.startswith(word)]
        if word in _STATE_ALIASES:
            fitting = [_STATE_ALIASES[word]]
        if len(fitting) != 1:
            raise QuerySyntaxError(f"no such state; there are {', '.join(State)}", start, self.at)
        return Term("state", ":", fitting[0].value)

    def number_term(self, field: str, op: str) -> Term:
        start = self.at
        value = self.bare()
        number = _seconds(value) if field in TIMES else _whole(value, sized=field == "size")
        if number is None or number > _LARGEST:
            raise QuerySyntaxError(f"not a value for {field}: {FIELDS[field]}", start, self.at)
        return Term(field, op, number, Kind.NUMBER)

    def bare(self) -> str:
        """A value up to the next space or parenthesis."""
        start, self.at = self.at, self.word_end()
        return self.text[start : self.at]

    def delimited(self, mark: str) -> str:
        """A value between quotes or slashes. In quotes a backslash keeps a quote or a backslash."""
        start, value = self.at, ""
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != mark:
            pair = self.text[self.at : self.at + 2]
            kept = pair if pair[0] == "\\" else pair[0]
            self.at += len(kept)
            value += kept[1] if mark == '"' and kept in {'\\"', "\\\\"} else kept
        if self.at == len(self.text):
            raise QuerySyntaxError(f"the closing {mark} is missing", start, self.at)
        self.at += 1
        if not self.at_space_or("()"):
            raise QuerySyntaxError(f"a space is missing after the closing {mark}", self.at, self.at + 1)
        return value

    def at_or(self) -> bool:
        return self.text[self.at : self.word_end()] == "OR"

    def at_space_or(self, chars: str) -> bool:
        rest = self.text[self.at : self.at + 1]
        return not rest or rest.isspace() or rest in chars

    def word_end(self) -> int:
        end = self.at
        while end < len(self.text) and not (self.text[end].isspace() or self.text[end] in "()"):
            end += 1
        return end

    def skip_space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1


def _no_such_field(field: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(field, FIELDS, 1)
    hint = f"did you mean {near[0]}?" if near else "put it in quotes to look for the text"
    return f"no such field ‘{field}’: {hint}"


def _whole(value: str, *, sized: bool) -> int | None:
    """A count ("3"), or a size in bytes ("1.5M", "10 kb" without the space); None where it is neither."""
    found = _SIZE.fullmatch(value)
    if found is None or (not sized and not value.isdigit()) or ("." in value and not found[2]):
        return None
    return int(float(found[1]) * SIZE_UNITS[found[2].lower()]) if found[2] else int(found[1])


def _seconds(value: str) -> int | None:
    """A time in seconds ("1d2h"); None where it is none."""
    if not _SPAN.fullmatch(value):
        return None
    return int(sum(float(number) * TIME_UNITS[unit.lower()] for number, unit in _SPAN_PART.findall(value)))

"""The tree a query is: terms, their negation, all of them, one of them; and how each is written.

What can be asked is declared here once, in `FIELDS`: parser, completion and help read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mtatui.queue.message import State

#: What can be asked of a message's texts: the field and what ``field:value`` means.
TEXT_FIELDS = {
    "id": "queue ID, from its beginning",
    "from": "sender",
    "to": "a recipient",
    "domain": "a recipient's domain, from the beginning of a label",
    "sender-domain": "the sender's domain, from the beginning of a label",
    "reason": "why a recipient waits: the group (timeout, mailbox full…) or the words of the reply",
    "ip": "address of the client it came from, from its beginning",
    "host": "name of the client it came from",
    "helo": "how that client greeted",
    "user": "login it was sent with",
    "filter": "content filter it is bound for",
    "server": "name of the server it is on",
    "tag": "a tag of that server",
}
#: Those of them that tell servers apart: nothing to ask where there is but one.
FLEET_FIELDS = frozenset({"server", "tag"})
#: What can be compared: the field and what it counts.
NUMBER_FIELDS = {
    "size": "content size: 500, 10k, 1.5M",
    "age": "time since it arrived: 30s, 5m, 2h, 3d, 1w, 1d2h",
    "retry": "time until the next attempt, of deferred messages: 10m",
    "rcpts": "number of recipients still to be served",
}
#: Every field with what it means, in the order a person wants to read them.
FIELDS = {**TEXT_FIELDS, "state": ", ".join(State), **NUMBER_FIELDS}
#: The number fields that count seconds.
TIMES = frozenset({"age", "retry"})

SIZE_UNITS = {"t": 1024**4, "g": 1024**3, "m": 1024**2, "k": 1024}
TIME_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}

_PLAIN = re.compile(r"[A-Za-z0-9_.@+][A-Za-z0-9_.@+-]*")


class Kind(StrEnum):
    """How a term's value is meant."""

    TEXT = "text"
    GLOB = "glob"
    REGEX = "regex"
    NONE = "none"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked: ``field`` is "" for a bare word, ``op`` one of ``: = > < >= <=``."""

    field: str
    op: str
    value: str | int
    kind: Kind = Kind.TEXT

    def __str__(self) -> str:
        return (self.field + self.op if self.field else "") + self._value()

    def _value(self) -> str:
        if isinstance(self.value, int):
            return span(self.value) if self.field in TIMES else amount(self.value, self.field)
        match self.kind:
            case Kind.NONE:
                return "none"
            case Kind.REGEX:
                return f"/{self.value}/"
            case Kind.GLOB:
                return self.value
        if _PLAIN.fullmatch(self.value) and self.value.lower() not in {"or", "none"}:
            return self.value
        return '"' + self.value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of ``part``."""

    part: Node

    def __str__(self) -> str:
        return f"-{_grouped(self.part)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of ``parts`` hold; with no parts, everything matches."""

    parts: tuple[Node, ...] = ()

    def __str__(self) -> str:
        return " ".join(_grouped(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """One of ``parts`` holds."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(f"({part})" if isinstance(part, Or) else str(part) for part in self.parts)


Node = Term | Not | And | Or


def walk(node: Node) -> Iterator[Term]:
    """Every term in a tree."""
    match node:
        case Term():
            yield node
        case Not(part):
            yield from walk(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from walk(part)


def amount(number: int, field: str) -> str:
    """A number as a query writes it, sizes with the largest unit that is exact."""
    if field == "size" and number:
        for unit, factor in SIZE_UNITS.items():
            if number % factor == 0:
                return f"{number // factor}{unit if unit == 'k' else unit.upper()}"
    return str(number)


def span(seconds: int) -> str:
    """Seconds as a query writes them: ``1d2h``."""
    text = ""
    for unit, length in TIME_UNITS.items():
        count, seconds = divmod(seconds, length)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _grouped(node: Node) -> str:
    return str(node) if isinstance(node, Term | Not) else f"({node})"

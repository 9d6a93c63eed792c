"""What Authentication-Results headers claim: who says it, and what came of which check (RFC 8601).

Anybody can write such a header: what stands in it is a claim of the name at its beginning, and worth what
the way of the message to here is worth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtatui.queue.content import Header
from mtatui.text import clean

#: Characters of one header, results of one and headers that are read; no honest message has more.
LONGEST, MOST_RESULTS, MOST = 8192, 50, 50

_NAMES = {"authentication-results": "", "arc-authentication-results": "arc"}
#: A property or a method, and its value: a word, or quoted, or (a mailbox) a mixture.
_PAIR = re.compile(
    r"(?<![^\s;])([A-Za-z][\w.\-]*)(?:/\d+)?[ \t]*=[ \t]*((?:\"(?:[^\"\\]|\\.)*\"|[^\s;\"])+)", re.ASCII
)
_QUOTED = re.compile(r"\\(.)")
_WORDS = re.compile(r"[^\s;]+")


@dataclass(frozen=True, slots=True)
class Claimed:
    """One result: ``dkim=pass (2048-bit key) header.d=example.org``."""

    method: str
    result: str
    details: tuple[tuple[str, str], ...] = ()
    """Properties (``header.d``, ``smtp.mailfrom``) and their values, and ``reason``."""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One header. All texts are clean."""

    by: str
    """Who says it: the authserv-id; "" where nobody is named."""
    results: tuple[Claimed, ...] = ()
    """None where it says that nothing was checked."""
    instance: int = 0
    """Of an ARC set; 0: it is in none."""


def claims(fields: Iterable[Header]) -> tuple[Claim, ...]:
    """Every claim of a message, the one that was added last first."""
    found: list[Claim] = []
    for field in fields:
        kind = _NAMES.get(field.name.lower())
        if kind is not None and len(found) < MOST:
            found.append(claim(field.value, arc=bool(kind)))
    return tuple(found)


def claim(value: str, *, arc: bool = False) -> Claim:
    """What one header says; what cannot be understood in it is left out.

    Args:
        arc: it is an ARC-Authentication-Results header, which begins with its instance (RFC 8617, 4.1.1).
    """
    segments = list(_segments(value[:LONGEST]))
    instance = 0
    if arc and segments:
        number = segments.pop(0)[0].replace(" ", "").removeprefix("i=")
        instance = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0
    by = ""
    if segments and not _PAIR.match(segments[0][0].strip()):  # some (Microsoft's) name nobody
        first = segments.pop(0)[0].strip()
        quoted = re.match(r'"((?:[^"\\]|\\.)*)"', first)
        words = _WORDS.findall(first)
        by = _QUOTED.sub(r"\1", quoted[1]) if quoted else words[0] if words else ""
    results = tuple(filter(None, (_result(text, comment) for text, comment in segments[:MOST_RESULTS])))
    return Claim(clean(by), results, instance)


def _result(text: str, comment: str) -> Claimed | None:
    pairs = [(match[1].lower(), _unquoted(match[2])) for match in _PAIR.finditer(text)]
    if not pairs:
        return None
    (method, result), *details = pairs
    return Claimed(
        clean(method), clean(result.lower()), tuple((clean(n), clean(v)) for n, v in details), clean(comment)
    )


def _unquoted(value: str) -> str:
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        return _QUOTED.sub(r"\1", value[1:-1])
    return value


def _segments(value: str) -> Iterator[tuple[str, str]]:
    """What stands between semicolons, without its comments, and the first of these."""
    out: list[str] = []
    comments: list[str] = []
    depth, quoted, at = 0, False, 0
    while at < len(value):
        char = value[at]
        escaped = char == "\\" and (quoted or depth)
        step = value[at : at + 2] if escaped else char
        at += len(step)
        if quoted:
            out.append(step)
            quoted = step != '"'
        elif depth or char == "(":
            depth += (step == "(") - (step == ")")
            comments.append(step[-1:] if depth else "\0")
            out.append(" " if not depth else "")
        elif char == ";":
            yield "".join(out), _first(comments)
            out, comments = [], []
        else:
            quoted = char == '"'
            out.append(char)
    yield "".join(out), _first(comments)


def _first(comments: list[str]) -> str:
    return "".join(comments).partition("\0")[0].removeprefix("(").strip()

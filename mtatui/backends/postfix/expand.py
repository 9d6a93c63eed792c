"""Expands ``$name`` in values as Postfix does: postconf(5), mac_expand and mac_parse in its source.

``$name ${name} $(name) $$ ${name?text} ${name:text} ${name?{a}:{b}} ${{a} == {b} ? {c} : {d}}``, with ``==``,
``!=``, ``<``, ``<=``, ``>``, ``>=`` and those followed by ``level`` for compatibility levels. What a name
stands for is expanded, too; what is not defined is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Lookup = Callable[[str], str | None]

#: Postfix's own limit of references inside references.
DEEPEST = 100

#: What a comparison makes of -1, 0, 1: the left side is less, equal, more.
_OPERATORS: dict[str, tuple[int, ...]] = {
    "==": (0,),
    "!=": (-1, 1),
    "<": (-1,),
    "<=": (-1, 0),
    ">": (1,),
    ">=": (0, 1),
}
_BLANKS = " \t\r\n"
_NAMED = re.compile(r"[ \t\r\n]*([A-Za-z0-9_]*)[ \t\r\n]*(?:([?:])|\Z)(.*)", re.DOTALL)
_LEVEL = re.compile(r"[0-9]+(?:\.[0-9]+){0,2}")


def expand(text: str, lookup: Lookup) -> str:
    """The text with every ``$name`` replaced.

    Args:
        lookup: the value of a parameter, unexpanded, its default where nobody has set it; None: no such one.

    Raises:
        ValueError: a name stands for itself (by way of others, perhaps), or the text is not well-formed; in
            either case Postfix would not start.
    """
    return _expanded(text, lookup, ())


def _expanded(text: str, lookup: Lookup, inside: tuple[str, ...]) -> str:
    """As `expand`; ``inside`` are the names whose values we are in, "" for each condition."""
    if len(inside) > DEEPEST:
        raise ValueError(f'more than {DEEPEST} references inside each other at "{text}"')
    out: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        out.append(text[at:dollar])
        following = text[dollar + 1 : dollar + 2]
        if following == "$":
            out.append("$")
            at = dollar + 2
            continue
        if following and following in "({":
            at = _closing(text, dollar + 1)
            inner = text[dollar + 2 : at - 1]
        else:
            at = _end_of_name(text, dollar + 1)
            inner = text[dollar + 1 : at]
        if not inner:
            raise ValueError(f'a name is missing behind "$" in "{text}"')
        out.append(_reference(inner, lookup, inside))
    out.append(text[at:])
    return "".join(out)


def _reference(inner: str, lookup: Lookup, inside: tuple[str, ...]) -> str:
    """What stands for ``${inner}``."""
    if inner.lstrip(_BLANKS).startswith("{"):
        value, rest = _relation(inner.lstrip(_BLANKS), lookup, inside)
        mark, rest = rest[:1], rest[1:]
        if mark and mark not in "?:":
            raise ValueError(f'"?" or ":" is wanted in "${{{inner}}}"')
    else:
        match = _NAMED.fullmatch(inner)
        if match is None:
            raise ValueError(f'"${{{inner}}}" is no name')
        name, mark, rest = match[1], match[2] or "", match[3]
        value = lookup(name) or ""
        if not mark:
            if value and name in inside:
                raise ValueError(f"${name} stands for itself: {' → '.join(filter(None, (*inside, name)))}")
            return _expanded(value, lookup, (*inside, name))
    if mark:
        yes, no = _choices(mark, rest, inner)
        return _expanded(yes if value else no, lookup, (*inside, ""))
    return value


def _choices(mark: str, rest: str, inner: str) -> tuple[str, str]:
    """The texts behind ``?`` and ``:``."""
    yes = ""
    if mark == "?":
        yes, rest = _operand(rest)
        if not rest:
            return yes, ""
        if rest[0] != ":":
            raise ValueError(f'":" is wanted in "${{{inner}}}"')
        rest = rest[1:]
    no, rest = _operand(rest)
    if rest:
        raise ValueError(f'"{rest}" is too much in "${{{inner}}}"')
    return yes, no


def _operand(text: str) -> tuple[str, str]:
    """``{text}`` and what follows it; without braces everything is the text."""
    start = text.lstrip(_BLANKS)
    if not start.startswith("{"):
        return text, ""
    end = _closing(start, 0)
    return start[1 : end - 1], start[end:].lstrip(_BLANKS)


def _relation(text: str, lookup: Lookup, inside: tuple[str, ...]) -> tuple[str, str]:
    """What ``{a} == {b}`` comes to, "true" or nothing, and what follows it."""
    left, rest = _operand(text)
    sign, kind = _operator(rest)
    if sign not in _OPERATORS or kind not in ("", "level"):
        raise ValueError(f'a comparison such as "==" is wanted in "{text}"')
    rest = rest[len(sign + kind) :]
    if not rest.lstrip(_BLANKS).startswith("{"):
        raise ValueError(f'"{{" is wanted behind "{sign}{kind}" in "{text}"')
    right, rest = _operand(rest)
    one, other = (_expanded(side, lookup, (*inside, "")) for side in (left, right))
    a, b = (_level(one), _level(other)) if kind else _comparable(one, other)
    return ("true" if (a > b) - (a < b) in _OPERATORS[sign] else ""), rest


def _operator(text: str) -> tuple[str, str]:
    """The signs at the start of a text, and the word that follows them at once."""
    word = text.lstrip("<>!=?+-*/~&|%")
    sign = text[: len(text) - len(word)]
    return sign, word[: _end_of_name(word, 0)]


def _comparable(one: str, other: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Numbers where both are some, else bytes, as strcmp(3) compares."""
    if all(re.fullmatch("[0-9]+", side) for side in (one, other)):
        return (int(one),), (int(other),)
    a, b = (tuple(side.encode("utf-8", "surrogateescape")) for side in (one, other))
    return a, b


def _level(text: str) -> tuple[int, ...]:
    """A compatibility level: ``3.6`` is 3.6.0."""
    if not _LEVEL.fullmatch(text):
        raise ValueError(f'"{text}" is no compatibility level')
    numbers = [int(number) for number in text.split(".")]
    return (*numbers, 0, 0)[:3]


def _end_of_name(text: str, at: int) -> int:
    while at < len(text) and (text[at] == "_" or (text[at].isascii() and text[at].isalnum())):
        at += 1
    return at


def _closing(text: str, at: int) -> int:
    """The position behind the bracket that closes the one at this position."""
    opening = text[at]
    closing = ")" if opening == "(" else "}"
    level = 0
    for position in range(at, len(text)):
        if text[position] == opening:
            level += 1
        elif text[position] == closing:
            level -= 1
            if not level:
                return position + 1
    raise ValueError(f'"{closing}" is missing in "{text}"')

"""Reads and edits master.cf as text: its services, and what they set for themselves with ``-o``.

Fields, quoting with braces and the forms of ``-o`` are those of master(5) and of Postfix's own source
(get_master_ent, postconf_master, mystrtokq). An edit leaves every other byte alone. Bytes in, bytes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple, Self

from mtatui.backends.postfix.logical import (
    SPACE,
    LogicalLine,
    carries_text,
    decoded,
    encoded,
    lines_of,
    logical_lines,
    refuse_control_characters,
)

_BLANKS = " \t\r\n"
_IS_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*")
#: Fields in front of the arguments: name, type, private, unprivileged, chroot, wakeup, limit, command.
FIELDS = 8


@dataclass(frozen=True, slots=True)
class Service:
    """One service, its fields as they stand there (``-`` for the default)."""

    name: str
    """``smtp``, ``127.0.0.1:10025``, ``pickup``."""
    type: str
    """``inet``, ``unix``, ``unix-dgram``, ``fifo`` or ``pass``."""
    private: str
    unprivileged: str
    chroot: str
    wakeup: str
    limit: str
    command: str
    arguments: tuple[str, ...]
    """Everything behind the command, out of its braces; ``-o`` and its ``name=value`` are two."""
    overrides: Mapping[str, str]
    """What it sets for itself with ``-o``; of two for one name the last one counts."""
    line: int
    """Its first line, from 1."""
    lines: Mapping[str, int]
    """The line (from 1) where each of the overrides stands."""

    @property
    def key(self) -> str:
        """As postconf(1) names it: ``submission/inet``."""
        return f"{self.name}/{self.type}"

    @property
    def endpoint(self) -> tuple[str, str] | None:
        """Host and port as written, for what listens on the network; no host means inet_interfaces."""
        if self.type != "inet":
            return None
        if self.name.startswith("["):
            host, _, port = self.name[1:].partition("]")
            return (host[5:] if host[:5].lower() == "ipv6:" else host), port.removeprefix(":")
        host, _, port = self.name.rpartition(":")
        return host, port


@dataclass(frozen=True)
class MasterCf:
    """A master.cf. It does not change: every edit gives a new one."""

    text: str

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take a file as it is; lines that are no services stay, and are told in `mistakes`."""
        return cls(decoded(data))

    @property
    def data(self) -> bytes:
        """The file: the very bytes that were parsed, but for the edits."""
        return encoded(self.text)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """All services, in the order of the file."""
        return tuple(self._service(entry) for entry in self._entries if entry.key)

    @cached_property
    def mistakes(self) -> tuple[int, ...]:
        """Lines (from 1) that are no services: Postfix would not start."""
        return tuple(entry.line for entry in self._entries if not entry.key)

    def service(self, key: str) -> Service | None:
        """The service of this name and type (``submission/inet``)."""
        return next((service for service in self.services if service.key == key), None)

    def override(self, key: str, name: str, value: str | None) -> Self:
        """Have a service set a parameter for itself, or no longer (None).

        An ``-o`` that is there is changed in its place; a new one goes behind the last one.

        Raises:
            KeyError: there is no such service.
            ValueError: the name or the value cannot stand there, in words.
        """
        entry = next((entry for entry in self._entries if entry.key == key), None)
        if entry is None:
            raise KeyError(key)
        there = [option for option in entry.options if option.name == name]
        if value is None:
            return self._without([word for option in there for word in option.words])
        value = value.strip(SPACE)
        if there and there[-1].value == value:
            return self
        new = _written(name, value)
        if not there:
            return self._with(entry, new)
        last = there[-1]
        if last.braced or not new.startswith("{"):
            return self._put(*last.place, value)
        return self._put(*last.whole, new)

    # -- inside ----------------------------------------------------------------------------------------------

    @cached_property
    def _entries(self) -> list[_Entry]:
        lines = lines_of(self.text)
        starts = [0, *accumulate(map(len, lines))]
        found = []
        for line in logical_lines(lines):
            # Where each character of the logical line stands in the text.
            places = [
                place
                for part in line.parts
                for place in range(starts[part], starts[part] + len(lines[part].removesuffix("\n")))
            ]
            found.append(_entry(line, places))
        return found

    def _service(self, entry: _Entry) -> Service:
        name, type, private, unprivileged, chroot, wakeup, limit, command = (
            word.text for word in entry.words[:FIELDS]
        )
        return Service(
            name, type, private, unprivileged, chroot, wakeup, limit, command,
            entry.arguments,
            {option.name: option.value for option in entry.options},
            entry.line,
            {option.name: self.text.count("\n", 0, option.whole[0]) + 1 for option in entry.options},
        )  # fmt: skip

    def _put(self, start: int, end: int, new: str) -> Self:
        """Another text at a place. Comments between its lines go behind the line that it ends on."""
        comments = "".join(line for line in lines_of(self.text[start:end])[1:-1] if not carries_text(line))
        rest, newline, behind = self.text[end:].partition("\n")
        if self.text[start:end].endswith("\n"):
            rest, newline, behind = "", "", self.text[end:]
        elif comments and not newline:
            comments = "\n" + comments.removesuffix("\n")
        return type(self)(self.text[:start] + new + rest + newline + comments + behind)

    def _without(self, words: Sequence[_Word]) -> Self:
        """Without some words, and without the lines that are left blank."""
        found = self
        for word in reversed(words):
            found = found._cut(word.start, word.end)
        return found

    def _cut(self, start: int, end: int) -> Self:
        text = self.text
        line = text.rfind("\n", 0, start) + 1
        behind = text.find("\n", end) + 1 or len(text)
        before, after = text[line:start], text[end:behind]
        if before.strip(_BLANKS):
            return self._put(line + len(before.rstrip(_BLANKS)), end, "")
        if after.strip(_BLANKS):
            return self._put(start, end + len(after) - len(after.lstrip(" \t")), "")
        if not after.endswith("\n"):  # the last line, and without an end: so it stays
            line -= len(text[:line]) - len(text[:line].removesuffix("\n").removesuffix("\r"))
        return self._put(line, behind, "")

    def _with(self, entry: _Entry, new: str) -> Self:
        """With one more option behind the last one: on a line of its own, if nothing follows that one."""
        last = entry.options[-1].words[-1] if entry.options else entry.words[FIELDS - 1]
        line = self.text.rfind("\n", 0, last.start) + 1
        end = self.text.find("\n", last.end)
        rest = self.text[last.end : len(self.text) if end < 0 else end]
        if rest.strip(_BLANKS):
            return self._put(last.end, last.end, f" -o {new}")
        at = last.end + len(rest.removesuffix("\r"))
        before = self.text[line : last.start]
        indent = before[: len(before) - len(before.lstrip(" \t"))] or "  "
        newline = "\r\n" if rest.endswith("\r") else "\n"
        return type(self)(f"{self.text[:at]}{newline}{indent}-o {new}{self.text[at:]}")


# -- a logical line, taken apart -----------------------------------------------------------------------------


class _Word(NamedTuple):
    """A word, and where its characters stand in the text of the file."""

    text: str
    places: Sequence[int]

    @property
    def start(self) -> int:
        return self.places[0]

    @property
    def end(self) -> int:
        return self.places[-1] + 1

    def part(self, start: int, end: int | None = None) -> _Word:
        return _Word(self.text[start:end], self.places[start:end])


class _Option(NamedTuple):
    """One ``-o name=value``."""

    name: str
    value: str
    words: tuple[_Word, ...]
    """``-o`` and what follows it; one word for ``-oname=value``."""
    whole: tuple[int, int]
    """Where ``name=value`` stands, braces included."""
    place: tuple[int, int]
    """Where the value stands."""
    braced: bool


class _Entry(NamedTuple):
    key: str
    """``submission/inet``; "" for what is no service."""
    line: int
    words: tuple[_Word, ...] = ()
    options: tuple[_Option, ...] = ()
    arguments: tuple[str, ...] = ()


def _entry(line: LogicalLine, places: Sequence[int]) -> _Entry:
    whole = _Word(line.text, places)
    words = tuple(whole.part(start, end) for start, end in _spans(line.text))
    if len(words) < FIELDS:
        return _Entry("", line.first + 1)
    options: list[_Option] = []
    arguments: list[str] = []
    rest = iter(words[FIELDS:])
    for word in rest:
        if not word.text.startswith("-") or word.text == "--":
            arguments += [_bare(each.text) for each in (word, *rest)]
            break
        at = word.text.find("o", 1)
        if at != 1:  # -v, or the -v of -vo
            arguments.append(word.text if at < 0 else word.text[:at])
        if at < 0:
            continue
        # "-o name=value", or both in one word.
        glued = word.part(at + 1)
        following = None if glued.text else next(rest, None)
        mine = (word if at == 1 else word.part(at), *([following] if following else []))
        arguments.append("-o")
        if (nameval := following or glued).text:
            option = _option(nameval, mine)
            options += [option] if option else []
            arguments.append(f"{option.name}={option.value}" if option and option.braced else nameval.text)
    return _Entry(f"{words[0].text}/{words[1].text}", line.first + 1, words, tuple(options), tuple(arguments))


def _option(word: _Word, words: tuple[_Word, ...]) -> _Option | None:
    """What ``name=value`` or ``{ name = value }`` says; None where it says nothing."""
    braced = word.text.startswith("{")
    inner = word.part(1, -1 if word.text.endswith("}") else None) if braced else word
    left, equals, right = inner.text.partition("=")
    if not equals or not left.strip(SPACE):
        return None
    value = right.strip(SPACE)
    at = len(left) + 1 + (right.index(value) if value else 0)
    start = inner.places[len(left)] + 1 if not value else inner.places[at]
    end = inner.places[at + len(value) - 1] + 1 if value else start
    return _Option(left.strip(SPACE), value, words, (word.start, word.end), (start, end), braced)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words are: blanks between braces are no ends."""
    start, level = -1, 0
    for at, char in enumerate(text):
        if start < 0 and char not in _BLANKS:
            start, level = at, 0
        if char == "{":
            level += 1
        elif char == "}" and level:
            level -= 1
        elif start >= 0 and not level and char in _BLANKS:
            yield start, at
            start = -1
    if start >= 0:
        yield start, len(text)


def _bare(text: str) -> str:
    """An argument out of its braces."""
    return text[1:].removesuffix("}").strip(SPACE) if text.startswith("{") else text


def _written(name: str, value: str) -> str:
    """``name=value`` as a word.

    Raises:
        ValueError: it cannot be one.
    """
    if not _IS_NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a parameter")
    refuse_control_characters(value)
    level = 0
    for char in value:
        level += {"{": 1, "}": -1}.get(char, 0)
        if level < 0:
            break
    if level:
        raise ValueError("each { in the value wants its }")
    return f"{{ {name} = {value} }}" if any(char in SPACE for char in value) else f"{name}={value}"

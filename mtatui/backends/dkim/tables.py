"""The tables that say which key signs whose mail, as opendkim reads them: a name and what belongs to it on
each line. What is not changed stays byte for byte.

Source: opendkim(8), DATA SETS; opendkim.conf(5), KeyTable and SigningTable; and tried on opendkim 2.11.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_ENTRY = re.compile(r"([ \t]*)([^\s#]+)([ \t]+)([^#\r\n]*?)([ \t]*(?:#[^\r\n]*)?\r?\n?)")


class Kind(StrEnum):
    """How a table is read."""

    FILE = "file"
    """Whole names."""
    PATTERNS = "refile"
    """Patterns with ``*``, of which the first that matches counts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table is."""

    kind: Kind
    path: str


def place(dataset: str) -> Place | None:
    """The file of a data set; None for one that is in no text file (a list, a database, a program)."""
    kind, colon, path = dataset.partition(":")
    if not colon or kind not in list(Kind):
        kind, path = Kind.FILE, dataset
    if not path.startswith("/") or (path.endswith(".db") and not colon):
        return None
    return Place(Kind(kind), path)


def elements(dataset: str) -> list[str]:
    """The elements of a list that stands in the configuration itself."""
    return [word for word in re.split(r"[\s,]+", dataset.removeprefix("csl:")) if word]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a table."""

    key: str
    value: str
    line: int
    """From 0 on."""


@dataclass(frozen=True, slots=True)
class Table:
    """The text of a table."""

    text: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Table:
        """What is in a file."""
        return cls(data.decode("utf-8", "surrogateescape"))

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return self.text.encode("utf-8", "surrogateescape")

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of its entries, in order."""
        found = []
        for number, line in enumerate(self._lines):
            match = _ENTRY.fullmatch(line)
            if match is not None and match[4]:
                found.append(Entry(match[2], match[4], number))
        return tuple(found)

    @property
    def words(self) -> tuple[str, ...]:
        """What stands in it where it is a mere list."""
        return tuple(word for line in self._lines if (word := line.partition("#")[0].strip()))

    def add(self, key: str, value: str, before: Entry | None = None) -> Table:
        """Have an entry more, at the end or before another."""
        lines = self._lines
        end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        if before is None and lines and not lines[-1].endswith("\n"):
            lines[-1] += end
        lines.insert(len(lines) if before is None else before.line, f"{key} {value}{end}")
        return Table("".join(lines))

    def put(self, entry: Entry, value: str) -> Table:
        """Have an entry say something else; what else stands on its line stays."""
        lines = self._lines
        match = _ENTRY.fullmatch(lines[entry.line])
        assert match is not None
        lines[entry.line] = f"{match[1]}{match[2]}{match[3]}{value}{match[5]}"
        return Table("".join(lines))

    def drop(self, entries: Iterable[Entry]) -> Table:
        """Have some entries no longer."""
        gone = {entry.line for entry in entries}
        return Table("".join(line for number, line in enumerate(self._lines) if number not in gone))

    @property
    def _lines(self) -> list[str]:
        return _LINE.findall(self.text)


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as KeyTable, or the configuration of a single key, names it."""

    name: str
    domain: str
    """``d=``; ``%`` for whichever domain the sender is of."""
    selector: str
    key: str
    """The path of its file, or the key itself."""
    entry: Entry | None = None

    @property
    def path(self) -> str:
        """The path of its file; "" where the key itself stands there."""
        return self.key if self.key.startswith(("/", "./", "../")) else ""


def keys(table: Table) -> list[KeyEntry]:
    """What a KeyTable says. What opendkim would stumble over is left out."""
    found = []
    for entry in table.entries:
        parts = entry.value.strip().split(":", 2)
        if len(parts) == 3 and all(parts):
            domain, selector, key = (part.strip() for part in parts)
            found.append(KeyEntry(entry.key, domain, selector, key, entry))
    return found


@dataclass(frozen=True, slots=True)
class Rule:
    """Whose mail is signed with which key."""

    pattern: str
    name: str
    """Of the key."""
    signer: str = ""
    """``i=``, where it is said."""
    entry: Entry | None = None

    @property
    def domain(self) -> str:
        """The domain whose senders it is for; "" for a pattern that is for more than one."""
        domain = self.pattern.rpartition("@")[2].lower().lstrip(".")
        return domain if domain and not set(domain) & set("*%") else ""

    @property
    def value(self) -> str:
        """As it stands in the table."""
        return f"{self.name}:{self.signer}" if self.signer else self.name

    def renamed(self, name: str) -> str:
        """As it would stand there with another key."""
        return replace(self, name=name).value


def rules(table: Table) -> list[Rule]:
    """What a SigningTable says."""
    found = []
    for entry in table.entries:
        name, _, signer = entry.value.strip().partition(":")
        found.append(Rule(entry.key, name.strip(), signer.strip(), entry))
    return found


def covers(kind: Kind, pattern: str, sender: str) -> bool:
    """Whether an entry of a SigningTable is for a sender (``user@domain``, no matter how it is spelled)."""
    pattern, sender = pattern.lower(), sender.lower()
    if kind is Kind.PATTERNS:
        return fnmatch.fnmatchcase(sender, re.sub(r"([\[?])", r"[\1]", pattern))
    user, _, host = sender.partition("@")
    above = [host[at:] for at, char in enumerate(host) if char == "."]
    names = [host, *above]
    return pattern in {sender, *(f"{user}@{one}" for one in names), f"{user}@*", *names, "*"}

"""Kinds of values: how each is typed, checked, shown, and written into profiles.

A value is plain Python (bool, str, int, tuples of them), so that two can be compared; a kind turns what a
person typed, or a profile said, into one, or refuses it with the reason. No value that a kind lets through
holds a line break or a control character: it goes into configuration files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from mtatui.settings import extensions, syntax
from mtatui.settings.syntax import called, one_line, quoted, texts
from mtatui.text import clean

#: A value that cannot be, and why, in words for the person.
Refused = syntax.Refused


class Trial(StrEnum):
    """The states of a restriction: nobody is turned away; the log counts who would be; they are."""

    OFF = "off"
    TRIAL = "trial"
    ENFORCE = "enforce"


class Zone(NamedTuple):
    """One DNS block list: its domain, with a reply filter if there is one, and whether it turns away."""

    zone: str
    """``zen.spamhaus.org`` or ``zen.spamhaus.org=127.0.0.[2..11]``."""
    state: Trial = Trial.ENFORCE


class Login(NamedTuple):
    """A name and a password for a relay host."""

    user: str
    password: str

    def __repr__(self) -> str:
        """Without the password: this is what tracebacks and logs print."""
        return f"Login({self.user!r}, …)"


class Kind:
    """How values of one kind are typed, checked and shown. The base is one line of text."""

    editor: ClassVar[str] = "line"
    """How it is edited: "switch" (turns with one key), "choice", "line", "list", "zones", "login"."""
    secret: ClassVar[bool] = False
    takes: ClassVar[str] = "a line of text"
    """What is typed, in words."""
    offers: ClassVar[tuple[str, ...]] = ()
    """All words that a value can be, where they are few: what is offered to who types."""
    empty: ClassVar[Any] = ""
    """What stands for a value where there is none."""

    def parse(self, text: str) -> Any:
        """The value of what a person typed.

        Raises:
            Refused: it cannot be; what was typed should stay where it is.
        """
        return one_line(text)

    def text(self, value: Any) -> str:
        """The value as a person would type it."""
        return str(value)

    def show(self, value: Any) -> str:
        """The value in a few words, for a list; "–" where there is nothing."""
        return clean(self.text(value)) or "–"

    def mind(self, value: Any) -> str:
        """What is to be minded about a value before it is chosen; "" where there is nothing."""
        return ""

    def load(self, data: Any) -> Any:
        """The value of what a profile or a JSON document says.

        Raises:
            Refused: it cannot be.
        """
        if not isinstance(data, str):
            raise Refused(f"a text is wanted here, not {called(data)}")
        return self.parse(data)

    def dump(self, value: Any) -> Any:
        """The value for a profile or a JSON document."""
        return value


class Switch(Kind):
    """On or off."""

    editor = "switch"
    takes = "on or off"
    empty = False
    offers = ("on", "off")

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word in ("yes", "on", "true", "1"):
            return True
        if word in ("no", "off", "false", "0"):
            return False
        raise Refused(f"{quoted(text)} is neither on nor off")

    def text(self, value: bool) -> str:
        return "on" if value else "off"

    def load(self, data: Any) -> bool:
        if isinstance(data, bool):
            return data
        if isinstance(data, str):
            return self.parse(data)
        raise Refused(f"true or false is wanted here, not {called(data)}")

    def turned(self, value: bool) -> bool:
        """The next state."""
        return not value


class Restriction(Kind):
    """Off, trial, enforce."""

    editor = "switch"
    takes = "off, trial or enforce"
    offers = tuple(Trial)
    empty = Trial.OFF

    def parse(self, text: str) -> Trial:
        word = text.strip().lower()
        word = {"on": "enforce", "yes": "enforce", "no": "off"}.get(word, word)
        try:
            return Trial(word)
        except ValueError:
            raise Refused(f"{quoted(text)} is none of off, trial, enforce") from None

    def dump(self, value: Trial) -> str:
        return str(value)

    def turned(self, value: Trial) -> Trial:
        """The next state: off, trial, enforce, off."""
        order = list(Trial)
        return order[(order.index(value) + 1) % len(order)]


class RelayGuard(Restriction):
    """A restriction that can be switched on but not off: without it the server is an open relay."""

    takes = "enforce"
    offers = (Trial.ENFORCE,)

    def parse(self, text: str) -> Trial:
        if (value := super().parse(text)) is not Trial.ENFORCE:
            raise Refused("without it anybody could send through this server; it is not taken away here")
        return value

    def turned(self, value: Trial) -> Trial:
        """Enforce, whatever it was."""
        return Trial.ENFORCE


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words, each with what it means."""

    choices: tuple[tuple[str, str], ...]
    editor: ClassVar[str] = "choice"
    takes: ClassVar[str] = "one of the words below"

    @property
    def offers(self) -> tuple[str, ...]:  # type: ignore[override]  # where others have a constant
        """The words."""
        return tuple(word for word, _ in self.choices if word)

    def parse(self, text: str) -> str:
        word = text.strip()
        for value, _ in self.choices:
            if word.lower() == value.lower():
                return value
        raise Refused(
            f"{quoted(word)} is none of {', '.join(value or '(empty)' for value, _ in self.choices)}"
        )


@dataclass(frozen=True)
class Name(Kind):
    """A host or domain name (RFC 1123)."""

    variables: bool = True
    """``$myhostname`` is allowed, whole or as a part."""
    file: bool = False
    """A file is allowed that holds the name: Debian's ``/etc/mailname``."""
    takes: ClassVar[str] = "a host name"

    def parse(self, text: str) -> str:
        value = one_line(text)
        if not value:
            raise Refused("a name is wanted here")
        if self.file and value.startswith("/") and " " not in value:
            return value
        return syntax.host_name(value, variables=self.variables)


class Tables(Kind):
    """Lookup tables: ``type:name``, several with commas between; empty for none."""

    takes = "type:name, or nothing"

    def parse(self, text: str) -> str:
        return syntax.tables(text)


@dataclass(frozen=True)
class Relay(Kind):
    """Where mail is handed on: ``[host]``, ``[host]:port``, ``domain``, ``domain:port``; empty for none."""

    many: bool = False
    takes: ClassVar[str] = "[host]:port, domain:port, or nothing"

    def parse(self, text: str) -> str:
        relays = syntax.relays(text)
        if len(relays) > 1 and not self.many:
            raise Refused("one relay is wanted here; a second one is the fallback")
        return ", ".join(relays)


class Listed(Kind):
    """Several words of one kind, in an order. The base of lists."""

    editor = "list"
    takes = "a list"
    empty = ()

    def item(self, text: str) -> str:
        """One of them, checked."""
        raise NotImplementedError

    def parse(self, text: str) -> tuple[str, ...]:
        return self.load(text)

    def text(self, value: Sequence[str]) -> str:
        return " ".join(value)

    def show(self, value: Sequence[str]) -> str:
        return f"{len(value)} · {clean(' '.join(value))}" if value else "none"

    def load(self, data: Any) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.item(item) for item in texts(data)))

    def dump(self, value: Sequence[str]) -> list[str]:
        return list(value)


class Networks(Listed):
    """Networks whose clients are trusted, as mynetworks(5) wants them."""

    takes = "a list of addresses and networks"

    def item(self, text: str) -> str:
        """One network, checked."""
        return syntax.network(text)

    def show(self, value: Sequence[str]) -> str:
        return clean(self.text(value)) or "–"


class Extensions(Listed):
    """File extensions, lower case and without the dot in front."""

    takes = "a list of file extensions"
    named: ClassVar[dict[str, tuple[str, ...]]] = extensions.NAMED
    """Lists that can be added at once."""

    def parse(self, text: str) -> tuple[str, ...]:
        return self.load(text.replace(";", " "))

    def item(self, text: str) -> str:
        """One extension, as it is blocked."""
        return extensions.normalised(text)


class Zones(Kind):
    """DNS block lists, each with its own state; their order is the order in which they are asked."""

    editor = "zones"
    empty = ()
    takes = "a list of zone[=reply-filter][:trial]"

    def parse(self, text: str) -> tuple[Zone, ...]:
        """``zen.spamhaus.org bl.example.test:trial`` (a state after a colon; without one it is enforced)."""
        return self.load(text)

    def item(self, text: str) -> Zone:
        """One block list, checked."""
        word, colon, state = one_line(text).rpartition(":")
        domain, equals, reply = (word if colon else state).partition("=")
        zone = syntax.host_name(domain).lower() + (equals and equals + syntax.reply_filter(reply))
        return Zone(zone, Restriction().parse(state) if colon else Trial.ENFORCE)

    def text(self, value: Iterable[Zone]) -> str:
        return " ".join(zone if state is Trial.ENFORCE else f"{zone}:{state}" for zone, state in value)

    def show(self, value: Sequence[Zone]) -> str:
        trial = sum(state is Trial.TRIAL for _, state in value)
        names = " ".join(zone.partition("=")[0] for zone, state in value)
        return f"{len(value)}{f' ({trial} on trial)' if trial else ''} · {names}" if value else "none"

    def load(self, data: Any) -> tuple[Zone, ...]:
        if isinstance(data, dict):
            data = [f"{zone}:{state}" for zone, state in data.items()]
        zones = {zone.zone: zone for zone in map(self.item, texts(data))}
        return tuple(zone for zone in zones.values() if zone.state is not Trial.OFF)

    def dump(self, value: Iterable[Zone]) -> dict[str, str]:
        return {zone: str(state) for zone, state in value}


@dataclass(frozen=True)
class Bytes(Kind):
    """A size in bytes; typed as ``10M``, ``10240k`` or plain."""

    least: int = 0
    zero: str = ""
    """What 0 means, if it means something of its own."""
    takes: ClassVar[str] = "a size: bytes, 10M, 1G"

    def parse(self, text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,18}) *(?:([kKmMgG])[iI]?)?[bB]?", text.strip(" "))
        if match is None:
            raise Refused(f"{quoted(text)} is no size: write bytes, or 10M")
        value = int(match[1]) << 10 * " KMG".index((match[2] or " ").upper())
        if value >= 2**63:
            raise Refused(f"{quoted(text)} is more than Postfix can count")
        if value < self.least and not (value == 0 and self.zero):
            raise Refused(f"at least {self.least:,} bytes are wanted here")
        return value

    def text(self, value: int) -> str:
        for power, unit in ((3, "G"), (2, "M"), (1, "K")):
            if value and value % 1024**power == 0:
                return f"{value // 1024**power}{unit}"
        return str(value)

    def show(self, value: int) -> str:
        return self.zero if value == 0 and self.zero else f"{self.text(value)} ({value:,} bytes)"

    def load(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | str):
            raise Refused(f"a size is wanted here, not {called(data)}")
        return self.parse(str(data))


class RelayLogin(Kind):
    """Name and password for the relay host; None for none. Never shown, never in a profile."""

    editor = "login"
    empty = None
    secret = True
    takes = "a user; the password is asked for"

    def parse(self, text: str) -> Login | None:
        """``user:password``; nothing for none."""
        if not text.strip(" "):
            return None
        user, colon, password = text.partition(":")
        if not colon or not user.strip(" ") or not password:
            raise Refused("user:password is wanted here")
        return self.login(user, password)

    def login(self, user: str, password: str) -> Login:
        """The two of them, checked."""
        user, _ = one_line(user), one_line(password)
        if not user or " " in user or ":" in user:
            raise Refused("a user name is one word without a colon")
        if not password or password != password.strip(" "):
            raise Refused("a password is not empty, and neither begins nor ends with a blank")
        return Login(user, password)

    def text(self, value: Login | None) -> str:
        return f"{value.user}:" if value else ""

    def show(self, value: Login | None) -> str:
        return f"{clean(value.user)}, password set" if value else "none"

    def load(self, data: Any) -> Login | None:
        if data == "":
            return None
        raise Refused("a password is not taken from a file; mtatui settings set asks for it")

    def dump(self, value: Login | None) -> Any:
        return {"user": value.user} if value else ""

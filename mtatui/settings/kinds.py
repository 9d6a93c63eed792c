"""Kinds of values: how each is typed, checked, shown, and written into profiles.

A value is plain Python (bool, str, int, tuples of them), so that two can be compared; a kind turns what a
person typed, or a profile said, into one, or refuses it with the reason. No value that a kind lets through
holds a line break or a control character: it goes into configuration files.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from mtatui.settings import extensions
from mtatui.text import clean

#: Longest value that is taken, in characters.
LONGEST = 8192


class Refused(ValueError):
    """A value that cannot be, and why, in words for the person."""


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


class Kind:
    """How values of one kind are typed, checked and shown. The base is one line of text."""

    editor: ClassVar[str] = "line"
    """How it is edited: "switch" (turns with one key), "choice", "line", "list", "zones", "login"."""
    secret: ClassVar[bool] = False

    def parse(self, text: str) -> Any:
        """The value of what a person typed.

        Raises:
            Refused: it cannot be; what was typed should stay where it is.
        """
        return one_line(text).strip()

    def text(self, value: Any) -> str:
        """The value as a person would type it."""
        return str(value)

    def show(self, value: Any) -> str:
        """The value in a few words, for a list; "–" where there is nothing."""
        return clean(self.text(value)) or "–"

    def load(self, data: Any) -> Any:
        """The value of what a profile or a JSON document says.

        Raises:
            Refused: it cannot be.
        """
        if not isinstance(data, str):
            raise Refused(f"a text is wanted here, not {_called(data)}")
        return self.parse(data)

    def dump(self, value: Any) -> Any:
        """The value for a profile or a JSON document."""
        return value


class Switch(Kind):
    """On or off."""

    editor = "switch"

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word in ("yes", "on", "true", "1"):
            return True
        if word in ("no", "off", "false", "0"):
            return False
        raise Refused(f'"{clean(text)}" is neither on nor off')

    def text(self, value: bool) -> str:
        return "on" if value else "off"

    def load(self, data: Any) -> bool:
        return data if isinstance(data, bool) else self.parse(str(data))

    def turned(self, value: bool) -> bool:
        """The next state."""
        return not value


class Restriction(Kind):
    """Off, trial, enforce."""

    editor = "switch"

    def parse(self, text: str) -> Trial:
        word = text.strip().lower()
        word = {"on": "enforce", "yes": "enforce", "no": "off"}.get(word, word)
        try:
            return Trial(word)
        except ValueError:
            raise Refused(f'"{clean(text)}" is none of off, trial, enforce') from None

    def dump(self, value: Trial) -> str:
        return str(value)

    def turned(self, value: Trial) -> Trial:
        """The next state: off, trial, enforce, off."""
        order = list(Trial)
        return order[(order.index(value) + 1) % len(order)]


class RelayGuard(Restriction):
    """A restriction that can be switched on but not off: without it the server is an open relay."""

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

    def parse(self, text: str) -> str:
        word = text.strip()
        for value, _ in self.choices:
            if word.lower() == value.lower():
                return value
        raise Refused(
            f'"{clean(word)}" is none of {", ".join(value or "(empty)" for value, _ in self.choices)}'
        )


@dataclass(frozen=True)
class Name(Kind):
    """A host or domain name (RFC 1123), or empty where that is allowed."""

    empty: bool = False
    variables: bool = True
    """``$myhostname`` is allowed, too."""

    def parse(self, text: str) -> str:
        value = one_line(text).strip()
        if not value:
            if self.empty:
                return ""
            raise Refused("a name is wanted here")
        if self.variables and re.fullmatch(r"\$\w+|\$\{\w+\}|\$\(\w+\)", value):
            return value
        return host_name(value)


@dataclass(frozen=True)
class Path(Kind):
    """A lookup table: ``type:name``, as postconf -m knows types; empty for none."""

    def parse(self, text: str) -> str:
        value = one_line(text).strip()
        if value and not re.fullmatch(r"(?:proxy:)?[a-z_]+:\S.*", value):
            raise Refused(f'"{clean(value)}" is no table: write type:name, such as hash:/etc/postfix/logins')
        return value


@dataclass(frozen=True)
class Relay(Kind):
    """Where mail is handed on: ``[host]``, ``[host]:port``, ``domain``, ``domain:port``; empty for none."""

    many: bool = False

    def parse(self, text: str) -> str:
        words = one_line(text).replace(",", " ").split()
        if len(words) > 1 and not self.many:
            raise Refused("one relay is wanted here; a second one is the fallback")
        return ", ".join(map(_relay, words))


class Networks(Kind):
    """Networks whose clients are trusted, as mynetworks(5) wants them."""

    editor = "list"

    def parse(self, text: str) -> tuple[str, ...]:
        return self.load(one_line(text.replace("\n", " ")).replace(",", " ").split())

    def item(self, text: str) -> str:
        """One network, checked."""
        return network(text)

    def text(self, value: Sequence[str]) -> str:
        return " ".join(value)

    def load(self, data: Any) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.item(item) for item in _texts(data)))

    def dump(self, value: Sequence[str]) -> list[str]:
        return list(value)


class Extensions(Kind):
    """File extensions, lower case and without the dot in front."""

    editor = "list"
    named: ClassVar[dict[str, tuple[str, ...]]] = extensions.NAMED
    """Lists that can be added at once."""

    def parse(self, text: str) -> tuple[str, ...]:
        return self.load(text.replace(",", " ").replace(";", " ").split())

    def item(self, text: str) -> str:
        """One extension, as it is blocked."""
        try:
            return extensions.normalised(text)
        except ValueError as error:
            raise Refused(str(error)) from None

    def text(self, value: Sequence[str]) -> str:
        return " ".join(value)

    def show(self, value: Sequence[str]) -> str:
        return f"{len(value)} · {' '.join(value)}" if value else "none"

    def load(self, data: Any) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.item(item) for item in _texts(data)))

    def dump(self, value: Sequence[str]) -> list[str]:
        return list(value)


class Zones(Kind):
    """DNS block lists, each with its own state; their order is the order in which they are asked."""

    editor = "zones"

    def parse(self, text: str) -> tuple[Zone, ...]:
        """``zen.spamhaus.org bl.example.test:trial`` (a state after a colon; without one it is enforced)."""
        return self.load(text.replace(",", " ").split())

    def item(self, text: str) -> Zone:
        """One block list, checked."""
        word, colon, state = one_line(text).strip().rpartition(":")
        zone = word if colon else state
        domain, equals, reply = zone.partition("=")
        if equals and not re.fullmatch(r"[0-9.;\[\]]{1,200}", reply):
            raise Refused(f'"{clean(reply)}" is no reply filter: write one like 127.0.0.[2..11]')
        return Zone(
            host_name(domain).lower() + equals + reply, Restriction().parse(state) if colon else Trial.ENFORCE
        )

    def text(self, value: Iterable[Zone]) -> str:
        return " ".join(zone if state is Trial.ENFORCE else f"{zone}:{state}" for zone, state in value)

    def show(self, value: Sequence[Zone]) -> str:
        trial = sum(state is Trial.TRIAL for _, state in value)
        names = " ".join(zone.partition("=")[0] for zone, state in value)
        return f"{len(value)}{f' ({trial} on trial)' if trial else ''} · {names}" if value else "none"

    def load(self, data: Any) -> tuple[Zone, ...]:
        if isinstance(data, dict):
            data = [f"{zone}:{state}" for zone, state in data.items()]
        zones = {zone.zone: zone for zone in map(self.item, _texts(data))}
        return tuple(zone for zone in zones.values() if zone.state is not Trial.OFF)

    def dump(self, value: Iterable[Zone]) -> dict[str, str]:
        return {zone: str(state) for zone, state in value}


@dataclass(frozen=True)
class Bytes(Kind):
    """A size in bytes; typed as ``10M``, ``10240k`` or plain."""

    least: int = 0
    zero: str = ""
    """What 0 means, if it means something of its own."""

    def parse(self, text: str) -> int:
        match = re.fullmatch(r"(\d{1,15})\s*([kKmMgG]?)[iI]?[bB]?", text.strip())
        if match is None:
            raise Refused(f'"{clean(text)}" is no size: write bytes, or 10M')
        value = int(match[1]) << 10 * " KMG".index(match[2].upper() or " ")
        if value > 2**63 - 1 or (value < self.least and not (value == 0 and self.zero)):
            raise Refused(f"at least {self.least} bytes are wanted here")
        return value

    def text(self, value: int) -> str:
        for power, unit in ((3, "G"), (2, "M"), (1, "K")):
            if value and value % 1024**power == 0:
                return f"{value // 1024**power}{unit}"
        return str(value)

    def show(self, value: int) -> str:
        return self.zero if value == 0 and self.zero else f"{self.text(value)} ({value:,} bytes)"

    def load(self, data: Any) -> int:
        if isinstance(data, bool):
            raise Refused("a size is wanted here")
        return self.parse(str(data))


class RelayLogin(Kind):
    """Name and password for the relay host; None for none. Never shown, never in a profile."""

    editor = "login"
    secret = True

    def parse(self, text: str) -> Login | None:
        """``user:password``."""
        user, colon, password = one_line(text).partition(":")
        if not text.strip():
            return None
        if not colon or not user.strip() or not password:
            raise Refused("user:password is wanted here")
        if any(c.isspace() for c in user):
            raise Refused("a user name has no blanks")
        return Login(user.strip(), password)

    def text(self, value: Login | None) -> str:
        return f"{value.user}:" if value else ""

    def show(self, value: Login | None) -> str:
        return f"{clean(value.user)}, password set" if value else "none"

    def dump(self, value: Login | None) -> Any:
        return {"user": value.user} if value else None


# -- what several kinds share ------------------------------------------------------------------------


def one_line(text: str) -> str:
    """The text, if it can stand on one line of a configuration file.

    Raises:
        Refused: it holds a line break, a control character, or is endless.
    """
    if len(text) > LONGEST:
        raise Refused(f"that is {len(text):,} characters; {LONGEST:,} is the most")
    if bad := next((c for c in text if not c.isprintable()), ""):
        raise Refused(f"it holds a character that cannot be in a configuration file (U+{ord(bad):04X})")
    return text


def host_name(text: str) -> str:
    """A host name as RFC 1123 wants it, without a dot at its end.

    Raises:
        Refused: it is none.
    """
    name = one_line(text).strip().removesuffix(".")
    labels = name.split(".")
    if (
        not name
        or len(name) > 253
        or not all(re.fullmatch(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", label) for label in labels)
    ):
        raise Refused(f'"{clean(text)}" is no host name')
    return name


def network(text: str) -> str:
    """One entry of mynetworks: a network, an exclusion (``!``), a table or a file (postconf(5)).

    Raises:
        Refused: Postfix would not match it, or would refuse all mail because of it.
    """
    word = one_line(text).strip()
    bare = word.removeprefix("!")
    if re.match(r"/|(?:proxy:)?[a-z]+:/|[a-z_]+:\{", bare) and not bare.startswith("["):
        return word
    inner, slash, length = bare.partition("/")
    bracketed = inner.startswith("[") and (inner.endswith("]") or bare.endswith("]"))
    plain = bare.replace("[", "").replace("]", "")
    if bare.endswith("]") and slash:
        raise Refused(
            f"{clean(word)}: the prefix length goes behind the bracket, "
            f"[{plain.partition('/')[0]}]/{length[:-1]}"
        )
    try:
        found = ipaddress.ip_network(plain)
    except ValueError as error:
        try:
            loose = ipaddress.ip_network(plain, strict=False)
        except ValueError:
            raise Refused(f'"{clean(word)}" is no network: write 192.0.2.0/24 or [2001:db8::]/32') from None
        raise Refused(
            f"{clean(word)} has host bits set: write {_network(loose)}, or only the address"
        ) from error
    if bracketed and found.version == 4:
        raise Refused(f"{clean(word)}: brackets are for IPv6 addresses")
    return word[: len(word) - len(bare)] + _network(found)


def _network(found: ipaddress.IPv4Network | ipaddress.IPv6Network) -> str:
    address = f"[{found.network_address}]" if found.version == 6 else str(found.network_address)
    return f"{address}/{found.prefixlen}"


def _relay(word: str) -> str:
    match = re.fullmatch(r"(\[[^\[\]]+\]|[^\[\]:]+)(?::([A-Za-z0-9-]+))?", word)
    if match is None:
        raise Refused(f'"{clean(word)}" is no relay: write [host]:port, or a domain')
    host, port = match.groups()
    if port and port.isdigit() and not 0 < int(port) < 65536:
        raise Refused(f"there is no port {port}")
    inner = host.strip("[]")
    try:
        address = ipaddress.ip_address(inner.removeprefix("IPv6:").removeprefix("ipv6:"))
    except ValueError:
        host_name(inner)
    else:
        if not host.startswith("["):
            raise Refused(f"an address goes in brackets: [{address}]")
    return word


def _texts(data: Any) -> list[str]:
    if isinstance(data, str):
        return data.replace(",", " ").split()
    if not isinstance(data, list | tuple) or not all(isinstance(item, str) for item in data):
        raise Refused(f"a list of texts is wanted here, not {_called(data)}")
    return list(data)


def _called(data: Any) -> str:
    names = {bool: "a switch", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(data), "that")

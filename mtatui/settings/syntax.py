"""What may stand in a configuration file: one line of text, a host name, a network, a table, a relay.

Each of these takes what a person typed and gives it back as it is written, or refuses it with the reason
and, where that can be known, with what was meant. What comes out holds no line break, no control character.
What Postfix makes of odd networks was tried on a real one: much of it matches nothing, silently, or has every
client refused with 451 4.3.0.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from mtatui.text import clean

#: The longest single value that is taken, in characters.
LONGEST = 8192
#: The most entries a list may have.
MOST = 2000

#: The table types that Postfix has had (DATABASE_README); which of them a server has, postconf -m says.
TABLE_TYPES = frozenset(
    re.findall(
        r"\w+",
        "btree cdb cidr dbm environ fail hash inline internal ldap lmdb memcache mongodb mysql netinfo nis "
        "nisplus pcre pgsql pipemap proxy randmap regexp sdbm socketmap sqlite static tcp texthash "
        "unionmap unix",
    )
)

_VARIABLE = re.compile(r"\$(?:\w+|\{\w+\}|\(\w+\))", re.ASCII)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")


class Refused(ValueError):
    """A value that cannot be, and why, in words for the person."""


def quoted(text: str) -> str:
    """What somebody typed, short enough and fit for a message."""
    return f'"{clean(text if len(text) <= 60 else text[:59] + "…")}"'


def one_line(text: str) -> str:
    """The text without blanks around it, if it can stand on one line of a configuration file.

    Raises:
        Refused: it holds a line break, a control character, or is endless.
    """
    text = text.strip(" ")
    if len(text) > LONGEST:
        raise Refused(f"that is {len(text):,} characters; {LONGEST:,} is the most")
    if bad := next((c for c in text if not c.isprintable()), ""):
        raise Refused(f"it holds a character that cannot be in a configuration file (U+{ord(bad):04X})")
    if clean(text) != text:
        raise Refused("it holds characters that nobody can see")
    return text


def words(text: str) -> list[str]:
    """What stands between blanks, line ends and commas; ``{ … }`` holds together, as in Postfix's lists.

    Raises:
        Refused: braces that do not match.
    """
    found: list[str] = []
    depth = 0
    for part in re.split(r"([ \t\r\n,]+)", text):
        if depth:
            found[-1] += part
        elif part and not part.strip(" \t\r\n,"):
            continue
        elif part:
            found.append(part)
        depth += part.count("{") - part.count("}")
        if depth < 0:
            break
    if depth:
        raise Refused(f"the braces in {quoted(text)} do not match")
    return found


def host_name(text: str, *, variables: bool = False) -> str:
    """A host name as RFC 1123 wants it (and ``_``, which Postfix allows), without a dot at its end.

    Args:
        variables: ``$mydomain`` may be a part of it.

    Raises:
        Refused: it is none.
    """
    name = one_line(text).removesuffix(".")
    plain = _VARIABLE.sub("x", name) if variables else name
    if not plain.isascii():
        raise Refused(f"{quoted(name)} is written with ASCII letters only in the DNS{_as_punycode(name)}")
    labels = plain.split(".")
    if len(plain) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise Refused(f"{quoted(name)} is no host name")
    if labels[-1].isdigit():
        raise Refused(f"{quoted(name)} is no host name: its last part would have letters")
    return name


def _as_punycode(name: str) -> str:
    try:
        return f": {name.encode('idna').decode('ascii')}"
    except UnicodeError:
        return ""


def table(text: str) -> str:
    """A lookup table: ``type:name`` (DATABASE_README), such as ``hash:/etc/postfix/logins``.

    Raises:
        Refused: it is none, or of a type that Postfix does not have.
    """
    word = one_line(text)
    kind, colon, name = word.removeprefix("proxy:").partition(":")
    if not colon or not name or len(words(word)) > 1:
        raise Refused(f"{quoted(word)} is no table: write type:name, such as hash:/etc/postfix/logins")
    if kind not in TABLE_TYPES:
        raise Refused(f"{quoted(word)}: Postfix has no tables of the type {quoted(kind)}")
    return word


def tables(text: str) -> str:
    """Lookup tables in a row, with ``$name`` for those that another parameter names; "" for none.

    Raises:
        Refused: one of them is none.
    """
    return ", ".join(
        word if _VARIABLE.fullmatch(word) else table(word) for word in few(words(one_line(text)))
    )


def network(text: str) -> str:
    """One entry of mynetworks: an address, a network, an exclusion (``!``), a table, a file (postconf(5)).

    Raises:
        Refused: Postfix would never match it, or would refuse all mail because of it.
    """
    word = one_line(text)
    bare = word.removeprefix("!")
    if len(words(bare)) != 1:
        raise Refused(f"{quoted(word)}: one network is wanted here")
    kept = word[: len(word) - len(bare)]
    if bare.startswith("/") or _VARIABLE.match(bare):
        return word
    if found := _network(bare):
        return kept + found
    if re.match(r"[a-z]\w*:", bare):
        return kept + table(bare)
    raise Refused(f"{quoted(word)} is no network: write 192.0.2.0/24 or [2001:db8::]/32")


def _network(bare: str) -> str:
    """An address or a network as Postfix wants it; "" for what is neither.

    Raises:
        Refused: it is one, but written so that it does harm or nothing.
    """
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](/[^\[\]]*)?", bare)
    inside = bracketed[1] + (bracketed[2] or "") if bracketed else bare
    address, slash, length = inside.partition("/")
    try:
        # A netmask (255.0.0.0) is understood, and written as a length, the only way that Postfix knows.
        host = ipaddress.ip_address(address)
        net = ipaddress.ip_network(f"{address}/{length}" if slash else address, strict=False)
    except ValueError as error:
        return _not_a_network(bare, address, length, error)
    whole = f"[{net.network_address}]" if net.version == 6 else str(net.network_address)
    if isinstance(host, ipaddress.IPv6Address) and host.scope_id is not None:
        raise Refused(
            f"{quoted(bare)} would never match: Postfix takes the zone (%{clean(host.scope_id)}) off "
            "before it compares; leave it away"
        )
    right = whole + (f"/{net.prefixlen}" if slash else "")
    if net.version == 4 and bare.startswith("["):
        raise Refused(f"{quoted(bare)}: brackets are for IPv6 addresses; write {right}")
    if host != net.network_address:
        one = f"[{host}]" if net.version == 6 else str(host)
        raise Refused(
            f"{quoted(bare)} has host bits set, which Postfix refuses: "
            f"write {right} for the network, {one} for the one address"
        )
    # What Postfix understands stays as it is spelled: it may be the admin's own.
    fine = net.version == 4 or (bracketed is not None and "/" not in bracketed[1])
    return bare if fine and (not slash or length.isdigit()) else right


def _not_a_network(bare: str, address: str, length: str, error: ValueError) -> str:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        if bare.startswith("[") or re.match(r"[0-9.]+(/|$)", bare):
            raise Refused(f"{quoted(bare)} is no network: {quoted(address)} is no address") from error
        return ""
    most = 32 if version == 4 else 128
    raise Refused(
        f"{quoted(bare)} is no network: the length behind / goes from 0 to {most}, not {quoted(length)}"
    ) from error


def relay(text: str) -> str:
    """Where mail is handed on: ``[host]``, ``[host]:port``, ``domain``, ``domain:port`` (relayhost).

    Raises:
        Refused: it is none.
    """
    word = one_line(text)
    match = re.fullmatch(r"(\[[^\[\]]+\]|[^\[\]:]+)(?::([A-Za-z0-9][A-Za-z0-9-]*))?", word)
    if match is None:
        if _address(word):
            raise Refused(f"an address goes in brackets: [{word}]")
        raise Refused(f"{quoted(word)} is no relay: write [host]:port, or a domain")
    host, port = match.groups()
    if port and port.isdigit() and not 0 < int(port[:6]) < 65536:
        raise Refused(f"there is no port {quoted(port)}")
    inner = host.strip("[]")
    if _address(re.sub(r"^ipv6:", "", inner, flags=re.IGNORECASE)):
        if not host.startswith("["):
            raise Refused(f"an address goes in brackets: [{inner}]")
    else:
        name = host_name(inner, variables=True)
        host = f"[{name}]" if host.startswith("[") else name
    return host + (f":{port}" if port else "")


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def relays(text: str) -> list[str]:
    """Several of them, in the order in which they are tried."""
    return [relay(word) for word in few(words(one_line(text)))]


def reply_filter(text: str) -> str:
    """Which answers of a block list count: ``127.0.0.2``, ``127.0.0.[2..11;14]`` (postconf(5)).

    Raises:
        Refused: Postfix would not understand it.
    """
    fields = re.fullmatch(r"(\d+|\[[^\[\]]+\])" + r"\.(\d+|\[[^\[\]]+\])" * 3, text, re.ASCII)
    if fields is None or not all(map(_octets, fields.groups())):
        raise Refused(f"{quoted(text)} is no reply filter: write one like 127.0.0.[2..11;14]")
    return text


def _octets(field: str) -> bool:
    for part in field.strip("[]").split(";"):
        bounds = re.fullmatch(r"(\d{1,3})(?:\.\.(\d{1,3}))?", part, re.ASCII)
        if bounds is None or not int(bounds[1]) <= int(bounds[2] or bounds[1]) <= 255:
            return False
    return True


def few(found: list[str]) -> list[str]:
    """A list, if it is not endless."""
    if len(found) > MOST:
        raise Refused(f"that are {len(found):,} entries; {MOST:,} is the most")
    return found


def texts(data: Any) -> list[str]:
    """A list of texts, or one text with several words in it.

    Raises:
        Refused: it is neither.
    """
    if isinstance(data, str):
        data = words(data)
    if not isinstance(data, list | tuple) or not all(isinstance(item, str) for item in data):
        raise Refused(f"a list of texts is wanted here, not {called(data)}")
    return few(list(data))


def called(data: Any) -> str:
    """What somebody gave, where something else was wanted."""
    names = {bool: "a switch", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(data), "that")

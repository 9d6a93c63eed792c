"""Where a service listens, as Postfix, clamd and opendkim write it; and what its own file says.

Sources: postconf(5) (``smtpd_milters``, ``check_policy_service``), clamd.conf(5), opendkim.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mtatui.backends.postfix.probes import port_number
from mtatui.text import clean

#: Programs that are known by a word in the name of their socket, or by their usual port.
_KNOWN = (
    "opendkim",
    "opendmarc",
    "rspamd",
    "spamass",
    "clamav-milter",
    "postgrey",
    "policyd-spf",
    "milter-greylist",
)
_PORTS = {8891: "opendkim", 8893: "opendmarc", 11332: "rspamd", 10023: "postgrey"}
_MILTER = re.compile(r"\{\s*([^\s,{}]+)[^{}]*\}|([^\s,{}]+)")

Place = Mapping[str, Any]
"""Where something listens: ``{"paths": […]}``, of which the first that exists counts, or host and port."""


def settings_of(data: bytes, separator: str = "") -> dict[str, list[str]]:
    """What a file of ``Name value`` lines says, by names in lower case (clamd.conf(5), opendkim.conf(5)).

    Args:
        separator: what stands between name and value besides blanks.
    """
    found: dict[str, list[str]] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            name, *value = re.split(
                rf"\s*{re.escape(separator)}\s*" if separator else r"\s+", text, maxsplit=1
            )
            found.setdefault(name.strip().lower(), []).append(value[0].strip('"') if value else "")
    return found


def milters_of(text: str) -> Iterator[str]:
    """The milters of a list: ``inet:host:port``, or ``{ inet:host:port, name=value … }``."""
    for braced, plain in _MILTER.findall(text):
        yield braced or plain


def opendkim_socket(text: str) -> Place | None:
    """A socket as opendkim.conf(5) writes it: ``inet:port@host``, ``local:/path``, ``/path``."""
    kind, _, rest = text.partition(":")
    if text.startswith("/") or kind in ("local", "unix"):
        return {"paths": [text if text.startswith("/") else rest]}
    port, _, host = rest.partition("@")
    if kind not in ("inet", "inet6") or not port.isdigit():
        return None
    return {"host": loopback(host.strip("[]") or "127.0.0.1"), "port": int(port)}


def place_of(text: str, queue_directory: str) -> Place | None:
    """A place as Postfix writes it: ``inet:host:port``, ``unix:path``, ``[host]:port``; None for no place."""
    kind, _, rest = text.partition(":")
    if kind in ("unix", "local"):
        # A chrooted smtpd(8) sees the queue directory as /.
        inside = f"{queue_directory}/{rest.lstrip('/')}"
        return {"paths": [inside, rest] if rest.startswith("/") else [inside]}
    host, _, port = (rest if kind == "inet" else text).rpartition(":")
    number = port_number(port)
    return None if number is None else {"host": loopback(host.strip("[]") or "127.0.0.1"), "port": number}


def same(one: Place, other: Place) -> bool:
    """Whether two ways to write a place mean one."""
    if "paths" in one or "paths" in other:
        return bool({*one.get("paths", ())} & {*other.get("paths", ())})
    same_host = one["host"] == other["host"] or {one["host"], other["host"]} <= {"localhost", "127.0.0.1"}
    return bool(same_host and one["port"] == other["port"])


def loopback(host: str) -> str:
    """A host to be connected to: an address that stands for all of them is the loopback one."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}.get(host, host)  # noqa: S104  # to ask it


def called(kind: str, word: str, place: Place) -> str:
    """A short name: the program's where it is known by its socket, else the place."""
    if "paths" in place:
        for name in _KNOWN:
            if name in word:
                return name
        stem = clean(word).rpartition("/")[2].partition(":")[2] or clean(word).rpartition("/")[2]
        return f"{kind}-{stem.removesuffix('.sock')}"
    return _PORTS.get(place["port"]) or f"{kind}-{clean(place['host'])}:{place['port']}"

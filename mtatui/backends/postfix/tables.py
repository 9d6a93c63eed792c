"""The lookup tables that are mtatui's own: how they are written, and read back.

Each begins with a line that says whose it is. They are of types that Postfix has built in and reads as they
are, so nothing must be compiled: ``regexp:`` and ``texthash:``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mtatui.backends.postfix import spellings
from mtatui.settings.kinds import Login

#: The files, below the configuration directory, and their types.
BLOCKED, CLIENT_IP, RELAY_LOGIN = "mtatui/blocked_extensions", "mtatui/client_ip", "mtatui/relay_login"
TYPES = {BLOCKED: "regexp", CLIENT_IP: "regexp", RELAY_LOGIN: "texthash"}
#: The file with passwords is for root alone.
MODES = {BLOCKED: 0o644, CLIENT_IP: 0o644, RELAY_LOGIN: 0o600}

_WRITTEN = "# Written by mtatui: "
_LISTED = "# Extensions: "
#: None of the patterns holds it, so that it can stand around them (regexp_table(5)).
_MARK = "~"


class Blocked(NamedTuple):
    """What a table of blocked extensions says."""

    extensions: tuple[str, ...]
    intact: bool
    """It is as it was written; somebody who changed it by hand would lose that."""


def blocked(extensions: Iterable[str]) -> bytes:
    """The table for ``mime_header_checks`` that refuses attachments by the ends of their names."""
    wanted = list(extensions)

    def refuse(pattern: str, extension: str, flags: str = "") -> str:
        text = f"REJECT attachments named *.{extension} are not accepted here"
        return f"{_MARK}{pattern}{_MARK}{flags} {text}"

    return _text(
        f"{_WRITTEN}attachments that are refused by the ends of their names, however those are spelled.",
        f"{_LISTED}{' '.join(wanted)}",
        f"if {_MARK}{spellings.NAMED}{_MARK}",
        *(refuse(spellings.whole(extension), extension) for extension in wanted),
        "# Names in pieces (RFC 2231).",
        f"if {_MARK}{spellings.PIECES}{_MARK}",
        *(refuse(spellings.pieces(extension), extension) for extension in wanted),
        f"{_MARK}{spellings.disorder()}{_MARK} REJECT names of attachments in disorder are not accepted here",
        "endif",
        "# Names in base64 (RFC 2047).",
        f"if {_MARK}{spellings.BASE64}{_MARK}",
        *(refuse(spellings.base64(extension), extension, "i") for extension in wanted),
        "endif",
        "endif",
    )


def listed(data: bytes) -> tuple[str, ...]:
    """The extensions that a table written by `blocked` refuses; quick."""
    found = re.search(rf"^{_LISTED}(.*)$", data.decode("utf-8", "replace"), re.MULTILINE)
    return tuple(found[1].split()) if found else ()


def read_blocked(data: bytes) -> Blocked:
    """What a table written by `blocked` refuses, and whether it is as it was written."""
    extensions = listed(data)
    return Blocked(extensions, blocked(extensions) == data)


def client_ip() -> bytes:
    """The table that gives mail a header with the address of its client (access(5)).

    It is asked for the name of the client first; only addresses match: they have colons, or four numbers.
    """
    return _text(
        f"{_WRITTEN}mail of authenticated clients gets a header with their address.",
        "/^([0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+|[0-9a-f]*:[0-9a-f:.]*)$/ PREPEND X-Originating-IP: [$1]",
    )


def relay_login(logins: Mapping[str, Login]) -> bytes:
    """The table for ``smtp_sasl_password_maps``: who we are, by relay host as it is configured.

    Raises:
        ValueError: a name or a password cannot stand in such a table, in words.
    """
    lines = []
    for host, (user, password) in logins.items():
        if not host or any(char.isspace() for char in host) or host.startswith("#"):
            raise ValueError("a login needs the relay host for which it is")
        if not user or ":" in user or not f"{user}{password}".isprintable():
            raise ValueError("a user name has no colon, and neither it nor a password has control characters")
        if not password or password != password.strip():
            raise ValueError("Postfix cuts blanks off the ends of a password: this one cannot be used")
        lines.append(f"{host} {user}:{password}")
    return _text(f"{_WRITTEN}logins at relay hosts. For root's eyes only.", *lines)


def read_relay_login(data: bytes) -> dict[str, Login]:
    """The logins of a table as `relay_login` writes them, or an admin by hand, by relay host."""
    logins = {}
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        if entry := re.fullmatch(r"([^#\s]\S*)[ \t]+([^:]+):(.+?)[ \t\r]*", line, re.ASCII):
            logins[entry[1]] = Login(entry[2], entry[3])
    return logins


def _text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")

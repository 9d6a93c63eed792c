"""Finds the spamd of this machine by its process: where it listens, and whether it keeps to itself.

Only one that was started with ``--local`` may be given a message: any other asks name servers, Razor, Pyzor
or DCC about it. Source: spamd(8p).
"""

import os
import pwd
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Tuple

    Place = Dict[str, Any]

PORT = 783
#: The single-letter options that take a value; the others may stand together behind one hyphen.
_VALUED = "ACgHimprsuUD"
#: Who may be given a stranger's mail, besides root and ourselves: whoever else calls his process spamd may
#: not. The accounts are those of Debian, Fedora, openSUSE and Alpine.
ACCOUNTS = ("debian-spamd", "spamd", "amavis", "vscan")
_LISTEN = re.compile(r"(?:(?P<ssl>ssl):)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d+))?$")


def spamds(proc: str = "/proc") -> "Tuple[List[Place], bool]":
    """The places of those that keep to themselves, and whether there are others."""
    places, others = [], False
    for words in _command_lines(proc):
        place, local = options(words)
        if local and place is not None:
            places.append(place)
        else:
            others = True
    return places, others


def accounts() -> "List[pwd.struct_passwd]":
    """Those of `ACCOUNTS` that this machine has."""
    found = []
    for name in ACCOUNTS:
        try:
            found.append(pwd.getpwnam(name))
        except KeyError:
            continue
    return found


def options(words: "List[str]") -> "Tuple[Optional[Place], bool]":
    """What a command line of spamd says: where it listens (None: in no way that is spoken here), and whether
    it was told to keep to itself."""
    said = {}  # type: Dict[str, List[str]]
    for name, value in _options(words):
        said.setdefault(name, []).append(value)
    local = "L" in said or "local" in said
    paths = said.get("socketpath", [])
    if paths:
        return {"paths": paths[-1:]}, local
    port = (said.get("p", []) + said.get("port", []) + [str(PORT)])[0]
    for listen in said.get("i", []) + said.get("listen", []) + said.get("listen-ip", []) or ["localhost"]:
        if listen.startswith("/"):
            return {"paths": [listen]}, local
        match = _LISTEN.match(listen)
        if match is None or match.group("ssl") or not port.isdigit():
            continue
        host = match.group("host").strip("[]")
        host = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # to ask it
        return {"host": host, "port": int(match.group("port") or port)}, local
    return None, local


def _options(words: "List[str]") -> "Iterator[Tuple[str, str]]":
    """The options by name with their values, as Getopt::Long reads them with bundling."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals and rest and not rest[0].startswith("-"):
                value = rest.pop(0)
            yield name, value
        elif word.startswith("-"):
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in _VALUED:
                    if not letters and rest and not rest[0].startswith("-"):
                        letters = rest.pop(0)
                    yield letter, letters
                    break
                yield letter, ""


def _command_lines(proc: str) -> "Iterator[List[str]]":
    """The arguments of each spamd; its children call themselves "spamd child"."""
    trusted = {0, os.geteuid()} | {entry.pw_uid for entry in accounts()}
    for pid in filter(str.isdigit, os.listdir(proc)):
        try:
            if os.stat("%s/%s" % (proc, pid)).st_uid not in trusted:
                continue
            with open("%s/%s/cmdline" % (proc, pid), "rb") as file:
                data = file.read(65536)
        except OSError:
            continue  # it has ended meanwhile
        # Perl writes its $0 there, words with blanks between them; where it has not yet, NULs are between.
        words = data.decode("utf-8", "replace").replace("\0", " ").split()
        for at, word in enumerate(words[:4]):
            if word.rpartition("/")[2] == "spamd":
                if words[at + 1 : at + 2] != ["child"]:
                    yield words[at + 1 :]
                break

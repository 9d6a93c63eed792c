"""Finds the spamd of this machine by its process: where it listens, and whether it keeps to itself.

Only one that was started with ``--local`` may be given a message: any other asks name servers, Razor, Pyzor
or DCC about it. Source: spamd(8p).
"""

import os
import pwd
import re
import shlex
import time

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
#: Where services find the options of spamd, on Debian, Fedora and openSUSE.
FILES = (
    ("/etc/default/spamd", "OPTIONS"),
    ("/etc/default/spamassassin", "OPTIONS"),
    ("/etc/sysconfig/spamassassin", "SPAMDOPTIONS"),
    ("/etc/sysconfig/spamd", "SPAMD_ARGS"),
)
#: Seconds by which a clock and the start of a process may disagree.
SLACK = 0.5
_LISTEN = re.compile(r"(?:(?P<ssl>ssl):)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d+))?$")


def spamds(proc: str = "/proc", root: str = "") -> "Tuple[List[Place], bool]":
    """The places of those that keep to themselves, and whether there are others."""
    places, others = [], False
    for words in _command_lines(proc, root):
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


def _command_lines(proc: str, root: str) -> "Iterator[List[str]]":
    """The options of each spamd that runs; its children call themselves "spamd child"."""
    trusted = {0, os.geteuid()} | {entry.pw_uid for entry in accounts()}
    for pid in filter(str.isdigit, os.listdir(proc)):
        try:
            if os.stat("%s/%s" % (proc, pid)).st_uid not in trusted:
                continue
            with open("%s/%s/cmdline" % (proc, pid), "rb") as file:
                data = file.read(65536)
            words = data.decode("utf-8", "replace").replace("\0", " ").split()
            at = next((at for at, word in enumerate(words[:4]) if word.rpartition("/")[2] == "spamd"), -1)
            if at < 0 or words[at + 1 : at + 2] == ["child"]:
                continue
            # Once it is up, Perl has nothing but its name there: what it was started with is known from the
            # file that says so, if that is older.
            yield words[at + 1 :] or _started_with(root, _start(proc, pid))
        except (OSError, ValueError, IndexError):
            continue  # it has ended meanwhile


def _started_with(root: str, start: float) -> "List[str]":
    """The options that services are started with, as they were at a moment; none where nobody knows."""
    for path, name in FILES:
        try:
            with open(root + path, encoding="utf-8", errors="replace") as file:
                text = file.read(65536)
                if os.fstat(file.fileno()).st_mtime > start:
                    return []
        except OSError:
            continue
        found = re.findall(r"^[ \t]*(?:export[ \t]+)?%s=(.*)$" % name, text, re.M)
        if found:
            return [word for value in shlex.split(found[-1], comments=True) for word in value.split()]
    return []


def _start(proc: str, pid: str) -> float:
    """When a process was started: seconds since the epoch (proc(5))."""
    with open("%s/%s/stat" % (proc, pid), "rb") as file:
        ticks = int(file.read().rpartition(b")")[2].split()[19])
    with open("%s/uptime" % proc) as uptime:
        up = float(uptime.read().split()[0])
    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK") + SLACK

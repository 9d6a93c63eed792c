"""Hears in the mail log whether the daemons of a Postfix die: in its file, or in the journal."""

import os
import re
import time

from . import master
from .run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Set, Union

#: Where distributions write mail where neither Postfix nor the journal does.
LOGS = ("/var/log/mail.log", "/var/log/maillog")
#: Where systemd's journal is, if it is.
JOURNAL = "/run/systemd/journal"
#: What the journal is asked for: what syslog calls mail, as it would stand in a file.
_JOURNALCTL = ["journalctl", "--quiet", "--no-pager", "--output=short", "SYSLOG_FACILITY=2"]
#: Bytes, or lines, of the log before the change in which we look for what died before.
PAST = 256 * 1024
PAST_LINES = 2000
#: Bytes of the log since then that are read.
SINCE = 4 * 1024 * 1024
#: Seconds between two questions to the journal, and that it may take to answer.
PACE = 0.4
PATIENCE = 5.0

_DIED = re.compile(rb"/master\[(\d+)\]: warning: process \S*?([^/ ]+) pid (\d+) (exit status|killed by)")
_LOADED = re.compile(rb"/master\[\d+\]: (?:reload|daemon started) --")
_KILLED = re.compile(rb"/master\[\d+\]: warning: process \S*?([^/ ]+) pid \d+ (killed by signal \d+)")
_FATAL = re.compile(rb"/([\w-]+)\[(\d+)\]: ((?:fatal|panic): .*)")
_CURSOR = re.compile(r"-- cursor: (\S+)")


def log(queue: str, path: str) -> "Log":
    """The mail log from now on. ``path``: maillog_file (postconf(5)), "" where it goes through syslog."""
    if not path and os.path.isdir(JOURNAL):
        return Log(queue, Journal())
    names = (path,) if path else LOGS
    return Log(queue, File(next((name for name in names if os.path.isfile(name)), "")))


class File:
    """A log that is a file."""

    def __init__(self, path: str) -> None:
        self._path = path
        info = os.stat(path) if path else None
        self._from, self._inode = (info.st_size, info.st_ino) if info else (0, 0)
        self._seen = -1

    def before(self) -> bytes:
        """The end of what stood there already."""
        try:
            with open(self._path, "rb") as file:
                if os.fstat(file.fileno()).st_ino != self._inode:
                    return b""
                past = max(0, self._from - PAST)
                file.seek(past)
                return file.read(self._from - past)
        except OSError:
            return b""

    def since(self) -> "Optional[bytes]":
        """All that has come since; None where nothing has since the last look."""
        try:
            with open(self._path, "rb") as file:
                info = os.fstat(file.fileno())
                if info.st_size == self._seen:
                    return None
                self._seen = info.st_size
                file.seek(self._from if info.st_ino == self._inode else 0)
                return file.read(SINCE)
        except OSError:
            return None


class Journal:
    """The journal, as systems have it where nobody writes log files."""

    def __init__(self) -> None:
        self._at = time.time()
        found = _CURSOR.search(_ask("--lines=1", "--show-cursor"))
        self._cursor = found.group(1) if found else ""
        self._next = 0.0

    def before(self) -> bytes:
        """The end of what stood there already."""
        lines = _ask("--lines=%d" % PAST_LINES, "--until=@%d" % self._at)
        return lines.encode("utf-8", "replace")

    def since(self) -> "Optional[bytes]":
        """All that has come since; None where it was asked a moment ago."""
        if not self._cursor or time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + PACE
        return _ask("--after-cursor=" + self._cursor).encode("utf-8", "replace")


class Log:
    """What is to be known from a log of the daemons of one Postfix."""

    def __init__(self, queue: str, source: "Union[File, Journal]") -> None:
        self._queue = queue
        self._source = source
        self._complaints: "List[bytes]" = []
        self._found: "List[str]" = []
        self._usual: "Optional[Set[bytes]]" = None

    def deaths(self) -> "List[str]":
        """Which daemons of this Postfix have died since then, that did not die before, in words."""
        lines = self._source.since()
        if lines is not None:
            self._read(lines)
        return self._found

    def complaints(self) -> "List[str]":
        """What programs have said since then before they gave up, whosever they are."""
        self.deaths()
        return [text.decode("utf-8", "replace")[:400] for text in self._complaints]

    def _read(self, lines: bytes) -> None:
        ours = master.pid(self._queue)
        died = {number for parent, _, number, _ in _DIED.findall(lines) if int(parent) == ours}
        found: "Dict[bytes, bytes]" = {}
        self._complaints = [text for _, _, text in _FATAL.findall(lines)]
        for name, number, text in _FATAL.findall(lines):
            if number in died or int(number) == ours or master.child(number, ours):
                found.setdefault(name, text)
        for name, text in _KILLED.findall(lines):
            found.setdefault(name, text)
        if found and self._usual is None:
            self._usual = _usual(self._source.before())
        self._found = [
            (name + b" died (" + text + b")").decode("utf-8", "replace")[:400]
            for name, text in found.items()
            if name not in (self._usual or ())
        ]


def _usual(lines: bytes) -> "Set[bytes]":
    """What dies anyway: since the last reload, of this configuration."""
    loaded = [match.end() for match in _LOADED.finditer(lines)]
    return {name for _, name, _, _ in _DIED.findall(lines, loaded[-1] if loaded else 0)}


def _ask(*options: str) -> str:
    """What journalctl says; "" if there is none."""
    try:
        return run([*_JOURNALCTL, *options], PATIENCE)[1]
    except OSError:
        return ""

"""Knows whether Postfix runs, and hears in its log whether its daemons die."""

import contextlib
import fcntl
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Set

#: Where distributions write mail where Postfix does not do so itself.
LOGS = ("/var/log/mail.log", "/var/log/maillog")
#: Bytes of the log before the reload in which we look for what died before.
PAST = 256 * 1024
#: Bytes of the log since then that are read.
SINCE = 4 * 1024 * 1024

_DIED = re.compile(rb"/master\[(\d+)\]: warning: process \S*?([^/ ]+) pid (\d+) (exit status|killed by)")
_LOADED = re.compile(rb"/master\[\d+\]: (?:reload|daemon started) --")
_KILLED = re.compile(rb"/master\[\d+\]: warning: process \S*?([^/ ]+) pid \d+ (killed by signal \d+)")
_FATAL = re.compile(rb"/([\w-]+)\[(\d+)\]: ((?:fatal|panic): .*)")


def pid(queue: str) -> int:
    """The process id of the master that runs, 0 if none does: as ``master -t`` finds out, by its lock."""
    try:
        fd = os.open(os.path.join(queue, "pid", "master.pid"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.suppress(ValueError):
            return int(os.read(fd, 64).split()[0].decode("ascii"))
    except OSError:
        pass
    finally:
        os.close(fd)
    return 0


def child(pid: bytes, master: int) -> bool:
    """Whether a process is a child of the master: one that logs a fatal error lives on for a second."""
    try:
        with open(b"/proc/%s/stat" % pid, "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1]) == master
    except (OSError, ValueError, IndexError):
        return False


def _usual(lines: bytes) -> "Set[bytes]":
    """What dies anyway: since the last reload, of this configuration."""
    loaded = [match.end() for match in _LOADED.finditer(lines)]
    return {name for _, name, _, _ in _DIED.findall(lines, loaded[-1] if loaded else 0)}


class Log:
    """The mail log from now on."""

    def __init__(self, queue: str, path: str) -> None:
        """Begin to listen. ``path``: maillog_file (postconf(5)), "" where it goes through syslog."""
        names = (path,) if path.startswith("/") else LOGS
        self._queue = queue
        self._path = next((name for name in names if os.path.exists(name)), "")
        info = os.stat(self._path) if self._path else None
        self._from, self._inode = (info.st_size, info.st_ino) if info else (0, 0)
        self._seen = -1
        self._complaints: "List[bytes]" = []
        self._found: "List[str]" = []
        self._usual: "Optional[Set[bytes]]" = None

    def deaths(self) -> "List[str]":
        """Which daemons of this Postfix have died since then, that did not die before, in words."""
        try:
            with open(self._path, "rb") as file:
                info = os.fstat(file.fileno())
                start = self._from if info.st_ino == self._inode else 0
                if info.st_size == self._seen:
                    return self._found
                self._seen = info.st_size
                if self._usual is None:
                    past = max(0, start - PAST)
                    file.seek(past)
                    self._usual = _usual(file.read(start - past))
                file.seek(start)
                self._found = self._read(file.read(SINCE), self._usual)
        except OSError:
            pass
        return self._found

    def complaints(self) -> "List[str]":
        """What programs have said since then before they gave up, whosever they are."""
        self.deaths()
        return [text.decode("utf-8", "replace")[:400] for text in self._complaints]

    def _read(self, lines: bytes, usual: "Set[bytes]") -> "List[str]":
        ours = pid(self._queue)
        died = {number for master, _, number, _ in _DIED.findall(lines) if int(master) == ours}
        found: "Dict[bytes, bytes]" = {}
        self._complaints = [text for _, _, text in _FATAL.findall(lines)]
        for name, number, text in _FATAL.findall(lines):
            if name not in usual and (number in died or int(number) == ours or child(number, ours)):
                found.setdefault(name, text)
        for name, text in _KILLED.findall(lines):
            if name not in usual:
                found.setdefault(name, text)
        return [
            (name + b" died (" + text + b")").decode("utf-8", "replace")[:400] for name, text in found.items()
        ]

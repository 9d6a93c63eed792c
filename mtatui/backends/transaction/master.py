"""Knows whether Postfix runs, and hears in its log whether its daemons die."""

import contextlib
import fcntl
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

#: Where distributions write mail where Postfix does not do so itself.
LOGS = ("/var/log/mail.log", "/var/log/maillog")
#: Bytes of the log before the reload in which we look for what died before.
PAST = 256 * 1024
#: Bytes of the log since then that are read.
SINCE = 4 * 1024 * 1024

_DIED = re.compile(
    rb"/master\[(\d+)\]: warning: process \S*?([^/ ]+) pid (\d+) (exit status \d+|killed by \S+ \d+)"
)
_FATAL = re.compile(rb"/([\w-]+)\[(\d+)\]: (?:fatal|panic): (.*)")


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


class Log:
    """The mail log from now on."""

    def __init__(self, path: str) -> None:
        """Begin to listen. ``path``: maillog_file (postconf(5)), "" where it goes through syslog."""
        names = (path,) if path.startswith("/") else LOGS
        self.path = next((name for name in names if os.path.exists(name)), "")
        self._from = os.path.getsize(self.path) if self.path else 0
        self._inode = os.stat(self.path).st_ino if self.path else 0

    def deaths(self) -> "List[str]":
        """Which daemons have died since then that did not die before, in words."""
        if not self.path:
            return []
        try:
            with open(self.path, "rb") as file:
                start = self._from if os.fstat(file.fileno()).st_ino == self._inode else 0
                past = max(0, start - PAST)
                file.seek(past)
                before = file.read(start - past)
                since = file.read(SINCE)
        except OSError:
            return []
        usual = {name for _, name, _, _ in _DIED.findall(before)}
        why = {number: text for _, number, text in _FATAL.findall(since)}
        found: "List[str]" = []
        for _, name, number, how in _DIED.findall(since):
            if name not in usual:
                usual.add(name)
                text = name + b" died (" + how + b")" + (b": " + why[number] if number in why else b"")
                found.append(text.decode("utf-8", "replace")[:400])
        found += [
            "master died: " + text.decode("utf-8", "replace")[:400]
            for name, _, text in _FATAL.findall(since)
            if name == b"master"
        ]
        return found

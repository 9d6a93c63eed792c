"""The demo's queue, as its commands and its daemon handle it: places, the lock, the records, the log.

The demo lives in one directory, its home: ``spool`` (a Postfix queue directory), ``etc`` (its configuration),
``mail.log``, and files for its inhabitants: ``lock``, held by whoever changes the queue, ``wake``, touched
when the daemon shall look at once, and ``reload``, when it shall read its configuration. Standard library
only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator

from mtatui.backends.postfix.spool.place import path as place

HASH_NAMES = frozenset({"deferred", "defer"})
HASH_DEPTH = 1
#: Where each message may lie, in the order in which postsuper(1) looks; corrupt ones it does not touch.
QUEUES = ("maildrop", "incoming", "active", "deferred", "hold")
LOGS = ("bounce", "defer", "trace")
READY, EXPIRE = 0o700, 0o010

#: type, offset, data
Record = tuple[int, int, bytes]


class Spool:
    """A demo's queue, by its home directory."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.path = f"{home}/spool"
        self.maillog = f"{home}/mail.log"
        self.wake_file = f"{home}/wake"
        self.reload_file = f"{home}/reload"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the queue meanwhile."""
        fd = os.open(f"{self.home}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def place(self, queue: str, id: str) -> str:
        """Where a message (or its log) is to be."""
        return place(self.path, queue, id, HASH_NAMES, HASH_DEPTH)

    def ids(self, queue: str) -> list[tuple[str, str]]:
        """ID and path of all that lies in a queue, folders included."""
        found = []
        with os.scandir(f"{self.path}/{queue}") as entries:
            for entry in entries:
                if len(entry.name) == 1 and entry.is_dir():
                    with os.scandir(entry.path) as inner:
                        found += [(e.name, e.path) for e in inner if e.name.isalnum()]
                elif entry.name.isalnum():
                    found.append((entry.name, entry.path))
        return found

    def find(self, id: str, queues: Iterable[str] = QUEUES) -> tuple[str, str] | None:
        """Queue and path of a message that is whole (mail_open_ok.c), None where there is none."""
        for queue in queues:
            path = self.place(queue, id)
            with contextlib.suppress(OSError):
                mode = os.lstat(path).st_mode
                if stat.S_ISREG(mode) and mode & stat.S_IRWXU == READY:
                    return queue, path
        return None

    def move(self, path: str, queue: str, id: str) -> str:
        """Move a message into another queue; returns its new path."""
        new = self.place(queue, id)
        try:
            os.rename(path, new)
        except FileNotFoundError:
            folder = os.path.dirname(new)
            os.makedirs(folder, mode=0o700, exist_ok=True)
            owner = os.lstat(path)
            if os.geteuid() == 0:
                os.chown(folder, owner.st_uid, owner.st_gid)
            os.rename(path, new)
        return new

    def remove_logs(self, id: str) -> None:
        """Remove what bounce(8) and defer(8) have written about a message."""
        for log in LOGS:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.place(log, id))

    def wake(self) -> None:
        """Have the daemon look at the queue now."""
        _touch(self.wake_file)

    def reload(self) -> None:
        """Have the daemon read its configuration."""
        _touch(self.reload_file)

    def say(self, program: str, text: str) -> None:
        """Write a line into the mail log."""
        with open(self.maillog, "ab") as log:
            log.write(log_line(time.time(), program, text))


def _touch(path: str) -> None:
    with open(path, "a", encoding="ascii"):
        os.utime(path)


def log_line(at: float, program: str, text: str) -> bytes:
    """A line of the mail log, as postlogd(8) writes it; control characters become ``?`` (printable.c)."""
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(at))
    return f"{stamp} mx1 postfix/{program}[{pid_of(program)}]: {printable(text)}\n".encode()


def pid_of(program: str) -> int:
    """The process id under which a daemon of the demo writes."""
    return 1000 + sum(program.encode()) * 7 % 900


def printable(text: str) -> str:
    """Text as Postfix prints it: what is no UTF-8, and ASCII that steers, becomes ``?`` (printable.c)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("?" if c < " " or c == "\x7f" or "\udc80" <= c <= "\udcff" else c for c in text)


class Broken(Exception):
    """A queue file ends in the middle of a record: its type, and the length it should have."""

    def __init__(self, kind: int, length: int) -> None:
        super().__init__(f"unexpected EOF in data, record type {kind} length {length}")


def records(data: bytes, at: int = 0) -> Iterator[Record]:
    """The records of a queue file in their order (rec_type.h), from an offset on.

    Our own files have no pointer records: they are read straight through.

    Raises:
        Broken: the file ends in the middle of one.
    """
    end = len(data)
    while at < end:
        start, kind = at, data[at]
        length = shift = 0
        more = True
        while more:
            at += 1
            if at >= end:
                raise Broken(kind, 0)
            more = data[at] > 127
            length |= (data[at] & 127) << shift
            shift += 7
        at += 1
        if at + length > end:
            raise Broken(kind, length)
        yield kind, start, data[at : at + length]
        at += length

"""The journal's file, bounded, on the disk before what it announces is done; and the lock beside it.

Standard library only, Python 3.6 or newer.
"""

import contextlib
import errno
import fcntl
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Set

PATH = "mtatui/journal"
LOCK = "mtatui/lock"
#: Bytes after which a new file is begun; the one before is kept as ``.1``, the one before that is dropped.
LIMIT = 16 * 1024 * 1024


def note(queue: str, line: str) -> None:
    """Append a line; it is on the disk when this returns. On a full disk the older file makes room for it.

    Raises:
        OSError: it could not be written, and the journal is as it was.
    """
    path = os.path.join(queue, PATH)
    data = line.encode("utf-8", "backslashreplace").replace(b"\n", b" ") + b"\n"
    fd = _open(path)
    try:
        size = os.fstat(fd).st_size
        if size and size + len(data) > LIMIT:
            os.rename(path, path + ".1")
            os.close(fd)
            fd = _open(path)
            size = 0
        if size and os.pread(fd, 1, size - 1) != b"\n":
            data = b"\n" + data  # somebody died while writing
        try:
            _write(fd, data)
        except OSError as error:
            os.ftruncate(fd, size)
            if error.errno != errno.ENOSPC or not os.path.lexists(path + ".1"):
                raise
            os.unlink(path + ".1")
            _write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def notes(queue: str, limit: int) -> "List[str]":
    """The last lines, oldest first, in so many bytes."""
    data = b""
    for name in (PATH, PATH + ".1"):
        wanted = limit - len(data)
        try:
            with open(os.path.join(queue, name), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(max(0, size - wanted))
                part = file.read(wanted)
        except FileNotFoundError:
            continue
        if size > wanted:
            data = part.partition(b"\n")[2] + data
            break
        data = part + data
    return data.decode("utf-8", "replace").split("\n")[:-1]


def undoable(queue: str, limit: int, verbs: "List[str]") -> "List[str]":
    """The lines that tell of the last entry that can be taken back: one that was done by one of these verbs,
    was not taken back yet, and took back no other. [] where there is none in so many bytes."""
    begun: "Dict[str, float]" = {}
    lines: "Dict[str, List[str]]" = {}
    did: "Set[str]" = set()
    undone: "Set[str]" = set()
    for line in notes(queue, limit):
        try:
            note = json.loads(line)
            if "entry" in note:
                undone.add(note["undoes"])
                if note["verb"] in verbs and not note["undoes"]:
                    begun[note["entry"]] = float(note["at"])
            elif note.get("did"):
                did.add(note["outcome_of"])
            entry = note.get("entry") or note.get("names_of") or note["outcome_of"]
            lines.setdefault(entry, []).append(line)
        except (ValueError, LookupError, TypeError, AttributeError):
            continue  # a line that was cut short, or not ours
    able = [(at, entry) for entry, at in begun.items() if entry in did and entry not in undone]
    return lines[max(able)[1]] if able else []


class Lock:
    """The right to change the queue: one mtatui at a time has it, and a dead one loses it by itself."""

    def __init__(self, queue: str) -> None:
        self._path = os.path.join(queue, LOCK)
        self._fd = -1

    def take(self, who: str) -> str:
        """Take it: "", or who has it."""
        if self._fd >= 0:
            return ""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 200, 0).decode("utf-8", "replace")
            os.close(fd)
            return holder or "somebody"
        self._fd = fd
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(fd, 0)
            os.pwrite(fd, who.encode("utf-8", "backslashreplace")[:200], 0)
        return ""

    def leave(self) -> None:
        """Give it back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def busy(queue: str) -> bool:
    """Whether somebody is changing the queue now."""
    try:
        fd = os.open(os.path.join(queue, LOCK), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _open(path: str) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        fd = os.open(path, flags, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(fd), os.lstat(path)):
                return fd
        except FileNotFoundError:
            pass
        os.close(fd)  # somebody else began a new file while we waited


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
